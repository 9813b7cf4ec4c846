//! Writing fields.
//!
//! A message is written behind a length of one byte; when it turns out to be longer, its bytes move
//! up to make room. That costs less than computing every length first.
//! Only what tells that it is megabytes long gets room for its length at once.

use std::collections::BTreeMap;

use super::reader::WireType;
use super::value::{MapKey, Value};
use crate::Fields;

pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

pub(super) fn put_delimited(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_key(tag: u32, wire: WireType, out: &mut Vec<u8>) {
    let wire = match wire {
        WireType::Varint => 0,
        WireType::Fixed64 => 1,
        WireType::Delimited => 2,
        WireType::StartGroup => 3,
        WireType::EndGroup => 4,
        WireType::Fixed32 => 5,
    };
    put_varint(u64::from(tag) << 3 | wire, out);
}

fn put_nested(bulk: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    put_varint(bulk as u64, out);
    let body = out.len();
    write(out);
    close_nested(start, body, out);
}

/// Fills in the length of what was written from `body` on; its place begins at `start`.
fn close_nested(start: usize, body: usize, out: &mut Vec<u8>) {
    let end = out.len();
    let mut digits = Vec::new();
    let length = end - body;
    if body == start + 1
        && let Ok(short @ 0..0x80) = u8::try_from(length)
    {
        if let Some(place) = out.get_mut(start) {
            *place = short;
        }
        return;
    }
    digits.reserve_exact(10);
    put_varint(length as u64, &mut digits);
    // Never less than what there is room for: it was told the least that the length can be.
    let extra = digits.len().saturating_sub(body - start);
    if extra > 0 {
        out.resize(end + extra, 0);
        out.copy_within(body..end, body + extra);
    }
    if let Some(place) = out.get_mut(start..body + extra) {
        place.copy_from_slice(&digits);
    }
}

pub(super) fn put_message<M: Fields>(message: &M, out: &mut Vec<u8>) {
    put_nested(message.bulk(), out, |out| message.put_fields(out));
}

/// How many bytes a singular field is encoded to at least, if that can be megabytes.
pub fn bulk_of<V: Value>(field: Option<&V>) -> usize {
    field.map_or(0, Value::bulk)
}

/// Writes a singular field when it is set.
pub fn put_opt<V: Value>(tag: u32, field: Option<&V>, out: &mut Vec<u8>) {
    if let Some(value) = field {
        put_key(tag, V::WIRE, out);
        value.put(out);
    }
}

/// Writes a proto3 field when it is set to something else than the empty value.
pub fn put_implicit<V: Value>(tag: u32, field: Option<&V>, out: &mut Vec<u8>) {
    put_opt(tag, field.filter(|value| !value.is_empty()), out);
}

/// Writes every element with its own key.
pub fn put_repeated<V: Value>(tag: u32, field: &[V], out: &mut Vec<u8>) {
    for element in field {
        put_opt(tag, Some(element), out);
    }
}

/// Writes all elements behind one key, as proto3 does for numbers.
pub fn put_packed<V: Value>(tag: u32, field: &[V], out: &mut Vec<u8>) {
    if !field.is_empty() {
        put_key(tag, WireType::Delimited, out);
        put_nested(0, out, |out| {
            field.iter().for_each(|element| element.put(out));
        });
    }
}

/// Writes the entries of a map in the order of their keys.
pub fn put_map<K: MapKey, V: Value>(tag: u32, field: &BTreeMap<K, V>, out: &mut Vec<u8>) {
    for (name, value) in field {
        put_key(tag, WireType::Delimited, out);
        put_nested(0, out, |out| {
            put_opt(1, Some(name), out);
            put_opt(2, Some(value), out);
        });
    }
}
