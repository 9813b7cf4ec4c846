//! Messages by name: protobuf bytes to JSON and back, by reflection.

use std::sync::OnceLock;

use prost_reflect::prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use serde_json::Value;
use thiserror::Error;

/// Why a message could not be read or written.
#[derive(Debug, Error)]
pub enum DescriptorError {
    /// No `.proto` file declares it.
    #[error("no message is called {name}")]
    Unknown {
        /// Full protobuf name.
        name: String,
    },
    /// The bytes are not such a message.
    #[error("the bytes are no {name}")]
    Bytes {
        /// Full protobuf name.
        name: String,
        /// What the decoder said.
        source: prost_reflect::prost::DecodeError,
    },
    /// The JSON is not such a message.
    #[error("the JSON is no {name}")]
    Json {
        /// Full protobuf name.
        name: String,
        /// What the reader said.
        source: serde_json::Error,
    },
}

/// Turns the bytes of the message `name` into JSON with the field names of the `.proto` file.
///
/// # Errors
/// [`DescriptorError`] when the name is unknown or the bytes do not decode.
pub fn to_json(name: &str, bytes: &[u8]) -> Result<Value, DescriptorError> {
    let message =
        DynamicMessage::decode(find(name)?, bytes).map_err(|source| DescriptorError::Bytes {
            name: name.to_owned(),
            source,
        })?;
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|source| DescriptorError::Json {
            name: name.to_owned(),
            source,
        })
}

/// Turns JSON into the bytes of the message `name`.
///
/// # Errors
/// [`DescriptorError`] when the name is unknown or the JSON does not fit.
pub fn to_bytes(name: &str, json: &Value) -> Result<Vec<u8>, DescriptorError> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = DynamicMessage::deserialize_with_options(find(name)?, json, &options).map_err(
        |source| DescriptorError::Json {
            name: name.to_owned(),
            source,
        },
    )?;
    Ok(message.encode_to_vec())
}

/// Tells whether a `.proto` file declares the message `name`.
#[must_use]
pub fn knows(name: &str) -> bool {
    pool().get_message_by_name(name).is_some()
}

fn find(name: &str) -> Result<MessageDescriptor, DescriptorError> {
    pool()
        .get_message_by_name(name)
        .ok_or_else(|| DescriptorError::Unknown {
            name: name.to_owned(),
        })
}

fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
        DescriptorPool::decode(bytes.as_slice()).expect("the build script wrote a descriptor set")
    })
}
