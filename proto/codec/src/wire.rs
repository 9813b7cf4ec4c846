//! The binary form: reading and writing fields.

mod generic;
mod reader;
mod value;
mod writer;

pub use generic::{absorb, emit, into_prost};
pub use reader::{Key, Reader, WireType};
pub use value::{MapKey, Value};
pub use writer::{bulk_of, put_implicit, put_map, put_opt, put_packed, put_repeated};

use bytes::Bytes;

use crate::Fields;
use crate::error::MalformedMessage;

/// Messages or groups that may lie within each other, as in C++ and prost.
pub const RECURSION_LIMIT: u32 = 100;

/// What a message holds beside its bulk usually fits in here.
const ROOM_BESIDE_BULK: usize = 512;

/// Decodes a message without checking required fields.
///
/// # Errors
/// When the bytes are malformed.
pub fn parse<M: Fields>(bytes: &Bytes) -> Result<M, MalformedMessage> {
    let mut message = M::EMPTY;
    merge(&mut message, bytes)?;
    Ok(message)
}

/// Merges the fields in `bytes` into a message.
///
/// # Errors
/// When the bytes are malformed; the message then holds the fields before the fault.
pub fn merge<M: Fields>(message: &mut M, bytes: &Bytes) -> Result<(), MalformedMessage> {
    Reader::new(bytes).fields(message)
}

/// Encodes a message.
#[must_use]
pub fn to_vec<M: Fields>(message: &M) -> Vec<u8> {
    let bulk = message.bulk();
    let mut out = Vec::with_capacity(if bulk == 0 {
        0
    } else {
        bulk + ROOM_BESIDE_BULK
    });
    message.put_fields(&mut out);
    out
}
