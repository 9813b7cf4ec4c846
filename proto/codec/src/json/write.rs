//! The writer.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::number::{write_double, write_unsigned};
use super::text::{write_base64, write_string};
use crate::{Dialect, Fields, WireEnum};

/// Writes JSON piece by piece; commas come by themselves.
///
/// The caller keeps the structure sound: each `begin` has its `end`, and members of an object have
/// a key. For messages in it the writer knows the dialect.
///
/// # Examples
/// ```
/// use mesos_proto_codec::{Dialect, json::JsonWriter};
///
/// let mut writer = JsonWriter::new(Dialect::V0);
/// writer.object(|o| {
///     o.field("id", "agent-1");
///     o.field("cpus", &4.0);
///     o.field_with("tasks", |o| o.array(|a| a.value(&7u64)));
/// });
/// assert_eq!(writer.into_string(), r#"{"id":"agent-1","cpus":4.0,"tasks":[7]}"#);
/// ```
#[derive(Debug)]
pub struct JsonWriter {
    out: Vec<u8>,
    dialect: Dialect,
    comma: bool,
    v0_fields: bool,
}

impl JsonWriter {
    /// An empty writer.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self::continuing(Vec::new(), dialect)
    }

    /// A writer that appends a new JSON text to `out`.
    #[must_use]
    pub fn continuing(out: Vec<u8>, dialect: Dialect) -> Self {
        Self {
            out,
            dialect,
            comma: false,
            v0_fields: dialect == Dialect::V0,
        }
    }

    /// The text so far.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.out
    }

    /// The text so far.
    #[must_use]
    pub fn into_string(self) -> String {
        String::from_utf8(self.out).unwrap_or_default()
    }

    /// Takes what was written so far out of the writer, which goes on where it was.
    ///
    /// For streaming a long text in pieces.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Bytes held at present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether no bytes are held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    fn begin(&mut self, open: u8) {
        self.separate();
        self.out.push(open);
        self.comma = false;
    }

    fn end(&mut self, close: u8) {
        self.out.push(close);
        self.comma = true;
    }

    #[inline]
    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }

    /// Opens an object.
    pub fn begin_object(&mut self) {
        self.begin(b'{');
    }

    /// Closes an object.
    pub fn end_object(&mut self) {
        self.end(b'}');
    }

    /// Opens an array.
    pub fn begin_array(&mut self) {
        self.begin(b'[');
    }

    /// Closes an array.
    pub fn end_array(&mut self) {
        self.end(b']');
    }

    /// Writes an object whose members `write` writes.
    pub fn object(&mut self, write: impl FnOnce(&mut Self)) {
        self.begin_object();
        write(self);
        self.end_object();
    }

    /// Writes an array whose elements `write` writes.
    pub fn array(&mut self, write: impl FnOnce(&mut Self)) {
        self.begin_array();
        write(self);
        self.end_array();
    }

    /// Writes the name of a member; its value must follow.
    pub fn key(&mut self, name: &str) {
        self.separate();
        write_string(name, &mut self.out);
        self.out.push(b':');
        self.comma = false;
    }

    /// Writes one value.
    pub fn value<T: JsonValue + ?Sized>(&mut self, value: &T) {
        value.write_value(self);
    }

    /// Writes a member.
    pub fn field<T: JsonValue + ?Sized>(&mut self, name: &str, value: &T) {
        self.key(name);
        value.write_value(self);
    }

    /// Writes a member whose value `write` writes.
    pub fn field_with(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.key(name);
        write(self);
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.raw(b"null");
    }

    /// Writes a value that is JSON already.
    pub fn raw(&mut self, json: &[u8]) {
        self.separate();
        self.out.extend_from_slice(json);
    }

    /// Writes a message as an object, in the dialect of the writer.
    pub fn message<M: Fields>(&mut self, message: &M) {
        self.begin_object();
        message.write_members(self);
        self.end_object();
    }

    /// Writes a message in the dialect of the writer, with fields that only v0 has.
    ///
    /// The master's own answers about agents show `checkpoint` of `AgentInfo` in v1 too.
    pub fn message_with_v0_fields<M: Fields>(&mut self, message: &M) {
        let before = std::mem::replace(&mut self.v0_fields, true);
        self.message(message);
        self.v0_fields = before;
    }

    // What follows is called by generated code. A key is `"name":`, ready to copy.

    /// Writes a key that is quoted already.
    fn quoted_key(&mut self, key: &str) {
        self.separate();
        self.out.extend_from_slice(key.as_bytes());
        self.comma = false;
    }

    /// The spelling of the dialect, of a name in v1 and v0.
    #[doc(hidden)]
    #[must_use]
    pub fn spell(&self, names: (&'static str, &'static str)) -> &'static str {
        match self.dialect {
            Dialect::V0 => names.1,
            Dialect::V1 => names.0,
        }
    }

    /// Whether fields that only v0 has are written.
    #[doc(hidden)]
    #[must_use]
    pub fn shows_v0_fields(&self) -> bool {
        self.v0_fields
    }

    /// Writes a member when it is set.
    #[doc(hidden)]
    pub fn opt<T: JsonValue + ?Sized>(&mut self, key: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.quoted_key(key);
            value.write_value(self);
        }
    }

    /// Writes a proto3 member when it is set to something else than the empty value.
    #[doc(hidden)]
    pub fn implicit<T: JsonValue + crate::wire::Value>(&mut self, key: &str, value: Option<&T>) {
        self.opt(key, value.filter(|value| !value.is_empty()));
    }

    /// Writes an enum member when it is set.
    #[doc(hidden)]
    pub fn opt_enum<E: WireEnum>(&mut self, key: &str, value: Option<i32>) {
        let name = value
            .and_then(E::from_number)
            .map(|value| value.name_in(self.dialect));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            self.quoted_key(key);
            self.name(name);
        }
    }

    /// Writes a repeated member unless it is empty.
    #[doc(hidden)]
    pub fn repeated<T: JsonValue>(&mut self, key: &str, values: &[T]) {
        if !values.is_empty() {
            self.quoted_key(key);
            self.array(|writer| values.iter().for_each(|value| value.write_value(writer)));
        }
    }

    /// Writes a repeated enum member unless it is empty.
    #[doc(hidden)]
    pub fn enums<E: WireEnum>(&mut self, key: &str, values: &[i32]) {
        if !values.is_empty() {
            self.quoted_key(key);
            self.array(|writer| {
                for value in values.iter().filter_map(|value| E::from_number(*value)) {
                    writer.name(value.name_in(writer.dialect));
                }
            });
        }
    }

    /// Writes a map member unless it is empty.
    #[doc(hidden)]
    pub fn map<V: JsonValue>(&mut self, key: &str, values: &BTreeMap<String, V>) {
        if !values.is_empty() {
            self.quoted_key(key);
            self.object(|writer| {
                for (name, value) in values {
                    writer.key(name);
                    value.write_value(writer);
                }
            });
        }
    }

    fn name(&mut self, name: &str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'"');
    }
}

/// Something that [`JsonWriter`] can write as one value.
pub trait JsonValue {
    /// Writes the value.
    fn write_value(&self, writer: &mut JsonWriter);
}

impl<M: Fields> JsonValue for M {
    fn write_value(&self, writer: &mut JsonWriter) {
        writer.message(self);
    }
}

impl JsonValue for bool {
    fn write_value(&self, writer: &mut JsonWriter) {
        writer.raw(if *self { b"true" } else { b"false" });
    }
}

impl JsonValue for f64 {
    fn write_value(&self, writer: &mut JsonWriter) {
        writer.separate();
        write_double(*self, &mut writer.out);
    }
}

impl JsonValue for f32 {
    fn write_value(&self, writer: &mut JsonWriter) {
        f64::from(*self).write_value(writer);
    }
}

impl JsonValue for u64 {
    fn write_value(&self, writer: &mut JsonWriter) {
        writer.separate();
        write_unsigned(*self, &mut writer.out);
    }
}

impl JsonValue for i64 {
    fn write_value(&self, writer: &mut JsonWriter) {
        writer.separate();
        if *self < 0 {
            writer.out.push(b'-');
        }
        write_unsigned(self.unsigned_abs(), &mut writer.out);
    }
}

impl JsonValue for u32 {
    fn write_value(&self, writer: &mut JsonWriter) {
        u64::from(*self).write_value(writer);
    }
}

impl JsonValue for i32 {
    fn write_value(&self, writer: &mut JsonWriter) {
        i64::from(*self).write_value(writer);
    }
}

impl JsonValue for usize {
    fn write_value(&self, writer: &mut JsonWriter) {
        (*self as u64).write_value(writer);
    }
}

impl JsonValue for str {
    fn write_value(&self, writer: &mut JsonWriter) {
        writer.separate();
        write_string(self, &mut writer.out);
    }
}

impl JsonValue for String {
    fn write_value(&self, writer: &mut JsonWriter) {
        self.as_str().write_value(writer);
    }
}

impl JsonValue for Bytes {
    fn write_value(&self, writer: &mut JsonWriter) {
        writer.separate();
        write_base64(self, &mut writer.out);
    }
}
