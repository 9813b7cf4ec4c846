//! What Mesos' benchmarks do, small enough for every test run; times are measured by the benches.

use super::*;

fn cluster_of(agents: usize, frameworks: usize, resources: &Resources) -> Cluster {
    let mut cluster = Cluster::new();
    for n in 0..agents {
        cluster.queue(Event::AddAgent(new_agent(&format!("a{n}"), resources, &[])));
    }
    for n in 0..frameworks {
        cluster.queue(add_framework(
            &format!("f{n}"),
            &["*"],
            &[],
            Activity::Active,
        ));
    }
    cluster.settle();
    cluster
}

fn give_back(cluster: &mut Cluster, seconds: f64) -> usize {
    let offers = cluster.take();
    for (framework, role, agent, resources) in &offers {
        cluster.decline(framework, agent, &allocated(resources, role), seconds);
    }
    offers.len()
}

/// Mirrors: `HierarchicalAllocator_BENCHMARK_Test.AddAndUpdateSlave`
#[test]
fn many_agents_are_added_and_oversubscribed() {
    let total = parse("cpus:2;mem:1024;disk:4096;ports:[31000-32000]");
    let mut cluster = Cluster::new();
    for n in 0..20 {
        cluster.add_framework(&format!("f{n}"), &["*"], &[Capability::RevocableResources]);
    }
    for n in 0..200 {
        cluster.add_agent_with(&format!("a{n}"), &total, &[]);
    }
    assert_eq!(cluster.take().len(), 200);

    for n in 0..200 {
        let name = format!("a{n}");
        cluster.apply(Event::UpdateAgent {
            id: agent_id(&name),
            info: Arc::new(agent_info(&name)),
            total: Some(&total + &revocable("cpus:10")),
            capabilities: None,
        });
    }

    let offers = cluster.take();
    assert_eq!(offers.len(), 200);
    assert!(offers.iter().all(|offer| offer.3 == revocable("cpus:10")));
}

/// Mirrors: `HierarchicalAllocator_BENCHMARK_Test.DeclineOffers`
/// Mirrors: `BENCHMARK_HierarchicalAllocations.MultiFrameworkAllocations`
#[test]
fn declined_agents_go_round_all_frameworks() {
    let mut cluster = cluster_of(
        50,
        10,
        &parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]"),
    );
    let mut offered = 0;

    for _ in 0..10 {
        offered += give_back(&mut cluster, 1000.0);
        cluster.tick();
    }

    assert_eq!(offered, 500, "every framework refused every agent once");
    cluster.tick();
    cluster.assert_none();
}

/// Mirrors: `HierarchicalAllocator_BENCHMARK_Test.ResourceLabels`
#[test]
fn reservations_with_unique_labels_are_kept_apart() {
    use mesos_common::resource::Label;
    let mut total = parse("cpus:24;mem:4096");
    for n in 0..20 {
        let labels = ["a", "b", "c"].map(|key| Label {
            key: key.to_owned(),
            value: Some(format!("{key}{n}")),
        });
        let reservation = Reservation {
            labels: Some(labels.to_vec()),
            ..dynamic("role")
        };
        total += &parse("cpus:1;mem:10").push_reservation(&reservation);
    }
    let mut cluster = Cluster::new();
    cluster.add("f1", &["role"]);
    for n in 0..20 {
        cluster.add_agent_with(&format!("a{n}"), &total, &[]);
    }

    let offers = cluster.take();

    assert_eq!(offers.len(), 20);
    assert!(
        offers
            .iter()
            .all(|offer| offer.3 == total && offer.3.len() == 42)
    );
}

/// Mirrors: `HierarchicalAllocator_BENCHMARK_Test.SuppressOffers`
/// Mirrors: `HierarchicalAllocator_BENCHMARK_Test.ExtremeSuppressOffers`
#[test]
fn only_frameworks_that_want_offers_are_served() {
    for wanting in [50, 1] {
        let mut cluster = cluster_of(20, 100, &parse("cpus:2;mem:1024"));
        give_back(&mut cluster, 0.0);
        for n in wanting..100 {
            cluster.apply(Event::SuppressOffers {
                id: id(&format!("f{n}")),
                roles: BTreeSet::new(),
            });
        }

        cluster.tick();

        let offers = cluster.take();
        assert_eq!(offers.len(), 20);
        let names: BTreeSet<&str> = offers.iter().map(|offer| offer.0.as_str()).collect();
        assert!(names.len() <= wanting);
        assert!(
            names
                .iter()
                .all(|name| name[1..].parse::<usize>().is_ok_and(|n| n < wanting))
        );
    }
}

/// Mirrors: `HierarchicalAllocator_BENCHMARK_Test.AllocatorBacklog`
#[test]
fn a_backlog_of_events_costs_one_run() {
    let mut cluster = cluster_of(500, 50, &parse("cpus:16;mem:2014;disk:1024"));
    assert_eq!(cluster.runs, 1);
    give_back(&mut cluster, 0.0);

    for n in 0..50 {
        cluster.queue(Event::ReviveOffers {
            id: id(&format!("f{n}")),
            roles: BTreeSet::new(),
        });
    }
    cluster.settle();

    assert_eq!(cluster.runs, 2);
    assert_eq!(cluster.take().len(), 500);
}

/// Mirrors: `HierarchicalAllocations_BENCHMARK_Test.PersistentVolumes`
#[test]
fn many_persistent_volumes_are_offered_to_their_role() {
    let mut total = parse("cpus:8;mem:4096;disk:4096");
    for n in 0..50 {
        total.add(persistent(&one("disk(role):2"), &format!("id{n}")));
    }
    let mut cluster = Cluster::new();
    cluster.add("f1", &["role"]);
    cluster.add("f2", &["other"]);

    for n in 0..20 {
        cluster.add_agent_with(&format!("a{n}"), &total, &[]);
    }

    let volumes = |offers: &Offered, framework: &str| {
        let own = offers.iter().filter(|offer| offer.0 == framework);
        own.map(|offer| offer.3.persistent_volumes().len())
            .sum::<usize>()
    };
    let offers = cluster.take();
    assert_eq!(volumes(&offers, "f2"), 0);
    assert!(volumes(&offers, "f1") > 0);
    assert_eq!(volumes(&offers, "f1") % 50, 0);
}

/// Mirrors: `HierarchicalAllocator__BENCHMARK_WithResourceParam.UpdateAllocation`
#[test]
fn many_volumes_are_made_of_one_offer() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["role"]);
    cluster.add_agent("a1", "cpus:8;mem:4096;disk(role):400");
    cluster.take();
    let offered = allocated(&parse("cpus:8;mem:4096;disk(role):400"), "role");
    let conversions: Vec<ResourceConversion> = (0..200)
        .map(|n| {
            let volume = persistent(&one("disk(role):2"), &format!("id{n}"));
            creation(&volume.with_allocation(Some(&"role".into())))
        })
        .collect();
    let updated = offered.apply_all(&conversions).expect("enough disk");

    cluster.update_allocation("f1", "a1", &offered, conversions);
    cluster.recover("f1", "a1", &updated);
    cluster.tick();

    let offers = cluster.take();
    assert_eq!(allocated(&offers[0].3, "role"), updated);
    assert_eq!(offers[0].3.persistent_volumes().len(), 200);
}

/// Mirrors: `BENCHMARK_HierarchicalAllocator_WithQuotaParam.LargeAndSmallQuota`
/// Mirrors: `BENCHMARK_HierarchicalAllocator_WithNonQuotaVsQuotaParam.NonQuotaVsQuota`
#[test]
fn large_and_small_quotas_are_served_beside_roles_without() {
    let mut cluster = Cluster::new();
    cluster.apply(Event::Pause);
    cluster.set_both("large", "cpus:160;mem:81920");
    cluster.set_both("small", "cpus:8;mem:4096");
    for role in ["large", "small", "none"] {
        cluster.add(role, &[role]);
    }
    for n in 0..20 {
        cluster.add_agent(&format!("a{n}"), "cpus:16;mem:8192");
    }
    cluster.apply(Event::Resume);

    cluster.tick();

    let offers = cluster.take();
    let held = |framework: &str| -> Resources {
        offers
            .iter()
            .filter(|offer| offer.0 == framework)
            .map(|offer| &offer.3)
            .sum()
    };
    assert_eq!(held("large"), parse("cpus:160;mem:81920"));
    assert_eq!(held("small"), parse("cpus:8;mem:4096"));
    assert_eq!(held("none"), parse("cpus:152;mem:77824"));
}

/// Mirrors: RoleTreeTest.RolesTracking
#[test]
fn a_role_exists_while_there_is_a_reason() {
    let exists = |cluster: &Cluster| {
        let found = ["a", "a/b", "a/b/c"].map(|role| cluster.state.roles.find(role).is_some());
        assert!(
            found == [true; 3] || found == [false; 3],
            "ancestors come and go along"
        );
        found[0]
    };
    let mut cluster = Cluster::new();
    let role = "a/b/c".to_owned();

    cluster.apply(Event::UpdateWeights(vec![(role.clone(), 2.0)]));
    assert!(exists(&cluster));
    cluster.apply(Event::UpdateWeights(vec![(role, 1.0)]));
    assert!(!exists(&cluster));

    cluster.set_both("a/b/c", "cpus:1");
    assert!(exists(&cluster) && cluster.state.quota("a/b").is_default());
    cluster.set_quota("a/b/c", "", "");
    assert!(!exists(&cluster));

    cluster.add_agent("a1", "cpus(a/b/c):1");
    assert!(exists(&cluster));
    assert_eq!(cluster.state.quota_consumed("a").to_string(), "cpus:1");
    cluster.apply(Event::RemoveAgent(agent_id("a1")));
    assert!(!exists(&cluster));

    cluster.add("f1", &["a/b/c"]);
    assert!(exists(&cluster));
    assert_eq!(cluster.state.sorted_roles().len(), 1);
    cluster.apply(Event::RemoveFramework(id("f1")));
    assert!(!exists(&cluster));
}
