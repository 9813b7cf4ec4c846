//! Resources to and from their wire form, in its three formats.
//!
//! Mirrors `convertResourceFormat` in `src/common/resources_utils.cpp`.
//!
//! # Wire
//! - Pre-refinement: `role` and `reservation`; at most one reservation.
//! - Post-refinement: `reservations`.
//! - Endpoint: both, where both can say it.

use std::sync::Arc;

use mesos_proto::v1;
use mesos_proto::v1::resource::disk_info;
use mesos_proto::v1::resource::disk_info::source::Type as SourceType;
use mesos_proto::v1::resource::reservation_info::Type as ReservationType;
use mesos_proto::v1::value::Type as ValueType;

use crate::ranges::Ranges;
use crate::resource::{
    Disk, DiskRoot, DiskSource, DiskSourceKind, Label, Meta, Persistence, Reservation,
    ReservationKind, Resource, ResourceValue, SharedMeta,
};
use crate::resources::unknown::UnknownParts;
use crate::resources::validate::{InvalidResource, ValidationError, validate_resource};
use crate::resources::{Resources, validate_resources};
use crate::scalar::Scalar;
use crate::value_set::ValueSet;

/// Several reservations cannot be said in the old format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Cannot downgrade resources containing refined reservations")]
pub struct RefinedReservation;

/// Rewrites a valid resource into the `reservations` format.
pub fn upgrade_resource(resource: &mut v1::Resource) {
    let old = resource.reservation.take();
    let role = resource.role.take();
    if !resource.reservations.is_empty() {
        return;
    }
    let Some(role) = role.filter(|role| role != "*") else {
        return;
    };
    let (kind, mut reservation) = match old {
        Some(reservation) => (ReservationType::Dynamic, *reservation),
        None => (
            ReservationType::Static,
            v1::resource::ReservationInfo::default(),
        ),
    };
    reservation.r#type = Some(kind.into());
    reservation.role = Some(role);
    resource.reservations.push(reservation);
}

/// Rewrites a resource in the `reservations` format into the old one.
///
/// # Errors
/// When it has more than one reservation; it is then left alone.
pub fn downgrade_resource(resource: &mut v1::Resource) -> Result<(), RefinedReservation> {
    if resource.reservations.len() > 1 {
        return Err(RefinedReservation);
    }
    set_old_fields(resource);
    resource.reservations.clear();
    Ok(())
}

/// Sets `role` and `reservation` beside `reservations`.
fn set_old_fields(resource: &mut v1::Resource) {
    match resource.reservations.as_slice() {
        [] => resource.role = Some("*".to_owned()),
        [single] => {
            resource.role = Some(single.role().to_owned());
            if single.r#type() == ReservationType::Dynamic {
                let mut old = single.clone();
                old.r#type = None;
                old.role = None;
                resource.reservation = Some(old.into());
            }
        }
        [..] => {}
    }
}

impl Resources {
    /// Reads resources of any format; invalid and empty ones are dropped.
    #[must_use]
    pub fn from_proto(resources: &[v1::Resource]) -> Self {
        resources
            .iter()
            .filter_map(|resource| Resource::from_proto(resource).ok())
            .collect()
    }

    /// Reads resources of any format.
    ///
    /// # Errors
    /// The first invalid resource.
    pub fn try_from_proto(resources: &[v1::Resource]) -> Result<Self, InvalidResource> {
        validate_resources(resources)?;
        Ok(Self::from_proto(resources))
    }

    /// Writes the `reservations` format; a shared resource is written once.
    #[must_use]
    pub fn to_proto(&self) -> Vec<v1::Resource> {
        self.iter().map(Resource::to_proto).collect()
    }

    /// Writes the old format.
    ///
    /// # Errors
    /// When a resource has more than one reservation.
    pub fn to_proto_pre_refinement(&self) -> Result<Vec<v1::Resource>, RefinedReservation> {
        let mut all = self.to_proto();
        all.iter_mut().try_for_each(downgrade_resource)?;
        Ok(all)
    }

    /// Writes both formats at once, as the endpoints show it.
    #[must_use]
    pub fn to_proto_endpoint(&self) -> Vec<v1::Resource> {
        let mut all = self.to_proto();
        all.iter_mut().for_each(set_old_fields);
        all
    }
}

impl Resource {
    /// Reads a resource of any format.
    ///
    /// # Errors
    /// When it breaks a rule.
    pub fn from_proto(resource: &v1::Resource) -> Result<Self, ValidationError> {
        validate_resource(resource)?;
        Ok(Self::from_unchecked(resource))
    }

    fn from_unchecked(resource: &v1::Resource) -> Self {
        let value = match resource.r#type() {
            ValueType::Ranges => {
                let ranges = &resource.ranges().range;
                ResourceValue::Ranges(Ranges::new(
                    ranges.iter().map(|one| (one.begin(), one.end())),
                ))
            }
            ValueType::Set => ResourceValue::Set(ValueSet::new(
                resource.set().item.iter().map(String::as_str),
            )),
            ValueType::Scalar | ValueType::Text => {
                ResourceValue::Scalar(Scalar::from_f64(resource.scalar().value()))
            }
        };
        let allocation = resource.allocation_info().role.as_deref().map(Arc::from);
        let meta = Meta {
            name: SharedMeta::name(resource.name()),
            reservations: read_reservations(resource),
            disk: resource.disk.is_some().then(|| read_disk(resource.disk())),
            provider_id: resource
                .provider_id
                .is_some()
                .then(|| resource.provider_id().value().to_owned()),
            revocable: resource.revocable.is_some(),
            shared: resource.shared.is_some(),
            unknown: UnknownParts::of(resource),
        };
        Self {
            meta: SharedMeta::new(meta),
            allocation,
            value,
            copies: 1,
        }
    }

    /// Writes the `reservations` format.
    #[must_use]
    pub fn to_proto(&self) -> v1::Resource {
        let mut result = v1::Resource {
            name: Some(self.name().to_owned()),
            ..Default::default()
        };
        match self.value() {
            ResourceValue::Scalar(amount) => {
                result.r#type = Some(ValueType::Scalar.into());
                result.scalar = Some(v1::value::Scalar {
                    value: Some(amount.to_f64()),
                    ..Default::default()
                });
            }
            ResourceValue::Ranges(ranges) => {
                let range = ranges
                    .iter()
                    .map(|one| v1::value::Range {
                        begin: Some(one.begin),
                        end: Some(one.end),
                        ..Default::default()
                    })
                    .collect();
                result.r#type = Some(ValueType::Ranges.into());
                result.ranges = Some(v1::value::Ranges {
                    range,
                    ..Default::default()
                });
            }
            ResourceValue::Set(set) => {
                let item = set.iter().map(ToString::to_string).collect();
                result.r#type = Some(ValueType::Set.into());
                result.set = Some(v1::value::Set {
                    item,
                    ..Default::default()
                });
            }
        }
        if let Some(role) = self.allocation_role() {
            let role = Some(role.to_string());
            result.allocation_info = Some(v1::resource::AllocationInfo {
                role,
                ..Default::default()
            });
        }
        result.reservations = self.reservations().iter().map(write_reservation).collect();
        result.disk = self.disk().map(|disk| write_disk(disk).into());
        if let Some(id) = self.provider_id() {
            let value = Some(id.to_owned());
            result.provider_id = Some(v1::ResourceProviderId {
                value,
                ..Default::default()
            });
        }
        if self.is_revocable() {
            result.revocable = Some(v1::resource::RevocableInfo::default());
        }
        if self.is_shared() {
            result.shared = Some(v1::resource::SharedInfo::default());
        }
        if let Some(unknown) = &self.meta.unknown {
            unknown.put(&mut result);
        }
        result
    }
}

fn read_labels(labels: &v1::Labels) -> Vec<Label> {
    let labels = labels.labels.iter();
    labels
        .map(|label| Label {
            key: label.key().to_owned(),
            value: label.value.clone(),
        })
        .collect()
}

fn write_labels(labels: &[Label]) -> v1::Labels {
    let labels = labels
        .iter()
        .map(|label| v1::Label {
            key: Some(label.key.clone()),
            value: label.value.clone(),
            ..Default::default()
        })
        .collect();
    v1::Labels {
        labels,
        ..Default::default()
    }
}

fn read_reservations(resource: &v1::Resource) -> Vec<Reservation> {
    let mut upgraded = v1::Resource::default();
    let reservations = if resource.reservations.is_empty() && resource.role.is_some() {
        upgraded.role.clone_from(&resource.role);
        upgraded.reservation.clone_from(&resource.reservation);
        upgrade_resource(&mut upgraded);
        &upgraded.reservations
    } else {
        &resource.reservations
    };
    reservations.iter().map(read_reservation).collect()
}

fn read_reservation(reservation: &v1::resource::ReservationInfo) -> Reservation {
    let kind = match reservation.r#type() {
        ReservationType::Static => ReservationKind::Static,
        ReservationType::Dynamic | ReservationType::Unknown => ReservationKind::Dynamic,
    };
    Reservation {
        kind,
        role: reservation.role().into(),
        principal: reservation.principal.clone(),
        labels: reservation
            .labels
            .is_some()
            .then(|| read_labels(reservation.labels())),
    }
}

fn write_reservation(reservation: &Reservation) -> v1::resource::ReservationInfo {
    let kind = match reservation.kind {
        ReservationKind::Static => ReservationType::Static,
        ReservationKind::Dynamic => ReservationType::Dynamic,
    };
    v1::resource::ReservationInfo {
        r#type: Some(kind.into()),
        role: Some(reservation.role.to_string()),
        principal: reservation.principal.clone(),
        labels: reservation
            .labels
            .as_ref()
            .map(|labels| write_labels(labels)),
        ..Default::default()
    }
}

fn read_disk(disk: &v1::resource::DiskInfo) -> Disk {
    let persistence = disk.persistence.is_some().then(|| Persistence {
        id: disk.persistence().id().to_owned(),
        principal: disk.persistence().principal.clone(),
    });
    Disk {
        source: disk.source.is_some().then(|| read_source(disk.source())),
        persistence,
        volume: disk
            .volume
            .is_some()
            .then(|| Arc::new(disk.volume().clone())),
    }
}

fn read_source(source: &disk_info::Source) -> DiskSource {
    let kind = match source.r#type() {
        SourceType::Path => DiskSourceKind::Path,
        SourceType::Mount => DiskSourceKind::Mount,
        SourceType::Block => DiskSourceKind::Block,
        SourceType::Raw | SourceType::Unknown => DiskSourceKind::Raw,
    };
    DiskSource {
        kind,
        path: source
            .path
            .is_some()
            .then(|| DiskRoot(source.path().root.clone())),
        mount: source
            .mount
            .is_some()
            .then(|| DiskRoot(source.mount().root.clone())),
        vendor: source.vendor.clone(),
        id: source.id.clone(),
        metadata: source
            .metadata
            .is_some()
            .then(|| read_labels(source.metadata())),
        profile: source.profile.clone(),
    }
}

fn write_disk(disk: &Disk) -> v1::resource::DiskInfo {
    let persistence = disk
        .persistence
        .as_ref()
        .map(|persistence| disk_info::Persistence {
            id: Some(persistence.id.clone()),
            principal: persistence.principal.clone(),
            ..Default::default()
        });
    v1::resource::DiskInfo {
        persistence,
        volume: disk
            .volume
            .as_ref()
            .map(|volume| v1::Volume::clone(volume).into()),
        source: disk
            .source
            .as_ref()
            .map(|source| write_source(source).into()),
        ..Default::default()
    }
}

fn write_source(source: &DiskSource) -> disk_info::Source {
    let kind = match source.kind {
        DiskSourceKind::Path => SourceType::Path,
        DiskSourceKind::Mount => SourceType::Mount,
        DiskSourceKind::Block => SourceType::Block,
        DiskSourceKind::Raw => SourceType::Raw,
    };
    let path = source
        .path
        .as_ref()
        .map(|DiskRoot(root)| disk_info::source::Path {
            root: root.clone(),
            ..Default::default()
        });
    let mount = source
        .mount
        .as_ref()
        .map(|DiskRoot(root)| disk_info::source::Mount {
            root: root.clone(),
            ..Default::default()
        });
    disk_info::Source {
        r#type: Some(kind.into()),
        path,
        mount,
        vendor: source.vendor.clone(),
        id: source.id.clone(),
        metadata: source.metadata.as_ref().map(|labels| write_labels(labels)),
        profile: source.profile.clone(),
        ..Default::default()
    }
}

/// Prints a resource that may be invalid, as far as it can be read.
pub(crate) fn print_resource(resource: &v1::Resource) -> String {
    let mut readable = resource.clone();
    readable.role = None;
    readable.reservation = None;
    Resource::from_unchecked(&readable).to_string()
}

/// Prints labels as `{key: value, key}`.
pub(crate) fn print_labels(labels: &v1::Labels) -> String {
    let labels: Vec<String> = labels
        .labels
        .iter()
        .map(|label| match &label.value {
            Some(value) => format!("{}: {value}", label.key()),
            None => label.key().to_owned(),
        })
        .collect();
    format!("{{{}}}", labels.join(", "))
}
