//! JSON as Mesos speaks it: writer, pull parser, and the mapping of messages.
//!
//! # Wire
//! Writing:
//! - compact; members in the order of declaration; names exactly as in the `.proto` file;
//! - set fields, and unset fields that declare a default and are not deprecated; no empty lists;
//! - 64-bit integers as numbers, enums by name, bytes in base64, maps as objects;
//! - doubles with the fewest digits that read back equal, always with `.0` or an exponent;
//!   infinities as the strings `"Infinity"` and `"-Infinity"`, and NaN likewise as `"NaN"` (the C++
//!   implementation writes a bare `NaN`, which no JSON reader takes).
//!
//! Reading:
//! - unknown members are ignored, `null` means unset, the last of equal names wins;
//! - a scalar or object for a repeated field is one element;
//! - numbers and booleans may be quoted; numbers for integer fields are truncated;
//! - an unknown enum name leaves the field unset, but is an error when the field is required;
//! - at most 200 levels of nesting;
//! - faults of syntax are reported before faults of content, missing required fields last.

mod grisu;
mod number;

mod parser;
mod read;
mod text;
mod write;

pub use number::write_double;

pub use parser::{JsonParser, SyntaxFault};
pub use read::{Content, JsonRead};
pub use write::{JsonValue, JsonWriter};
