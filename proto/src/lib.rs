//! Every message of the Mesos 1.11 wire, one Rust type per v0/v1 pair.
//!
//! The `.proto` files below `proto/` are the source. `build.rs` compiles them without `protoc`, and
//! `mesos-proto-codegen` prints the types, their binary codec, their JSON mapping and their required
//! check. `cargo run -p mesos-proto --bin descriptor-set` writes the compiled descriptors.
//!
//! # Pairs
//! Nearly every message exists twice on the wire: as `mesos.X` for drivers, agents and the registry
//! (v0), and as `mesos.v1.X` for the HTTP APIs. Both have the same bytes, only names differ (v0 says
//! slave where v1 says agent). Here they are one type, named as v1 names it and found under [`v1`],
//! so there is nothing to convert. The generator proves each pair equal (numbers, types, labels,
//! defaults) and fails the build otherwise. What differs is one table,
//! `mesos_proto_codegen::pairing::EXCEPTIONS`:
//!
//! | message | difference | here |
//! |---|---|---|
//! | `scheduler.Call.Subscribe` | fields 2 to 4 mean other things | two types, and so for `scheduler.Call`: [`v1::scheduler`], [`v0::scheduler`] |
//! | `master.Call.DrainAgent` | field 2 is another message | two types, and so for `master.Call`: [`v1::master`], [`v0::master`] |
//! | `AgentInfo` | v0 has field 7 besides | one type; JSON v1 leaves the field out |
//! | `quota.QuotaRequest` | v0 declares a default | one type without the default |
//! | `scheduler.APIResult` | v1 only | one type |
//! | `grpc.Accepted` | ours, v1 only | one type |
//! | `MasterInfo.Capability.Type` | v0 has `QUOTA_V2` besides | one enum; JSON v1 leaves the value out |
//!
//! Packages without a v1 twin keep their place: `mesos.internal` is [`internal`], and so on. Rust
//! names say agent everywhere; the name on the wire is [`WireMessage::FULL_NAME`], and the old type
//! names are aliases.
//!
//! # Fields
//! Optional and required fields alike are `Option`, so presence is always visible, and a getter of
//! the same name returns the value, the declared default, or the empty value. Large messages inside
//! others are boxed; `Some(message.into())` fits both. At most one member of a `oneof` is set after
//! decoding.
//!
//! ```
//! use mesos_proto::v1::{AgentId, TaskId, TaskInfo, TaskState, TaskStatus};
//!
//! let task = TaskInfo {
//!     name: Some("web".into()),
//!     agent_id: Some(AgentId { value: Some("S0".into()), ..Default::default() }.into()),
//!     ..Default::default()
//! };
//! assert_eq!(task.agent_id().value(), "S0");
//! assert_eq!(task.task_id(), &TaskId::default());
//!
//! let status = TaskStatus { state: Some(TaskState::TaskRunning.into()), ..Default::default() };
//! assert_eq!(status.state(), TaskState::TaskRunning);
//! ```
//!
//! # Required fields
//! Decoding accepts a message that lacks required fields; [`decode`] and the JSON reader then ask
//! [`WireMessage::missing_required`], which names the paths as C++ does.
//!
//! ```
//! use mesos_proto::{WireMessage, v1::TaskInfo};
//!
//! let task = TaskInfo { name: Some("web".into()), ..Default::default() };
//! assert_eq!(task.missing_required(), ["task_id", "agent_id"]);
//! ```
//!
//! # Unknown fields
//! Fields and enum values that a newer peer sends are kept in each message and written again behind
//! the known ones, so that forwarding and storing lose nothing. An enum field with an unknown value
//! counts as unset, as in C++.
//!
//! # JSON
//! [`to_json`] and [`from_json`] follow the mapping of Mesos, see [`json`]; [`Dialect`] chooses the
//! spelling. [`json::JsonWriter`] writes answers that are put together by hand.
//!
//! ```
//! use mesos_proto::{Dialect, to_json, v1::{AgentId, scheduler::call::Shutdown}};
//!
//! let agent = AgentId { value: Some("S0".into()), ..Default::default() };
//! let call = Shutdown { agent_id: Some(agent.into()), ..Default::default() };
//! assert_eq!(to_json(&call, Dialect::V1), r#"{"agent_id":{"value":"S0"}}"#);
//! assert_eq!(to_json(&call, Dialect::V0), r#"{"slave_id":{"value":"S0"}}"#);
//! ```

pub use mesos_proto_codec as codec;
pub use mesos_proto_codec::{
    Dialect, Json, JsonError, UnknownFields, WireEnum, WireError, WireMessage, decode, from_json,
    from_json_list, json, to_json,
};

/// The compiled `.proto` files: a serialized `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

mod convert;

/// What generated code refers to.
mod rt {
    pub(crate) use std::collections::BTreeMap;

    pub(crate) use bytes::Bytes;
    pub(crate) use mesos_proto_codec::json::{JsonParser, JsonWriter, SyntaxFault};
    #[expect(unused_imports, reason = "no message has packed numbers today")]
    pub(crate) use mesos_proto_codec::wire::put_packed;
    pub(crate) use mesos_proto_codec::wire::{
        Key, Reader, bulk_of, put_implicit, put_map, put_opt, put_repeated,
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
