//! Reading resources from text: `cpus:4;mem(role):1024`, or a JSON array.
//!
//! Mirrors `Resources::parse` and its helpers in `src/common/resources.cpp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_proto::v1;
use mesos_proto::v1::value::Type as ValueType;
use mesos_proto_codec::{Dialect, Json, JsonError};

use crate::ranges::Ranges;
use crate::resource::{Resource, ResourceValue};
use crate::resources::Resources;
use crate::resources::proto::upgrade_resource;
use crate::resources::validate::ValidationError;
use crate::resources::value_text::{TextValue, ValueTextError, parse_value, tokens};

/// Why a text is not a list of resources.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not of the form `name:value`.
    #[error("Bad value for resources, missing or extra ':' in {piece}")]
    Separator {
        /// The malformed entry.
        piece: String,
    },
    /// The role is not in parentheses.
    #[error("Bad value for resources, mismatched parentheses in {piece}")]
    Parentheses {
        /// The malformed entry.
        piece: String,
    },
    /// The value cannot be read.
    #[error("Failed to parse resource {name} value {value} error {source}")]
    Value {
        /// The resource.
        name: String,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        source: ValueTextError,
    },
    /// The value is a text.
    #[error("Bad type for resource {name} value {value} type TEXT")]
    Text {
        /// The resource.
        name: String,
        /// The value as written.
        value: String,
    },
    /// An element of the array is no resource.
    #[error("Some JSON resources were not formatted properly: {0}")]
    Json(JsonError),
    /// A resource that cannot be.
    #[error("Invalid resource '{name}': {error}")]
    Invalid {
        /// The resource.
        name: String,
        /// What is wrong with it.
        error: ValidationError,
    },
    /// Only frameworks and operators create volumes.
    #[error("Persistent volumes cannot be specified at the command line")]
    PersistentVolume,
    /// Only estimators make revocable resources.
    #[error(
        "Revocable resources cannot be specified at the command line; do not include a 'revocable' key in the resources JSON"
    )]
    Revocable,
    /// Only frameworks and operators reserve.
    #[error(
        "Dynamic reservations cannot be specified at the command line; do not include a reservation with DYNAMIC type in the resources JSON"
    )]
    DynamicReservation,
    /// One name with two kinds of values.
    #[error("Resources with the same name ('{name}') but different types are not allowed")]
    MixedTypes {
        /// The name.
        name: String,
    },
}

impl Resources {
    /// Reads what a command line may say; resources without role are unreserved.
    ///
    /// # Errors
    /// Names the piece that is wrong.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with_role(text, "*")
    }

    /// Reads what a command line may say; resources without role belong to `default_role`.
    ///
    /// # Errors
    /// Names the piece that is wrong.
    pub fn parse_with_role(text: &str, default_role: &str) -> Result<Self, ParseError> {
        let mut result = Self::new();
        for proto in parse_protos(text, default_role)? {
            let name = || proto.name().to_owned();
            let resource = Resource::from_proto(&proto).map_err(|error| ParseError::Invalid {
                name: name(),
                error,
            })?;
            result.add(resource);
        }
        check_command_line(&result)?;
        Ok(result)
    }
}

/// Reads text or JSON without checking the rules of resources.
///
/// The results are in the `reservations` format and may be empty or invalid.
///
/// # Errors
/// Names the piece that cannot be read.
#[doc(alias = "fromString")]
pub fn parse_protos(text: &str, default_role: &str) -> Result<Vec<v1::Resource>, ParseError> {
    match serde_json::from_str::<Vec<&serde_json::value::RawValue>>(text) {
        Ok(elements) => elements
            .into_iter()
            .map(|json| from_json(json.get(), default_role))
            .collect(),
        Err(_not_an_array) => tokens(text, &[';'])
            .map(|piece| from_simple_text(piece, default_role))
            .collect(),
    }
}

fn from_json(json: &str, default_role: &str) -> Result<v1::Resource, ParseError> {
    let mut resource =
        v1::Resource::read_json(Dialect::V0, json.as_bytes()).map_err(ParseError::Json)?;
    if resource.role.is_none() && resource.reservations.is_empty() {
        resource.role = Some(default_role.to_owned());
    }
    upgrade_resource(&mut resource);
    Ok(resource)
}

fn from_simple_text(piece: &str, default_role: &str) -> Result<v1::Resource, ParseError> {
    let pair: Vec<&str> = tokens(piece, &[':']).collect();
    let [key, value] = pair.as_slice() else {
        return Err(ParseError::Separator {
            piece: piece.to_owned(),
        });
    };
    let (name, role) = match key.split_once('(') {
        None => (key.trim(), default_role),
        Some((name, rest)) => match rest.split_once(')') {
            Some((role, _)) if !name.contains(')') => (name.trim(), role.trim()),
            Some(_) | None => {
                return Err(ParseError::Parentheses {
                    piece: piece.to_owned(),
                });
            }
        },
    };
    let mut resource = parse_one(name, value)?;
    resource.role = Some(role.to_owned());
    upgrade_resource(&mut resource);
    Ok(resource)
}

fn parse_one(name: &str, value: &str) -> Result<v1::Resource, ParseError> {
    let own = |text: &str| text.to_owned();
    let parsed = parse_value(value).map_err(|source| ParseError::Value {
        name: own(name),
        value: own(value),
        source,
    })?;
    let mut resource = v1::Resource {
        name: Some(own(name)),
        ..Default::default()
    };
    match parsed {
        TextValue::Scalar(amount) => {
            resource.r#type = Some(ValueType::Scalar.into());
            resource.scalar = Some(v1::value::Scalar {
                value: Some(amount),
                ..Default::default()
            });
        }
        TextValue::Ranges(ranges) => {
            resource.r#type = Some(ValueType::Ranges.into());
            resource.ranges = Some(combined(ranges));
        }
        TextValue::Set(item) => {
            resource.r#type = Some(ValueType::Set.into());
            resource.set = Some(v1::value::Set {
                item,
                ..Default::default()
            });
        }
        TextValue::Text(_) => {
            return Err(ParseError::Text {
                name: own(name),
                value: own(value),
            });
        }
    }
    Ok(resource)
}

/// Merges ranges that touch, unless one is inverted and must be refused later.
fn combined(ranges: Vec<(u64, u64)>) -> v1::value::Ranges {
    let ranges = if ranges.iter().all(|(begin, end)| begin <= end) {
        Ranges::new(ranges)
            .iter()
            .map(|range| (range.begin, range.end))
            .collect()
    } else {
        ranges
    };
    let range = ranges
        .into_iter()
        .map(|(begin, end)| v1::value::Range {
            begin: Some(begin),
            end: Some(end),
            ..Default::default()
        })
        .collect();
    v1::value::Ranges {
        range,
        ..Default::default()
    }
}

fn check_command_line(resources: &Resources) -> Result<(), ParseError> {
    let mut kinds: BTreeMap<&Arc<str>, std::mem::Discriminant<ResourceValue>> = BTreeMap::new();
    for resource in resources {
        if resource.is_persistent_volume() {
            return Err(ParseError::PersistentVolume);
        }
        if resource.is_revocable() {
            return Err(ParseError::Revocable);
        }
        if resource.is_dynamically_reserved() {
            return Err(ParseError::DynamicReservation);
        }
        let kind = std::mem::discriminant(resource.value());
        if *kinds.entry(resource.shared_name()).or_insert(kind) != kind {
            return Err(ParseError::MixedTypes {
                name: resource.name().to_owned(),
            });
        }
    }
    Ok(())
}
