//! What is held, recovered, converted and removed.

use super::*;
use mesos_common::resources::PostCondition;

/// Mirrors: HierarchicalAllocatorTest.RecoverResources
#[test]
fn recovered_resources_are_offered_again() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus(role1):1;mem(role1):200;cpus:1;mem:200");
    cluster.add("f1", &["role1"]);
    let whole = parse("cpus(role1):1;mem(role1):200;cpus:1;mem:200");
    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);

    for part in [whole.reserved(), whole.unreserved()] {
        cluster.recover("f1", "a1", &allocated(&part, "role1"));
        cluster.assert_none();
        cluster.tick();
        cluster.assert_offered(&[("f1", "role1", "a1", &part)]);
    }
}

/// Mirrors: HierarchicalAllocatorTest.Reservations
#[test]
fn reserved_resources_go_only_to_their_role() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus(role1):2;mem(role1):1024");
    cluster.add_agent("a2", "cpus(role2):2;mem(role2):1024;cpus:1;mem:1024");
    cluster.add_agent("a3", "cpus(role3):1;mem(role3):1024");

    cluster.add("f1", &["role1"]);
    cluster.assert_offers(&[
        ("f1", "role1", "a1", "cpus(role1):2;mem(role1):1024"),
        ("f1", "role1", "a2", "cpus:1;mem:1024"),
    ]);
    cluster.add("f2", &["role2"]);
    cluster.assert_offers(&[("f2", "role2", "a2", "cpus(role2):2;mem(role2):1024")]);
}

/// Mirrors: HierarchicalAllocatorTest.AddResourceProvider
#[test]
fn a_resource_provider_adds_to_an_agent_and_to_shares() {
    let mut cluster = Cluster::new();
    let resources = parse("cpus:1;mem:100;disk:10");
    cluster.apply(add_framework("f1", &["role1"], &[], Activity::Inactive));
    cluster.apply(add_framework("f2", &["role2"], &[], Activity::Inactive));
    cluster.add_agent("a1", "cpus:1;mem:100;disk:10");
    let used = allocated(&(&resources + &resources), "role1");

    cluster.apply(Event::AddResourceProvider {
        id: agent_id("a1"),
        total: &resources + &resources,
        used: BTreeMap::from([(id("f1"), used)]),
    });
    cluster.apply(Event::ActivateFramework(id("f2")));
    cluster.assert_offered(&[("f2", "role2", "a1", &resources)]);

    cluster.apply(Event::ActivateFramework(id("f1")));
    cluster.add_agent("a2", "cpus:1;mem:100;disk:10");
    cluster.assert_offered(&[("f2", "role2", "a2", &resources)]);
}

/// Mirrors: HierarchicalAllocatorTest.AddResourceProviderOverallocated
#[test]
fn a_resource_provider_can_bring_only_use() {
    let mut cluster = Cluster::new();
    let resources = parse("cpus:1;mem:100;disk:10");
    cluster.add_agent_with("a1", &(&resources + &resources), &[]);
    cluster.apply(add_framework("f1", &["role"], &[], Activity::Inactive));

    cluster.apply(Event::AddResourceProvider {
        id: agent_id("a1"),
        total: Resources::new(),
        used: BTreeMap::from([(id("f1"), allocated(&resources, "role"))]),
    });
    cluster.apply(Event::ActivateFramework(id("f1")));

    cluster.assert_offered(&[("f1", "role", "a1", &resources)]);
}

/// Mirrors: HierarchicalAllocatorTest.UpdateAllocation
#[test]
fn a_converted_offer_comes_back_converted() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:100;mem:100;disk:100");
    cluster.add("f1", &["role1"]);
    let offered = allocated(&parse("cpus:100;mem:100;disk:100"), "role1");
    cluster.take();
    let volume = persistent(&one("disk:5"), "ID").with_allocation(Some(&"role1".into()));
    let updated = offered.apply(&creation(&volume)).expect("enough disk");

    cluster.update_allocation("f1", "a1", &offered, vec![creation(&volume)]);
    cluster.recover("f1", "a1", &updated);
    cluster.tick();

    let mut plain = updated;
    plain.unallocate();
    cluster.assert_offered(&[("f1", "role1", "a1", &plain)]);
}

/// Mirrors: HierarchicalAllocatorTest.UpdateAllocationRemoveResources
#[test]
fn resources_can_be_converted_to_nothing() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:100;mem:100;disk:100");
    cluster.add("f1", &["role1"]);
    let offered = allocated(&parse("cpus:100;mem:100;disk:100"), "role1");
    cluster.take();
    let removal = ResourceConversion::new(allocated(&parse("disk:100"), "role1"), Resources::new());

    cluster.update_allocation("f1", "a1", &offered, vec![removal]);
    cluster.recover("f1", "a1", &allocated(&parse("cpus:100;mem:100"), "role1"));
    cluster.tick();

    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:100;mem:100")]);
}

/// Mirrors: HierarchicalAllocatorTest.UpdateAllocationSharedPersistentVolume
#[test]
fn a_shared_volume_is_created_and_destroyed() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:100;mem:100;disk(role1):100");
    cluster.add_framework("f1", &["role1"], &[Capability::SharedResources]);
    let offered = allocated(&parse("cpus:100;mem:100;disk(role1):100"), "role1");
    cluster.take();
    let volume = persistent(&one("disk(role1):5"), "id1").into_shared();
    let volume = volume.with_allocation(Some(&"role1".into()));
    let updated = offered.apply(&creation(&volume)).expect("enough disk");

    cluster.update_allocation("f1", "a1", &offered, vec![creation(&volume)]);
    cluster.recover("f1", "a1", &updated);
    cluster.tick();
    let offers = cluster.take();
    assert_eq!(allocated(&offers[0].3, "role1"), updated);

    let mut destruction = creation(&volume);
    std::mem::swap(&mut destruction.consumed, &mut destruction.converted);
    destruction.condition = PostCondition::Gone(volume);
    cluster.update_allocation("f1", "a1", &updated, vec![destruction]);
    cluster.recover("f1", "a1", &offered);
    cluster.tick();
    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:100;mem:100;disk(role1):100")]);
}

/// Mirrors: HierarchicalAllocatorTestWithParam.AllocateSharedResources
#[test]
fn a_shared_volume_in_use_is_offered_again() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:3;mem:3072;disk(role1):100");
    cluster.add_framework("f1", &["role1"], &[Capability::SharedResources]);
    let offered = allocated(&parse("cpus:3;mem:3072;disk(role1):100"), "role1");
    cluster.take();
    let volume = persistent(&one("disk(role1):5"), "id1").into_shared();
    let held_volume = volume.with_allocation(Some(&"role1".into()));
    // Two tasks use the volume: one copy more is made.
    let copy = ResourceConversion::new(Resources::new(), held_volume.clone().into());
    cluster.update_allocation("f1", "a1", &offered, vec![creation(&held_volume), copy]);
    let used = allocated(&parse("cpus:2;mem:2048"), "role1") + Resources::from(held_volume.clone());
    let rest =
        allocated(&parse("cpus:1;mem:1024;disk(role1):95"), "role1") + Resources::from(held_volume);
    cluster.apply(Event::TransitionOfferedToAllocated {
        agent: agent_id("a1"),
        resources: used,
    });

    cluster.recover("f1", "a1", &rest);
    cluster.tick();

    let mut expected = parse("cpus:1;mem:1024;disk(role1):95");
    expected.add(volume);
    cluster.assert_offered(&[("f1", "role1", "a1", &expected)]);
    // The volume alone is less than the minimum, so it is not offered by itself.
    cluster.tick();
    cluster.assert_none();
}

/// Mirrors: HierarchicalAllocatorTest.SharedResourcesCapability
#[test]
fn shared_resources_go_only_to_those_who_understand_them() {
    let mut cluster = Cluster::new();
    let mut total = parse("cpus:100;mem:100;disk(role1):95");
    let volume = persistent(&one("disk(role1):5"), "id1").into_shared();
    total.add(volume);
    cluster.add_agent_with("a1", &total, &[]);
    cluster.add("f1", &["role1"]);
    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:100;mem:100;disk(role1):95")]);
    cluster.decline(
        "f1",
        "a1",
        &allocated(&parse("cpus:100;mem:100;disk(role1):95"), "role1"),
        1000.0,
    );

    cluster.add_framework("f2", &["role1"], &[Capability::SharedResources]);

    cluster.assert_offered(&[("f2", "role1", "a1", &total)]);
}

fn reservation(text: &str, role: &str) -> ResourceConversion {
    let plain = parse(text);
    let reserved = plain.push_reservation(&dynamic(role));
    ResourceConversion::new(plain, reserved)
}

/// Mirrors: HierarchicalAllocatorTest.UpdateAvailableSuccess
#[test]
fn operators_can_reserve_what_is_available() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:100;mem:100;disk:100");

    let outcome = cluster
        .state
        .update_available(&agent_id("a1"), &[reservation("cpus:25;mem:50", "role1")]);

    assert_eq!(outcome, Ok(()));
    cluster.add("f1", &["role1"]);
    let expected = parse("cpus:75;mem:50;disk:100")
        + &parse("cpus:25;mem:50").push_reservation(&dynamic("role1"));
    cluster.assert_offered(&[("f1", "role1", "a1", &expected)]);
}

/// Mirrors: HierarchicalAllocatorTest.UpdateAvailableFail
#[test]
fn operators_cannot_reserve_what_is_offered() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:100;mem:100;disk:100");
    cluster.add("f1", &["role1"]);
    let before = cluster.state.agent_resources(&agent_id("a1"));

    let outcome = cluster
        .state
        .update_available(&agent_id("a1"), &[reservation("cpus:25;mem:50", "role1")]);

    assert_eq!(
        outcome.expect_err("all is offered").to_string(),
        "{} does not contain cpus:25; mem:50"
    );
    assert_eq!(cluster.state.agent_resources(&agent_id("a1")), before);
    let unknown = cluster.state.update_available(&agent_id("a9"), &[]);
    assert!(unknown.is_err());
}

fn update_total(cluster: &mut Cluster, total: &Resources) {
    cluster.apply(Event::UpdateAgent {
        id: agent_id("a1"),
        info: Arc::new(agent_info("a1")),
        total: Some(total.clone()),
        capabilities: None,
    });
}

/// Mirrors: HierarchicalAllocatorTest.UpdateSlaveOversubscribedResources
#[test]
fn oversubscribed_resources_are_offered_as_they_grow() {
    let mut cluster = Cluster::new();
    let total = parse("cpus:100;mem:100;disk:100");
    cluster.add_agent_with("a1", &total, &[]);
    cluster.add_framework("f1", &["role1"], &[Capability::RevocableResources]);
    cluster.assert_offered(&[("f1", "role1", "a1", &total)]);

    update_total(&mut cluster, &(&total + &revocable("cpus:10")));
    cluster.assert_offered(&[("f1", "role1", "a1", &revocable("cpus:10"))]);
    update_total(&mut cluster, &(&total + &revocable("cpus:12")));
    cluster.assert_offered(&[("f1", "role1", "a1", &revocable("cpus:2"))]);
    update_total(&mut cluster, &(&total + &revocable("cpus:5")));
    cluster.assert_none();
}

/// Mirrors: HierarchicalAllocatorTest.UpdateSlaveTotalResources
#[test]
fn an_agent_can_grow_and_shrink() {
    let mut cluster = Cluster::new();
    let total = parse("cpus:100;mem:100;disk:100");
    cluster.add_agent_with("a1", &total, &[]);
    cluster.add("f1", &["role1"]);
    cluster.assert_offered(&[("f1", "role1", "a1", &total)]);
    update_total(&mut cluster, &(&total + &parse("cpus:12")));
    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:12")]);

    let smaller = parse("cpus:50;mem:50;disk:50");
    update_total(&mut cluster, &smaller);
    cluster.recover(
        "f1",
        "a1",
        &allocated(&(&total + &parse("cpus:12")), "role1"),
    );
    cluster.tick();
    cluster.assert_offered(&[("f1", "role1", "a1", &smaller)]);

    update_total(&mut cluster, &total);
    cluster.assert_offered(&[("f1", "role1", "a1", &smaller)]);
}

/// Mirrors: HierarchicalAllocatorTest.OversubscribedNotAllocated
#[test]
fn revocable_resources_go_only_to_those_who_can_lose_them() {
    let mut cluster = Cluster::new();
    let total = parse("cpus:100;mem:100;disk:100");
    cluster.add_agent_with("a1", &total, &[]);
    cluster.add("f1", &["role1"]);
    cluster.take();

    update_total(&mut cluster, &(&total + &revocable("cpus:10")));

    cluster.assert_none();
}

/// Mirrors: HierarchicalAllocatorTest.RecoverOversubscribedResources
#[test]
fn revocable_resources_come_back_like_others() {
    let mut cluster = Cluster::new();
    let total = parse("cpus:100;mem:100;disk:100");
    cluster.add_agent_with("a1", &total, &[]);
    cluster.add_framework("f1", &["role1"], &[Capability::RevocableResources]);
    update_total(&mut cluster, &(&total + &revocable("cpus:10")));
    cluster.take();
    let recovered = revocable("cpus:6") + &parse("cpus:2");

    cluster.recover("f1", "a1", &allocated(&recovered, "role1"));
    cluster.tick();

    cluster.assert_offered(&[("f1", "role1", "a1", &recovered)]);
}

/// Mirrors: HierarchicalAllocatorTest.RemoveSlaveRecoverResources
#[test]
fn what_was_held_on_a_removed_agent_counts_no_more() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:200");
    cluster.add("f1", &["role"]);
    cluster.add("f2", &["role"]);
    cluster.add_agent("a2", "cpus:1;mem:100");
    cluster.assert_offers(&[
        ("f1", "role", "a1", "cpus:2;mem:200"),
        ("f2", "role", "a2", "cpus:1;mem:100"),
    ]);

    cluster.apply(Event::RemoveAgent(agent_id("a1")));
    cluster.add_agent("a3", "cpus:1;mem:100");

    cluster.assert_offers(&[("f1", "role", "a3", "cpus:1;mem:100")]);
}

/// Mirrors: `HierarchicalAllocatorTest.NonScalarReservationTrackingMESOS_9555`
#[test]
fn reserved_ports_keep_no_role_alive() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:1;mem:1;disk:1;ports(role):[1-2]");
    cluster.add_agent("a2", "cpus:1;mem:1;disk:1;ports(role):[1-2]");

    cluster.apply(Event::RemoveAgent(agent_id("a1")));
    cluster.apply(Event::RemoveAgent(agent_id("a2")));

    assert_eq!(cluster.state.roles.iter().count(), 0);
}

/// Mirrors: HierarchicalAllocatorTest.NoDoubleAccounting
#[test]
fn resources_in_use_are_counted_once_whoever_is_known_first() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:1");
    let (held1, held2) = (allocated(&whole, "ROLE1"), allocated(&whole, "ROLE2"));
    let join = |name: &str, role: &str, agent: &str, held: &Resources| {
        let Event::AddFramework {
            id,
            info,
            activity,
            options,
            ..
        } = add_framework(name, &[role], &[], Activity::Active)
        else {
            panic!("a framework");
        };
        let used = BTreeMap::from([(agent_id(agent), held.clone())]);
        Event::AddFramework {
            id,
            info,
            used,
            activity,
            options,
        }
    };

    cluster.apply(join("f1", "ROLE1", "a1", &held1));
    cluster.add_agent_with("a1", &whole, &[("f1", &held1)]);
    cluster.add_agent_with("a2", &whole, &[("f2", &held2)]);
    cluster.apply(join("f2", "ROLE2", "a2", &held2));

    assert!((cluster.state.dominant_share("ROLE1") - 0.5).abs() < 1e-9);
    assert!((cluster.state.dominant_share("ROLE2") - 0.5).abs() < 1e-9);
    cluster.apply(Event::RemoveFramework(id("f2")));
    let left = cluster
        .state
        .agent_resources(&agent_id("a2"))
        .expect("the agent");
    assert_eq!(left.available, whole);
}

#[test]
fn a_removed_framework_leaves_everything_available() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.take();

    cluster.apply(Event::RemoveFramework(id("f1")));
    cluster.add("f2", &["role2"]);

    cluster.assert_offers(&[("f2", "role2", "a1", "cpus:2;mem:1024")]);
    cluster.recover("f1", "a1", &allocated(&parse("cpus:2;mem:1024"), "role1"));
    assert!((cluster.state.dominant_share("role2") - 1.0).abs() < 1e-9);
}

#[test]
fn a_framework_stays_tracked_under_a_role_it_left_while_it_holds_resources() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.take();

    cluster.apply(Event::UpdateFramework {
        id: id("f1"),
        info: Arc::new(framework_info("f1", &["role2"], &[])),
        options: FrameworkOptions::default(),
    });
    assert!((cluster.state.dominant_share("role1") - 1.0).abs() < 1e-9);
    cluster.recover("f1", "a1", &allocated(&parse("cpus:2;mem:1024"), "role1"));

    assert_eq!(cluster.state.sorted_roles().len(), 1);
    cluster.tick();
    cluster.assert_offers(&[("f1", "role2", "a1", "cpus:2;mem:1024")]);
}

/// Mirrors: HierarchicalAllocatorTest.OfferAncestorReservationsToDescendantChild
#[test]
fn sub_roles_are_offered_what_their_ancestors_reserved() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["a/b/c"]);
    cluster.add_agent("a1", "cpus(a):1;mem(a):512");
    cluster.assert_offers(&[("f1", "a/b/c", "a1", "cpus(a):1;mem(a):512")]);

    cluster.add_agent("a2", "cpus:2;mem:1024;cpus(a/b):4;mem(a/b):2048");

    cluster.assert_offers(&[(
        "f1",
        "a/b/c",
        "a2",
        "cpus:2;mem:1024;cpus(a/b):4;mem(a/b):2048",
    )]);
}

#[test]
fn resources_that_come_back_twice_are_counted_once() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.add("f2", &["role1"]);
    cluster.add_agent("a2", "cpus:2;mem:1024");
    cluster.take();
    let held = allocated(&whole, "role1");

    cluster.recover("f1", "a1", &held);
    cluster.recover("f1", "a1", &held);
    cluster.apply(Event::RecoverResources {
        framework: id("f1"),
        agent: agent_id("a1"),
        resources: held,
        filters: None,
        ownership: Ownership::Allocated,
    });

    assert!((cluster.state.role_allocation("role1", "cpus") - 2.0).abs() < 1e-9);
    let left = cluster
        .state
        .agent_resources(&agent_id("a1"))
        .expect("the agent");
    assert_eq!(left.available, whole);
}

/// Mirrors: MasterAllocatorTest.OutOfOrderDispatch
#[test]
fn resources_that_come_back_after_their_framework_went_are_offered_once() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["*"]);
    cluster.assert_offers(&[("f1", "*", "a1", "cpus:2;mem:1024")]);
    cluster.apply(Event::RemoveFramework(id("f1")));

    cluster.recover("f1", "a1", &allocated(&whole, "*"));
    cluster.add("f2", &["*"]);

    cluster.assert_offers(&[("f2", "*", "a1", "cpus:2;mem:1024")]);
}

#[test]
fn agents_of_a_framework_that_never_comes_are_forgotten() {
    let mut cluster = Cluster::new();
    let held = allocated(&parse("cpus:1"), "role");
    cluster.add_agent_with("a1", &parse("cpus:1"), &[("lost", &held)]);
    assert_eq!(cluster.state.orphans.len(), 1);

    cluster.apply(Event::RemoveAgent(agent_id("a1")));

    assert!(cluster.state.orphans.is_empty());
}
