//! What offer operations do to resources.

use super::*;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::{self, Type};

fn conversions(operation: &Operation) -> Vec<ResourceConversion> {
    resource_conversions(operation).expect("a conversion")
}

fn apply(resources: &Resources, operation: &Operation) -> Result<Resources, ApplyError> {
    resources.apply_all(&conversions(operation))
}

fn of(kind: Type) -> Operation {
    Operation {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

fn reserve(resources: &Resources) -> Operation {
    let reserve = operation::Reserve {
        resources: resources.to_proto(),
        ..Default::default()
    };
    Operation {
        reserve: Some(reserve),
        ..of(Type::Reserve)
    }
}

fn unreserve(resources: &Resources) -> Operation {
    let unreserve = operation::Unreserve {
        resources: resources.to_proto(),
        ..Default::default()
    };
    Operation {
        unreserve: Some(unreserve),
        ..of(Type::Unreserve)
    }
}

fn create(volume: &Resource) -> Operation {
    let create = operation::Create {
        volumes: vec![volume.to_proto()],
        ..Default::default()
    };
    Operation {
        create: Some(create),
        ..of(Type::Create)
    }
}

fn destroy(volume: &Resource) -> Operation {
    let destroy = operation::Destroy {
        volumes: vec![volume.to_proto()],
        ..Default::default()
    };
    Operation {
        destroy: Some(destroy),
        ..of(Type::Destroy)
    }
}

fn plus(text: &str, resource: &Resource) -> Resources {
    let mut resources = parse(text);
    resources.add(resource.clone());
    resources
}

/// Mirrors: ResourcesOperationTest.ReserveResources
/// Mirrors: ResourcesOperationTest.FlattenResources
#[test]
fn reserving_takes_unreserved_resources() {
    let unreserved = parse("cpus:1;mem:512");
    let wanted = reserved("cpus:1", &dynamic("role", "principal"));

    assert_eq!(
        apply(&unreserved, &reserve(&wanted)),
        Ok(parse("mem:512") + &wanted)
    );

    let too_much = reserved("cpus:2", &dynamic("role", "principal"));
    assert!(apply(&unreserved, &reserve(&too_much)).is_err());
}

#[test]
fn reserving_with_a_source_replaces_the_source() {
    let from = reserved("cpus:1", &dynamic("a", "p"));
    let to = reserved("cpus:1", &dynamic("b", "q"));
    let mut operation = reserve(&to);
    let inner = operation::Reserve {
        resources: to.to_proto(),
        source: from.to_proto(),
        ..Default::default()
    };
    operation.reserve = Some(inner);

    assert_eq!(apply(&from, &operation), Ok(to));
}

/// Mirrors: ResourcesOperationTest.UnreserveResources
#[test]
fn unreserving_gives_back_one_reservation() {
    let cpus = reserved("cpus:1", &dynamic("role", "principal"));
    let mem = reserved("mem:512", &dynamic("role", "principal"));

    let left = apply(&(&cpus + &mem), &unreserve(&cpus));

    assert_eq!(left, Ok(parse("cpus:1") + &mem));
    let too_much = reserved("cpus:2", &dynamic("role", "principal"));
    assert!(apply(&(&cpus + &mem), &unreserve(&too_much)).is_err());
}

/// Mirrors: ResourcesOperationTest.CreatePersistentVolume
#[test]
fn a_volume_is_made_of_reserved_disk() {
    let total = parse("cpus:1;mem:512;disk(role):1000");
    let volume = disk("200", "role", "1", "path");

    let made = apply(&total, &create(&volume)).expect("enough disk");

    assert_eq!(made, plus("cpus:1;mem:512;disk(role):800", &volume));
    assert_eq!(apply(&made, &destroy(&volume)), Ok(total.clone()));
    assert!(apply(&total, &create(&disk("2000", "role", "1", "path"))).is_err());
}

/// Mirrors: ResourcesOperationTest.CreatePersistentVolumeFromMount
#[test]
fn a_volume_on_a_mount_takes_all_of_it() {
    let mount = || Some(source(DiskSourceKind::Mount, "mnt"));
    let total = Resources::from(disk_from(mount(), "200", "role", "", ""));

    assert!(
        apply(
            &total,
            &create(&disk_from(mount(), "200", "role", "1", "p"))
        )
        .is_ok()
    );
    assert!(apply(&total, &create(&disk_from(mount(), "50", "role", "1", "p"))).is_err());
}

/// Mirrors: ResourcesOperationTest.CreateSharedPersistentVolume
#[test]
fn a_shared_volume_returns_to_plain_disk() {
    let total = parse("cpus:1;mem:512;disk(role):1000");
    let volume = shared_disk("200", "role", "1");

    let made = apply(&total, &create(&volume)).expect("enough disk");

    assert_eq!(made, plus("cpus:1;mem:512;disk(role):800", &volume));
    assert_eq!(apply(&made, &destroy(&volume)), Ok(total));
}

/// Mirrors: ResourcesOperationTest.DestroySharedPersistentVolumeMultipleCopies
#[test]
fn a_shared_volume_in_use_cannot_be_destroyed() {
    let volume = shared_disk("200", "role", "1");
    let mut total = plus("cpus:1;mem:512;disk(role):800", &volume);
    total.add(volume.clone());

    let error = apply(&total, &destroy(&volume)).expect_err("still in use");

    assert_eq!(
        error.to_string(),
        format!("Persistent volume {volume} cannot be removed due to additional shared copies")
    );
}

#[test]
fn volumes_grow_and_shrink() {
    let volume = disk("200", "role", "1", "path");
    let grow = operation::GrowVolume {
        volume: Some(volume.to_proto().into()),
        addition: Some(one("disk(role):50").to_proto().into()),
        ..Default::default()
    };
    let grow = Operation {
        grow_volume: Some(grow),
        ..of(Type::GrowVolume)
    };
    let grown = disk("250", "role", "1", "path");
    assert_eq!(
        apply(&plus("disk(role):50", &volume), &grow),
        Ok(grown.clone().into())
    );

    let shrink = operation::ShrinkVolume {
        volume: Some(grown.to_proto().into()),
        subtract: Some(v1::value::Scalar {
            value: Some(50.0),
            ..Default::default()
        }),
        ..Default::default()
    };
    let shrink = Operation {
        shrink_volume: Some(shrink),
        ..of(Type::ShrinkVolume)
    };
    assert_eq!(
        apply(&grown.into(), &shrink),
        Ok(plus("disk(role):50", &volume))
    );
}

#[test]
fn launches_and_disk_operations_are_no_conversions() {
    for kind in [
        Type::Launch,
        Type::LaunchGroup,
        Type::CreateDisk,
        Type::DestroyDisk,
    ] {
        assert_eq!(
            resource_conversions(&of(kind)),
            Err(ConversionError::Unsupported)
        );
    }
    assert_eq!(
        resource_conversions(&of(Type::Unknown)),
        Err(ConversionError::Unknown)
    );
}

/// Mirrors: ResourcesOperationTest.StrippedResourcesVolume
/// Mirrors: ResourcesOperationTest.StrippedResourcesAllocated
/// Mirrors: ResourcesOperationTest.StrippedResourcesReserved
/// Mirrors: ResourcesOperationTest.StrippedResourcesResourceProvider
/// Mirrors: ResourcesOperationTest.StrippedResourcesNonScalar
/// Mirrors: ResourceOperationTest.StrippedResourcesRevocable
#[test]
fn stripped_scalars_have_only_name_and_amount() {
    let volume = Resources::from(disk("200", "role", "1", "path"));
    assert_eq!(volume.stripped_scalars(), parse("disk:200"));
    let mut allocated = parse("cpus:1;mem:512");
    allocated.allocate(&"role".into());
    assert_eq!(allocated.stripped_scalars(), parse("cpus:1;mem:512"));
    let reserved = reserved("cpus:1;mem:512", &dynamic("role", "principal"));
    assert_eq!(reserved.stripped_scalars(), parse("cpus:1;mem:512"));
    let provided = Resources::from(one("cpus:1").with_provider(Some("id".to_owned())));
    assert_eq!(provided.stripped_scalars(), parse("cpus:1"));
    let revocable = Resources::from(one("cpus:1").into_revocable());
    assert_eq!(revocable.stripped_scalars(), parse("cpus:1"));
    assert!(
        parse("ports:[1-2];names:{foo,bar}")
            .stripped_scalars()
            .is_empty()
    );
}

/// Mirrors: ResourcesTest.ReservationAncestor
#[test]
fn the_common_part_of_two_stacks_is_their_ancestor() {
    let base = parse("cpus:2;mem:10");
    let foo = base.push_reservation(&dynamic("foo", "p"));
    let bar = foo.push_reservation(&dynamic("foo/bar", "p"));
    let baz = foo.push_reservation(&dynamic("foo/baz", "p"));

    assert_eq!(base.reservation_ancestor(&base), Some(base.clone()));
    assert_eq!(foo.reservation_ancestor(&base), Some(base.clone()));
    assert_eq!(bar.reservation_ancestor(&base), Some(base.clone()));
    assert_eq!(bar.reservation_ancestor(&bar), Some(bar.clone()));
    assert_eq!(bar.reservation_ancestor(&foo), Some(foo.clone()));
    assert_eq!(bar.reservation_ancestor(&baz), Some(foo.clone()));
    assert_eq!(foo.reservation_ancestor(&parse("cpus:1")), None);
}

#[test]
fn a_checkpoint_is_laid_over_the_agents_resources() {
    let agent = parse("cpus:4;disk(role):100");
    let mut checkpoint = reserved("cpus:1", &dynamic("role", "p"));
    checkpoint.add(disk("40", "role", "1", "path"));

    let total = apply_checkpointed_resources(&agent, &checkpoint).expect("compatible");

    assert_eq!(total, parse("cpus:3;disk(role):60") + &checkpoint);
    let too_much = reserved("cpus:5", &dynamic("role", "p"));
    assert_eq!(
        apply_checkpointed_resources(&agent, &too_much)
            .expect_err("too much")
            .to_string(),
        format!("Incompatible agent resources: {agent} does not contain cpus:5")
    );
    assert!(apply_checkpointed_resources(&agent, &parse("cpus:1")).is_err());
}
