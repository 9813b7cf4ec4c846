//! Lists of resources.

use mesos_common::resources::Resources;
use serde_json::json;

use super::*;
use crate::validation::resource::{
    check_list, check_one_provider, check_unique_persistence, overlaps,
};

/// Mirrors: ResourceValidationTest.StaticReservation
#[test]
fn static_reservation_is_fine() {
    assert_eq!(check_list(&[resource("cpus(role):8")]), Ok(()));
}

/// Mirrors: ResourceValidationTest.DynamicReservation
#[test]
fn dynamic_reservation_is_fine() {
    let reserved = reserved("cpus:8", "role", Some("principal"));

    assert_eq!(check_list(&[reserved]), Ok(()));
}

/// Mirrors: ResourceValidationTest.RevocableDynamicReservation
#[test]
fn revocable_resource_cannot_be_reserved() {
    let reserved = revocable(reserved("cpus:8", "role", Some("principal")));

    refused_with(
        check_list(&[reserved]),
        "Invalid ReservationInfo: Dynamically reserved resource cpus(reservations: \
         [(DYNAMIC,role,principal)]){REV}:8 cannot be created from revocable resources",
    );
}

/// Mirrors: ResourceValidationTest.PersistentVolume
#[test]
fn persistent_volume_is_fine() {
    assert_eq!(
        check_list(&[volume("disk(role1):128", "id1", "path1")]),
        Ok(())
    );
}

/// Mirrors: ResourceValidationTest.UnreservedDiskInfo
#[test]
fn unreserved_disk_cannot_be_a_volume() {
    refused(
        check_list(&[volume("disk:128", "id1", "path1")]),
        "Invalid DiskInfo: Persistent volumes cannot be created from unreserved resources",
    );
}

/// Mirrors: ResourceValidationTest.InvalidPersistenceID
#[test]
fn persistence_id_must_be_a_good_id() {
    refused(
        check_list(&[volume("disk(role1):128", "id1/", "path1")]),
        "Invalid DiskInfo: Invalid persistence ID for persistent volume: 'id1/' contains invalid \
         characters",
    );
}

/// Mirrors: ResourceValidationTest.PersistentVolumeWithoutVolumeInfo
#[test]
fn persistent_volume_needs_a_volume() {
    let mut bare = volume("disk(role1):128", "id1", "path1");
    bare.disk.get_or_insert_default().volume = None;

    refused(
        check_list(&[bare]),
        "Invalid DiskInfo: Expecting 'volume' to be set for persistent volume",
    );
}

/// Mirrors: ResourceValidationTest.PersistentVolumeWithHostPath
#[test]
fn persistent_volume_has_no_host_path() {
    let mut hosted = volume("disk(role1):128", "id1", "path1");
    let disk = hosted.disk.get_or_insert_default();
    disk.volume.get_or_insert_default().host_path = Some("foo".to_owned());

    refused(
        check_list(&[hosted]),
        "Invalid DiskInfo: Expecting 'host_path' to be unset for persistent volume",
    );
}

/// Mirrors: ResourceValidationTest.NonPersistentVolume
#[test]
fn volume_that_does_not_persist_is_refused() {
    let mut fleeting = volume("disk(role1):128", "id1", "path1");
    fleeting.disk.get_or_insert_default().persistence = None;

    refused(
        check_list(&[fleeting]),
        "Invalid DiskInfo: Non-persistent volume not supported",
    );
}

/// Mirrors: ResourceValidationTest.RevocablePersistentVolume
#[test]
fn revocable_disk_cannot_be_a_volume() {
    refused(
        check_list(&[revocable(volume("disk(role1):128", "id1", "path1"))]),
        "Invalid DiskInfo: Persistent volumes cannot be created from revocable resources",
    );
}

/// Mirrors: ResourceValidationTest.UnshareableResource
#[test]
fn only_volumes_can_be_shared() {
    refused_with(
        check_list(&[shared(resource("disk(role1):128"))]),
        "Only persistent volumes can be shared",
    );
}

/// Mirrors: ResourceValidationTest.SharedPersistentVolume
#[test]
fn volume_can_be_shared() {
    let volume = shared(volume("disk(role1):128", "id1", "path1"));

    assert_eq!(check_list(&[volume]), Ok(()));
}

#[test]
fn copies_of_a_shared_volume_are_one_volume() {
    let volume = volume("disk(role1):128", "id1", "path1");
    let twice = |volume: v1::Resource| [volume.clone(), volume];

    assert_eq!(
        check_unique_persistence(&twice(shared(volume.clone()))),
        Ok(())
    );
    refused(
        check_unique_persistence(&twice(volume)),
        "Persistence ID 'id1' is not unique",
    );
}

/// Mirrors: ResourceValidationTest.SingleResourceProvider
#[test]
fn resources_are_of_one_provider_or_of_none() {
    let first = provided(resource("disk:128"), "provider1");
    let second = provided(resource("cpu:4"), "provider2");
    let third = provided(resource("mem:256"), "provider2");
    let own = resource("disk:64");

    assert_eq!(check_one_provider(std::slice::from_ref(&first)), Ok(()));
    assert_eq!(check_one_provider(std::slice::from_ref(&own)), Ok(()));
    assert_eq!(check_one_provider(&[second.clone(), third]), Ok(()));
    refused(
        check_one_provider(&[first.clone(), second]),
        "The resources have multiple resource providers: provider2, provider1",
    );
    refused(
        check_one_provider(&[first, own]),
        "Some resources have a resource provider and some do not",
    );
}

fn any_overlap(groups: &[&str]) -> bool {
    let groups: Vec<Resources> = groups
        .iter()
        .map(|text| Resources::parse(text).expect("resources"))
        .collect();
    groups.iter().enumerate().any(|(index, one)| {
        groups
            .iter()
            .skip(index + 1)
            .any(|other| overlaps(one, other))
    })
}

/// Mirrors: ResourceValidationTest.OverlappingSetsAndRanges
#[test]
fn same_items_in_two_groups_overlap() {
    assert!(!any_overlap(&[]));
    assert!(!any_overlap(&["zones:{a,b,c}"]));
    assert!(!any_overlap(&["ports:[5555-5556]", "ports:[5557-5558]"]));
    assert!(any_overlap(&["ports:[5555-5556]", "ports:[5555-5556]"]));
    assert!(any_overlap(&["ports:[5555-5557]", "ports:[5556-5558]"]));
    assert!(any_overlap(&[
        "ports:[5555-5557]",
        "ports:[5558-5559]",
        "ports:[5559-5560]"
    ]));
    assert!(any_overlap(&[
        "cpus:0.1;mem:32;ports:[5555-5557]",
        "cpus:1.0;mem:2048;disk:4096;ports:[5556-5558]"
    ]));
    assert!(!any_overlap(&["zones:{a,b}", "zones:{c,d}"]));
    assert!(any_overlap(&["zones:{a,b}", "zones:{a,b}"]));
    assert!(any_overlap(&["zones:{a,b,c}", "zones:{c,d,e}"]));
    assert!(any_overlap(&[
        "zones:{a,b,c}",
        "zones:{d,e,f}",
        "zones:{g,h,a}"
    ]));
}

/// Mirrors: CommonValidationTest.Volume
#[test]
fn volume_of_a_container_has_one_source_of_its_type() {
    use crate::validation::command::validate_container;
    let check =
        |volume: &Value| validate_container(&from(&json!({"type": "MESOS", "volumes": [volume]})));
    let plain = json!({"container_path": "container_path", "mode": "RW"});
    let mut both = plain.clone();
    both["host_path"] = json!("host_path");
    both["image"] = json!({"type": "DOCKER", "docker": {"name": "x"}});
    let one = "Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'";

    refused(check(&plain), one);
    refused(check(&both), one);
    for (kind, field) in [
        ("DOCKER_VOLUME", "docker_volume"),
        ("HOST_PATH", "host_path"),
        ("SANDBOX_PATH", "sandbox_path"),
        ("SECRET", "secret"),
    ] {
        let mut sourced = plain.clone();
        sourced["source"] = json!({"type": kind});
        refused(
            check(&sourced),
            &format!("Invalid volume: 'source.{field}' is not set for {kind} volume"),
        );
    }
}
