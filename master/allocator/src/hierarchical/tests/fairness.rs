//! Whose turn it is.

use super::*;

/// Mirrors: HierarchicalAllocatorTest.UnreservedDRF
#[test]
fn each_new_agent_goes_to_the_smallest_share() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:2;mem:1024")]);

    cluster.add("f2", &["role2"]);
    cluster.add_agent("a2", "cpus:1;mem:512");
    cluster.assert_offers(&[("f2", "role2", "a2", "cpus:1;mem:512")]);

    cluster.add_agent("a3", "cpus:3;mem:2048");
    cluster.assert_offers(&[("f2", "role2", "a3", "cpus:3;mem:2048")]);

    cluster.add("f3", &["role1"]);
    cluster.add_agent("a4", "cpus:4;mem:4096");
    cluster.assert_offers(&[("f3", "role1", "a4", "cpus:4;mem:4096")]);

    cluster.add("f4", &["role1"]);
    cluster.add_agent("a5", "cpus:1;mem:512");
    cluster.assert_offers(&[("f2", "role2", "a5", "cpus:1;mem:512")]);

    cluster.add("f5", &["role1"]);
    cluster.assert_none();
}

/// Mirrors: HierarchicalAllocatorTest.ReservedDRF
#[test]
fn reserved_resources_count_in_the_share_of_their_role() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:1;mem:512;cpus(role1):100;mem(role1):1024");
    cluster.add("f1", &["role1"]);
    cluster.assert_offers(&[(
        "f1",
        "role1",
        "a1",
        "cpus:1;mem:512;cpus(role1):100;mem(role1):1024",
    )]);

    cluster.add("f2", &["role2"]);
    cluster.add_agent("a2", "cpus:2;mem:512");
    cluster.assert_offers(&[("f2", "role2", "a2", "cpus:2;mem:512")]);
    cluster.add_agent("a3", "cpus:2;mem:512");
    cluster.assert_offers(&[("f2", "role2", "a3", "cpus:2;mem:512")]);

    cluster.add("f3", &["role1"]);
    cluster.add_agent("a4", "cpus(role1):2;mem(role1):1024");
    cluster.assert_offers(&[("f3", "role1", "a4", "cpus(role1):2;mem(role1):1024")]);
}

/// Mirrors: HierarchicalAllocatorTest.DRFWithFairnessExclusion
#[test]
fn excluded_resources_play_no_part_in_fairness() {
    let mut cluster = Cluster::with(AllocatorOptions {
        fairness_exclude_resource_names: names(&["gpus"]),
        ..AllocatorOptions::default()
    });
    cluster.add_agent("a1", "cpus:2;mem:1024;gpus:1");
    cluster.add_framework("f1", &["role1"], &[Capability::GpuResources]);
    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:2;mem:1024;gpus:1")]);

    cluster.add("f2", &["role2"]);
    cluster.add_agent("a2", "cpus:1;mem:512");
    cluster.assert_offers(&[("f2", "role2", "a2", "cpus:1;mem:512")]);
    cluster.add_agent("a3", "cpus:3;mem:2048");
    cluster.assert_offers(&[("f2", "role2", "a3", "cpus:3;mem:2048")]);

    cluster.add("f3", &["role1"]);
    cluster.add_agent("a4", "cpus:4;mem:4096");
    cluster.assert_offers(&[("f3", "role1", "a4", "cpus:4;mem:4096")]);

    cluster.add("f4", &["role1"]);
    cluster.add_agent("a5", "cpus:1;mem:512");
    cluster.assert_offers(&[("f2", "role2", "a5", "cpus:1;mem:512")]);
}

/// Mirrors: HierarchicalAllocatorTest.NestedRoleDRF
#[test]
fn sub_roles_share_what_their_parent_gets() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["a/b"]);
    cluster.assert_offers(&[("f1", "a/b", "a1", "cpus:2;mem:1024")]);

    cluster.add("f2", &["a/c"]);
    cluster.add("f3", &["d/e"]);
    cluster.add_agent("a2", "cpus:1;mem:512");
    cluster.assert_offers(&[("f3", "d/e", "a2", "cpus:1;mem:512")]);

    cluster.add("f4", &["d/f"]);
    cluster.add_agent("a3", "cpus:2;mem:1024");
    cluster.assert_offers(&[("f4", "d/f", "a3", "cpus:2;mem:1024")]);
}

/// Mirrors: HierarchicalAllocatorTest.CoarseGrained
#[test]
fn an_agent_is_offered_as_a_whole() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add_agent("a2", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.assert_offered(&[("f1", "role1", "a1", &whole), ("f1", "role1", "a2", &whole)]);
    cluster.recover("f1", "a1", &allocated(&whole, "role1"));
    cluster.recover("f1", "a2", &allocated(&whole, "role1"));

    cluster.add("f2", &["role2"]);

    let offers = cluster.take();
    assert_eq!(offers.len(), 2);
    assert!(
        offers
            .iter()
            .all(|(_, _, _, resources)| *resources == whole)
    );
    assert_eq!((offers[0].0.as_str(), offers[1].0.as_str()), ("f1", "f2"));
}

/// Mirrors: HierarchicalAllocatorTest.SameShareFairness
#[test]
fn frameworks_with_equal_shares_take_turns() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["*"]);
    cluster.add("f2", &["*"]);
    cluster.add_agent("a1", "cpus:2;mem:1024");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();

    for _ in 0..10 {
        let offers = cluster.take();
        let [(framework, _, _, resources)] = offers.as_slice() else {
            panic!("one offer")
        };
        *counts.entry(framework.clone()).or_default() += 1;
        let resources = allocated(resources, "*");
        cluster.recover(&framework.clone(), "a1", &resources);
        cluster.tick();
    }

    assert_eq!(
        counts,
        BTreeMap::from([("f1".to_owned(), 5), ("f2".to_owned(), 5)])
    );
}

/// Mirrors: HierarchicalAllocatorTest.UpdateWeight
#[test]
fn weights_divide_the_cluster() {
    let mut cluster = Cluster::new();
    for n in 0..6 {
        cluster.add_agent(&format!("a{n}"), "cpus:2;mem:1024");
    }
    cluster.add("f1", &["role1"]);
    cluster.add("f2", &["role2"]);
    cluster.add("f3", &["role3"]);
    let give_back = |cluster: &mut Cluster| {
        let offers = cluster.take();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (framework, role, agent, resources) in offers {
            *counts.entry(framework.clone()).or_default() += 1;
            cluster.recover(&framework, &agent, &allocated(&resources, &role));
        }
        counts.into_values().collect::<Vec<_>>()
    };
    give_back(&mut cluster);
    cluster.apply(Event::RemoveFramework(id("f3")));
    give_back(&mut cluster);

    cluster.tick();
    assert_eq!(give_back(&mut cluster), [3, 3]);

    cluster.apply(Event::UpdateWeights(vec![("role2".to_owned(), 2.0)]));
    cluster.tick();
    assert_eq!(give_back(&mut cluster), [2, 4]);

    cluster.apply(Event::UpdateWeights(vec![("role3".to_owned(), 3.0)]));
    cluster.add("f3", &["role3"]);
    assert_eq!(give_back(&mut cluster), [1, 2, 3]);
}

#[test]
fn weights_that_are_no_weights_change_nothing() {
    let mut cluster = Cluster::new();
    for (role, weight) in [
        ("role2", 0.0),
        ("role2", f64::NAN),
        ("a//b", 2.0),
        ("..", 2.0),
    ] {
        cluster.apply(Event::UpdateWeights(vec![(role.to_owned(), weight)]));
    }
    cluster.set_both("..", "cpus:1");

    assert_eq!(cluster.state.roles.iter().count(), 0);
}

#[test]
fn the_random_sorter_serves_everybody_in_time() {
    let mut cluster = Cluster::with(AllocatorOptions {
        sorter: crate::sorter::SorterKind::Random,
        ..AllocatorOptions::default()
    });
    for role in ["a", "b/c", "b/d"] {
        cluster.add(&role.replace('/', "-"), &[role]);
    }
    cluster.add_agent("a1", "cpus:2;mem:1024");
    let mut seen = BTreeSet::new();

    for _ in 0..100 {
        for (framework, role, agent, resources) in cluster.take() {
            seen.insert(framework.clone());
            cluster.recover(&framework, &agent, &allocated(&resources, &role));
        }
        cluster.tick();
    }

    assert_eq!(seen, names(&["a", "b-c", "b-d"]));
}
