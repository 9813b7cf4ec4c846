//! The order by dominant shares.

use super::*;

/// The same steps with clients at various depths.
fn fair_shares(paths: [&str; 6]) {
    let [a, b, c, d, e, f] = paths;
    let mut bench = Bench::drf("cpus:100;mem:100");
    bench.assert_order(&[]);

    bench.add_with(a, "cpus:5;mem:5");
    bench.add_with(b, "cpus:6;mem:6");
    bench.assert_order(&[a, b]);

    bench.add_with(c, "cpus:1;mem:1");
    bench.add_with(d, "cpus:3;mem:1");
    bench.assert_order(&[c, d, a, b]);

    bench.remove(a);
    bench.unallocate(b, "cpus:4;mem:4");
    bench.assert_order(&[c, b, d]);

    bench.add_with(e, "cpus:1;mem:5");
    bench.replace_total("cpus:100;mem:100", "cpus:50;mem:100");
    bench.assert_order(&[c, b, e, d]);

    bench.replace_total("cpus:50;mem:100", "cpus:50;mem:200");
    bench.add_with(f, "cpus:5;mem:1");
    bench.allocate(c, "cpus:0;mem:15");
    bench.assert_order(&[e, b, d, c, f]);
    assert!(bench.has(b) && !bench.has(a));
    assert_eq!(bench.sorter.count(), 5);

    bench.deactivate(d);
    assert!(bench.has(d));
    bench.assert_order(&[e, b, c, f]);
    assert_eq!(bench.sorter.count(), 5);

    bench.activate(d);
    bench.assert_order(&[e, b, d, c, f]);
}

/// Mirrors: DRFSorterTest.DRF
#[test]
fn clients_with_smaller_dominant_shares_come_first() {
    fair_shares(["a", "b", "c", "d", "e", "f"]);
}

/// Mirrors: DRFSorterTest.ShallowHierarchy
#[test]
fn disjoint_branches_do_not_change_fairness() {
    fair_shares(["a/a", "b/b", "c/c", "d/d", "e/e", "f/f"]);
}

/// Mirrors: DRFSorterTest.DeepHierarchy
#[test]
fn depth_does_not_change_fairness() {
    fair_shares(["a/a/a/a/a", "b/b/b/b", "c/c/c", "d/d", "e/e/e/e/e/e", "f/f"]);
}

/// Mirrors: DRFSorterTest.WDRF
#[test]
fn shares_are_divided_by_weights() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    bench.add_with("a", "cpus:5;mem:5");
    bench.add("b");
    bench.weight("b", 2.0);
    bench.allocate("b", "cpus:6;mem:6");
    bench.assert_order(&["b", "a"]);

    bench.add_with("c", "cpus:4;mem:4");
    bench.assert_order(&["b", "c", "a"]);

    bench.add("d");
    bench.weight("d", 10.0);
    bench.allocate("d", "cpus:10;mem:20");
    bench.assert_order(&["d", "b", "c", "a"]);

    bench.remove("b");
    bench.assert_order(&["d", "c", "a"]);

    bench.allocate("d", "cpus:10;mem:25");
    bench.assert_order(&["c", "d", "a"]);

    bench.add("e");
    bench.weight("e", 0.1);
    bench.allocate("e", "cpus:1;mem:1");
    bench.assert_order(&["c", "d", "a", "e"]);

    bench.remove("a");
    bench.assert_order(&["c", "d", "e"]);
}

/// Mirrors: DRFSorterTest.UpdateWeight
#[test]
fn a_new_weight_changes_the_order_at_once() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    bench.add_with("a", "cpus:5;mem:5");
    bench.add_with("b", "cpus:6;mem:6");
    bench.assert_order(&["a", "b"]);

    bench.weight("b", 2.0);

    bench.assert_order(&["b", "a"]);
}

/// Mirrors: DRFSorterTest.AllocationCountTieBreak
#[test]
fn equal_shares_are_ordered_by_how_often_they_were_served() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    for client in ["a", "b", "c", "d", "e"] {
        bench.add(client);
    }
    bench.allocate("a", "cpus:3;mem:3");
    bench.allocate("b", "cpus:3;mem:3");
    for _ in 0..3 {
        bench.allocate("c", "cpus:1;mem:1");
    }
    bench.allocate("d", "cpus:2;mem:2");
    bench.allocate("d", "cpus:1;mem:1");
    bench.allocate("e", "cpus:3;mem:3");
    bench.assert_order(&["a", "b", "e", "d", "c"]);

    bench.unallocate("c", "cpus:3;mem:3");
    bench.assert_order(&["c", "a", "b", "e", "d"]);
    bench.allocate("c", "cpus:3;mem:3");
    bench.assert_order(&["a", "b", "e", "d", "c"]);

    bench.deactivate("c");
    bench.activate("c");
    bench.assert_order(&["a", "b", "e", "d", "c"]);

    bench.deactivate("a");
    bench.unallocate("a", "cpus:1;mem:3");
    bench.allocate("a", "cpus:1;mem:3");
    bench.assert_order(&["b", "e", "d", "c"]);
    bench.activate("a");
    bench.assert_order(&["b", "e", "a", "d", "c"]);
}

/// Mirrors: DRFSorterTest.HierarchicalAllocation
#[test]
fn inner_nodes_compete_by_the_share_of_their_subtree() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    for client in ["a", "b/c", "b/d"] {
        bench.add(client);
    }
    assert!(!bench.has("b"));
    bench.assert_order(&["a", "b/c", "b/d"]);

    bench.allocate("a", "cpus:6;mem:6");
    bench.assert_order(&["b/c", "b/d", "a"]);
    bench.allocate("b/c", "cpus:4;mem:4");
    bench.allocate("b/d", "cpus:3;mem:3");
    bench.assert_order(&["a", "b/d", "b/c"]);
    assert_eq!(bench.held("b/c"), "cpus:4; mem:4");
    assert_eq!(bench.held_by_all(), "cpus:13; mem:13");

    bench.allocate("a", "cpus:2;mem:2");
    bench.assert_order(&["b/d", "b/c", "a"]);

    bench.add("b/e/f");
    assert!(!bench.has("b/e") && bench.has("b/e/f"));
    bench.assert_order(&["b/e/f", "b/d", "b/c", "a"]);
    bench.allocate("b/e/f", "cpus:3.5;mem:3.5");
    bench.assert_order(&["a", "b/d", "b/e/f", "b/c"]);

    bench.remove("b/e/f");
    assert_eq!(bench.sorter.count(), 3);
    bench.assert_order(&["b/d", "b/c", "a"]);

    bench.update_on("b/c", 0, &parse("cpus:4;mem:4"), &parse("cpus:1;mem:1"));
    bench.assert_order(&["b/c", "b/d", "a"]);

    bench.add_with("b/e/f", "cpus:3.5;mem:3.5");
    bench.assert_order(&["b/c", "b/d", "b/e/f", "a"]);
    assert_eq!(bench.sorter.count(), 4);
}

/// Mirrors: DRFSorterTest.HierarchicalIterationOrder
#[test]
fn a_client_competes_with_its_own_children() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    for client in ["a/b", "c", "d", "d/e"] {
        bench.add(client);
    }
    bench.assert_order(&["a/b", "c", "d", "d/e"]);

    bench.allocate("c", "cpus:8;mem:8");
    bench.assert_order(&["a/b", "d", "d/e", "c"]);
    bench.allocate("d", "cpus:3;mem:3");
    bench.allocate("d/e", "cpus:2;mem:2");
    bench.assert_order(&["a/b", "d/e", "d", "c"]);
    bench.allocate("a/b", "cpus:6;mem:6");
    bench.assert_order(&["d/e", "d", "a/b", "c"]);
}

/// Mirrors: DRFSorterTest.AddChildToLeaf
#[test]
fn a_leaf_becomes_an_inner_node_and_stays_a_client() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    bench.add_with("a", "cpus:10;mem:10");
    bench.add_with("b", "cpus:6;mem:6");
    bench.assert_order(&["b", "a"]);

    bench.add_with("a/c", "cpus:5;mem:5");
    bench.assert_order(&["b", "a/c", "a"]);

    bench.remove("a");
    assert!(!bench.has("a"));
    bench.assert_order(&["a/c", "b"]);

    bench.add_with("a", "cpus:10;mem:10");
    bench.assert_order(&["b", "a/c", "a"]);

    bench.weight("a/c", 0.2);
    bench.assert_order(&["b", "a", "a/c"]);
    bench.weight("a", 3.0);
    bench.assert_order(&["a", "a/c", "b"]);
    bench.weight("a/c", 1.0);
    bench.assert_order(&["a/c", "a", "b"]);
}

/// Mirrors: DRFSorterTest.AddChildToInternal
#[test]
fn an_inner_node_can_become_a_client() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    bench.add_with("x/a", "cpus:10;mem:10");
    bench.add_with("x/b", "cpus:6;mem:6");
    bench.assert_order(&["x/b", "x/a"]);

    bench.add_with("x", "cpus:7;mem:7");
    bench.assert_order(&["x/b", "x", "x/a"]);
    bench.add_with("z", "cpus:20;mem:20");
    bench.assert_order(&["z", "x/b", "x", "x/a"]);

    bench.remove("x");
    bench.assert_order(&["x/b", "x/a", "z"]);
}

/// Mirrors: DRFSorterTest.AddChildToInactiveLeaf
#[test]
fn an_inactive_leaf_stays_inactive_when_it_gets_children() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    bench.add_with("a", "cpus:10;mem:10");
    bench.add_with("b", "cpus:6;mem:6");
    bench.deactivate("a");
    bench.assert_order(&["b"]);

    bench.add_with("a/c", "cpus:5;mem:5");

    bench.assert_order(&["b", "a/c"]);
}

/// Mirrors: DRFSorterTest.ChangeWeightOnSubtree
#[test]
fn a_weight_set_early_acts_on_the_whole_subtree() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    bench.weight("b", 3.0);
    bench.weight("a", 2.0);
    bench.add("a/x");
    bench.add("b/y");
    bench.assert_order(&["a/x", "b/y"]);

    bench.allocate("a/x", "cpus:10;mem:10");
    bench.allocate("b/y", "cpus:10;mem:10");
    bench.assert_order(&["b/y", "a/x"]);
    bench.add_with("b/z", "cpus:5;mem:5");
    bench.assert_order(&["b/z", "b/y", "a/x"]);
    bench.add_with("b", "cpus:4;mem:4");
    bench.assert_order(&["a/x", "b", "b/z", "b/y"]);
    bench.add_with("a/zz", "cpus:2;mem:2");
    bench.assert_order(&["a/zz", "a/x", "b", "b/z", "b/y"]);
}

#[test]
fn a_weight_set_late_acts_on_a_role_that_is_only_an_inner_node() {
    let mut bench = Bench::drf("cpus:100;mem:100");
    bench.add_with("a/x", "cpus:10;mem:10");
    bench.add_with("b/y", "cpus:10;mem:10");
    bench.assert_order(&["a/x", "b/y"]);

    bench.weight("b", 2.0);

    bench.assert_order(&["b/y", "a/x"]);
}

/// Mirrors: DRFSorterTest.SplitResourceShares
#[test]
fn pieces_of_one_resource_count_together() {
    let mut bench = Bench::drf("cpus:100;mem:100;disk:100");
    bench.add("a");
    bench.add("b");
    bench.allocate("a", "cpus:9;mem:9;disk:9");
    let mut split = parse("cpus:9;mem:9");
    split.add(volume("5", "ID1"));
    split.add(volume("5", "ID2"));

    bench.allocate_on("b", 0, &split);

    bench.assert_order(&["a", "b"]);
}

/// Mirrors: DRFSorterTest.UpdateTotal
#[test]
fn a_changed_total_changes_the_dominant_resource() {
    let mut bench = Bench::drf("cpus:10;mem:100");
    bench.add_with("a", "cpus:2;mem:1");
    bench.add_with("b", "cpus:1;mem:2");
    bench.assert_order(&["b", "a"]);

    bench.replace_total("cpus:10;mem:100", "cpus:100;mem:10");

    bench.assert_order(&["a", "b"]);
}

/// Mirrors: DRFSorterTest.MultipleSlavesUpdateTotal
#[test]
fn a_changed_total_of_one_agent_changes_the_order() {
    let mut bench = Bench::drf("cpus:5;mem:50");
    bench.add_total("cpus:5;mem:50");
    bench.add_with("a", "cpus:2;mem:1");
    bench.add("b");
    bench.allocate_on("b", 1, &parse("cpus:1;mem:3"));
    bench.assert_order(&["b", "a"]);

    bench.replace_total("cpus:5;mem:50", "cpus:95;mem:50");

    bench.assert_order(&["a", "b"]);
}

/// Mirrors: DRFSorterTest.RemoveResources
#[test]
fn resources_that_vanish_leave_the_share() {
    let mut bench = Bench::drf("cpus:10");
    bench.add_with("a", "cpus:6");
    bench.add_with("b", "cpus:4");
    bench.assert_order(&["b", "a"]);

    bench.replace_total("cpus:10", "cpus:5");
    bench.update_on("a", 0, &parse("cpus:6"), &parse("cpus:1"));

    bench.assert_order(&["a", "b"]);
}

/// Mirrors: DRFSorterTest.RevocableResources
#[test]
fn revocable_resources_count_like_others() {
    let mut bench = Bench::drf("cpus:20;mem:100");
    bench.add_with("a", "cpus:2;mem:1");
    bench.add("b");
    let revocable = parse("cpus:9")
        .iter()
        .next()
        .expect("cpus")
        .clone()
        .into_revocable();
    let mut held = parse("cpus:1;mem:1");
    held.add(revocable);

    bench.allocate_on("b", 0, &held);

    assert_eq!(bench.held("b"), "cpus:10; mem:1");
    bench.assert_order(&["a", "b"]);
}
