//! All messages by name, so that tests can treat them alike.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mesos_proto::codec::wire;
use mesos_proto::{Dialect, Json, JsonError};
use prost::bytes::Bytes;

/// What a test can do with a message of any type.
pub struct Entry {
    /// Name on the wire.
    pub name: &'static str,
    /// Name of the v1 twin, or the same.
    pub v1_name: &'static str,
    /// Decodes and encodes again.
    pub recode: fn(Bytes) -> Option<Vec<u8>>,
    /// Decodes and writes JSON.
    pub to_json: fn(Bytes, Dialect) -> Option<String>,
    /// Reads JSON and encodes.
    pub json_to_wire: fn(&str, Dialect) -> Result<Vec<u8>, JsonError>,
    /// Reads JSON and writes it again.
    pub json_to_json: fn(&str, Dialect) -> Result<String, JsonError>,
}

fn entry<M: Json>(name: &'static str, v1_name: &'static str) -> Entry {
    assert_eq!(M::FULL_NAME, name);
    Entry {
        name,
        v1_name,
        recode: |bytes| {
            wire::parse::<M>(&bytes)
                .ok()
                .map(|message| wire::to_vec(&message))
        },
        to_json: |bytes, dialect| {
            let message = wire::parse::<M>(&bytes).ok()?;
            Some(mesos_proto::to_json(&message, dialect))
        },
        json_to_wire: |text, dialect| {
            mesos_proto::from_json::<M>(text, dialect).map(|message| wire::to_vec(&message))
        },
        json_to_json: |text, dialect| {
            let message = mesos_proto::from_json::<M>(text, dialect)?;
            Ok(mesos_proto::to_json(&message, dialect))
        },
    }
}

macro_rules! entries {
    ($(($name:literal, $v1_name:literal, $type:ty),)*) => {
        vec![$(entry::<$type>($name, $v1_name)),*]
    };
}

/// Every message.
pub static ALL: LazyLock<Vec<Entry>> = LazyLock::new(|| mesos_proto::for_each_message!(entries));

/// Finds a message by its v0 or its v1 name.
pub fn find(name: &str) -> &'static Entry {
    static INDEX: LazyLock<BTreeMap<&str, &Entry>> = LazyLock::new(|| {
        let v1 = ALL.iter().map(|entry| (entry.v1_name, entry));
        v1.chain(ALL.iter().map(|entry| (entry.name, entry)))
            .collect()
    });
    INDEX
        .get(name)
        .unwrap_or_else(|| panic!("unknown message {name}"))
}
