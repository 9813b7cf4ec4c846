//! `GROW_VOLUME` and `SHRINK_VOLUME`.

use mesos_proto::v1::offer::operation::{GrowVolume, ShrinkVolume};

use super::*;
use crate::validation::operation::{grow_volume, shrink_volume};

fn able() -> Agent {
    agent(&["RESIZE_VOLUME"], &[])
}

fn disk_of(mut resource: v1::Resource, kind: &str) -> v1::Resource {
    let disk = resource.disk.get_or_insert_default();
    let mut source = json!({"type": kind});
    source[kind.to_ascii_lowercase()] = json!({"root": "root"});
    disk.source = Some(from::<v1::resource::disk_info::Source>(&source).into());
    resource
}

fn role1_volume() -> v1::Resource {
    volume("disk(role1):128", "id1", "path1")
}

fn grow(volume: v1::Resource, addition: v1::Resource) -> GrowVolume {
    GrowVolume {
        volume: Some(volume.into()),
        addition: Some(addition.into()),
        ..Default::default()
    }
}

fn shrink(volume: v1::Resource, subtract: f64) -> ShrinkVolume {
    ShrinkVolume {
        volume: Some(volume.into()),
        subtract: Some(from(&json!({"value": subtract}))),
        ..Default::default()
    }
}

fn without_persistence(mut volume: v1::Resource) -> v1::Resource {
    volume.disk.get_or_insert_default().persistence = None;
    volume
}

/// Mirrors: GrowVolumeOperationValidationTest.Valid
#[test]
fn volume_grows_by_disk_of_its_role() {
    let grow = grow(role1_volume(), resource("disk(role1):128"));

    assert_eq!(grow_volume(&grow, &able()), Ok(()));
}

/// Mirrors: GrowVolumeOperationValidationTest.NonPersistentVolume
#[test]
fn only_a_persistent_volume_grows() {
    let grow = grow(
        without_persistence(role1_volume()),
        resource("disk(role1):128"),
    );

    refused(
        grow_volume(&grow, &able()),
        "Invalid persistent volume in the 'GrowVolume.volume' field: 'persistence' is not set in \
         DiskInfo",
    );
}

/// Mirrors: GrowVolumeOperationValidationTest.ZeroAddition
#[test]
fn volume_grows_by_something() {
    for amount in [0.0, 0.0001] {
        let mut addition = resource("disk(role1):128");
        addition.scalar = Some(from(&json!({"value": amount})));

        let checked = grow_volume(&grow(role1_volume(), addition), &able());

        let text = if amount > 0.0 {
            "Invalid resource in the 'GrowVolume.addition' field: Invalid scalar resource: value <= 0"
        } else {
            "The size of 'GrowVolume.addition' field must be greater than zero"
        };
        refused(checked, text);
    }
}

/// Mirrors: GrowVolumeOperationValidationTest.IncompatibleDisk
#[test]
fn volume_on_a_path_disk_does_not_grow_by_root_disk() {
    let grow = grow(disk_of(role1_volume(), "PATH"), resource("disk(role1):128"));

    refused(
        grow_volume(&grow, &able()),
        "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields",
    );
}

/// Mirrors: GrowVolumeOperationValidationTest.Shared
#[test]
fn shared_volume_does_not_grow() {
    let grow = grow(shared(role1_volume()), resource("disk(role1):128"));

    refused(
        grow_volume(&grow, &able()),
        "Growing a shared persistent volume is not supported",
    );
}

/// Mirrors: GrowVolumeOperationValidationTest.ResourceProvider
#[test]
fn volume_of_a_provider_does_not_grow() {
    let grow = grow(
        provided(role1_volume(), "provider"),
        resource("disk(role1):128"),
    );

    refused(
        grow_volume(&grow, &able()),
        "Growing a volume from a resource provider is not supported",
    );
}

/// Mirrors: GrowVolumeOperationValidationTest.Mount
#[test]
fn mount_disks_do_not_add_up() {
    let grow = grow(
        disk_of(role1_volume(), "MOUNT"),
        disk_of(resource("disk(role1):128"), "MOUNT"),
    );

    refused(
        grow_volume(&grow, &able()),
        "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields",
    );
}

/// Mirrors: GrowVolumeOperationValidationTest.MissingCapability
#[test]
fn volume_grows_on_an_agent_that_can() {
    let grow = grow(role1_volume(), resource("disk(role1):128"));

    refused(
        grow_volume(&grow, &agent(&[], &[])),
        "Volume disk(reservations: [(STATIC,role1)])[id1:path1]:128 cannot be grown on an agent \
         without RESIZE_VOLUME capability",
    );
}

/// Mirrors: ShrinkVolumeOperationValidationTest.Valid
#[test]
fn volume_shrinks_by_a_part_of_it() {
    assert_eq!(
        shrink_volume(&shrink(role1_volume(), 64.0), &able()),
        Ok(())
    );
}

/// Mirrors: ShrinkVolumeOperationValidationTest.NonPersistentVolume
#[test]
fn only_a_persistent_volume_shrinks() {
    refused(
        shrink_volume(&shrink(without_persistence(role1_volume()), 64.0), &able()),
        "Invalid persistent volume in the 'ShrinkVolume.volume' field: 'persistence' is not set \
         in DiskInfo",
    );
}

/// Mirrors: ShrinkVolumeOperationValidationTest.ZeroSubtract
#[test]
fn volume_shrinks_by_something() {
    for amount in [0.0, 0.0001] {
        refused(
            shrink_volume(&shrink(role1_volume(), amount), &able()),
            "Value of 'ShrinkVolume.subtract' must be greater than zero",
        );
    }
}

/// Mirrors: ShrinkVolumeOperationValidationTest.EmptyAfterShrink
#[test]
fn something_is_left_of_a_volume_that_shrinks() {
    refused(
        shrink_volume(&shrink(role1_volume(), 128.0), &able()),
        "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'",
    );
}

/// Mirrors: ShrinkVolumeOperationValidationTest.Mount
#[test]
fn volume_on_a_mount_disk_does_not_shrink() {
    refused(
        shrink_volume(&shrink(disk_of(role1_volume(), "MOUNT"), 64.0), &able()),
        "Shrinking a volume on a MOUNT disk is not supported",
    );
}

/// Mirrors: ShrinkVolumeOperationValidationTest.Shared
#[test]
fn shared_volume_does_not_shrink() {
    refused(
        shrink_volume(&shrink(shared(role1_volume()), 64.0), &able()),
        "Shrinking a shared persistent volume is not supported",
    );
}

/// Mirrors: ShrinkVolumeOperationValidationTest.ResourceProvider
#[test]
fn volume_of_a_provider_does_not_shrink() {
    refused(
        shrink_volume(&shrink(provided(role1_volume(), "provider"), 64.0), &able()),
        "Shrinking a volume from a resource provider is not supported",
    );
}

/// Mirrors: ShrinkVolumeOperationValidationTest.MissingCapability
#[test]
fn volume_shrinks_on_an_agent_that_can() {
    refused(
        shrink_volume(&shrink(role1_volume(), 64.0), &agent(&[], &[])),
        "Volume disk(reservations: [(STATIC,role1)])[id1:path1]:128 cannot be shrunk on an agent \
         without RESIZE_VOLUME capability",
    );
}
