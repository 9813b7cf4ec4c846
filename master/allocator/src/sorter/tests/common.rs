//! What both sorters count.

use super::*;

/// Mirrors: CommonSorterTest.RemoveLeafCollapseParent
/// Mirrors: CommonSorterTest.RemoveLeafCollapseParentInactive
#[test]
fn an_inner_node_without_other_children_is_a_leaf_again() {
    for kind in [SorterKind::Drf, SorterKind::Random] {
        for deactivated in [false, true] {
            let mut bench = Bench::new(kind);
            bench.add_total("cpus:100;mem:100");
            bench.add_with("a", "cpus:10;mem:10");
            bench.add_with("b", "cpus:6;mem:6");
            bench.add_with("a/c", "cpus:5;mem:5");
            if deactivated {
                bench.deactivate("a");
            }
            let mut clients = bench.order();
            clients.sort();
            assert_eq!(
                clients,
                if deactivated {
                    vec!["a/c", "b"]
                } else {
                    vec!["a", "a/c", "b"]
                }
            );

            bench.remove("a/c");

            let mut clients = bench.order();
            clients.sort();
            assert_eq!(
                clients,
                if deactivated {
                    vec!["b"]
                } else {
                    vec!["a", "b"]
                }
            );
            assert_eq!(bench.held("a"), "cpus:10; mem:10");
            assert_eq!(bench.held_by_all(), "cpus:16; mem:16");
        }
    }
}

/// Mirrors: CommonSorterTest.UpdateAllocation
/// Mirrors: CommonSorterTest.UpdateAllocationNestedClient
#[test]
fn a_conversion_does_not_change_what_is_held() {
    for kind in [SorterKind::Drf, SorterKind::Random] {
        for client in ["a", "a/x"] {
            let mut bench = Bench::new(kind);
            bench.add_total("cpus:10;mem:10;disk:10");
            bench.add(client);
            bench.add("b/y");
            let old = parse("cpus:10;mem:10;disk:10");
            bench.allocate_on(client, 0, &old);
            let mut new = parse("cpus:10;mem:10;disk:5");
            new.add(volume("5", "ID"));

            bench.update_on(client, 0, &old, &new);

            assert_eq!(bench.held(client), "cpus:10; disk:10; mem:10");
            assert_eq!(bench.held_by_all(), "cpus:10; disk:10; mem:10");
            bench.update_on(client, 0, &new, &Resources::new());
            assert_eq!(bench.held(client), "{}");
        }
    }
}

/// Mirrors: CommonSorterTest.AllocationForInactiveClient
#[test]
fn what_inactive_clients_hold_is_counted() {
    for kind in [SorterKind::Drf, SorterKind::Random] {
        let mut bench = Bench::new(kind);
        bench.add_total("cpus:10;mem:10");
        bench.add("a");
        bench.add("b");
        bench.deactivate("a");

        bench.allocate("a", "cpus:2;mem:2");
        bench.allocate("b", "cpus:3;mem:3");

        assert_eq!(bench.held("a"), "cpus:2; mem:2");
        assert_eq!(bench.held("b"), "cpus:3; mem:3");
        assert_eq!(bench.held_by_all(), "cpus:5; mem:5");
    }
}

/// Mirrors: CommonSorterTest.MultipleSlaves
/// Mirrors: CommonSorterTest.MultipleSlavesUpdateAllocation
#[test]
fn holdings_on_several_agents_add_up() {
    for kind in [SorterKind::Drf, SorterKind::Random] {
        let mut bench = Bench::new(kind);
        bench.add_total("cpus:4;mem:1024;disk:20");
        bench.add("framework");
        let agent = parse("cpus:2;mem:512;disk:10;ports:[31000-32000]");
        bench.allocate_on("framework", 0, &agent);
        bench.allocate_on("framework", 1, &agent);
        assert_eq!(bench.held("framework"), "cpus:4; disk:20; mem:1024");
        let mut new = parse("cpus:2;mem:512;disk:5;ports:[31000-32000]");
        new.add(volume("5", "ID"));

        bench.update_on("framework", 0, &agent, &new);
        bench.update_on("framework", 1, &agent, &new);

        assert_eq!(bench.held("framework"), "cpus:4; disk:20; mem:1024");
        assert_eq!(bench.held_by_all(), "cpus:4; disk:20; mem:1024");
    }
}

/// Mirrors: DRFSorterTest.SharedResources
#[test]
fn every_holder_of_a_shared_volume_has_its_whole_share() {
    let mut bench = Bench::drf("cpus:100;mem:100;disk:1000");
    let disk = shared_volume("100");
    let with_disk = |text: &str| {
        let mut resources = parse(text);
        resources.add(disk.clone());
        resources
    };
    bench.add("a");
    bench.allocate_on("a", 0, &with_disk("cpus:5;mem:5"));
    bench.add_with("b", "cpus:6;mem:6");
    bench.assert_order(&["b", "a"]);

    bench.add("c");
    bench.allocate_on("c", 0, &with_disk("cpus:1;mem:1"));
    bench.assert_order(&["b", "a", "c"]);

    bench.remove("a");
    bench.unallocate("b", "cpus:4;mem:4");
    bench.assert_order(&["b", "c"]);
    bench.add("d");
    bench.allocate_on("d", 0, &with_disk("cpus:1;mem:5"));
    bench.assert_order(&["b", "c", "d"]);
    assert_eq!(bench.sorter.count(), 3);
}

/// Mirrors: DRFSorterTest.SameDominantSharedResourcesAcrossClients
#[test]
fn a_shared_volume_can_dominate_everybodys_share() {
    let mut bench = Bench::drf("cpus:100;mem:100;disk:1000");
    for (client, text) in [
        ("b", "cpus:5;mem:20"),
        ("c", "cpus:10;mem:6"),
        ("a", "cpus:50;mem:40"),
    ] {
        let mut held = parse(text);
        held.add(shared_volume("900"));
        bench.add(client);
        bench.allocate_on(client, 0, &held);
    }

    bench.assert_order(&["a", "b", "c"]);
}

/// Mirrors: DRFSorterTest.SameSharedResourcesSameClient
#[test]
fn further_copies_of_a_shared_volume_weigh_nothing() {
    let mut bench = Bench::drf("cpus:100;mem:100;disk:1000");
    bench.add("a");
    bench.add_with("b", "cpus:6;mem:6");
    let copy = Resources::from(shared_volume("50"));

    bench.allocate_on("a", 0, &copy);
    bench.allocate_on("a", 0, &copy);
    bench.allocate_on("a", 0, &copy);

    assert_eq!(bench.held("a"), "disk:50");
    bench.assert_order(&["a", "b"]);
}

/// Mirrors: DRFSorterTest.SharedResourcesUnallocated
#[test]
fn a_shared_volume_counts_until_its_last_copy_is_gone() {
    let mut bench = Bench::drf("cpus:100;mem:100;disk:1000");
    bench.add("a");
    bench.add_with("b", "cpus:6;mem:6");
    let copy = Resources::from(shared_volume("100"));
    bench.allocate_on("a", 0, &copy);
    bench.allocate_on("a", 0, &copy);

    bench.unallocate_on("a", 0, &copy);
    assert_eq!(bench.held("a"), "disk:100");
    bench.assert_order(&["b", "a"]);

    bench.unallocate_on("a", 0, &copy);
    assert_eq!(bench.held("a"), "{}");
    bench.assert_order(&["a", "b"]);
}

#[test]
fn excluded_resources_play_no_part_in_shares() {
    let mut bench = Bench::new(SorterKind::Drf);
    bench.totals = Totals::new(BTreeSet::from(["gpus".into()]));
    bench.add_total("cpus:100;gpus:10");
    bench.add_with("a", "cpus:1;gpus:10");
    bench.add_with("b", "cpus:2");

    bench.assert_order(&["a", "b"]);
}

#[test]
fn moving_one_client_gives_the_same_order_as_sorting_all() {
    let mut rng = Rng::new(3);
    let mut bench = Bench::drf("cpus:1000;mem:1000");
    let paths: Vec<String> = (0..40)
        .map(|n| {
            if n % 3 == 0 {
                format!("g{}/c{n}", n % 4)
            } else {
                format!("c{n}")
            }
        })
        .collect();
    for path in &paths {
        bench.add(path);
    }
    bench.order();
    for _ in 0..500 {
        let path = &paths[rng.below(paths.len())];
        bench.allocate(
            path,
            &format!("cpus:{};mem:{}", 1 + rng.below(3), 1 + rng.below(3)),
        );

        let moved = bench.order();
        bench.sorter.freshness = Freshness::Stale;
        assert_eq!(moved, bench.order());
    }
}

/// Mirrors: `CommonSorterTest.BENCHMARK_FullSort`
/// Mirrors: `CommonSorterTest.BENCHMARK_HierarchyFullSort`
#[test]
fn a_large_tree_is_sorted_like_a_list_of_shares() {
    for kind in [SorterKind::Drf, SorterKind::Random] {
        let mut bench = Bench::new(kind);
        bench.add_total("cpus:24000;mem:4096000");
        let mut rng = Rng::new(5);
        let mut paths = Vec::new();
        for n in 0..400 {
            let path = if n % 2 == 0 {
                format!("c{n}")
            } else {
                format!("g{}/h{}/c{n}", n % 7, n % 5)
            };
            bench.add(&path);
            bench.allocate(
                &path,
                &format!("cpus:{};mem:{}", 1 + rng.below(24), 1 + rng.below(4096)),
            );
            paths.push(path);
        }

        let sorted = bench.order();

        assert_eq!(sorted.len(), 400);
        assert_eq!(
            sorted.iter().collect::<BTreeSet<_>>(),
            paths.iter().collect()
        );
        let share = |path: &&String| bench.sorter.share(&bench.totals, bench.client(path));
        let tops: Vec<f64> = sorted
            .iter()
            .filter(|path| !path.contains('/'))
            .map(|path| share(&path))
            .collect();
        if kind == SorterKind::Drf {
            assert!(tops.is_sorted());
        }
        for path in &paths[..200] {
            bench.unallocate(path, "cpus:1;mem:1");
        }
        assert_eq!(bench.order().len(), 400);
    }
}
