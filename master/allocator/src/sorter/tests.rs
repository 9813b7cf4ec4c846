use mesos_common::resource::{Disk, Persistence, Resource};
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::resources::Resources;

use super::*;
use crate::amounts::Names;

/// A sorter with everything that it needs.
struct Bench {
    sorter: Sorter,
    names: Names,
    totals: Totals,
    rng: Rng,
}

impl Bench {
    fn new(kind: SorterKind) -> Self {
        Self {
            sorter: Sorter::new(kind),
            names: Names::default(),
            totals: Totals::new(BTreeSet::new()),
            rng: Rng::new(1),
        }
    }

    fn drf(total: &str) -> Self {
        let mut bench = Self::new(SorterKind::Drf);
        bench.add_total(total);
        bench
    }

    fn quantities(&mut self, text: &str) -> Amounts {
        self.names
            .amounts(&ResourceQuantities::parse(text).expect("quantities"))
    }

    fn add_total(&mut self, text: &str) {
        let amounts = self.quantities(text);
        self.totals.add(&self.names, &amounts);
    }

    fn replace_total(&mut self, old: &str, new: &str) {
        let amounts = self.quantities(old);
        self.totals.subtract(&self.names, &amounts);
        self.add_total(new);
    }

    fn client(&self, path: &str) -> ClientId {
        self.sorter.client(path).expect("a client")
    }

    fn add(&mut self, path: &str) {
        let client = self.sorter.add(&path.into());
        self.sorter.activate(client);
    }

    fn weight(&mut self, path: &str, weight: f64) {
        self.sorter.update_weight(&path.into(), weight);
    }

    fn allocate_on(&mut self, path: &str, agent: usize, resources: &Resources) {
        let weighed = Weighed::new(&mut self.names, resources);
        let client = self.client(path);
        let mut context = SortContext {
            names: &mut self.names,
            totals: &self.totals,
        };
        self.sorter
            .allocated(&mut context, client, AgentKey(agent), &weighed);
    }

    fn allocate(&mut self, path: &str, text: &str) {
        self.allocate_on(path, 0, &parse(text));
    }

    fn add_with(&mut self, path: &str, text: &str) {
        self.add(path);
        self.allocate(path, text);
    }

    fn unallocate_on(&mut self, path: &str, agent: usize, resources: &Resources) {
        let weighed = Weighed::new(&mut self.names, resources);
        let client = self.client(path);
        self.sorter
            .unallocated(&mut self.names, client, AgentKey(agent), &weighed);
    }

    fn unallocate(&mut self, path: &str, text: &str) {
        self.unallocate_on(path, 0, &parse(text));
    }

    fn update_on(&mut self, path: &str, agent: usize, old: &Resources, new: &Resources) {
        let old = Weighed::new(&mut self.names, old);
        let new = Weighed::new(&mut self.names, new);
        let client = self.client(path);
        let change = Change {
            old: &old,
            new: &new,
        };
        self.sorter
            .update(&mut self.names, client, AgentKey(agent), change);
    }

    fn remove(&mut self, path: &str) {
        let client = self.client(path);
        self.sorter.remove(&mut self.names, client);
    }

    fn deactivate(&mut self, path: &str) {
        let client = self.client(path);
        self.sorter.deactivate(client);
    }

    fn activate(&mut self, path: &str) {
        let client = self.client(path);
        self.sorter.activate(client);
    }

    fn held(&self, path: &str) -> String {
        self.names
            .quantities(&self.sorter.allocation(self.client(path)))
            .to_string()
    }

    fn held_by_all(&self) -> String {
        self.names
            .quantities(self.sorter.total_allocation())
            .to_string()
    }

    fn order(&mut self) -> Vec<String> {
        let paths = self.sorter.sorted_paths(&self.totals, &mut self.rng);
        paths.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn assert_order(&mut self, paths: &[&str]) {
        assert_eq!(self.order(), paths);
    }

    fn has(&self, path: &str) -> bool {
        self.sorter.client(path).is_some()
    }
}

fn parse(text: &str) -> Resources {
    Resources::parse(text).expect("resources")
}

fn volume(size: &str, id: &str) -> Resource {
    let disk = parse(&format!("disk:{size}"));
    let persistence = Persistence {
        id: id.to_owned(),
        principal: None,
    };
    let disk_info = Disk {
        source: None,
        persistence: Some(persistence),
        volume: None,
    };
    disk.iter()
        .next()
        .expect("a disk")
        .with_disk(Some(disk_info))
}

fn shared_volume(size: &str) -> Resource {
    volume(size, "id1").into_shared()
}

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

fn places(bench: &mut Bench, clients: &[&str], runs: u32) -> Vec<Vec<f64>> {
    let mut counts = vec![vec![0u32; clients.len()]; clients.len()];
    for _ in 0..runs {
        for (place, client) in bench.order().iter().enumerate() {
            let index = clients
                .iter()
                .position(|one| one == client)
                .expect("a known client");
            counts[index][place] += 1;
        }
    }
    let part = |count: &u32| f64::from(*count) / f64::from(runs);
    counts
        .iter()
        .map(|row| row.iter().map(part).collect())
        .collect()
}

#[track_caller]
fn assert_near(actual: &[Vec<f64>], expected: &[&[f64]]) {
    for (row, wanted) in actual.iter().zip(expected) {
        for (chance, wanted) in row.iter().zip(*wanted) {
            assert!((chance - wanted).abs() < 0.05, "{actual:?}");
        }
    }
}

/// Mirrors: RandomSorterTest.ProbabilityDistribution
/// Mirrors: WeightedShuffleTest.ProbabilityDistribution
#[test]
fn heavier_clients_tend_to_come_first() {
    let mut bench = Bench::new(SorterKind::Random);
    let clients = ["0", "1", "2", "3", "4"];
    for (client, weight) in clients.iter().zip([1.0, 2.0, 3.0, 4.0, 5.0]) {
        bench.add(client);
        bench.weight(client, weight);
    }

    let chances = places(&mut bench, &clients, 2000);

    assert_near(
        &chances,
        &[
            &[0.07, 0.08, 0.12, 0.20, 0.54],
            &[0.13, 0.16, 0.20, 0.28, 0.23],
            &[0.20, 0.22, 0.24, 0.22, 0.12],
            &[0.27, 0.26, 0.23, 0.17, 0.07],
            &[0.33, 0.28, 0.21, 0.13, 0.04],
        ],
    );
}

/// Mirrors: RandomSorterTest.HierarchicalProbabilityDistribution
#[test]
fn chances_multiply_down_the_tree() {
    let mut bench = Bench::new(SorterKind::Random);
    let clients = ["a", "a/b", "c/d", "c/e"];
    for client in clients {
        bench.add(client);
    }
    for (path, weight) in [
        ("a", 1.0),
        ("a/b", 2.0),
        ("c", 2.0),
        ("c/d", 1.0),
        ("c/e", 2.0),
    ] {
        bench.weight(path, weight);
    }

    let chances = places(&mut bench, &clients, 10_000);

    assert_near(
        &chances,
        &[
            &[0.11, 0.15, 0.23, 0.51],
            &[0.22, 0.27, 0.30, 0.21],
            &[0.22, 0.27, 0.30, 0.21],
            &[0.44, 0.31, 0.18, 0.07],
        ],
    );
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
