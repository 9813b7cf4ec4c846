//! The bridge to `prost::Message`, whose methods are generic over the buffer.
//!
//! The generated code is compiled once, for `Bytes` and `Vec<u8>`; everything else is copied
//! through those two here.

use bytes::{Buf, BufMut, Bytes};
use prost::DecodeError;
use prost::encoding::{WireType, decode_varint};

use super::reader::Reader;
use crate::Fields;
use crate::error::MalformedMessage;

/// Appends all fields of a message to any buffer.
pub fn emit<M: Fields>(message: &M, buffer: &mut impl BufMut) {
    let mut out = Vec::new();
    message.put_fields(&mut out);
    buffer.put_slice(&out);
}

/// Takes one field from any buffer, whose key was just read.
///
/// # Errors
/// When the bytes are malformed.
pub fn absorb<M: Fields>(
    message: &mut M,
    (tag, wire): (u32, WireType),
    buffer: &mut impl Buf,
) -> Result<(), DecodeError> {
    let mut field = Vec::new();
    prost::encoding::encode_key(tag, wire, &mut field);
    copy_payload(tag, wire, buffer, &mut field)?;
    Reader::new(&Bytes::from(field))
        .fields(message)
        .map_err(into_prost)
}

fn copy_payload(
    tag: u32,
    wire: WireType,
    buffer: &mut impl Buf,
    field: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    match wire {
        WireType::Varint => prost::encoding::encode_varint(decode_varint(buffer)?, field),
        WireType::SixtyFourBit => copy(buffer, 8, field)?,
        WireType::ThirtyTwoBit => copy(buffer, 4, field)?,
        WireType::LengthDelimited => {
            let length = decode_varint(buffer)?;
            prost::encoding::encode_varint(length, field);
            copy(buffer, usize::try_from(length).unwrap_or(usize::MAX), field)?;
        }
        WireType::StartGroup => copy_group(tag, buffer, field)?,
        WireType::EndGroup => {
            return Err(into_prost(MalformedMessage::UnexpectedEndGroup { tag }));
        }
    }
    Ok(())
}

/// Copies the fields of a group and its end; groups within it stand on a list, not on the stack.
fn copy_group(tag: u32, buffer: &mut impl Buf, field: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut open = vec![tag];
    while let Some(&group) = open.last() {
        let (tag, wire) = prost::encoding::decode_key(buffer)?;
        prost::encoding::encode_key(tag, wire, field);
        if wire == WireType::StartGroup {
            open.push(tag);
        } else if wire == WireType::EndGroup && tag == group {
            open.pop();
        } else {
            copy_payload(tag, wire, buffer, field)?;
        }
    }
    Ok(())
}

fn copy(buffer: &mut impl Buf, length: usize, field: &mut Vec<u8>) -> Result<(), DecodeError> {
    if buffer.remaining() < length {
        return Err(into_prost(MalformedMessage::Truncated));
    }
    field.put(buffer.take(length));
    Ok(())
}

/// The same fault as prost words it.
#[expect(deprecated, reason = "prost offers no other way to make its error")]
#[must_use]
pub fn into_prost(fault: MalformedMessage) -> DecodeError {
    DecodeError::new(fault.to_string())
}
