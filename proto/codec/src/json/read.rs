//! Values of fields out of JSON.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::number::Number;
use super::parser::{JsonParser, SyntaxFault};
use super::text::read_base64;
use crate::error::JsonError;
use crate::wire::Value;
use crate::{Fields, WireEnum};

type Outcome<T> = Result<T, SyntaxFault>;

/// What kind a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Null => "null",
        }
    }
}

/// A value that a field can take from JSON.
pub trait JsonRead: Value {
    /// Reads one value, which is not `null`, in its place; a fault of content is noted.
    ///
    /// # Errors
    /// When the text is no JSON.
    fn read(&mut self, field: &str, input: &mut JsonParser<'_>) -> Outcome<Content>;
}

/// What came of reading a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It was taken.
    Taken,
    /// It was `null` or at fault: the field stays unset.
    Absent,
}

/// Stores a value that was read, if it was.
fn store<T>(place: &mut T, value: Option<T>) -> Content {
    match value {
        Some(value) => {
            *place = value;
            Content::Taken
        }
        None => Content::Absent,
    }
}

impl JsonParser<'_> {
    /// Notes that the next value is of the wrong kind for the field, and skips it.
    fn unexpected(&mut self, kind: Kind, field: &str) -> Outcome<()> {
        let fault = JsonError::UnexpectedKind {
            kind: kind.as_str(),
            field: field.to_owned(),
        };
        self.note(fault);
        self.skip()
    }

    /// Reads a singular field.
    #[doc(hidden)]
    pub fn opt<V: JsonRead>(&mut self, field: &str, slot: &mut Option<V>) -> Outcome<()> {
        if self.nullable(field, slot.insert(V::empty()))? == Content::Absent {
            *slot = None;
        }
        Ok(())
    }

    /// Reads a singular boxed message.
    #[doc(hidden)]
    pub fn boxed<M: Fields>(&mut self, field: &str, slot: &mut Option<Box<M>>) -> Outcome<()> {
        let place = slot.get_or_insert_with(|| Box::new(M::EMPTY));
        **place = M::EMPTY;
        if self.nullable(field, &mut **place)? == Content::Absent {
            *slot = None;
        }
        Ok(())
    }

    fn nullable<V: JsonRead>(&mut self, field: &str, place: &mut V) -> Outcome<Content> {
        if self.kind()? == Kind::Null {
            self.null()?;
            Ok(Content::Absent)
        } else {
            place.read(field, self)
        }
    }

    /// Reads a repeated field; a value that is no array is its only element.
    #[doc(hidden)]
    pub fn repeated<V: JsonRead>(&mut self, field: &str, slot: &mut Vec<V>) -> Outcome<()> {
        slot.clear();
        self.each(|parser| {
            slot.push(V::empty());
            let content = match slot.last_mut() {
                Some(place) => parser.nullable(field, place)?,
                None => Content::Absent,
            };
            if content == Content::Absent {
                slot.pop();
            }
            Ok(())
        })
    }

    fn each(&mut self, mut read: impl FnMut(&mut Self) -> Outcome<()>) -> Outcome<()> {
        if self.kind()? == Kind::Array {
            self.elements(read)
        } else {
            read(self)
        }
    }

    /// Reads a map field.
    #[doc(hidden)]
    pub fn map<V: JsonRead>(&mut self, field: &str, slot: &mut BTreeMap<String, V>) -> Outcome<()> {
        slot.clear();
        self.each(|parser| match parser.kind()? {
            Kind::Null => parser.null(),
            Kind::Object => parser.entries(|parser, name| {
                let mut value = V::empty();
                parser.nullable("value", &mut value)?;
                slot.insert(name.to_owned(), value);
                Ok(())
            }),
            kind @ (Kind::Array | Kind::String | Kind::Number | Kind::Boolean) => {
                parser.unexpected(kind, field)
            }
        })
    }

    /// Reads a singular enum field; an unknown name leaves it unset.
    #[doc(hidden)]
    pub fn opt_enum<E: WireEnum>(&mut self, field: &str, slot: &mut Option<i32>) -> Outcome<()> {
        *slot = self.named::<E>(field)?.ok();
        Ok(())
    }

    /// Reads a required enum field; an unknown name is a fault.
    #[doc(hidden)]
    pub fn required_enum<E: WireEnum>(
        &mut self,
        field: &str,
        slot: &mut Option<i32>,
    ) -> Outcome<()> {
        *slot = match self.named::<E>(field)? {
            Ok(number) => Some(number),
            Err(None) => None,
            Err(Some(name)) => {
                self.note(JsonError::UnknownEnum { name });
                None
            }
        };
        Ok(())
    }

    /// Reads a repeated enum field; unknown names are left out.
    #[doc(hidden)]
    pub fn enums<E: WireEnum>(&mut self, field: &str, slot: &mut Vec<i32>) -> Outcome<()> {
        slot.clear();
        self.each(|parser| {
            slot.extend(parser.named::<E>(field)?);
            Ok(())
        })
    }

    /// The number of an enum value, or the name that is unknown, if there was a name at all.
    fn named<E: WireEnum>(&mut self, field: &str) -> Outcome<Result<i32, Option<String>>> {
        match self.kind()? {
            Kind::Null => self.null().map(|()| Err(None)),
            Kind::String => {
                let name = self.string()?;
                let value = E::from_name_in(&name, self.dialect());
                Ok(value.map(E::number).ok_or_else(|| Some(name.into_owned())))
            }
            kind @ (Kind::Object | Kind::Array | Kind::Number | Kind::Boolean) => {
                self.unexpected(kind, field).map(|()| Err(None))
            }
        }
    }

    /// A number, bare or quoted.
    fn numeric(&mut self, field: &str) -> Outcome<Option<Number>> {
        match self.kind()? {
            Kind::Number => self.number().map(Some),
            Kind::String => {
                let text = self.string()?;
                Ok(self.unquote("number", &text, field, JsonParser::read_number))
            }
            kind @ (Kind::Object | Kind::Array | Kind::Boolean | Kind::Null) => {
                self.unexpected(kind, field).map(|()| None)
            }
        }
    }

    fn unquote<T>(
        &mut self,
        kind: &'static str,
        text: &str,
        field: &str,
        parse: fn(&str) -> Result<T, JsonError>,
    ) -> Option<T> {
        parse(text)
            .map_err(|reason| {
                self.note(JsonError::Quoted {
                    value: text.to_owned(),
                    kind,
                    field: field.to_owned(),
                    reason: Box::new(reason),
                });
            })
            .ok()
    }
}

impl<M: Fields> JsonRead for M {
    fn read(&mut self, field: &str, input: &mut JsonParser<'_>) -> Outcome<Content> {
        let kind = input.kind()?;
        if kind == Kind::Object {
            input.members(self).map(|()| Content::Taken)
        } else {
            input.unexpected(kind, field).map(|()| Content::Absent)
        }
    }
}

impl JsonRead for String {
    fn read(&mut self, field: &str, input: &mut JsonParser<'_>) -> Outcome<Content> {
        let kind = input.kind()?;
        if kind == Kind::String {
            *self = input.string()?.into_owned();
            Ok(Content::Taken)
        } else {
            input.unexpected(kind, field).map(|()| Content::Absent)
        }
    }
}

impl JsonRead for Bytes {
    fn read(&mut self, field: &str, input: &mut JsonParser<'_>) -> Outcome<Content> {
        let kind = input.kind()?;
        if kind != Kind::String {
            return input.unexpected(kind, field).map(|()| Content::Absent);
        }
        let text = input.string()?;
        match read_base64(&text) {
            Ok(bytes) => {
                *self = Self::from(bytes);
                Ok(Content::Taken)
            }
            Err(character) => {
                input.note(JsonError::Base64 {
                    field: field.to_owned(),
                    character,
                });
                Ok(Content::Absent)
            }
        }
    }
}

impl JsonRead for bool {
    fn read(&mut self, field: &str, input: &mut JsonParser<'_>) -> Outcome<Content> {
        let value = match input.kind()? {
            Kind::Boolean => Some(input.boolean()?),
            Kind::String => {
                let text = input.string()?;
                input.unquote("boolean", &text, field, JsonParser::read_bool)
            }
            kind @ (Kind::Object | Kind::Array | Kind::Number | Kind::Null) => {
                input.unexpected(kind, field)?;
                None
            }
        };
        Ok(store(self, value))
    }
}

impl JsonRead for f64 {
    fn read(&mut self, field: &str, input: &mut JsonParser<'_>) -> Outcome<Content> {
        let value = if input.kind()? == Kind::String {
            let text = input.string()?;
            match &*text {
                "Infinity" => Some(Self::INFINITY),
                "-Infinity" => Some(Self::NEG_INFINITY),
                "NaN" => Some(Self::NAN),
                text => input
                    .unquote("number", text, field, JsonParser::read_number)
                    .map(Number::as_f64),
            }
        } else {
            input.numeric(field)?.map(Number::as_f64)
        };
        Ok(store(self, value))
    }
}

macro_rules! read_number {
    ($($type:ty: $convert:ident)*) => {$(
        impl JsonRead for $type {
            fn read(&mut self, field: &str, input: &mut JsonParser<'_>) -> Outcome<Content> {
                let value = input.numeric(field)?.map(Number::$convert);
                Ok(store(self, value))
            }
        }
    )*};
}

read_number! { f32: as_f32 i32: as_i32 i64: as_i64 u32: as_u32 u64: as_u64 }
