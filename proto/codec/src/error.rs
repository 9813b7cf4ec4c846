//! What can be wrong with bytes and with JSON that others sent.

/// Why bytes are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMessage {
    /// The bytes end inside a field.
    #[error("message ends inside a field")]
    Truncated,
    /// A variable length integer has more than ten bytes.
    #[error("variable length integer is too long")]
    InvalidVarint,
    /// A field key carries number 0, a number above 2^29 - 1, or wire type 6 or 7.
    #[error("invalid field key {key}")]
    InvalidKey {
        /// The key as it was read.
        key: u64,
    },
    /// A group ends that did not begin, or with another number.
    #[error("unexpected end of group {tag}")]
    UnexpectedEndGroup {
        /// Field number of the end marker.
        tag: u32,
    },
    /// More than 100 messages or groups lie within each other.
    #[error("messages are nested too deeply")]
    TooDeep,
}

/// Why bytes are not an acceptable message of a given type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not a protobuf message.
    #[error("failed to parse {message}")]
    Malformed {
        /// Full name of the expected message.
        message: &'static str,
        /// What is wrong with the bytes.
        source: MalformedMessage,
    },
    /// Required fields are unset.
    #[error("{message} lacks required fields: {}", fields.join(", "))]
    MissingRequired {
        /// Full name of the message.
        message: &'static str,
        /// Paths of the fields, such as `tasks[0].name`.
        fields: Vec<String>,
    },
}

/// Why a JSON text is not an acceptable message; the texts are those that clients of Mesos see.
///
/// # Wire
/// The text is part of HTTP answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON, or nested deeper than 200 levels.
    #[error("syntax error at line {line} near: {near}")]
    Syntax {
        /// Line of the fault, from 1.
        line: usize,
        /// Rest of that line.
        near: String,
    },
    /// Something follows the JSON value.
    #[error("Parsed JSON included non-whitespace trailing characters: {rest}")]
    TrailingCharacters {
        /// What follows.
        rest: String,
    },
    /// A number is beyond what a double can hold.
    #[error("Value out of range")]
    OutOfRange,
    /// A string that stands for a number or a boolean holds something else.
    #[error("Unexpected JSON type parsed")]
    UnexpectedType,
    /// The text is not an object.
    #[error("Expecting a JSON object")]
    NotAnObject,
    /// The text is not an array.
    #[error("Expecting a JSON array")]
    NotAnArray,
    /// The field takes another kind of value.
    #[error("Not expecting a JSON {kind} for field '{field}'")]
    UnexpectedKind {
        /// `string`, `number`, `boolean`, `array` or `object`.
        kind: &'static str,
        /// Name of the field, without the path to it.
        field: String,
    },
    /// A bytes field is not base64.
    #[error("Failed to base64 decode bytes field '{field}': Invalid character '{character}'")]
    Base64 {
        /// Name of the field.
        field: String,
        /// The character outside the alphabet.
        character: char,
    },
    /// A string in a number or boolean field does not hold one.
    #[error("Failed to parse '{value}' as a JSON {kind} for field '{field}': {reason}")]
    Quoted {
        /// The string.
        value: String,
        /// `number` or `boolean`.
        kind: &'static str,
        /// Name of the field.
        field: String,
        /// What is wrong with the string.
        reason: Box<JsonError>,
    },
    /// A required enum field names no value of the enum.
    #[error("Failed to find enum for '{name}'")]
    UnknownEnum {
        /// The name.
        name: String,
    },
    /// Required fields are unset.
    #[error("Missing required fields: {}", fields.join(", "))]
    MissingRequired {
        /// Paths of the fields, such as `tasks[0].name`.
        fields: Vec<String>,
    },
}

/// A number that no value of an enum has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{number} is no value of {name}")]
pub struct NotAnEnumValue {
    /// The number.
    pub number: i32,
    /// Full name of the enum.
    pub name: &'static str,
}
