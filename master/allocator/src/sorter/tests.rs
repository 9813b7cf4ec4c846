//! Helpers of the tests of both sorters.

use mesos_common::resource::{Disk, Persistence, Resource};
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::resources::Resources;

use super::*;
use crate::amounts::Names;

mod common;
mod drf;
mod random;

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
