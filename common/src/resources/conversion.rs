//! What an offer operation does to resources.
//!
//! Mirrors `getResourceConversions` in `src/common/resources_utils.cpp`.

use mesos_proto::v1;
use mesos_proto::v1::offer::operation::Type as OperationType;

use crate::resource::Resource;
use crate::resources::Resources;
use crate::resources::validate::ValidationError;
use crate::scalar::Scalar;

/// Replaces some resources by others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceConversion {
    /// What is taken.
    pub consumed: Resources,
    /// What is given back.
    pub converted: Resources,
    /// What must hold afterwards.
    pub condition: PostCondition,
}

/// What must hold after a conversion.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum PostCondition {
    /// Nothing in particular.
    #[default]
    None,
    /// No further copy of a shared volume is left.
    Gone(Resource),
}

/// Why a conversion cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Too little to take from.
    #[error("{resources} does not contain {missing}")]
    NotContained {
        /// What there is.
        resources: String,
        /// What was to be taken.
        missing: String,
    },
    /// The volume is still in use elsewhere.
    #[error("Persistent volume {volume} cannot be removed due to additional shared copies")]
    SharedCopies {
        /// The volume.
        volume: String,
    },
}

/// Why an operation has no conversion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// No operation type, or one without meaning.
    #[error("Unknown operation")]
    Unknown,
    /// Launches, and operations that a resource provider carries out.
    #[error("Operation not supported")]
    Unsupported,
    /// Resizing a volume of a resource provider.
    #[error("Operation not supported for resource provider")]
    ResourceProvider,
    /// A resource in the operation breaks a rule.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
}

impl ResourceConversion {
    /// A conversion without condition.
    #[must_use]
    pub const fn new(consumed: Resources, converted: Resources) -> Self {
        Self {
            consumed,
            converted,
            condition: PostCondition::None,
        }
    }
}

impl Resources {
    /// Applies one conversion.
    ///
    /// # Errors
    /// When there is too little, or the condition does not hold; nothing is changed.
    pub fn apply(&self, conversion: &ResourceConversion) -> Result<Self, ApplyError> {
        if !self.contains(&conversion.consumed) {
            return Err(ApplyError::NotContained {
                resources: self.to_string(),
                missing: conversion.consumed.to_string(),
            });
        }
        let mut result = self - &conversion.consumed;
        result += &conversion.converted;
        match &conversion.condition {
            PostCondition::Gone(volume) if result.contains_resource(volume) => {
                Err(ApplyError::SharedCopies {
                    volume: volume.to_string(),
                })
            }
            PostCondition::Gone(_) | PostCondition::None => Ok(result),
        }
    }

    /// Applies conversions one after the other.
    ///
    /// # Errors
    /// The first that fails.
    pub fn apply_all<'a>(
        &self,
        conversions: impl IntoIterator<Item = &'a ResourceConversion>,
    ) -> Result<Self, ApplyError> {
        conversions
            .into_iter()
            .try_fold(self.clone(), |result, one| result.apply(one))
    }
}

/// The conversions that an operation asks for.
///
/// # Errors
/// When the operation is of a kind that is not a mere conversion.
#[doc(alias = "getResourceConversions")]
pub fn resource_conversions(
    operation: &v1::offer::Operation,
) -> Result<Vec<ResourceConversion>, ConversionError> {
    match operation.r#type() {
        OperationType::Unknown => Err(ConversionError::Unknown),
        OperationType::Launch
        | OperationType::LaunchGroup
        | OperationType::CreateDisk
        | OperationType::DestroyDisk => Err(ConversionError::Unsupported),
        OperationType::Reserve => {
            let reserved = Resources::from_proto(&operation.reserve().resources);
            let source = &operation.reserve().source;
            let consumed = match source.is_empty() {
                true => reserved.pop_reservation(),
                false => Resources::from_proto(source),
            };
            Ok(vec![ResourceConversion::new(consumed, reserved)])
        }
        OperationType::Unreserve => each(&operation.unreserve().resources, |reserved| {
            let converted = reserved.pop_reservation();
            ResourceConversion::new(reserved.into(), converted.into())
        }),
        OperationType::Create => each(&operation.create().volumes, |volume| {
            let plain = volume.without_persistence();
            ResourceConversion::new(plain.into(), volume.into())
        }),
        OperationType::Destroy => each(&operation.destroy().volumes, |volume| {
            let plain = volume.without_persistence();
            ResourceConversion {
                consumed: volume.clone().into(),
                converted: plain.into(),
                condition: PostCondition::Gone(volume),
            }
        }),
        OperationType::GrowVolume => grow(operation.grow_volume()),
        OperationType::ShrinkVolume => shrink(operation.shrink_volume()),
    }
}

fn each(
    resources: &[v1::Resource],
    convert: impl Fn(Resource) -> ResourceConversion,
) -> Result<Vec<ResourceConversion>, ConversionError> {
    resources
        .iter()
        .map(|resource| Ok(convert(Resource::from_proto(resource)?)))
        .collect()
}

fn grow(
    operation: &v1::offer::operation::GrowVolume,
) -> Result<Vec<ResourceConversion>, ConversionError> {
    let volume = Resource::from_proto(operation.volume())?;
    let addition = Resource::from_proto(operation.addition())?;
    if volume.provider_id().is_some() {
        return Err(ConversionError::ResourceProvider);
    }
    let size = volume.scalar().unwrap_or_default() + addition.scalar().unwrap_or_default();
    let grown = volume.with_scalar(size);
    let mut consumed = Resources::from(volume);
    consumed.add(addition);
    Ok(vec![ResourceConversion::new(consumed, grown.into())])
}

fn shrink(
    operation: &v1::offer::operation::ShrinkVolume,
) -> Result<Vec<ResourceConversion>, ConversionError> {
    let volume = Resource::from_proto(operation.volume())?;
    if volume.provider_id().is_some() {
        return Err(ConversionError::ResourceProvider);
    }
    let freed_size = Scalar::from_f64(operation.subtract().value());
    let freed = volume.with_scalar(freed_size).without_persistence();
    let left = volume.scalar().unwrap_or_default() - freed_size;
    let mut converted = Resources::from(volume.with_scalar(left));
    converted.add(freed);
    Ok(vec![ResourceConversion::new(volume.into(), converted)])
}

/// The resources that an operation takes away.
#[must_use]
pub fn consumed_by(operation: &v1::offer::Operation) -> Resources {
    match operation.r#type() {
        OperationType::CreateDisk => {
            Resources::from_proto(std::slice::from_ref(operation.create_disk().source()))
        }
        OperationType::DestroyDisk => {
            Resources::from_proto(std::slice::from_ref(operation.destroy_disk().source()))
        }
        OperationType::Reserve
        | OperationType::Unreserve
        | OperationType::Create
        | OperationType::Destroy
        | OperationType::GrowVolume
        | OperationType::ShrinkVolume => {
            let mut consumed = Resources::new();
            for conversion in resource_conversions(operation).unwrap_or_default() {
                consumed += &conversion.consumed;
            }
            consumed
        }
        OperationType::Unknown | OperationType::Launch | OperationType::LaunchGroup => {
            Resources::new()
        }
    }
}
