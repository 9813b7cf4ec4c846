//! Runtime half of the generated messages: binary form, required check, unknown fields, JSON.
//!
//! The generator (`mesos-proto-codegen`) writes one [`Fields`] implementation per message; all the
//! rules of the wire and of the JSON mapping live here, once.
//!
//! # Wire
//! The binary form follows the C++ implementation of proto2: fields are written in the order of
//! their numbers, unknown fields and unknown enum values are kept and written last, a field with an
//! unexpected wire type counts as unknown.
//! The JSON form follows stout: see [`json`].

mod error;
pub mod json;
mod message;
mod required;
mod unknown;
pub mod wire;

pub use error::{JsonError, MalformedMessage, NotAnEnumValue, WireError};
pub use message::{
    Dialect, Fields, Json, WireEnum, WireMessage, decode, from_json, from_json_list, to_json,
};
pub use required::Missing;
pub use unknown::UnknownFields;

#[doc(hidden)]
pub use {bytes, prost};
