//! Flags whose value is a message, written as JSON.

use std::collections::BTreeMap;

use mesos_proto_codec::{Dialect, Json, to_json};

use crate::flags::value::follow_bare_path;
use crate::flags::{FlagType, JsonValue, LoadContext, ValueError};

/// A message given as JSON: directly, as `file://path`, or (deprecated) as a bare path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonMessage<M>(M);

impl<M> JsonMessage<M> {
    /// A flag with this value.
    #[must_use]
    pub const fn new(message: M) -> Self {
        Self(message)
    }

    /// The message.
    #[must_use]
    pub const fn message(&self) -> &M {
        &self.0
    }
}

impl<M: Json> FlagType for JsonMessage<M> {
    const NAME: &'static str = last_part(M::FULL_NAME);

    fn empty() -> Self {
        Self(M::default())
    }

    fn parse(text: &str, context: &mut LoadContext) -> Result<Self, ValueError> {
        let text = follow_bare_path(text, context)?;
        Ok(Self(M::read_json(Dialect::V0, text.as_bytes())?))
    }

    /// JSON with its keys in the order of the alphabet, as Mesos prints most of its messages.
    fn print(&self) -> String {
        let text = to_json(&self.0, Dialect::V0);
        match serde_json::from_str::<BTreeMap<String, JsonValue>>(&text) {
            Ok(sorted) => serde_json::to_string(&sorted).unwrap_or(text),
            Err(_) => text,
        }
    }
}

/// What stands behind the last dot of a name.
const fn last_part(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    let mut start = bytes.len();
    while start > 0 {
        let (front, _) = bytes.split_at(start);
        if let [.., b'.'] = front {
            break;
        }
        start -= 1;
    }
    name.split_at(start).1
}
