//! The pull parser: one pass over the bytes, no tree.

use std::borrow::Cow;

use super::number::{self, Number};
use super::read::Kind;
use super::text::plain_prefix;
use crate::error::JsonError;
use crate::{Dialect, Fields};

/// Levels of arrays and objects that may lie within each other.
const DEPTH_LIMIT: usize = 200;

/// The text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxFault {
    /// At the position of the parser.
    Here,
    /// A number is beyond what a double can hold.
    OutOfRange,
}

type Outcome<T> = Result<T, SyntaxFault>;

/// A pull parser over a JSON text, with the leniency of Mesos.
///
/// Faults of syntax end the parse at once. A fault of content is noted and the value skipped, so
/// that a fault of syntax further on takes precedence, as when the whole text is parsed first.
#[derive(Debug)]
pub struct JsonParser<'a> {
    text: &'a [u8],
    position: usize,
    depth: usize,
    dialect: Dialect,
    fault: Option<JsonError>,
}

impl<'a> JsonParser<'a> {
    fn new(dialect: Dialect, text: &'a [u8]) -> Self {
        Self {
            text,
            position: 0,
            depth: 0,
            dialect,
            fault: None,
        }
    }

    /// Reads a text that is one object.
    ///
    /// # Errors
    /// The fault of syntax if there is one, else the first fault of content.
    pub fn read_message<M: Fields>(dialect: Dialect, text: &[u8]) -> Result<M, JsonError> {
        let mut message = M::EMPTY;
        JsonParser::new(dialect, text).whole(|parser| {
            if parser.kind()? == Kind::Object {
                parser.members(&mut message)
            } else {
                parser.note(JsonError::NotAnObject);
                parser.skip()
            }
        })?;
        Ok(message)
    }

    /// Reads a text that is an array of objects.
    ///
    /// # Errors
    /// As [`JsonParser::read_message`].
    pub fn read_messages<M: Fields>(dialect: Dialect, text: &[u8]) -> Result<Vec<M>, JsonError> {
        let mut messages = Vec::new();
        JsonParser::new(dialect, text).whole(|parser| {
            if parser.kind()? != Kind::Array {
                parser.note(JsonError::NotAnArray);
                return parser.skip();
            }
            parser.elements(|parser| {
                if parser.kind()? == Kind::Object {
                    let mut message = M::EMPTY;
                    parser.members(&mut message)?;
                    messages.push(message);
                    Ok(())
                } else {
                    parser.note(JsonError::NotAnObject);
                    parser.skip()
                }
            })
        })?;
        Ok(messages)
    }

    /// Reads a text that is one number.
    pub(super) fn read_number(text: &str) -> Result<Number, JsonError> {
        let mut number = None;
        JsonParser::new(Dialect::V1, text.as_bytes()).whole(|parser| {
            if parser.kind()? == Kind::Number {
                number = Some(parser.number()?);
                Ok(())
            } else {
                parser.skip()
            }
        })?;
        number.ok_or(JsonError::UnexpectedType)
    }

    /// Reads a text that is one boolean.
    pub(super) fn read_bool(text: &str) -> Result<bool, JsonError> {
        let mut value = None;
        JsonParser::new(Dialect::V1, text.as_bytes()).whole(|parser| {
            if parser.kind()? == Kind::Boolean {
                value = Some(parser.boolean()?);
                Ok(())
            } else {
                parser.skip()
            }
        })?;
        value.ok_or(JsonError::UnexpectedType)
    }

    fn whole(mut self, read: impl FnOnce(&mut Self) -> Outcome<()>) -> Result<(), JsonError> {
        match read(&mut self) {
            Err(SyntaxFault::OutOfRange) => return Err(JsonError::OutOfRange),
            Err(SyntaxFault::Here) => return Err(self.syntax_error()),
            Ok(()) => {}
        }
        let rest = self
            .text
            .get(self.position..)
            .unwrap_or_default()
            .trim_ascii_end();
        if !rest.is_empty() {
            let rest = String::from_utf8_lossy(rest).into_owned();
            return Err(JsonError::TrailingCharacters { rest });
        }
        self.fault.map_or(Ok(()), Err)
    }

    fn syntax_error(&self) -> JsonError {
        let (before, from) = self
            .text
            .split_at_checked(self.position)
            .unwrap_or((self.text, b""));
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let near: Vec<u8> = from
            .iter()
            .copied()
            .take_while(|byte| *byte != b'\n')
            .filter(|byte| *byte >= b' ')
            .collect();
        JsonError::Syntax {
            line,
            near: String::from_utf8_lossy(&near).into_owned(),
        }
    }

    /// Notes a fault of content; the first one is reported.
    pub(super) fn note(&mut self, fault: JsonError) {
        self.fault.get_or_insert(fault);
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether names are spelled as in v0.
    #[doc(hidden)]
    #[must_use]
    pub fn is_v0(&self) -> bool {
        self.dialect == Dialect::V0
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.position += 1;
        }
    }

    /// Takes a character behind blanks, if it is the next.
    fn accept(&mut self, wanted: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(wanted);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8) -> Outcome<()> {
        if self.accept(wanted) {
            Ok(())
        } else {
            Err(SyntaxFault::Here)
        }
    }

    /// What kind of value comes next, judged by its first character.
    pub(super) fn kind(&mut self) -> Outcome<Kind> {
        self.blanks();
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(_) | None => Err(SyntaxFault::Here),
        }
    }

    fn deeper(&mut self) -> Outcome<()> {
        if self.depth >= DEPTH_LIMIT {
            return Err(SyntaxFault::Here);
        }
        self.depth += 1;
        Ok(())
    }

    /// Reads the members of an object into a message.
    pub(super) fn members<M: Fields>(&mut self, message: &mut M) -> Outcome<()> {
        self.entries(|parser, name| message.read_member(name, parser))
    }

    /// Reads an object; `read` takes the value behind each name.
    pub(super) fn entries(
        &mut self,
        mut read: impl FnMut(&mut Self, &str) -> Outcome<()>,
    ) -> Outcome<()> {
        self.expect(b'{')?;
        self.deeper()?;
        if !self.accept(b'}') {
            loop {
                self.expect(b'"')?;
                let name = self.string_body()?;
                self.expect(b':')?;
                read(self, &name)?;
                if !self.accept(b',') {
                    break;
                }
            }
            self.expect(b'}')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array; `read` takes each element.
    pub(super) fn elements(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Outcome<()>,
    ) -> Outcome<()> {
        self.expect(b'[')?;
        self.deeper()?;
        if !self.accept(b']') {
            loop {
                read(self)?;
                if !self.accept(b',') {
                    break;
                }
            }
            self.expect(b']')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Skips one value.
    ///
    /// # Errors
    /// When the text is no JSON.
    pub fn skip(&mut self) -> Outcome<()> {
        match self.kind()? {
            Kind::Object => self.entries(|parser, _| parser.skip()),
            Kind::Array => self.elements(Self::skip),
            Kind::String => self.string().map(drop),
            Kind::Number => self.number().map(drop),
            Kind::Boolean => self.boolean().map(drop),
            Kind::Null => self.null(),
        }
    }

    pub(super) fn null(&mut self) -> Outcome<()> {
        self.literal(b"null")
    }

    pub(super) fn boolean(&mut self) -> Outcome<bool> {
        self.blanks();
        if self.peek() == Some(b't') {
            self.literal(b"true").map(|()| true)
        } else {
            self.literal(b"false").map(|()| false)
        }
    }

    fn literal(&mut self, word: &[u8]) -> Outcome<()> {
        self.blanks();
        for byte in word {
            if self.peek() != Some(*byte) {
                return Err(SyntaxFault::Here);
            }
            self.position += 1;
        }
        Ok(())
    }

    pub(super) fn number(&mut self) -> Outcome<Number> {
        self.blanks();
        let start = self.position;
        while let Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') = self.peek() {
            self.position += 1;
        }
        let text = self.text.get(start..self.position).unwrap_or_default();
        let text = std::str::from_utf8(text).unwrap_or_default();
        match number::parse(text) {
            Some(Number::Double(value)) if !value.is_finite() => Err(SyntaxFault::OutOfRange),
            Some(number) => Ok(number),
            None => Err(SyntaxFault::Here),
        }
    }

    pub(super) fn string(&mut self) -> Outcome<Cow<'a, str>> {
        self.expect(b'"')?;
        self.string_body()
    }

    /// Reads a string behind its opening quote.
    fn string_body(&mut self) -> Outcome<Cow<'a, str>> {
        let start = self.position;
        let rest = self.text.get(start..).unwrap_or_default();
        let (run, _) = rest
            .split_at_checked(plain_prefix(rest))
            .unwrap_or((rest, b""));
        self.position += run.len();
        if self.peek() == Some(b'"') {
            self.position += 1;
            return Ok(match std::str::from_utf8(run) {
                Ok(text) => Cow::Borrowed(text),
                Err(_damaged) => String::from_utf8_lossy(run),
            });
        }
        let mut out = run.to_vec();
        self.escaped_string(&mut out)?;
        Ok(Cow::Owned(match String::from_utf8(out) {
            Ok(text) => text,
            Err(damaged) => String::from_utf8_lossy(damaged.as_bytes()).into_owned(),
        }))
    }

    fn escaped_string(&mut self, out: &mut Vec<u8>) -> Outcome<()> {
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.position += 1;
                    self.escape(out)?;
                }
                Some(byte @ 0x20..) => {
                    self.position += 1;
                    out.push(byte);
                }
                Some(_) | None => return Err(SyntaxFault::Here),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Outcome<()> {
        let Some(byte) = self.peek() else {
            return Err(SyntaxFault::Here);
        };
        self.position += 1;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let character = self.unicode()?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(SyntaxFault::Here),
        };
        out.push(plain);
        Ok(())
    }

    fn unicode(&mut self) -> Outcome<char> {
        let first = self.four_digits()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(SyntaxFault::Here);
        }
        if first >= 0xdc00 {
            return Err(SyntaxFault::Here);
        }
        self.immediately(b'\\')?;
        self.immediately(b'u')?;
        let second = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(SyntaxFault::Here);
        }
        let scalar = 0x10000 + ((first & 0x3ff) << 10 | second & 0x3ff);
        char::from_u32(scalar).ok_or(SyntaxFault::Here)
    }

    fn immediately(&mut self, wanted: u8) -> Outcome<()> {
        if self.peek() == Some(wanted) {
            self.position += 1;
            Ok(())
        } else {
            Err(SyntaxFault::Here)
        }
    }

    fn four_digits(&mut self) -> Outcome<u32> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            value = value << 4 | digit.ok_or(SyntaxFault::Here)?;
            self.position += 1;
        }
        Ok(value)
    }
}
