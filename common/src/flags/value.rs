//! Types of flag values: how each is read and printed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs, io};

use mesos_proto_codec::JsonError;
use serde_json::{Map, Value};

use crate::bytes::{ByteSize, ByteSizeError};
use crate::duration::{self, DurationError};
use crate::flags::Warning;
use crate::number::format_double;

/// The mark of a value that is to be read from a file.
const FILE_PREFIX: &str = "file://";

/// What loading a value may add to the outcome.
#[derive(Debug, Default)]
pub struct LoadContext {
    /// Warnings so far.
    pub warnings: Vec<Warning>,
}

/// Why a text is no value of a flag's type. Most texts are those of Mesos.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// A number was expected.
    #[error("Failed to convert into required type")]
    Convert,
    /// A boolean was expected.
    #[error("Expecting a boolean (e.g., true or false)")]
    Boolean,
    /// A duration was expected.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// An amount of bytes was expected.
    #[error(transparent)]
    Bytes(#[from] ByteSizeError),
    /// The file that holds the value cannot be read.
    #[error("Error reading file '{path}': {}", strerror(.cause))]
    File {
        /// The path without `file://`.
        path: String,
        /// Why not.
        cause: io::Error,
    },
    /// The same word stands twice in a set.
    #[error("Duplicate token '{0}'")]
    DuplicateToken(String),
    /// A word of a list of numbers is not a number.
    #[error("Failed to numify '{0}': Failed to convert '{0}' to number")]
    Numify(String),
    /// The text is not JSON.
    #[error("syntax error at line {line} near: column {column}")]
    Syntax {
        /// Where the parser stopped.
        line: usize,
        /// Where the parser stopped.
        column: usize,
    },
    /// The text is no message of the flag's type.
    #[error(transparent)]
    Message(#[from] JsonError),
    /// The text is JSON, but not an object.
    #[error("Unexpected JSON type parsed")]
    NotAnObject,
}

/// The bare text of an operating-system error, as `strerror` gives it.
fn strerror(cause: &io::Error) -> String {
    let text = cause.to_string();
    match text.split_once(" (os error") {
        Some((bare, _)) => bare.to_owned(),
        None => text,
    }
}

/// A type that a flag can have.
pub trait FlagType: Sized {
    /// The name in Mesos' documentation.
    const NAME: &'static str;
    /// Whether `--name` alone means true.
    const BOOLEAN: bool = false;

    /// The value of a flag that nobody gave and that has no default.
    fn empty() -> Self;

    /// Reads a text.
    ///
    /// # Errors
    /// [`ValueError`] when the text is no value of this type.
    fn parse(text: &str, context: &mut LoadContext) -> Result<Self, ValueError>;

    /// Follows `file://` where the type wants that, then parses.
    ///
    /// # Errors
    /// As [`FlagType::parse`], or that the file cannot be read.
    fn fetch(text: &str, context: &mut LoadContext) -> Result<Self, ValueError> {
        match text.strip_prefix(FILE_PREFIX) {
            Some(path) => Self::parse(&read(path)?, context),
            None => Self::parse(text, context),
        }
    }

    /// Prints the value as `/flags` shows it.
    fn print(&self) -> String;
}

/// A field of a flag struct: a [`FlagType`] or an option of one.
pub trait FlagValue: Sized {
    /// Whether `--name` alone means true.
    const BOOLEAN: bool;

    /// The field before defaults are applied.
    fn blank() -> Self;

    /// Reads a text into the field.
    ///
    /// # Errors
    /// [`ValueError`] when the text is no value of this type.
    fn load(&mut self, text: &str, context: &mut LoadContext) -> Result<(), ValueError>;

    /// The value as text; nothing when it is unset.
    fn print(&self) -> Option<String>;

    /// The type as Mesos' documentation names it.
    fn type_name() -> String;
}

impl<T: FlagType> FlagValue for T {
    const BOOLEAN: bool = T::BOOLEAN;

    fn blank() -> Self {
        T::empty()
    }

    fn load(&mut self, text: &str, context: &mut LoadContext) -> Result<(), ValueError> {
        *self = T::fetch(text, context)?;
        Ok(())
    }

    fn print(&self) -> Option<String> {
        Some(FlagType::print(self))
    }

    fn type_name() -> String {
        T::NAME.to_owned()
    }
}

impl<T: FlagType> FlagValue for Option<T> {
    const BOOLEAN: bool = T::BOOLEAN;

    fn blank() -> Self {
        None
    }

    fn load(&mut self, text: &str, context: &mut LoadContext) -> Result<(), ValueError> {
        *self = Some(T::fetch(text, context)?);
        Ok(())
    }

    fn print(&self) -> Option<String> {
        self.as_ref().map(FlagType::print)
    }

    fn type_name() -> String {
        format!("Option<{}>", T::NAME)
    }
}

fn read(path: &str) -> Result<String, ValueError> {
    let bytes = fs::read(path).map_err(|cause| ValueError::File {
        path: path.to_owned(),
        cause,
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl FlagType for bool {
    const NAME: &'static str = "bool";
    const BOOLEAN: bool = true;

    fn empty() -> Self {
        false
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(ValueError::Boolean),
        }
    }

    fn print(&self) -> String {
        self.to_string()
    }
}

impl FlagType for String {
    const NAME: &'static str = "string";

    fn empty() -> Self {
        Self::new()
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        Ok(text.to_owned())
    }

    fn print(&self) -> String {
        self.clone()
    }
}

/// A path is never replaced by what the file holds; its `file://` is cut off.
impl FlagType for PathBuf {
    const NAME: &'static str = "Path";

    fn empty() -> Self {
        Self::new()
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        Ok(Self::from(text.strip_prefix(FILE_PREFIX).unwrap_or(text)))
    }

    fn fetch(text: &str, context: &mut LoadContext) -> Result<Self, ValueError> {
        Self::parse(text, context)
    }

    fn print(&self) -> String {
        self.display().to_string()
    }
}

/// Leading blanks are skipped, as a C++ stream does; anything else around the number is an error.
macro_rules! number_type {
    ($type:ty, $name:literal) => {
        impl FlagType for $type {
            const NAME: &'static str = $name;

            fn empty() -> Self {
                <$type>::default()
            }

            fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
                text.trim_start()
                    .parse()
                    .map_err(|_ignored| ValueError::Convert)
            }

            fn print(&self) -> String {
                self.to_string()
            }
        }
    };
}

number_type!(i32, "int");
number_type!(u16, "uint16_t");
number_type!(usize, "size_t");
number_type!(u64, "uint64_t");

impl FlagType for f64 {
    const NAME: &'static str = "double";

    fn empty() -> Self {
        0.0
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        let number: Self = text
            .trim_start()
            .parse()
            .map_err(|_ignored| ValueError::Convert)?;
        if number.is_finite() {
            Ok(number)
        } else {
            Err(ValueError::Convert)
        }
    }

    fn print(&self) -> String {
        format_double(*self)
    }
}

impl FlagType for Duration {
    const NAME: &'static str = "Duration";

    fn empty() -> Self {
        Self::ZERO
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        Ok(duration::parse(text)?)
    }

    fn print(&self) -> String {
        duration::format(*self)
    }
}

impl FlagType for ByteSize {
    const NAME: &'static str = "Bytes";

    fn empty() -> Self {
        Self::default()
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        Ok(text.parse()?)
    }

    fn print(&self) -> String {
        self.to_string()
    }
}

impl FlagType for BTreeSet<String> {
    const NAME: &'static str = "set<string>";

    fn empty() -> Self {
        Self::new()
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        let mut set = Self::new();
        for token in text.split(',').filter(|token| !token.is_empty()) {
            if !set.insert(token.to_owned()) {
                return Err(ValueError::DuplicateToken(token.to_owned()));
            }
        }
        Ok(set)
    }

    fn print(&self) -> String {
        format_set(self)
    }
}

impl FlagType for Vec<u32> {
    const NAME: &'static str = "vector<unsigned int>";

    fn empty() -> Self {
        Self::new()
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        let tokens = text.split(',').filter(|token| !token.is_empty());
        tokens
            .map(|token| {
                token
                    .parse()
                    .map_err(|_ignored| ValueError::Numify(token.to_owned()))
            })
            .collect()
    }

    fn print(&self) -> String {
        format_list(self)
    }
}

/// Prints a set as Mesos does: `{ a, b }`.
pub fn format_set<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    format!("{{ {} }}", join(items))
}

/// Prints a list as Mesos does: `[ a, b ]`.
pub fn format_list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    format!("[ {} ]", join(items))
}

fn join<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    texts.join(", ")
}

/// A value that may hold a secret: when it came from a file, only the file's path is ever shown.
#[derive(Clone, Default, PartialEq, Eq)]
#[doc(alias = "SecurePathOrValue")]
pub struct SecureValue {
    value: String,
    path: Option<String>,
}

impl SecureValue {
    /// A value that was given directly.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            path: None,
        }
    }

    /// The value, or the contents of the file that was named.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for SecureValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureValue")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl FlagType for SecureValue {
    const NAME: &'static str = "flags::SecurePathOrValue";

    fn empty() -> Self {
        Self::default()
    }

    fn parse(text: &str, _: &mut LoadContext) -> Result<Self, ValueError> {
        Ok(Self::new(text))
    }

    fn fetch(text: &str, context: &mut LoadContext) -> Result<Self, ValueError> {
        match text.strip_prefix(FILE_PREFIX) {
            Some(path) => Ok(Self {
                value: read(path)?,
                path: Some(path.to_owned()),
            }),
            None => Self::parse(text, context),
        }
    }

    fn print(&self) -> String {
        self.path.as_ref().unwrap_or(&self.value).clone()
    }
}

/// A value given as a JSON object: directly, as `file://path`, or (deprecated) as a bare path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// The members of the object.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl FlagType for JsonObject {
    const NAME: &'static str = "JSON::Object";

    fn empty() -> Self {
        Self::default()
    }

    fn parse(text: &str, context: &mut LoadContext) -> Result<Self, ValueError> {
        let text = follow_bare_path(text, context)?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_),
            ) => Err(ValueError::NotAnObject),
            Err(error) => Err(ValueError::Syntax {
                line: error.line(),
                column: error.column(),
            }),
        }
    }

    fn print(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

/// The text of a JSON value: what a bare absolute path points to, else the text itself.
pub(super) fn follow_bare_path(
    text: &str,
    context: &mut LoadContext,
) -> Result<String, ValueError> {
    if !text.starts_with('/') {
        return Ok(text.to_owned());
    }
    context.warnings.push(Warning::BarePath {
        path: text.to_owned(),
    });
    read(text)
}
