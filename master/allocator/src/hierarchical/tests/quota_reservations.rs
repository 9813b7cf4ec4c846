//! Quota and reservations together.

use super::*;

fn kinds(role: &str) -> [Reservation; 2] {
    [dynamic(role), fixed(role)]
}

/// Mirrors: HierarchicalAllocatorTestWithReservations.ReservationUnallocated
#[test]
fn unallocated_reservations_count_against_quota() {
    for reservation in kinds("quota-role") {
        let mut cluster = Cluster::new();
        let reserved = parse("cpus:1;mem:1024").push_reservation(&reservation);
        cluster.add_agent_with("a1", &reserved, &[]);
        cluster.set_both("quota-role", "cpus:1;mem:1024");
        cluster.add("f1", &["quota-role"]);
        cluster.assert_offered(&[("f1", "quota-role", "a1", &reserved)]);
        cluster.decline("f1", "a1", &allocated(&reserved, "quota-role"), 86400.0);

        cluster.add_agent("a2", "cpus:1;mem:1024");

        cluster.assert_none();
    }
}

/// Mirrors: HierarchicalAllocatorTestWithReservations.ReservationAllocated
#[test]
fn allocated_reservations_count_against_quota_once() {
    for reservation in kinds("quota-role") {
        let mut cluster = Cluster::new();
        let reserved = parse("cpus:1;mem:1024").push_reservation(&reservation);
        cluster.add_agent_with("a1", &reserved, &[]);
        cluster.set_both("quota-role", "cpus:2;mem:2048");
        cluster.add("f1", &["quota-role"]);
        cluster.assert_offered(&[("f1", "quota-role", "a1", &reserved)]);
        cluster.add_agent("a2", "cpus:1;mem:1024");
        cluster.assert_offers(&[("f1", "quota-role", "a2", "cpus:1;mem:1024")]);

        cluster.add_agent("a3", "cpus:1;mem:1024");

        cluster.assert_none();
    }
}

/// Mirrors: HierarchicalAllocatorTestWithReservations.NonQuotaRoleReservationWithQuotaRole
#[test]
fn reservations_of_other_roles_are_no_headroom() {
    for reservation in kinds("non-quota-role") {
        let mut cluster = Cluster::new();
        let plain = parse("cpus:2;mem:2048");
        let reserved = plain.push_reservation(&reservation);
        cluster.add_agent_with("a1", &(&plain + &reserved), &[]);
        cluster.set_both("quota-role", "cpus:2;mem:2048");
        cluster.add("f1", &["quota-role"]);
        cluster.assert_offered(&[("f1", "quota-role", "a1", &plain)]);
        cluster.decline("f1", "a1", &allocated(&plain, "quota-role"), 86400.0);

        cluster.add("f2", &["non-quota-role"]);

        cluster.assert_offered(&[("f2", "non-quota-role", "a1", &reserved)]);
    }
}

/// Mirrors: HierarchicalAllocatorTestWithReservations.SharedAllocatedResourceQuotaAccounting
#[test]
fn a_shared_volume_counts_against_quota_once() {
    for reservation in kinds("quota-role") {
        let mut cluster = Cluster::new();
        cluster.set_both("quota-role", "cpus:3;mem:2048;disk:100");
        let reserved = parse("cpus:2;mem:1024;disk:50").push_reservation(&reservation);
        cluster.add_agent_with("a1", &reserved, &[]);
        cluster.add_framework("f1", &["quota-role"], &[Capability::SharedResources]);
        cluster.assert_offered(&[("f1", "quota-role", "a1", &reserved)]);
        let disk = one("disk:50").push_reservation(&reservation);
        let volume = persistent(&disk, "id1").into_shared();
        let held = volume.with_allocation(Some(&"quota-role".into()));
        let offered = allocated(&reserved, "quota-role");
        cluster.update_allocation("f1", "a1", &offered, vec![creation(&held)]);

        let part = parse("cpus:1;mem:512").push_reservation(&reservation);
        cluster.recover("f1", "a1", &allocated(&part, "quota-role"));
        cluster.tick();
        cluster.assert_offered(&[("f1", "quota-role", "a1", &(part + Resources::from(volume)))]);

        cluster.add_agent("a2", "cpus:1;mem:1024;disk:50");
        cluster.assert_offers(&[("f1", "quota-role", "a2", "cpus:1;mem:1024;disk:50")]);
        cluster.add_agent("a3", "cpus:0.5;mem:512;disk:50");
        cluster.assert_none();
    }
}

/// Mirrors: HierarchicalAllocatorTest.QuotaAccountingReserveAllocatedResources
#[test]
fn reserving_what_is_held_is_not_counted_twice() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:10;mem:1024");
    cluster.add("f1", &["quota-role"]);
    let plain = parse("cpus:5;mem:512");
    cluster.add_agent_with("a1", &plain, &[]);
    cluster.assert_offered(&[("f1", "quota-role", "a1", &plain)]);
    let offered = allocated(&plain, "quota-role");
    let reserved = offered.push_reservation(&dynamic("quota-role"));
    cluster.update_allocation(
        "f1",
        "a1",
        &offered,
        vec![ResourceConversion::new(offered.clone(), reserved)],
    );

    cluster.add_agent_with("a2", &(&plain + &plain), &[]);

    cluster.assert_offered(&[("f1", "quota-role", "a2", &plain)]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaAccountingUnreserveAllocatedResources
#[test]
fn unreserving_what_is_held_still_counts() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:1;mem:1024");
    cluster.add("f1", &["quota-role"]);
    cluster.add_agent("a1", "cpus(quota-role):1;mem(quota-role):1024");
    let held = allocated(
        &parse("cpus(quota-role):1;mem(quota-role):1024"),
        "quota-role",
    );
    assert_eq!(cluster.take().len(), 1);
    cluster.add_agent("a2", "cpus:1;mem:1024");
    cluster.assert_none();

    let plain = held.pop_reservation();
    cluster.update_allocation(
        "f1",
        "a1",
        &held,
        vec![ResourceConversion::new(held.clone(), plain)],
    );
    cluster.tick();

    cluster.assert_none();
}

/// Mirrors: HierarchicalAllocatorTestWithReservations.QuotaHeadroomWhenReservationsExceedQuota
#[test]
fn reservations_beyond_one_quota_are_no_headroom_for_another() {
    for reservation in kinds("with-reservation") {
        let mut cluster = Cluster::new();
        cluster.set_both("with-reservation", "cpus:1;mem:1024");
        cluster.set_both("no-reservation", "cpus:1;mem:1024");
        let reserved = parse("cpus:2;mem:2048").push_reservation(&reservation);
        cluster.add_agent_with("a1", &reserved, &[]);
        cluster.add_agent("a2", "cpus:1;mem:1024");
        cluster.add("f1", &["non-quota-role"]);
        cluster.assert_none();

        cluster.add_agent("a3", "cpus:1;mem:1024");

        cluster.assert_offers(&[("f1", "non-quota-role", "a3", "cpus:1;mem:1024")]);
    }
}

/// Mirrors: HierarchicalAllocatorTest.ReservationWithinQuota
#[test]
fn a_quota_met_by_reservations_keeps_no_headroom() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:2;mem:256");
    cluster.add("f1", &["quota-role"]);
    cluster.add("f2", &["non-quota-role"]);
    let held = allocated(&parse("cpus:2;mem(quota-role):256"), "quota-role");
    cluster.add_agent_with("a1", &parse("cpus:8;mem(quota-role):256"), &[("f1", &held)]);
    cluster.assert_offers(&[("f2", "non-quota-role", "a1", "cpus:6")]);

    cluster.add_agent("a2", "cpus:4");

    cluster.assert_offers(&[("f2", "non-quota-role", "a2", "cpus:4")]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaSetAsideReservedResources
#[test]
fn unreserved_resources_are_set_aside_and_reserved_ones_are_not() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:4;mem:512");
    cluster.add_agent("a1", "cpus:4;mem:512");
    cluster.add_agent("a2", "cpus:4;mem:512");
    let reserved = whole.push_reservation(&dynamic("no-quota-role"));
    let conversion = ResourceConversion::new(whole.clone(), reserved.clone());
    cluster
        .state
        .update_available(&agent_id("a2"), &[conversion])
        .expect("available");
    cluster.set_both("quota-role", "cpus:4;mem:512");
    cluster.add("f1", &["quota-role"]);
    cluster.assert_offered(&[("f1", "quota-role", "a1", &whole)]);
    cluster.decline("f1", "a1", &allocated(&whole, "quota-role"), 10.0);
    cluster.tick();
    cluster.assert_none();

    cluster.add("f2", &["no-quota-role"]);
    cluster.assert_offered(&[("f2", "no-quota-role", "a2", &reserved)]);
    cluster.decline("f2", "a2", &allocated(&reserved, "no-quota-role"), 10.0);
    cluster.tick();
    cluster.assert_none();
}

/// Mirrors: HierarchicalAllocatorTest.QuotaWithAncestorReservations
#[test]
fn reservations_of_ancestors_are_no_headroom() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:1;mem:1024");
    cluster.add_agent("a1", "cpus(a):1;mem(a):1024");
    cluster.add("f1", &["a/b"]);
    cluster.assert_offers(&[("f1", "a/b", "a1", "cpus(a):1;mem(a):1024")]);
    cluster.add("f2", &["no-quota-role"]);
    cluster.add_agent("a2", "cpus:1;mem:1024");
    cluster.assert_none();

    cluster.add_agent("a3", "cpus:1;mem:1024");

    let offers = cluster.take();
    assert!(
        offers
            .iter()
            .all(|offer| offer.0 == "f2" || offer.0 == "f1")
    );
    assert_eq!(
        offers.iter().map(|offer| &offer.3).sum::<Resources>(),
        parse("cpus:1;mem:1024")
    );
}

/// Mirrors: HierarchicalAllocatorTest.QuotaWithNestedRoleReservation
#[test]
fn reservations_of_sub_roles_count_against_their_parents_quota() {
    let mut cluster = Cluster::new();
    cluster.set_both("a", "cpus:2;mem:200");
    cluster.add_agent("a1", "cpus(a/b):1;mem(a/b):100");
    cluster.add_agent("a2", "cpus:10;mem:1000");

    cluster.add("f1", &["a"]);

    cluster.assert_offers(&[("f1", "a", "a2", "cpus:1;mem:100")]);
}
