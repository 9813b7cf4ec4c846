//! Resources in few words.
//!
//! # Examples
//! ```
//! use mesos_scheduler::resources;
//!
//! let disk = resources::reserved([resources::scalar("disk", 64.0)], "web", None);
//! let volume = resources::volume(disk, "journal", "data");
//!
//! assert_eq!(volume[0].reservations[0].role(), "web");
//! assert_eq!(volume[0].disk().persistence().id(), "journal");
//! ```

use mesos_common::resources::Resources;
use mesos_proto::v1::resource::disk_info::Persistence;
use mesos_proto::v1::resource::{DiskInfo, ReservationInfo, reservation_info};
use mesos_proto::v1::value::{Range, Ranges, Scalar, Set, Type};
use mesos_proto::v1::volume::Mode;
use mesos_proto::v1::{Offer, Resource, Volume};

pub use mesos_common::resources::ParseError;

/// An amount, such as `scalar("cpus", 0.5)`.
#[must_use]
pub fn scalar(name: &str, amount: f64) -> Resource {
    Resource {
        name: Some(name.to_owned()),
        r#type: Some(Type::Scalar.into()),
        scalar: Some(Scalar {
            value: Some(amount),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// CPUs, and memory in MB.
#[must_use]
pub fn cpus_mem(cpus: f64, mem: f64) -> [Resource; 2] {
    [scalar("cpus", cpus), scalar("mem", mem)]
}

/// Numbers, such as `ranges("ports", [(31000, 31001)])`; both ends are included.
#[must_use]
pub fn ranges(name: &str, ranges: impl IntoIterator<Item = (u64, u64)>) -> Resource {
    let range = ranges.into_iter().map(|(begin, end)| Range {
        begin: Some(begin),
        end: Some(end),
        ..Default::default()
    });
    Resource {
        name: Some(name.to_owned()),
        r#type: Some(Type::Ranges.into()),
        ranges: Some(Ranges {
            range: range.collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Items by name.
#[must_use]
pub fn set(name: &str, items: impl IntoIterator<Item = impl Into<String>>) -> Resource {
    let item = items.into_iter().map(Into::into).collect();
    Resource {
        name: Some(name.to_owned()),
        r#type: Some(Type::Set.into()),
        set: Some(Set {
            item,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Reads the text form of agents and operators: `cpus:1;mem:128;ports:[31000-31001]`.
///
/// # Errors
/// [`ParseError`] names the part that cannot be read.
pub fn parse(text: &str) -> Result<Vec<Resource>, ParseError> {
    Ok(Resources::parse(text)?.to_proto())
}

/// The same resources, reserved dynamically for a role. Where the master knows the framework by a
/// principal, it must be named here too.
#[must_use]
pub fn reserved(
    resources: impl IntoIterator<Item = Resource>,
    role: &str,
    principal: Option<&str>,
) -> Vec<Resource> {
    let reservation = ReservationInfo {
        r#type: Some(reservation_info::Type::Dynamic.into()),
        role: Some(role.to_owned()),
        principal: principal.map(str::to_owned),
        ..Default::default()
    };
    let reserve = |mut resource: Resource| {
        resource.reservations.push(reservation.clone());
        resource
    };
    resources.into_iter().map(reserve).collect()
}

/// The same reserved disk, as a persistent volume that tasks see at `container_path` of their
/// sandbox.
#[must_use]
pub fn volume(
    disk: impl IntoIterator<Item = Resource>,
    id: &str,
    container_path: &str,
) -> Vec<Resource> {
    let persist = |mut resource: Resource| {
        let reservation = resource.reservations.last();
        let persistence = Persistence {
            id: Some(id.to_owned()),
            principal: reservation.and_then(|reservation| reservation.principal.clone()),
            ..Default::default()
        };
        let volume = Volume {
            mode: Some(Mode::Rw.into()),
            container_path: Some(container_path.to_owned()),
            ..Default::default()
        };
        let disk = DiskInfo {
            persistence: Some(persistence),
            volume: Some(volume.into()),
            ..Default::default()
        };
        resource.disk = Some(disk.into());
        resource
    };
    disk.into_iter().map(persist).collect()
}

/// How much of an amount an offer has, whatever it is reserved for.
#[must_use]
pub fn offered(offer: &Offer, name: &str) -> f64 {
    let named = offer
        .resources
        .iter()
        .filter(|resource| resource.name() == name);
    named.map(|resource| resource.scalar().value()).sum()
}
