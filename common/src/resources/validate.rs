//! Rules that one resource from outside must obey.
//!
//! Mirrors `Resources::validate` in `src/common/resources.cpp`.
//!
//! # Wire
//! The texts of the errors reach clients and are promises.

use std::collections::{BTreeMap, HashSet};

use mesos_proto::v1;
use mesos_proto::v1::resource::disk_info::source::Type as SourceType;
use mesos_proto::v1::resource::reservation_info::Type as ReservationType;
use mesos_proto::v1::value::Type as ValueType;

use crate::resources::proto::{print_labels, print_resource};
use crate::roles::{self, RoleError};

/// Why a resource is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// No name.
    #[error("Empty resource name")]
    EmptyName,
    /// A type number without meaning.
    #[error("Invalid resource type")]
    UnknownType,
    /// Scalar missing, or another value present.
    #[error("Invalid scalar resource")]
    Scalar,
    /// Negative, not a number, or so small that it counts as zero.
    #[error("Invalid scalar resource: value <= 0")]
    ScalarValue,
    /// More than can be counted.
    #[error("Invalid scalar resource: value is too large")]
    ScalarTooLarge,
    /// Ranges missing, or another value present.
    #[error("Invalid ranges resource")]
    Ranges,
    /// A range that ends before it begins.
    #[error("Invalid ranges resource: begin > end")]
    InvertedRange,
    /// Two ranges share a number.
    #[error("Invalid ranges resource: overlapping ranges")]
    OverlappingRanges,
    /// Set missing, or another value present.
    #[error("Invalid set resource")]
    Set,
    /// An item appears twice.
    #[error("Invalid set resource: duplicated elements")]
    DuplicateItems,
    /// A text.
    #[error("Unsupported resource type")]
    UnsupportedType,
    /// Disk details on something that is not a disk.
    #[error("DiskInfo should not be set for {name} resource")]
    DiskInfo {
        /// The resource.
        name: String,
    },
    /// A source type with a field of another type.
    #[error("{field} should not be set for {kind} disk source")]
    DiskSource {
        /// `Mount` or `Path`.
        field: &'static str,
        /// The type of the source.
        kind: &'static str,
    },
    /// A source type without meaning.
    #[error("Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'")]
    UnknownDiskSource,
    /// A role name that cannot be.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The old reservation field with a field of the new ones.
    #[error(
        "'Resource.ReservationInfo.{field}' must not be set for the 'Resource.reservation' field"
    )]
    OldReservationField {
        /// `type` or `role`.
        field: &'static str,
    },
    /// A reservation for everybody, in the old format.
    #[error("Invalid reservation: role \"*\" cannot be dynamically reserved")]
    StarDynamic,
    /// A reservation without type or role.
    #[error("Invalid reservation: 'Resource.ReservationInfo.{field}' field must be set.")]
    MissingReservationField {
        /// `type` or `role`.
        field: &'static str,
    },
    /// A reservation for everybody.
    #[error("Invalid reservation: role \"*\" cannot be reserved")]
    StarReserved,
    /// A static reservation on top of another.
    #[error("Invalid refined reservation: A refined reservation cannot be STATIC")]
    StaticRefinement,
    /// A reservation that leaves the subtree of the one below.
    #[error("Invalid refined reservation: role '{role}' is not a refinement of '{ancestor}'")]
    NotRefined {
        /// The role of the reservation.
        role: String,
        /// The role of the one below.
        ancestor: String,
    },
    /// Old and new format disagree about the role.
    #[error(
        "Invalid resource format: 'Resource.role' field with '{old}' does not match the role '{new}' in 'Resource.reservations'"
    )]
    RoleMismatch {
        /// In the old field.
        old: String,
        /// In the new field.
        new: String,
    },
    /// The old field says dynamic, the new one static.
    #[error(
        "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in 'Resource.reservations' is STATIC"
    )]
    StaticWithReservation,
    /// Only half of the old format.
    #[error(
        "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC"
    )]
    HalfOldFormat,
    /// Old and new format disagree.
    #[error(
        "Invalid resource format: 'Resource.reservation.{field}' field with '{old}' does not match the {field} '{new}' in 'Resource.reservations'"
    )]
    ReservationMismatch {
        /// `principal` or `labels`.
        field: &'static str,
        /// In the old field.
        old: String,
        /// In the new field.
        new: String,
    },
    /// A reservation type without meaning.
    #[error("Unsupported 'Resource.ReservationInfo.Type'")]
    UnknownReservationType,
    /// The old format cannot say what several reservations say.
    #[error(
        "Invalid resource format: '{field}' must not be set if there is more than one reservation in 'Resource.reservations'"
    )]
    OldFieldWithRefinement {
        /// `Resource.role` or `Resource.reservation`.
        field: &'static str,
    },
    /// Only disks can be shared.
    #[error("Resource {name} cannot be shared")]
    SharedKind {
        /// The resource.
        name: String,
    },
    /// Only persistent volumes can be shared.
    #[error("Only persistent volumes can be shared")]
    SharedDisk,
}

/// Which of several resources is not valid, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Resource '{resource}' is invalid: {error}")]
pub struct InvalidResource {
    /// The text form of the resource.
    pub resource: String,
    /// What is wrong with it.
    pub error: ValidationError,
}

/// Checks one resource.
///
/// # Errors
/// The first rule that it breaks.
pub fn validate_resource(resource: &v1::Resource) -> Result<(), ValidationError> {
    if resource.name().is_empty() {
        return Err(ValidationError::EmptyName);
    }
    validate_value(resource)?;
    validate_disk(resource)?;
    if resource.reservations.is_empty() {
        validate_old_reservation(resource)?;
    } else {
        validate_reservations(resource)?;
    }
    validate_shared(resource)
}

/// Checks a list of resources.
///
/// # Errors
/// The first resource that breaks a rule.
pub fn validate_resources(resources: &[v1::Resource]) -> Result<(), InvalidResource> {
    for resource in resources {
        validate_resource(resource).map_err(|error| InvalidResource {
            resource: print_resource(resource),
            error,
        })?;
    }
    Ok(())
}

fn validate_value(resource: &v1::Resource) -> Result<(), ValidationError> {
    let number = resource.r#type.unwrap_or_default();
    let Ok(kind) = ValueType::try_from(number) else {
        return Err(ValidationError::UnknownType);
    };
    let fields = (
        resource.scalar.is_some(),
        resource.ranges.is_some(),
        resource.set.is_some(),
    );
    match kind {
        ValueType::Scalar if fields != (true, false, false) => Err(ValidationError::Scalar),
        ValueType::Scalar => validate_scalar(resource.scalar().value()),
        ValueType::Ranges if fields != (false, true, false) => Err(ValidationError::Ranges),
        ValueType::Ranges => validate_ranges(resource.ranges()),
        ValueType::Set if fields != (false, false, true) => Err(ValidationError::Set),
        ValueType::Set => validate_set(resource.set()),
        ValueType::Text => Err(ValidationError::UnsupportedType),
    }
}

/// The largest value that can be counted in thousandths and still be added to others.
const LARGEST: f64 = 1e15;

fn validate_scalar(value: f64) -> Result<(), ValidationError> {
    if value == 0.0 {
        return Ok(());
    }
    if value.is_nan() || (value * 1000.0).round() < 1.0 {
        return Err(ValidationError::ScalarValue);
    }
    if value > LARGEST {
        return Err(ValidationError::ScalarTooLarge);
    }
    Ok(())
}

fn validate_ranges(ranges: &v1::value::Ranges) -> Result<(), ValidationError> {
    // Maps begins to ends, both ascending, of the ranges seen so far that can still matter.
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for range in &ranges.range {
        let (begin, end) = (range.begin(), range.end());
        if begin > end {
            return Err(ValidationError::InvertedRange);
        }
        if seen
            .range(..=begin)
            .next_back()
            .is_some_and(|(_, last)| begin <= *last)
        {
            return Err(ValidationError::OverlappingRanges);
        }
        while let Some((inner, _)) = seen.range(begin..).next().filter(|(_, last)| **last <= end) {
            let inner = *inner;
            seen.remove(&inner);
        }
        seen.insert(begin, end);
    }
    Ok(())
}

fn validate_set(set: &v1::value::Set) -> Result<(), ValidationError> {
    let mut seen = HashSet::with_capacity(set.item.len());
    if set.item.iter().all(|item| seen.insert(item)) {
        Ok(())
    } else {
        Err(ValidationError::DuplicateItems)
    }
}

fn validate_disk(resource: &v1::Resource) -> Result<(), ValidationError> {
    if resource.disk.is_none() {
        return Ok(());
    }
    if resource.name() != "disk" {
        return Err(ValidationError::DiskInfo {
            name: resource.name().to_owned(),
        });
    }
    let disk = resource.disk();
    if disk.source.is_none() {
        return Ok(());
    }
    let source = disk.source();
    let kind = source.r#type();
    match kind {
        SourceType::Path | SourceType::Mount => Ok(()),
        SourceType::Block | SourceType::Raw => {
            let kind = kind.as_str_name();
            if source.mount.is_some() {
                return Err(ValidationError::DiskSource {
                    field: "Mount",
                    kind,
                });
            }
            if source.path.is_some() {
                return Err(ValidationError::DiskSource {
                    field: "Path",
                    kind,
                });
            }
            Ok(())
        }
        SourceType::Unknown => Err(ValidationError::UnknownDiskSource),
    }
}

fn validate_role(text: &str) -> Result<(), ValidationError> {
    Ok(roles::validate(text)?)
}

fn validate_old_reservation(resource: &v1::Resource) -> Result<(), ValidationError> {
    validate_role(resource.role())?;
    if resource.reservation.is_none() {
        return Ok(());
    }
    let reservation = resource.reservation();
    if reservation.r#type.is_some() {
        return Err(ValidationError::OldReservationField { field: "type" });
    }
    if reservation.role.is_some() {
        return Err(ValidationError::OldReservationField { field: "role" });
    }
    if resource.role() == "*" {
        return Err(ValidationError::StarDynamic);
    }
    Ok(())
}

fn validate_reservations(resource: &v1::Resource) -> Result<(), ValidationError> {
    for reservation in &resource.reservations {
        if reservation.r#type.is_none() {
            return Err(ValidationError::MissingReservationField { field: "type" });
        }
        if reservation.role.is_none() {
            return Err(ValidationError::MissingReservationField { field: "role" });
        }
        validate_role(reservation.role())?;
        if reservation.role() == "*" {
            return Err(ValidationError::StarReserved);
        }
    }
    for (below, above) in resource
        .reservations
        .iter()
        .zip(resource.reservations.iter().skip(1))
    {
        if above.r#type() == ReservationType::Static {
            return Err(ValidationError::StaticRefinement);
        }
        let (role, ancestor) = (above.role(), below.role());
        if !roles::is_strict_subrole(role, ancestor) {
            return Err(ValidationError::NotRefined {
                role: role.to_owned(),
                ancestor: ancestor.to_owned(),
            });
        }
    }
    match resource.reservations.as_slice() {
        [single] => validate_single(resource, single),
        all if all
            .iter()
            .any(|one| one.r#type() == ReservationType::Unknown) =>
        {
            Err(ValidationError::UnknownReservationType)
        }
        _ if resource.role.is_some() => Err(ValidationError::OldFieldWithRefinement {
            field: "Resource.role",
        }),
        _ if resource.reservation.is_some() => Err(ValidationError::OldFieldWithRefinement {
            field: "Resource.reservation",
        }),
        _ => Ok(()),
    }
}

/// The endpoint format sets old and new fields; they must agree.
fn validate_single(
    resource: &v1::Resource,
    single: &v1::resource::ReservationInfo,
) -> Result<(), ValidationError> {
    if resource.role.is_some() && resource.role() != single.role() {
        return Err(ValidationError::RoleMismatch {
            old: resource.role().to_owned(),
            new: single.role().to_owned(),
        });
    }
    match single.r#type() {
        ReservationType::Unknown => return Err(ValidationError::UnknownReservationType),
        ReservationType::Static if resource.reservation.is_some() => {
            return Err(ValidationError::StaticWithReservation);
        }
        ReservationType::Static => return Ok(()),
        ReservationType::Dynamic => {}
    }
    if resource.role.is_some() != resource.reservation.is_some() {
        return Err(ValidationError::HalfOldFormat);
    }
    if resource.reservation.is_none() {
        return Ok(());
    }
    let old = resource.reservation();
    if old.principal() != single.principal() {
        return Err(ValidationError::ReservationMismatch {
            field: "principal",
            old: old.principal().to_owned(),
            new: single.principal().to_owned(),
        });
    }
    if old.labels() != single.labels() {
        return Err(ValidationError::ReservationMismatch {
            field: "labels",
            old: print_labels(old.labels()),
            new: print_labels(single.labels()),
        });
    }
    Ok(())
}

fn validate_shared(resource: &v1::Resource) -> Result<(), ValidationError> {
    if resource.shared.is_none() {
        return Ok(());
    }
    if resource.name() != "disk" {
        return Err(ValidationError::SharedKind {
            name: resource.name().to_owned(),
        });
    }
    if resource.disk.is_none() || resource.disk().persistence.is_none() {
        return Err(ValidationError::SharedDisk);
    }
    Ok(())
}
