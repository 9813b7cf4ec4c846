//! Offer operations, and the resources they are about.

use mesos_common::resources::Resources;
use mesos_proto::v1;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::{
    Create, CreateDisk, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve,
};
use mesos_proto::v1::resource::{ReservationInfo, SharedInfo, disk_info, reservation_info};

/// The principal of frameworks and operators in these tests.
pub(crate) const PRINCIPAL: &str = "alice";

/// Resources of a text.
#[track_caller]
pub(crate) fn parsed(text: &str) -> Resources {
    Resources::parse(text).expect("resources")
}

fn each(resources: &Resources, change: impl Fn(&mut v1::Resource)) -> Resources {
    let mut list = resources.to_proto();
    for resource in &mut list {
        change(resource);
    }
    Resources::try_from_proto(&list).expect("valid resources")
}

/// Resources reserved for a role by the principal.
#[track_caller]
pub(crate) fn reserved(text: &str, role: &str) -> Resources {
    reserved_by(text, role, Some(PRINCIPAL))
}

/// Resources reserved for a role, perhaps by a principal.
#[track_caller]
pub(crate) fn reserved_by(text: &str, role: &str, principal: Option<&str>) -> Resources {
    each(&parsed(text), |resource| {
        resource.reservations.push(ReservationInfo {
            r#type: Some(reservation_info::Type::Dynamic.into()),
            role: Some(role.to_owned()),
            principal: principal.map(str::to_owned),
            ..Default::default()
        });
    })
}

/// The disk as a persistent volume of the principal.
pub(crate) fn volume(disk: &Resources, id: &str) -> Resources {
    volume_at(disk, id, "path1")
}

/// The disk as a persistent volume that appears at a path in the container.
pub(crate) fn volume_at(disk: &Resources, id: &str, path: &str) -> Resources {
    each(disk, |resource| {
        let disk = resource.disk.get_or_insert_default();
        disk.persistence = Some(disk_info::Persistence {
            id: Some(id.to_owned()),
            principal: Some(PRINCIPAL.to_owned()),
            ..Default::default()
        });
        disk.volume = Some(
            v1::Volume {
                container_path: Some(path.to_owned()),
                mode: Some(v1::volume::Mode::Rw.into()),
                ..Default::default()
            }
            .into(),
        );
    })
}

/// The volume, shared.
pub(crate) fn shared(volume: &Resources) -> Resources {
    each(volume, |resource| {
        resource.shared = Some(SharedInfo::default());
    })
}

/// The resources, of a resource provider.
pub(crate) fn provided(resources: &Resources, provider: &str) -> Resources {
    each(resources, |resource| {
        resource.provider_id = Some(v1::ResourceProviderId {
            value: Some(provider.to_owned()),
            ..Default::default()
        });
    })
}

/// Whether an offer holds resources, whoever they are allocated to.
pub(crate) fn holds(offer: &v1::Offer, resources: &Resources) -> bool {
    offered(offer).contains(resources)
}

/// What an offer holds, allocated to nobody.
pub(crate) fn offered(offer: &v1::Offer) -> Resources {
    let mut offered = Resources::from_proto(&offer.resources);
    offered.unallocate();
    offered
}

/// The persistent volumes of an offer.
pub(crate) fn volumes_of(offer: &v1::Offer) -> Resources {
    offered(offer).persistent_volumes()
}

fn operation(kind: Type) -> Operation {
    Operation {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

pub(crate) fn reserve(resources: &Resources) -> Operation {
    let mut reserve = operation(Type::Reserve);
    reserve.reserve = Some(Reserve {
        resources: resources.to_proto(),
        ..Default::default()
    });
    reserve
}

pub(crate) fn unreserve(resources: &Resources) -> Operation {
    let mut unreserve = operation(Type::Unreserve);
    unreserve.unreserve = Some(Unreserve {
        resources: resources.to_proto(),
        ..Default::default()
    });
    unreserve
}

pub(crate) fn create(volumes: &Resources) -> Operation {
    let mut create = operation(Type::Create);
    create.create = Some(Create {
        volumes: volumes.to_proto(),
        ..Default::default()
    });
    create
}

pub(crate) fn destroy(volumes: &Resources) -> Operation {
    let mut destroy = operation(Type::Destroy);
    destroy.destroy = Some(Destroy {
        volumes: volumes.to_proto(),
        ..Default::default()
    });
    destroy
}

fn only(resources: &Resources) -> v1::Resource {
    let mut list = resources.to_proto();
    assert_eq!(list.len(), 1, "{resources}");
    list.remove(0)
}

pub(crate) fn grow(volume: &Resources, addition: &Resources) -> Operation {
    let mut grow = operation(Type::GrowVolume);
    grow.grow_volume = Some(GrowVolume {
        volume: Some(only(volume).into()),
        addition: Some(only(addition).into()),
        ..Default::default()
    });
    grow
}

pub(crate) fn shrink(volume: &Resources, subtract: f64) -> Operation {
    let mut shrink = operation(Type::ShrinkVolume);
    shrink.shrink_volume = Some(ShrinkVolume {
        volume: Some(only(volume).into()),
        subtract: Some(v1::value::Scalar {
            value: Some(subtract),
            ..Default::default()
        }),
        ..Default::default()
    });
    shrink
}

pub(crate) fn create_disk(source: &Resources, profile: Option<&str>) -> Operation {
    let mut create = operation(Type::CreateDisk);
    create.create_disk = Some(CreateDisk {
        source: Some(only(source).into()),
        target_type: Some(disk_info::source::Type::Mount.into()),
        target_profile: profile.map(str::to_owned),
        ..Default::default()
    });
    create
}

/// The operation with an id, so that its framework hears of it.
pub(crate) fn named(mut operation: Operation, id: &str) -> Operation {
    operation.id = Some(v1::OperationId {
        value: Some(id.to_owned()),
        ..Default::default()
    });
    operation
}
