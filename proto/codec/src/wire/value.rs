//! Payloads of fields: numbers, strings, bytes, messages.

use bytes::Bytes;

use super::reader::{Reader, WireType};
use super::writer::{put_delimited, put_varint};
use crate::Fields;
use crate::error::MalformedMessage;

/// Something a field can hold.
pub trait Value: Sized {
    /// How it is laid out.
    const WIRE: WireType;

    /// The value of an unset field.
    fn empty() -> Self;

    /// Whether it equals [`Value::empty`]; proto3 does not send such values.
    fn is_empty(&self) -> bool;

    /// Takes a payload; messages merge with what is there.
    ///
    /// # Errors
    /// When the bytes are malformed.
    fn read_into(&mut self, input: &mut Reader<'_>) -> Result<(), MalformedMessage>;

    /// Appends the payload.
    fn put(&self, out: &mut Vec<u8>);

    /// How many bytes the payload has at least, if that can be megabytes.
    #[inline]
    fn bulk(&self) -> usize {
        0
    }
}

/// A value that may be the key of a map.
pub trait MapKey: Value + Ord {}

impl MapKey for String {}

macro_rules! varint_value {
    ($($type:ty, $from:expr, $into:expr;)*) => {$(
        impl Value for $type {
            const WIRE: WireType = WireType::Varint;

            fn empty() -> Self {
                <$type>::default()
            }

            fn is_empty(&self) -> bool {
                *self == <$type>::default()
            }

            fn read_into(&mut self, input: &mut Reader<'_>) -> Result<(), MalformedMessage> {
                *self = from_wire::<$type>(input.varint()?, $from);
                Ok(())
            }

            fn put(&self, out: &mut Vec<u8>) {
                put_varint(into_wire::<$type>(*self, $into), out);
            }
        }
    )*};
}

#[inline]
fn from_wire<T>(wide: u64, convert: fn(u64) -> T) -> T {
    convert(wide)
}

#[inline]
fn into_wire<T>(value: T, convert: fn(T) -> u64) -> u64 {
    convert(value)
}

/// The low half of a number, as the wire defines the reading of an over-long 32 bit value.
#[expect(
    clippy::cast_possible_truncation,
    reason = "truncation is the rule of the wire"
)]
const fn low_half(wide: u64) -> u32 {
    wide as u32
}

varint_value! {
    bool, |wide| wide != 0, u64::from;
    i32, |wide| low_half(wide).cast_signed(), |value| i64::from(value).cast_unsigned();
    i64, u64::cast_signed, i64::cast_unsigned;
    u32, low_half, u64::from;
    u64, |wide| wide, |value| value;
}

impl Value for f64 {
    const WIRE: WireType = WireType::Fixed64;

    fn empty() -> Self {
        0.0
    }

    fn is_empty(&self) -> bool {
        self.to_bits() == 0
    }

    fn read_into(&mut self, input: &mut Reader<'_>) -> Result<(), MalformedMessage> {
        *self = Self::from_le_bytes(input.fixed64()?);
        Ok(())
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl Value for f32 {
    const WIRE: WireType = WireType::Fixed32;

    fn empty() -> Self {
        0.0
    }

    fn is_empty(&self) -> bool {
        self.to_bits() == 0
    }

    fn read_into(&mut self, input: &mut Reader<'_>) -> Result<(), MalformedMessage> {
        *self = Self::from_le_bytes(input.fixed32()?);
        Ok(())
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl Value for String {
    const WIRE: WireType = WireType::Delimited;

    fn empty() -> Self {
        Self::new()
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }

    fn read_into(&mut self, input: &mut Reader<'_>) -> Result<(), MalformedMessage> {
        // C++ proto2 lets any bytes pass as a string. A message must not be lost because of one
        // damaged character in a text field, so such a character is replaced.
        *self = Self::from_utf8_lossy(input.delimited()?).into_owned();
        Ok(())
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_delimited(self.as_bytes(), out);
    }
}

impl Value for Bytes {
    const WIRE: WireType = WireType::Delimited;

    fn empty() -> Self {
        Self::new()
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }

    fn read_into(&mut self, input: &mut Reader<'_>) -> Result<(), MalformedMessage> {
        *self = input.shared_bytes()?;
        Ok(())
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_delimited(self, out);
    }

    fn bulk(&self) -> usize {
        self.len()
    }
}

impl<M: Fields> Value for M {
    const WIRE: WireType = WireType::Delimited;

    fn empty() -> Self {
        M::EMPTY
    }

    fn is_empty(&self) -> bool {
        false
    }

    fn read_into(&mut self, input: &mut Reader<'_>) -> Result<(), MalformedMessage> {
        input.message(self)
    }

    fn put(&self, out: &mut Vec<u8>) {
        super::writer::put_message(self, out);
    }

    fn bulk(&self) -> usize {
        Fields::bulk(self)
    }
}
