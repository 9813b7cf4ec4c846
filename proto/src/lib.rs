//! Every message of the Mesos 1.11 wire, one Rust type per v0/v1 pair.

pub use mesos_proto_codec as codec;
pub use mesos_proto_codec::{
    Dialect, Json, JsonError, UnknownFields, WireEnum, WireError, WireMessage, decode, from_json,
    from_json_list, json, to_json,
};

/// The compiled `.proto` files: a serialized `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// What generated code refers to.
mod rt {
    pub(crate) use std::collections::BTreeMap;

    pub(crate) use bytes::Bytes;
    pub(crate) use mesos_proto_codec::json::{JsonParser, JsonWriter, SyntaxFault};
    #[expect(unused_imports, reason = "no message has packed numbers today")]
    pub(crate) use mesos_proto_codec::wire::put_packed;
    pub(crate) use mesos_proto_codec::wire::{
        Key, Reader, put_implicit, put_map, put_opt, put_repeated,
    };
    pub(crate) use mesos_proto_codec::{
        Fields, MalformedMessage, Missing, UnknownFields, WireEnum, wire_enum, wire_message,
    };

    /// What getters of unset bytes fields return.
    pub(crate) fn no_bytes() -> &'static Bytes {
        static EMPTY: Bytes = Bytes::new();
        &EMPTY
    }
}

include!(concat!(env!("OUT_DIR"), "/modules.rs"));
