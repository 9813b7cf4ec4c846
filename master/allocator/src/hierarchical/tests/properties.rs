//! Laws that hold after every event of any sequence.

use super::*;
use crate::amounts::Amounts;
use crate::rng::Rng;

const SEQUENCES: u64 = 10_000;
const EVENTS: usize = 24;

const ROLES: [&str; 5] = ["a", "b", "b/x", "b/y", "c"];
const QUOTA_ROLES: [&str; 3] = ["a", "c", "idle"];

/// Drives a cluster at random and keeps its own books, to compare.
struct Fuzz {
    cluster: Cluster,
    rng: Rng,
    /// What each framework was given and did not give back, by agent.
    held: BTreeMap<(String, String), Resources>,
    /// What tasks use of it.
    used: BTreeMap<(String, String), Resources>,
    totals: BTreeMap<String, Resources>,
    frameworks: BTreeMap<String, BTreeSet<String>>,
    quotas: BTreeMap<String, Quota>,
    created: usize,
}

impl Fuzz {
    fn new(seed: u64) -> Self {
        let sorter = match seed % 4 {
            0 => crate::sorter::SorterKind::Random,
            _ => crate::sorter::SorterKind::Drf,
        };
        let options = AllocatorOptions {
            seed,
            sorter,
            ..AllocatorOptions::default()
        };
        Self {
            cluster: Cluster::with(options),
            rng: Rng::new(seed),
            held: BTreeMap::new(),
            used: BTreeMap::new(),
            totals: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            quotas: BTreeMap::new(),
            created: 0,
        }
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.rng.below(all.len()))
    }

    fn name(&mut self, prefix: &str) -> String {
        self.created += 1;
        format!("{prefix}{}", self.created)
    }

    fn total(&mut self) -> Resources {
        let mut total = parse(&format!(
            "cpus:{};mem:{};ports:[1-{}]",
            1 + self.rng.below(4),
            100 * (1 + self.rng.below(5)),
            1 + self.rng.below(9)
        ));
        match self.rng.below(6) {
            0 => total += &parse("cpus(b):2;mem(b/x):64"),
            1 => total += &revocable("cpus:3"),
            2 => total.add(persistent(&one("disk(b):10"), "shared").into_shared()),
            3 => total += &mount_disk("50"),
            _ => {}
        }
        total
    }

    fn some_framework(&mut self) -> Option<String> {
        let names: Vec<String> = self.frameworks.keys().cloned().collect();
        self.pick(&names).cloned()
    }

    fn some_agent(&mut self) -> Option<String> {
        let names: Vec<String> = self.totals.keys().cloned().collect();
        self.pick(&names).cloned()
    }

    fn some_held(&mut self) -> Option<(String, String)> {
        let keys: Vec<_> = self.held.keys().cloned().collect();
        self.pick(&keys).cloned()
    }

    fn step(&mut self) {
        match self.rng.below(22) {
            0..=2 => self.add_framework(),
            3..=6 => self.add_agent(),
            7..=10 => self.decline(),
            11 | 12 => self.use_some(),
            13 => self.finish_task(),
            14 => self.remove_framework(),
            15 => self.remove_agent(),
            16 => self.set_quota(),
            17 => self.reserve(),
            18 => self.toggle_framework(),
            19 => self.update_total(),
            20 => {
                let weight = [0.5, 1.0, 3.0][self.rng.below(3)];
                let role = ROLES[self.rng.below(ROLES.len())].to_owned();
                self.cluster
                    .apply(Event::UpdateWeights(vec![(role, weight)]));
            }
            _ => {}
        }
        if self.rng.below(3) == 0 {
            self.cluster.tick();
        }
        self.book_offers();
    }

    fn book_offers(&mut self) {
        let offers = std::mem::take(&mut self.cluster.offers);
        for (framework, offer) in offers {
            let roles = &self.frameworks[framework.as_str()];
            assert!(
                roles.contains(offer.role.as_ref()),
                "offers are for subscribed roles"
            );
            let key = (framework.to_string(), offer.agent_id.to_string());
            *self.held.entry(key).or_default() += &offer.resources;
        }
    }

    fn add_framework(&mut self) {
        let name = self.name("f");
        let mut roles = names(&[ROLES[self.rng.below(ROLES.len())]]);
        if self.rng.below(3) == 0 {
            roles.insert(ROLES[self.rng.below(ROLES.len())].to_owned());
        }
        let all = [
            Capability::SharedResources,
            Capability::RevocableResources,
            Capability::ReservationRefinement,
        ];
        let some = &all[..self.rng.below(all.len() + 1)];
        self.frameworks.insert(name.clone(), roles.clone());
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        self.cluster.add_framework(&name, &roles, some);
    }

    fn add_agent(&mut self) {
        let name = self.name("a");
        let total = self.total();
        self.cluster.add_agent_with(&name, &total, &[]);
        self.totals.insert(name, total);
    }

    fn decline(&mut self) {
        let Some(key) = self.some_held() else { return };
        let used = self.used.get(&key).cloned().unwrap_or_default();
        let free = &self.held[&key] - &used;
        let roles: Vec<_> = free.allocations().into_values().collect();
        let Some(part) = self.pick(&roles).cloned() else {
            return;
        };
        let seconds = [None, Some(0.0), Some(2.0), Some(30.0)][self.rng.below(4)];
        self.cluster.recover_with(&key.0, &key.1, &part, seconds);
        self.give_back(&key, &part);
    }

    fn give_back(&mut self, key: &(String, String), part: &Resources) {
        let held = self.held.get_mut(key).expect("held");
        *held -= part;
        if held.is_empty() {
            self.held.remove(key);
        }
    }

    /// Launches a task on a part of what is held.
    fn use_some(&mut self) {
        let Some(key) = self.some_held() else { return };
        let used = self.used.get(&key).cloned().unwrap_or_default();
        let free = (&self.held[&key] - &used).non_shared();
        let items: Vec<Resource> = free.iter().cloned().collect();
        let Some(item) = self.pick(&items).cloned() else {
            return;
        };
        let task = Resources::from(item);
        *self.used.entry(key.clone()).or_default() += &task;
        self.cluster.apply(Event::TransitionOfferedToAllocated {
            agent: agent_id(&key.1),
            resources: task,
        });
    }

    fn finish_task(&mut self) {
        let keys: Vec<_> = self.used.keys().cloned().collect();
        let Some(key) = self.pick(&keys).cloned() else {
            return;
        };
        let used = self.used.remove(&key).expect("used");
        for part in used.allocations().into_values() {
            self.cluster.apply(Event::RecoverResources {
                framework: id(&key.0),
                agent: agent_id(&key.1),
                resources: part.clone(),
                filters: None,
                ownership: Ownership::Allocated,
            });
            self.give_back(&key, &part);
        }
    }

    fn remove_framework(&mut self) {
        let Some(name) = self.some_framework() else {
            return;
        };
        // As the master does: tasks first, then the framework.
        for (key, used) in self.used.clone() {
            if key.0 != name {
                continue;
            }
            self.used.remove(&key);
            for part in used.allocations().into_values() {
                self.cluster.apply(Event::RecoverResources {
                    framework: id(&key.0),
                    agent: agent_id(&key.1),
                    resources: part.clone(),
                    filters: None,
                    ownership: Ownership::Allocated,
                });
                self.give_back(&key, &part);
            }
            self.book_offers();
        }
        self.cluster.apply(Event::RemoveFramework(id(&name)));
        self.book_offers();
        self.held.retain(|(framework, _), _| *framework != name);
        self.frameworks.remove(&name);
    }

    fn remove_agent(&mut self) {
        let Some(name) = self.some_agent() else {
            return;
        };
        self.cluster.apply(Event::RemoveAgent(agent_id(&name)));
        self.totals.remove(&name);
        self.held.retain(|(_, agent), _| *agent != name);
        self.used.retain(|(_, agent), _| *agent != name);
    }

    fn set_quota(&mut self) {
        let role = QUOTA_ROLES[self.rng.below(QUOTA_ROLES.len())];
        let amounts = ["", "cpus:1", "cpus:3;mem:200", "mem:0"][self.rng.below(4)];
        let limits = ["", "cpus:4", "cpus:3;mem:500"][self.rng.below(3)];
        let quota = quota(amounts, limits);
        self.quotas.insert(role.to_owned(), quota.clone());
        self.cluster.apply(Event::UpdateQuota {
            role: role.to_owned(),
            quota,
        });
    }

    /// A framework reserves a part of what it was offered.
    fn reserve(&mut self) {
        let Some(key) = self.some_held() else { return };
        let used = self.used.get(&key).cloned().unwrap_or_default();
        let free = &self.held[&key] - &used;
        let plain = free
            .filter(|item| item.scalar().is_some() && !item.is_reserved() && !item.is_revocable());
        let items: Vec<Resource> = plain.iter().cloned().collect();
        let Some(item) = self.pick(&items).cloned() else {
            return;
        };
        let role = item.allocation_role().expect("allocated").clone();
        let reserved = item.push_reservation(&dynamic(&role));
        let conversion = ResourceConversion::new(item.clone().into(), reserved.clone().into());
        let offered = Resources::from(item.clone());
        self.cluster
            .update_allocation(&key.0, &key.1, &offered, vec![conversion]);
        let held = self.held.get_mut(&key).expect("held");
        *held -= &offered;
        held.add(reserved.clone());
        let total = self.totals.get_mut(&key.1).expect("an agent");
        *total -= &Resources::from(item.with_allocation(None));
        total.add(reserved.with_allocation(None));
    }

    fn toggle_framework(&mut self) {
        let Some(name) = self.some_framework() else {
            return;
        };
        let id = id(&name);
        let roles = BTreeSet::new();
        self.cluster.apply(match self.rng.below(4) {
            0 => Event::SuppressOffers { id, roles },
            1 => Event::ReviveOffers { id, roles },
            2 => Event::DeactivateFramework(id),
            _ => Event::ActivateFramework(id),
        });
    }

    /// An agent's oversubscribed resources change.
    fn update_total(&mut self) {
        let Some(name) = self.some_agent() else {
            return;
        };
        let more = revocable(&format!("cpus:{}", self.rng.below(5)));
        let total = self.totals[&name].non_revocable() + &more;
        self.totals.insert(name.clone(), total.clone());
        self.cluster.apply(Event::UpdateAgent {
            id: agent_id(&name),
            info: Arc::new(agent_info(&name)),
            total: Some(total),
            capabilities: None,
        });
    }

    /// No resource is lost or created, and nobody holds more than there is.
    fn check_agents(&self) {
        for (name, total) in &self.totals {
            let agent = self
                .cluster
                .state
                .agent_resources(&agent_id(name))
                .expect("the agent");
            assert_eq!(agent.total, *total, "{name}");
            let mine: BTreeMap<FrameworkId, Resources> = self
                .held
                .iter()
                .filter(|((_, agent), _)| agent == name)
                .map(|((framework, _), held)| (id(framework), held.clone()))
                .collect();
            assert_eq!(agent.held, mine, "{name}");
            let mut sum: Resources = agent.held.values().sum();
            sum.unallocate();
            let firm = sum.non_shared().non_revocable();
            assert!(total.contains(&firm), "{name}: {total} holds {firm}");
            assert_eq!(
                agent.available.non_shared().non_revocable(),
                total.non_shared().non_revocable() - &firm
            );
            assert_eq!(agent.available.shared(), total.shared());
        }
    }

    /// What the sorters and roles count is what agents are held for.
    fn check_sums(&mut self) {
        let state = &mut self.cluster.state;
        let mut by_role: BTreeMap<Arc<str>, Amounts> = BTreeMap::new();
        let mut plain: BTreeMap<Arc<str>, Amounts> = BTreeMap::new();
        let mut per_agent: BTreeMap<(String, Arc<str>), Resources> = BTreeMap::new();
        for ((_, agent), held) in &self.held {
            for (role, part) in held.allocations() {
                *per_agent.entry((agent.clone(), role)).or_default() += &part;
            }
        }
        for ((_, role), held) in &per_agent {
            by_role
                .entry(Arc::clone(role))
                .or_default()
                .add(&state.names.sum(held));
            let part = held.filter(|item| !item.is_reserved() && !item.is_revocable());
            plain
                .entry(Arc::clone(role))
                .or_default()
                .add(&state.names.sum(&part));
        }
        for (role, amounts) in &by_role {
            let client = state
                .role_sorter
                .client(role)
                .expect("a role that holds is sorted");
            assert_eq!(state.role_sorter.allocation(client), *amounts, "{role}");
        }
        let mut whole = Amounts::default();
        plain.values().for_each(|amounts| whole.add(amounts));
        assert_eq!(
            state.roles.role(super::super::roles::ROOT).offered_plain,
            whole
        );
        let mut reserved = Amounts::default();
        for total in self.totals.values() {
            reserved.add(&state.names.sum(&total.reserved()));
        }
        assert_eq!(
            state.roles.role(super::super::roles::ROOT).reservations,
            reserved
        );
    }

    /// Frameworks of a role with limits get nothing beyond them.
    ///
    /// A limit set below what is held already, or used up by reservations, may be exceeded by
    /// that, but offers do not add to it.
    fn check_limits(&self, before: &BTreeMap<&'static str, ResourceQuantities>) {
        for role in ["a", "c"] {
            let limits = &self.cluster.state.quota(role).limits;
            let now = self.consumed(role);
            for (name, limit) in limits.iter() {
                let earlier = before[role].get(name);
                assert!(
                    now.get(name) <= limit.max(earlier),
                    "{role} has {now} of {limits}"
                );
            }
        }
    }

    fn consumed(&self, role: &str) -> ResourceQuantities {
        let state = &self.cluster.state;
        state
            .roles
            .find(role)
            .map_or_else(ResourceQuantities::new, |key| {
                state
                    .names
                    .quantities(&state.roles.role(key).quota_offered_or_consumed())
            })
    }
}

#[test]
fn no_sequence_of_events_loses_or_creates_resources_or_exceeds_limits() {
    for seed in 0..SEQUENCES {
        let mut fuzz = Fuzz::new(seed);
        for _ in 0..EVENTS {
            let before = BTreeMap::from(["a", "c"].map(|role| (role, fuzz.consumed(role))));
            fuzz.step();
            fuzz.check_limits(&before);
        }
        fuzz.check_agents();
        fuzz.check_sums();
    }
}

#[test]
fn every_sequence_can_be_replayed() {
    for seed in 0..50 {
        let mut fuzz = Fuzz::new(seed);
        for _ in 0..EVENTS {
            fuzz.step();
        }
        let options = || AllocatorOptions {
            seed,
            sorter: fuzz.cluster.state.options.sorter,
            ..AllocatorOptions::default()
        };

        let first = crate::replay(options(), &fuzz.cluster.events);

        assert_eq!(first, crate::replay(options(), &fuzz.cluster.events));
    }
}

#[test]
fn shares_converge_to_the_weights() {
    let mut cluster = Cluster::new();
    let weights = [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)];
    cluster.apply(Event::Pause);
    for (role, weight) in weights {
        cluster.apply(Event::UpdateWeights(vec![(role.to_owned(), weight)]));
        cluster.add(&format!("{role}1"), &[role]);
        cluster.add(&format!("{role}2"), &[role]);
    }
    for n in 0..1000 {
        cluster.add_agent(
            &format!("agent{n}"),
            &format!("cpus:{};mem:{}", 1 + n % 4, 100 + n % 7),
        );
    }
    cluster.apply(Event::Resume);

    cluster.tick();

    for (role, weight) in weights {
        let share = cluster.state.dominant_share(role) * weight;
        assert!((share - weight / 10.0).abs() < 0.01, "{role} has {share}");
    }
}
