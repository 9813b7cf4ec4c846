//! Shared resources and their copies.

use super::*;

fn with(text: &str, copies: usize, resource: &Resource) -> Resources {
    let mut resources = parse(text);
    for _ in 0..copies {
        resources.add(resource.clone());
    }
    resources
}

/// Mirrors: SharedResourcesTest.Printing
#[test]
fn copies_of_a_shared_volume_print_their_number() {
    let volume = disk("64", "role1", "id1", "path1").into_shared();
    let text = "disk(reservations: [(STATIC,role1)])[id1:path1]<SHARED>:64";

    assert_eq!(with("", 1, &volume).to_string(), format!("{text}<1>"));
    assert_eq!(with("", 2, &volume).to_string(), format!("{text}<2>"));
}

/// Mirrors: SharedResourcesTest.ScalarAdditionShared
/// Mirrors: ResourcesTest.Count
#[test]
fn adding_a_shared_volume_counts_copies_and_not_size() {
    let disk = shared_disk("50", "role1", "1");

    let total = with("cpus:1;mem:5", 1, &disk) + with("cpus:2;mem:10", 1, &disk);

    assert_eq!(total.len(), 3);
    assert_eq!(total.cpus(), Some(Scalar::from_units(3)));
    assert_eq!(total.disk(), Some(Scalar::from_units(50)));
    assert_eq!(total.count(&disk), 2);
    let exclusive = super::disk("100", "role1", "1", "path1");
    assert_eq!(with("", 2, &exclusive).count(&exclusive), 1);
    assert_eq!((parse("cpus:1") + parse("cpus:1")).count(&one("cpus:1")), 0);
    assert_eq!(parse("cpus:1").count(&one("cpus:1")), 1);
}

/// Mirrors: SharedResourcesTest.ScalarSubtractionShared
#[test]
fn subtracting_a_shared_volume_counts_copies_down() {
    let disk = shared_disk("8192", "role1", "1");
    let (r1, r2) = (
        with("cpus:40;mem:4096", 2, &disk),
        with("cpus:5;mem:512", 1, &disk),
    );

    let left = &r1 - &r2;

    assert_eq!(left.len(), 3);
    assert_eq!(left, with("cpus:35;mem:3584", 1, &disk));
    assert_eq!(left.disk(), Some(Scalar::from_units(8192)));
    assert_eq!((&r1 - &r2 - &r2).count(&disk), 0);
    assert_eq!((&r2 - &r1).count(&disk), 0);
    assert!(!(&r2 - &r1).contains_resource(&disk));
}

/// Mirrors: SharedResourcesTest.ScalarSharedCompoundExpressions
#[test]
fn copies_follow_the_laws_of_sums() {
    let disk = shared_disk("50", "role1", "1");
    let (r1, r2) = (
        with("cpus:2;mem:10", 4, &disk),
        with("cpus:2;mem:10", 3, &disk),
    );

    assert_eq!(&r1 + &r1 - &r1, r1);
    assert_eq!(&r1 + &r2 - &r1, r2);
    assert_eq!(&r2 + &r1 - &r2, r1);
    assert_eq!(&r2 - &r1 + &r1, r1);
    assert_eq!(&r1 - &r2 + &r2, r1);
    assert!((&r2 - &r1).is_empty());
    assert!(!(&r1 - &r2).is_empty());
}

/// Mirrors: SharedResourcesTest.ScalarNonEqualSharedOperations
#[test]
fn different_shared_volumes_are_counted_apart() {
    let (disk1, disk2) = (
        shared_disk("50", "role1", "1"),
        shared_disk("100", "role1", "2"),
    );
    let both = with("", 1, &disk1) + with("", 1, &disk2);

    let left = &both - &with("", 1, &disk1);

    assert_eq!((both.count(&disk1), both.count(&disk2)), (1, 1));
    assert_eq!((left.count(&disk1), left.count(&disk2)), (0, 1));
    assert_eq!(
        (with("", 1, &disk1) - &with("", 1, &disk2)).count(&disk1),
        1
    );
}

/// Mirrors: SharedResourcesTest.ScalarSharedAndNonSharedOperations
#[test]
fn a_shared_volume_is_not_its_exclusive_twin() {
    let (shared, exclusive) = (
        shared_disk("100", "role1", "1"),
        disk("100", "role1", "1", "path"),
    );
    assert!(!with("", 1, &exclusive).contains(&with("", 1, &shared)));
    assert!(!with("", 1, &shared).contains(&with("", 1, &exclusive)));

    let all = with("", 2, &shared) + with("", 1, &exclusive);

    assert_eq!(all.len(), 2);
    assert_eq!(all.disk(), Some(Scalar::from_units(200)));
    assert_eq!((all.count(&shared), all.count(&exclusive)), (2, 1));
    assert_eq!(
        with("", 1, &exclusive) - &with("", 1, &shared),
        with("", 1, &exclusive)
    );
}

/// Mirrors: SharedResourcesTest.Filter
#[test]
fn shared_resources_are_found() {
    let (shared, plain) = (shared_disk("10", "role1", "1"), disk("20", "role2", "", ""));
    let rest = with("cpus:1;mem:512;disk:1000", 1, &plain);

    let all = &rest + &with("", 1, &shared);

    assert_eq!(all.shared(), with("", 1, &shared));
    assert_eq!(all.non_shared(), rest);
}
