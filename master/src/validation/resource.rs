//! Rules on lists of resources in tasks, executors and operations.

use std::collections::{BTreeMap, BTreeSet};

use mesos_common::resource::Resource;
use mesos_common::resources::{Resources, validate_resources};
use mesos_common::validation::validate_id;
use mesos_proto::v1;
use mesos_proto::v1::resource::reservation_info;
use mesos_proto::v1::volume;

use super::{Check, Invalid, ensure, prefixed};

/// A resource as texts show it.
#[must_use]
pub(crate) fn show(resource: &v1::Resource) -> String {
    Resource::from_proto(resource).map_or_else(
        |_invalid| resource.name().to_owned(),
        |resource| resource.to_string(),
    )
}

fn is_persistent(resource: &v1::Resource) -> bool {
    resource
        .disk
        .as_ref()
        .is_some_and(|_| resource.disk().persistence.is_some())
}

/// The checks that every list in an operation or a task passes, in order.
///
/// # Errors
/// The first broken rule.
pub fn check_list(resources: &[v1::Resource]) -> Check {
    prefixed(validate_resources(resources), "Invalid resources: ")?;
    prefixed(check_gpus(resources), "Invalid 'gpus' resource: ")?;
    for resource in resources {
        prefixed(check_disk(resource), "Invalid DiskInfo: ")?;
    }
    for resource in resources {
        prefixed(check_reservation(resource), "Invalid ReservationInfo: ")?;
    }
    Ok(())
}

fn check_gpus(resources: &[v1::Resource]) -> Check {
    let sum: f64 = resources
        .iter()
        .filter(|resource| resource.name() == "gpus")
        .map(|resource| resource.scalar().value())
        .sum();
    let thousandths = (sum * 1000.0).trunc();
    ensure(thousandths.rem_euclid(1000.0).abs() < f64::EPSILON, || {
        "The 'gpus' resource must be an unsigned integer".into()
    })
}

fn check_disk(resource: &v1::Resource) -> Check {
    if resource.disk.is_none() {
        return Ok(());
    }
    let disk = resource.disk();
    if disk.persistence.is_none() {
        ensure(disk.volume.is_none(), || {
            "Non-persistent volume not supported".into()
        })?;
        return ensure(disk.source.is_some(), || "DiskInfo is set but empty".into());
    }
    ensure(resource.revocable.is_none(), || {
        "Persistent volumes cannot be created from revocable resources".into()
    })?;
    ensure(!resource.reservations.is_empty(), || {
        "Persistent volumes cannot be created from unreserved resources".into()
    })?;
    ensure(disk.volume.is_some(), || {
        "Expecting 'volume' to be set for persistent volume".into()
    })?;
    ensure(disk.volume().host_path.is_none(), || {
        "Expecting 'host_path' to be unset for persistent volume".into()
    })?;
    prefixed(
        validate_id(disk.persistence().id()),
        "Invalid persistence ID for persistent volume: ",
    )
}

fn check_reservation(resource: &v1::Resource) -> Check {
    let dynamic = resource
        .reservations
        .iter()
        .any(|one| one.r#type() == reservation_info::Type::Dynamic);
    ensure(!(dynamic && resource.revocable.is_some()), || {
        format!(
            "Dynamically reserved resource {} cannot be created from revocable resources",
            show(resource)
        )
        .into()
    })
}

/// No persistence id appears twice for one role; copies of a shared volume are one.
///
/// # Errors
/// The repeated id.
pub fn check_unique_persistence(resources: &[v1::Resource]) -> Check {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for volume in Resources::from_proto(resources).persistent_volumes().iter() {
        let role = volume.reservation_role().unwrap_or("*").to_owned();
        let id = volume.disk().and_then(|disk| disk.persistence_id());
        let id = id.unwrap_or_default();
        ensure(seen.entry(role).or_default().insert(id.to_owned()), || {
            format!("Persistence ID '{id}' is not unique").into()
        })?;
    }
    Ok(())
}

/// No name appears both revocable and not.
///
/// # Errors
/// The name.
pub fn check_revocable_mix(resources: &[v1::Resource]) -> Check {
    let mut revocable = BTreeSet::new();
    let mut regular = BTreeSet::new();
    for resource in resources {
        let side = if resource.revocable.is_some() {
            &mut revocable
        } else {
            &mut regular
        };
        side.insert(resource.name());
    }
    match revocable.intersection(&regular).next() {
        Some(name) => Err(format!(
            "Cannot use both revocable and non-revocable '{name}' at the same time"
        )
        .into()),
        None => Ok(()),
    }
}

/// Every resource is a persistent volume.
///
/// # Errors
/// What the first other one lacks.
pub fn check_persistent_volumes(volumes: &[v1::Resource]) -> Check {
    for volume in volumes {
        ensure(volume.disk.is_some(), || {
            format!("Resource {} does not have DiskInfo", show(volume)).into()
        })?;
        ensure(is_persistent(volume), || {
            "'persistence' is not set in DiskInfo".into()
        })?;
        ensure(volume.disk().volume.is_some(), || {
            "Expecting 'volume' to be set for persistent volume".into()
        })?;
        ensure(volume.disk().volume().mode() != volume::Mode::Ro, || {
            "Read-only persistent volume not supported".into()
        })?;
    }
    Ok(())
}

/// All resources are allocated to one role.
///
/// # Errors
/// None is, or there are two.
pub fn check_one_allocation_role(resources: &[v1::Resource]) -> Check {
    let mut role: Option<&str> = None;
    for resource in resources {
        let Some(info) = resource.allocation_info.as_ref() else {
            return Err("The resources are not allocated to a role".into());
        };
        match role {
            None => role = Some(info.role()),
            Some(first) if first != info.role() => {
                return Err(format!(
                    "The resources have multiple allocation roles ('{}' and '{first}') but only \
                     one allocation role is allowed",
                    info.role()
                )
                .into());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// All resources are of one resource provider, or all are the agent's own.
///
/// The text names the provider that was met last first, as the hash set of Mesos does.
///
/// # Errors
/// They are mixed.
pub fn check_one_provider(resources: &[v1::Resource]) -> Check {
    let mut ids: Vec<&str> = Vec::new();
    for id in resources.iter().filter_map(|one| one.provider_id.as_ref()) {
        if !ids.contains(&id.value()) {
            ids.push(id.value());
        }
    }
    let without = resources
        .iter()
        .any(|resource| resource.provider_id.is_none());
    if without && !ids.is_empty() {
        return Err("Some resources have a resource provider and some do not".into());
    }
    if !without && ids.len() != 1 {
        ids.reverse();
        return Err(Invalid::from(format!(
            "The resources have multiple resource providers: {}",
            ids.join(", ")
        )));
    }
    Ok(())
}

/// What two lists both hold of ranges and sets.
#[must_use]
pub fn overlaps(a: &Resources, b: &Resources) -> bool {
    a.iter().any(|one| {
        b.iter().any(|other| {
            one.name() == other.name() && one.same_meta(other) && shares_value(one, other)
        })
    })
}

fn shares_value(a: &Resource, b: &Resource) -> bool {
    use mesos_common::resource::ResourceValue;
    match (a.value(), b.value()) {
        (ResourceValue::Ranges(a), ResourceValue::Ranges(b)) => a
            .iter()
            .any(|x| b.iter().any(|y| x.begin <= y.end && y.begin <= x.end)),
        (ResourceValue::Set(a), ResourceValue::Set(b)) => {
            a.iter().any(|item| b.iter().any(|other| other == item))
        }
        (
            ResourceValue::Scalar(_) | ResourceValue::Ranges(_) | ResourceValue::Set(_),
            ResourceValue::Scalar(_) | ResourceValue::Ranges(_) | ResourceValue::Set(_),
        ) => false,
    }
}
