//! A cursor over the bytes of one message.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::RECURSION_LIMIT;
use super::value::{MapKey, Value};
use crate::error::MalformedMessage;
use crate::{Fields, UnknownFields};

/// How a payload is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    /// Variable length integer.
    Varint,
    /// Eight bytes.
    Fixed64,
    /// Length and bytes.
    Delimited,
    /// Begin of a group.
    StartGroup,
    /// End of a group.
    EndGroup,
    /// Four bytes.
    Fixed32,
}

/// Number and wire type of a field, and where its key began.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Field number.
    pub tag: u32,
    /// Layout of the payload.
    pub wire: WireType,
    start: usize,
}

/// A cursor over the bytes of one message.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a Bytes,
    position: usize,
    end: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    /// A cursor at the begin of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a Bytes) -> Self {
        Self {
            bytes,
            position: 0,
            end: bytes.len(),
            depth: 0,
        }
    }

    /// Takes all fields up to the end.
    ///
    /// # Errors
    /// When the bytes are malformed.
    pub fn fields<M: Fields>(&mut self, message: &mut M) -> Result<(), MalformedMessage> {
        while self.position < self.end {
            let key = self.key()?;
            message.merge_one(key, self)?;
        }
        Ok(())
    }

    fn key(&mut self) -> Result<Key, MalformedMessage> {
        let start = self.position;
        let key = self.varint()?;
        let wire = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Delimited,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            _ => return Err(MalformedMessage::InvalidKey { key }),
        };
        match u32::try_from(key >> 3) {
            Ok(tag) if tag != 0 && tag < 1 << 29 => Ok(Key { tag, wire, start }),
            Ok(_) | Err(_) => Err(MalformedMessage::InvalidKey { key }),
        }
    }

    /// Takes a variable length integer.
    ///
    /// # Errors
    /// When it is cut off or longer than ten bytes.
    pub fn varint(&mut self) -> Result<u64, MalformedMessage> {
        let rest = self.bytes.get(self.position..self.end).unwrap_or_default();
        if let Some(&first) = rest.first()
            && first < 0x80
        {
            self.position += 1;
            return Ok(u64::from(first));
        }
        let mut value = 0u64;
        for (index, byte) in rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.position += index + 1;
                return Ok(value);
            }
        }
        if rest.len() < 10 {
            Err(MalformedMessage::Truncated)
        } else {
            Err(MalformedMessage::InvalidVarint)
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], MalformedMessage> {
        let end = self
            .position
            .checked_add(length)
            .filter(|end| *end <= self.end);
        let taken = end.and_then(|end| self.bytes.get(self.position..end));
        match taken {
            Some(taken) => {
                self.position += length;
                Ok(taken)
            }
            None => Err(MalformedMessage::Truncated),
        }
    }

    /// Takes eight bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn fixed64(&mut self) -> Result<[u8; 8], MalformedMessage> {
        self.take(8)?
            .try_into()
            .map_err(|_wrong_length| MalformedMessage::Truncated)
    }

    /// Takes four bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn fixed32(&mut self) -> Result<[u8; 4], MalformedMessage> {
        self.take(4)?
            .try_into()
            .map_err(|_wrong_length| MalformedMessage::Truncated)
    }

    fn length(&mut self) -> Result<usize, MalformedMessage> {
        usize::try_from(self.varint()?).map_err(|_too_long| MalformedMessage::Truncated)
    }

    /// Takes a length and so many bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn delimited(&mut self) -> Result<&'a [u8], MalformedMessage> {
        let length = self.length()?;
        self.take(length)
    }

    /// Takes a length and so many bytes, shared with the input when they are many.
    ///
    /// Few bytes are copied, so that a small value does not keep a large input alive.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn shared_bytes(&mut self) -> Result<Bytes, MalformedMessage> {
        const COPY_UP_TO: usize = 512;
        let slice = self.delimited()?;
        if slice.len() <= COPY_UP_TO {
            Ok(Bytes::copy_from_slice(slice))
        } else {
            Ok(self.bytes.slice_ref(slice))
        }
    }

    /// Takes a length and a message of that length.
    ///
    /// # Errors
    /// When the bytes are malformed or messages are nested too deeply.
    pub fn message<M: Fields>(&mut self, message: &mut M) -> Result<(), MalformedMessage> {
        self.nested(|reader| reader.fields(message))
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), MalformedMessage>,
    ) -> Result<(), MalformedMessage> {
        let length = self.length()?;
        let inner = self
            .position
            .checked_add(length)
            .filter(|inner| *inner <= self.end);
        let inner = inner.ok_or(MalformedMessage::Truncated)?;
        if self.depth >= RECURSION_LIMIT {
            return Err(MalformedMessage::TooDeep);
        }
        let outer = std::mem::replace(&mut self.end, inner);
        self.depth += 1;
        let outcome = read(self);
        self.depth -= 1;
        self.end = outer;
        outcome
    }

    /// Keeps a field that the schema does not know.
    ///
    /// # Errors
    /// When its payload is malformed.
    pub fn unknown(
        &mut self,
        key: Key,
        unknown: &mut UnknownFields,
    ) -> Result<(), MalformedMessage> {
        self.skip(key)?;
        self.keep(key, unknown);
        Ok(())
    }

    fn keep(&self, key: Key, unknown: &mut UnknownFields) {
        unknown.push(self.bytes.get(key.start..self.position).unwrap_or_default());
    }

    fn skip(&mut self, key: Key) -> Result<(), MalformedMessage> {
        match key.wire {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.take(8).map(drop),
            WireType::Fixed32 => self.take(4).map(drop),
            WireType::Delimited => self.delimited().map(drop),
            WireType::StartGroup => self.skip_group(key.tag),
            WireType::EndGroup => Err(MalformedMessage::UnexpectedEndGroup { tag: key.tag }),
        }
    }

    fn skip_group(&mut self, tag: u32) -> Result<(), MalformedMessage> {
        if self.depth >= RECURSION_LIMIT {
            return Err(MalformedMessage::TooDeep);
        }
        self.depth += 1;
        loop {
            let key = self.key()?;
            if key.wire == WireType::EndGroup && key.tag == tag {
                self.depth -= 1;
                return Ok(());
            }
            self.skip(key)?;
        }
    }

    /// Takes a singular field; the last one wins, messages merge.
    ///
    /// # Errors
    /// When the bytes are malformed.
    pub fn opt<V: Value>(
        &mut self,
        key: Key,
        field: &mut Option<V>,
        unknown: &mut UnknownFields,
    ) -> Result<(), MalformedMessage> {
        if key.wire == V::WIRE {
            field.get_or_insert_with(V::empty).read_into(self)
        } else {
            self.unknown(key, unknown)
        }
    }

    /// Takes a singular boxed message.
    ///
    /// # Errors
    /// When the bytes are malformed.
    pub fn boxed<M: Fields>(
        &mut self,
        key: Key,
        field: &mut Option<Box<M>>,
        unknown: &mut UnknownFields,
    ) -> Result<(), MalformedMessage> {
        if key.wire == WireType::Delimited {
            self.message(&mut **field.get_or_insert_with(|| Box::new(M::EMPTY)))
        } else {
            self.unknown(key, unknown)
        }
    }

    /// Takes one element of a repeated field, or several packed ones.
    ///
    /// # Errors
    /// When the bytes are malformed.
    pub fn repeated<V: Value>(
        &mut self,
        key: Key,
        field: &mut Vec<V>,
        unknown: &mut UnknownFields,
    ) -> Result<(), MalformedMessage> {
        if key.wire == V::WIRE {
            append(field, self)
        } else if key.wire == WireType::Delimited {
            self.nested(|reader| {
                while reader.position < reader.end {
                    append(field, reader)?;
                }
                Ok(())
            })
        } else {
            self.unknown(key, unknown)
        }
    }

    /// Takes a singular enum field; a number that `known` rejects counts as an unknown field.
    ///
    /// # Errors
    /// When the bytes are malformed.
    pub fn opt_enum(
        &mut self,
        key: Key,
        field: &mut Option<i32>,
        known: fn(i32) -> bool,
        unknown: &mut UnknownFields,
    ) -> Result<(), MalformedMessage> {
        if key.wire != WireType::Varint {
            return self.unknown(key, unknown);
        }
        let mut number = 0;
        Value::read_into(&mut number, self)?;
        if known(number) {
            *field = Some(number);
        } else {
            self.keep(key, unknown);
        }
        Ok(())
    }

    /// Takes one element of a repeated enum field, or several packed ones.
    ///
    /// # Errors
    /// When the bytes are malformed.
    pub fn enums(
        &mut self,
        key: Key,
        field: &mut Vec<i32>,
        known: fn(i32) -> bool,
        unknown: &mut UnknownFields,
    ) -> Result<(), MalformedMessage> {
        if key.wire == WireType::Varint {
            let mut one = None;
            self.opt_enum(key, &mut one, known, unknown)?;
            field.extend(one);
            return Ok(());
        }
        if key.wire != WireType::Delimited {
            return self.unknown(key, unknown);
        }
        self.nested(|reader| {
            while reader.position < reader.end {
                let mut number = 0;
                Value::read_into(&mut number, reader)?;
                if known(number) {
                    field.push(number);
                } else {
                    super::writer::put_opt(key.tag, Some(&number), unknown.bytes_mut());
                }
            }
            Ok(())
        })
    }

    /// Takes one entry of a map; the last one of a key wins.
    ///
    /// # Errors
    /// When the bytes are malformed.
    pub fn map<K: MapKey, V: Value>(
        &mut self,
        key: Key,
        field: &mut BTreeMap<K, V>,
        unknown: &mut UnknownFields,
    ) -> Result<(), MalformedMessage> {
        if key.wire != WireType::Delimited {
            return self.unknown(key, unknown);
        }
        let (mut name, mut value) = (None, None);
        self.nested(|reader| {
            let mut ignored = UnknownFields::EMPTY;
            while reader.position < reader.end {
                let part = reader.key()?;
                match part.tag {
                    1 => reader.opt(part, &mut name, &mut ignored)?,
                    2 => reader.opt(part, &mut value, &mut ignored)?,
                    _ => reader.unknown(part, &mut ignored)?,
                }
            }
            Ok(())
        })?;
        field.insert(
            name.unwrap_or_else(K::empty),
            value.unwrap_or_else(V::empty),
        );
        Ok(())
    }
}

/// Reads an element in its place: a large one is not moved.
fn append<V: Value>(field: &mut Vec<V>, input: &mut Reader<'_>) -> Result<(), MalformedMessage> {
    field.push(V::empty());
    field
        .last_mut()
        .map_or(Ok(()), |element| element.read_into(input))
}
