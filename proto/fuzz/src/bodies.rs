//! What the fuzz targets do with their input; also driven by `proto/tests`.

use mesos_proto::codec::wire;
use mesos_proto::{Dialect, Json, internal, v0, v1};
use prost::bytes::Bytes;

/// Decodes bytes as the messages that strangers send, and checks that encoding is stable.
///
/// # Panics
/// When what was encoded does not decode to the same message.
pub fn decode_messages(data: &[u8]) {
    decode::<v1::scheduler::Call>(data);
    decode::<v1::executor::Call>(data);
    decode::<v1::agent::Call>(data);
    decode::<v1::master::Call>(data);
    decode::<v0::scheduler::Call>(data);
    decode::<v1::TaskInfo>(data);
    decode::<internal::ReregisterAgentMessage>(data);
    decode::<internal::log::WriteRequest>(data);
    decode::<internal::Registry>(data);
}

fn decode<M: Json>(data: &[u8]) {
    let Ok(message) = wire::parse::<M>(&Bytes::copy_from_slice(data)) else {
        return;
    };
    let encoded = wire::to_vec(&message);
    let again: M = wire::parse(&encoded.clone().into()).expect("what was encoded decodes");
    assert!(wire::to_vec(&again) == encoded, "encoding is not stable");
    let _ = message.missing_required();
    for dialect in [Dialect::V0, Dialect::V1] {
        let text = mesos_proto::to_json(&message, dialect);
        let _ = M::read_json(dialect, text.as_bytes());
    }
}

/// Reads text as the calls that strangers send, and checks that writing is stable.
///
/// # Panics
/// When what was written does not read, or reads as something that is written otherwise.
pub fn read_json(data: &[u8]) {
    for dialect in [Dialect::V0, Dialect::V1] {
        read::<v1::scheduler::Call>(dialect, data);
        read::<v1::executor::Call>(dialect, data);
        read::<v1::agent::Call>(dialect, data);
        read::<v1::master::Call>(dialect, data);
        read::<v1::master::Response>(dialect, data);
        read::<v1::scheduler::Event>(dialect, data);
    }
    let _ = mesos_proto::from_json_list::<v1::Resource>(data, Dialect::V1);
}

fn read<M: Json>(dialect: Dialect, data: &[u8]) {
    let Ok(message) = M::read_json(dialect, data) else {
        return;
    };
    let text = mesos_proto::to_json(&message, dialect);
    let again = M::read_json(dialect, text.as_bytes()).expect("what was written reads");
    assert!(
        mesos_proto::to_json(&again, dialect) == text,
        "writing is not stable"
    );
}
