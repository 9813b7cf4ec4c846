//! Attributes of agents: `rack:r1;level:10;ports:[1-5]`.
//!
//! Mirrors `src/common/attributes.cpp`.
//!
//! # Invariants
//! - Each attribute has a name, and a value of one of three kinds: scalar, ranges, text.

use std::fmt;

use mesos_proto::v1;
use mesos_proto::v1::value::Type as ValueType;

use crate::number::format_double;
use crate::ranges::Ranges;
use crate::resources::value_text::{TextValue, ValueTextError, parse_value};
use crate::scalar::Scalar;

/// The attributes of one agent, in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub struct Attributes(Vec<Attribute>);

/// One attribute. A name may occur several times.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    name: String,
    value: AttributeValue,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// A number; equal when equal in three decimals.
    Scalar(f64),
    /// Intervals, merged.
    Ranges(Ranges),
    /// Anything else.
    Text(String),
}

/// Why a text or a message is not a list of attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// Not of the form `name:value`.
    #[error("Invalid attribute key:value pair '{0}'")]
    Pair(String),
    /// The value cannot be read.
    #[error("Failed to parse attribute {name} text {text} error {source}")]
    Value {
        /// The attribute.
        name: String,
        /// Its value as written.
        text: String,
        /// What is wrong with it.
        source: ValueTextError,
    },
    /// Attributes cannot be sets. C++ Mesos aborts here.
    #[error("Bad type for attribute {name} text {text} type SET")]
    Set {
        /// The attribute.
        name: String,
        /// Its value as written.
        text: String,
    },
    /// A message lacks the name, or the value of the type that it names.
    #[error("invalid attribute '{0}'")]
    Message(String),
}

impl Attribute {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &AttributeValue {
        &self.value
    }

    fn parse(pair: &str) -> Result<Self, AttributeError> {
        let (name, text) = match pair.split_once(':') {
            Some((name, text)) if !name.is_empty() && !text.is_empty() => (name, text),
            Some(_) | None => return Err(AttributeError::Pair(pair.to_owned())),
        };
        let (name, text) = (name.to_owned(), text.to_owned());
        let value = match parse_value(&text) {
            Ok(TextValue::Scalar(number)) => AttributeValue::Scalar(number),
            Ok(TextValue::Ranges(ranges)) => AttributeValue::Ranges(Ranges::new(ranges)),
            Ok(TextValue::Text(text)) => AttributeValue::Text(text),
            Ok(TextValue::Set(_)) => return Err(AttributeError::Set { name, text }),
            Err(source) => return Err(AttributeError::Value { name, text, source }),
        };
        Ok(Self { name, value })
    }

    fn from_proto(message: &v1::Attribute) -> Option<Self> {
        let value = match message.r#type() {
            ValueType::Scalar if message.scalar.is_some() => {
                AttributeValue::Scalar(message.scalar().value())
            }
            ValueType::Ranges if message.ranges.is_some() => {
                let ranges = message.ranges().range.iter();
                AttributeValue::Ranges(Ranges::new(ranges.map(|r| (r.begin(), r.end()))))
            }
            ValueType::Text if message.text.is_some() => {
                AttributeValue::Text(message.text().value().to_owned())
            }
            ValueType::Scalar | ValueType::Ranges | ValueType::Set | ValueType::Text => {
                return None;
            }
        };
        let name = message.name();
        (!name.is_empty() && message.r#type.is_some()).then(|| Self {
            name: name.to_owned(),
            value,
        })
    }

    fn to_proto(&self) -> v1::Attribute {
        let mut message = v1::Attribute {
            name: Some(self.name.clone()),
            ..v1::Attribute::default()
        };
        match &self.value {
            AttributeValue::Scalar(number) => {
                message.r#type = Some(ValueType::Scalar.into());
                let scalar = v1::value::Scalar {
                    value: Some(*number),
                    ..Default::default()
                };
                message.scalar = Some(scalar);
            }
            AttributeValue::Ranges(ranges) => {
                message.r#type = Some(ValueType::Ranges.into());
                let range = ranges
                    .iter()
                    .map(|r| v1::value::Range {
                        begin: Some(r.begin),
                        end: Some(r.end),
                        ..Default::default()
                    })
                    .collect();
                message.ranges = Some(v1::value::Ranges {
                    range,
                    ..Default::default()
                });
            }
            AttributeValue::Text(text) => {
                message.r#type = Some(ValueType::Text.into());
                let text = v1::value::Text {
                    value: Some(text.clone()),
                    ..Default::default()
                };
                message.text = Some(text);
            }
        }
        message
    }

    fn matches(&self, other: &Self) -> bool {
        let values = match (&self.value, &other.value) {
            (AttributeValue::Scalar(one), AttributeValue::Scalar(other)) => {
                Scalar::from_f64(*one) == Scalar::from_f64(*other)
            }
            (one, other) => one == other,
        };
        values && self.name == other.name
    }
}

impl Attributes {
    /// Reads `name:value` pairs parted by semicolons or newlines.
    ///
    /// # Errors
    /// The first [`AttributeError`], which names the attribute.
    pub fn parse(text: &str) -> Result<Self, AttributeError> {
        let pairs = text.split([';', '\n']).filter(|pair| !pair.is_empty());
        Ok(Self(pairs.map(Attribute::parse).collect::<Result<_, _>>()?))
    }

    /// Reads messages, as peers send them.
    ///
    /// # Errors
    /// [`AttributeError::Message`] names the first attribute without name or value.
    pub fn from_proto(messages: &[v1::Attribute]) -> Result<Self, AttributeError> {
        let read = |message: &v1::Attribute| {
            Attribute::from_proto(message)
                .ok_or_else(|| AttributeError::Message(message.name().to_owned()))
        };
        Ok(Self(messages.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// The messages that carry these attributes.
    #[must_use]
    pub fn to_proto(&self) -> Vec<v1::Attribute> {
        self.0.iter().map(Attribute::to_proto).collect()
    }

    /// The attributes in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.0.iter()
    }

    /// The first attribute of this name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&Attribute> {
        self.iter().find(|attribute| attribute.name == name)
    }

    /// Whether there is an attribute of the same name and value.
    #[must_use]
    pub fn contains(&self, attribute: &Attribute) -> bool {
        self.iter().any(|own| own.matches(attribute))
    }
}

impl PartialEq for Attributes {
    /// The order does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.iter().all(|attribute| other.contains(attribute))
            && other.iter().all(|attribute| self.contains(attribute))
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(number) => f.write_str(&format_double(*number)),
            Self::Ranges(ranges) => write!(f, "{ranges}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parse(text: &str) -> Attributes {
        Attributes::parse(text).expect("valid attributes")
    }

    #[track_caller]
    fn fails(text: &str, why: &str) {
        assert_eq!(Attributes::parse(text).expect_err(text).to_string(), why);
    }

    /// Mirrors: AttributesTest.Parsing
    #[test]
    fn each_value_has_the_kind_that_it_looks_like() {
        let attributes =
            parse("cpus:45.55;ports:[10000-20000, 30000-50000];rack:rack1,rack2;a:foo:bar:");

        let texts: Vec<_> = attributes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "cpus=45.55",
                "ports=[10000-20000, 30000-50000]",
                "rack=rack1,rack2",
                "a=foo:bar:"
            ]
        );
        assert_eq!(
            attributes.first("cpus").map(Attribute::value),
            Some(&AttributeValue::Scalar(45.55))
        );
    }

    /// Mirrors: AttributesTest.Equality
    #[test]
    fn attributes_are_equal_in_any_order() {
        assert_eq!(
            parse("cpus:45.55;ports:[1-2,3-4]"),
            parse("ports:[3-4, 1-2];cpus:45.55")
        );
        assert_eq!(parse(""), parse(""));
        assert_ne!(parse("a:1"), parse(""));
        assert_ne!(parse("a:1;b:2"), parse("a:1;b:[2-2]"));
        assert_eq!(parse("r:1;d:x;d:y"), parse("d:y;d:x;r:1"));
    }

    #[test]
    fn bad_attributes_are_named() {
        fails("rack", "Invalid attribute key:value pair 'rack'");
        fails("rack:", "Invalid attribute key:value pair 'rack:'");
        fails(":1", "Invalid attribute key:value pair ':1'");
        fails("a:{x,y}", "Bad type for attribute a text {x,y} type SET");
        fails(
            "a:[1-2",
            "Failed to parse attribute a text [1-2 error Mismatched brackets",
        );
    }

    #[test]
    fn attributes_go_into_messages_and_back() {
        let attributes = parse("rack:r1;level:10;ports:[1-5]");

        assert_eq!(
            Attributes::from_proto(&attributes.to_proto()),
            Ok(attributes)
        );
    }

    #[test]
    fn a_message_without_value_is_refused() {
        let message = v1::Attribute {
            name: Some("a".to_owned()),
            r#type: Some(ValueType::Text.into()),
            ..Default::default()
        };

        assert_eq!(
            Attributes::from_proto(&[message]),
            Err(AttributeError::Message("a".to_owned()))
        );
    }
}
