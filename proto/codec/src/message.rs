//! The traits of generated messages and enums.

use bytes::Bytes;

use crate::error::{JsonError, MalformedMessage, WireError};
use crate::json::{JsonParser, JsonWriter, SyntaxFault};
use crate::required::Missing;
use crate::wire::{Key, Reader};

/// Which spelling JSON uses: `slave_id` (v0) or `agent_id` (v1).
///
/// The binary form of both is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Names of the packages `mesos.*`.
    V0,
    /// Names of the packages `mesos.v1.*`.
    V1,
}

/// What the generator writes for each message; use [`WireMessage`] and [`Json`] instead.
pub trait Fields: Sized + Send + Sync + 'static {
    /// A message with every field unset.
    const EMPTY: Self;

    /// The shared empty message that getters of unset fields return.
    fn default_instance() -> &'static Self;

    /// Appends all set fields to `out`, unknown ones last.
    fn put_fields(&self, out: &mut Vec<u8>);

    /// How many bytes it is encoded to at least, if that can be megabytes and is known at once.
    ///
    /// Zero for nearly all messages: to count costs more than to make room as it is needed.
    #[inline]
    fn bulk(&self) -> usize {
        0
    }

    /// Takes one field from `input`, whose key was just read.
    ///
    /// # Errors
    /// When the bytes are malformed.
    fn merge_one(&mut self, key: Key, input: &mut Reader<'_>) -> Result<(), MalformedMessage>;

    /// Notes every missing required field.
    fn find_missing(&self, missing: &mut Missing);

    /// Writes the members of the JSON object.
    fn write_members(&self, out: &mut JsonWriter);

    /// Reads one member of the JSON object, whose name was just read.
    ///
    /// # Errors
    /// When the text is no JSON; other faults are noted in the parser.
    fn read_member(&mut self, name: &str, input: &mut JsonParser<'_>) -> Result<(), SyntaxFault>;
}

/// A message of the wire.
pub trait WireMessage: Fields + prost::Message + Default + Clone + PartialEq {
    /// Full name on the wire, such as `mesos.internal.PingSlaveMessage`.
    ///
    /// For a type that has two spellings this is the v0 name.
    const FULL_NAME: &'static str;

    /// Paths of required fields that are missing, such as `tasks[0].name`, in v1 spelling.
    fn missing_required(&self) -> Vec<String> {
        self.missing_required_in(Dialect::V1)
    }

    /// Paths of required fields that are missing, in the spelling of `dialect`.
    fn missing_required_in(&self, dialect: Dialect) -> Vec<String> {
        let mut missing = Missing::new(dialect);
        self.find_missing(&mut missing);
        missing.into_found()
    }
}

/// An enum of the wire.
pub trait WireEnum: Copy + Send + Sync + 'static {
    /// Full name; the v0 name when there are two.
    const FULL_NAME: &'static str;
    /// Every value with its v1 and its v0 name; aliases follow the first name of their number.
    ///
    /// A name is empty where a spelling lacks the value.
    const NAMES: &'static [(Self, &'static str, &'static str)];

    /// The value of a number.
    fn from_number(number: i32) -> Option<Self>;

    /// The number of a value.
    fn number(self) -> i32;

    /// Name of the value in the spelling of `dialect`.
    fn name_in(self, dialect: Dialect) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(value, _, _)| value.number() == self.number())
            .map_or("", |(_, v1, v0)| match dialect {
                Dialect::V0 => v0,
                Dialect::V1 => v1,
            })
    }

    /// The value that `name` stands for in the spelling of `dialect`.
    fn from_name_in(name: &str, dialect: Dialect) -> Option<Self> {
        Self::NAMES.iter().find_map(|(value, v1, v0)| {
            let spelling = match dialect {
                Dialect::V0 => *v0,
                Dialect::V1 => *v1,
            };
            (spelling == name && !name.is_empty()).then_some(*value)
        })
    }
}

/// Decodes a message and checks its required fields.
///
/// # Errors
/// [`WireError::Malformed`] when the bytes are no message, [`WireError::MissingRequired`] when a
/// required field is unset.
pub fn decode<M: WireMessage>(bytes: Bytes) -> Result<M, WireError> {
    let message: M = crate::wire::parse(&bytes).map_err(|source| WireError::Malformed {
        message: M::FULL_NAME,
        source,
    })?;
    drop(bytes);
    let fields = message.missing_required();
    if fields.is_empty() {
        Ok(message)
    } else {
        Err(WireError::MissingRequired {
            message: M::FULL_NAME,
            fields,
        })
    }
}

/// The JSON form of a message.
///
/// # Wire
/// Compact, members in the order of declaration in the `.proto` file, see [`crate::json`].
pub trait Json: WireMessage {
    /// Appends the JSON object to `out`.
    fn write_json(&self, dialect: Dialect, out: &mut Vec<u8>) {
        let mut writer = JsonWriter::continuing(std::mem::take(out), dialect);
        writer.message(self);
        *out = writer.into_vec();
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// The first fault of the text, as Mesos words it; missing required fields come last.
    fn read_json(dialect: Dialect, text: &[u8]) -> Result<Self, JsonError> {
        let message: Self = JsonParser::read_message(dialect, text)?;
        check(&message, dialect)?;
        Ok(message)
    }
}

impl<M: WireMessage> Json for M {}

fn check<M: WireMessage>(message: &M, dialect: Dialect) -> Result<(), JsonError> {
    let fields = message.missing_required_in(dialect);
    if fields.is_empty() {
        Ok(())
    } else {
        Err(JsonError::MissingRequired { fields })
    }
}

/// The JSON object of a message as a string.
#[must_use]
pub fn to_json<M: Json>(message: &M, dialect: Dialect) -> String {
    let mut out = Vec::new();
    message.write_json(dialect, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Reads a message from a JSON object.
///
/// # Errors
/// As [`Json::read_json`].
pub fn from_json<M: Json>(text: &str, dialect: Dialect) -> Result<M, JsonError> {
    M::read_json(dialect, text.as_bytes())
}

/// Reads messages from a JSON array of objects.
///
/// # Errors
/// [`JsonError::NotAnArray`] when the text is something else; otherwise as [`Json::read_json`],
/// for the first element that is at fault.
pub fn from_json_list<M: Json>(text: &[u8], dialect: Dialect) -> Result<Vec<M>, JsonError> {
    let messages: Vec<M> = JsonParser::read_messages(dialect, text)?;
    messages
        .iter()
        .try_for_each(|message| check(message, dialect))?;
    Ok(messages)
}

/// Implements `prost::Message` by way of [`Fields`], and what every generated message shares.
#[doc(hidden)]
#[macro_export]
macro_rules! wire_message {
    ($type:ty, $name:literal) => {
        impl Default for $type {
            #[inline]
            fn default() -> Self {
                <Self as $crate::Fields>::EMPTY
            }
        }

        impl $crate::WireMessage for $type {
            const FULL_NAME: &'static str = $name;
        }

        impl $crate::prost::Message for $type {
            fn encode_raw(&self, buf: &mut impl $crate::bytes::BufMut) {
                $crate::wire::emit(self, buf);
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: $crate::prost::encoding::WireType,
                buf: &mut impl $crate::bytes::Buf,
                _ctx: $crate::prost::encoding::DecodeContext,
            ) -> Result<(), $crate::prost::DecodeError> {
                $crate::wire::absorb(self, (tag, wire_type), buf)
            }

            #[inline]
            fn encoded_len(&self) -> usize {
                $crate::wire::to_vec(self).len()
            }

            #[inline]
            fn encode_to_vec(&self) -> Vec<u8> {
                $crate::wire::to_vec(self)
            }

            fn merge(
                &mut self,
                mut buf: impl $crate::bytes::Buf,
            ) -> Result<(), $crate::prost::DecodeError> {
                let bytes = buf.copy_to_bytes(buf.remaining());
                $crate::wire::merge(self, &bytes).map_err($crate::wire::into_prost)
            }

            fn clear(&mut self) {
                *self = <Self as $crate::Fields>::EMPTY;
            }
        }
    };
}

/// Implements what every generated enum shares.
#[doc(hidden)]
#[macro_export]
macro_rules! wire_enum {
    ($type:ty, $first:expr) => {
        impl $type {
            /// Name in the `.proto` file, in v1 spelling.
            #[must_use]
            pub fn as_str_name(self) -> &'static str {
                $crate::WireEnum::name_in(self, $crate::Dialect::V1)
            }

            /// The value with this name in the `.proto` file, in v1 spelling.
            #[must_use]
            pub fn from_str_name(name: &str) -> Option<Self> {
                $crate::WireEnum::from_name_in(name, $crate::Dialect::V1)
            }
        }

        impl Default for $type {
            fn default() -> Self {
                $first
            }
        }

        impl From<$type> for i32 {
            #[inline]
            fn from(value: $type) -> Self {
                $crate::WireEnum::number(value)
            }
        }

        impl TryFrom<i32> for $type {
            type Error = $crate::NotAnEnumValue;

            #[inline]
            fn try_from(number: i32) -> Result<Self, $crate::NotAnEnumValue> {
                let name = <$type as $crate::WireEnum>::FULL_NAME;
                $crate::WireEnum::from_number(number).ok_or($crate::NotAnEnumValue { number, name })
            }
        }
    };
}
