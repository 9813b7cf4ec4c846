//! The tree of roles: what each subtree holds, its quota and its frameworks.
//!
//! # Invariants
//! - A role exists while it, or one below it, has a framework, a reservation, a quota or a weight.
//! - Every sum covers the role and all roles below it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use mesos_common::resources::Resources;

use super::frameworks::FrameworkKey;
use crate::amounts::{AgentKey, Amounts, Ledger, Limits, Names, Weighed};
use crate::sorter::{ClientId, Sorter};

/// Numbers a role inside the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleKey(usize);

/// The role above all roles.
pub const ROOT: RoleKey = RoleKey(0);

/// Quota with numbered names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleQuota {
    /// What the role is to get first.
    pub guarantees: Amounts,
    /// What the role may get at most.
    pub limits: Limits,
}

impl RoleQuota {
    /// Whether nothing is guaranteed and nothing limited.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.guarantees.is_empty() && self.limits.is_empty()
    }
}

/// The frameworks of a role, and the order in which they are served.
#[derive(Clone, Debug)]
pub struct RoleFrameworks {
    /// Orders the frameworks.
    pub sorter: Sorter,
    /// The frameworks by their place in the sorter.
    pub by_client: HashMap<ClientId, FrameworkKey, rustc_hash::FxBuildHasher>,
    /// The role's place in the sorter of roles.
    pub role_client: ClientId,
}

/// One role.
#[derive(Clone, Debug)]
pub struct Role {
    /// The whole name.
    pub name: Arc<str>,
    /// The role above.
    pub parent: RoleKey,
    children: BTreeMap<Arc<str>, RoleKey>,
    /// The role's own quota.
    pub quota: RoleQuota,
    /// The role's own weight.
    pub weight: f64,
    /// Reserved scalars on all agents.
    pub reservations: Amounts,
    /// Reserved scalars that are offered or in use.
    pub offered_reserved: Ledger,
    /// Unreserved, non-revocable scalars that are offered or in use.
    pub offered_plain: Amounts,
    /// Unreserved, non-revocable scalars in use by tasks and executors.
    pub allocated_plain: Amounts,
    /// Present while a framework is tracked under exactly this role.
    pub frameworks: Option<RoleFrameworks>,
}

/// Changes to the tree that the metrics must follow.
#[derive(Clone, Debug, Default)]
pub struct RoleChanges {
    /// Roles that came to be.
    pub added: BTreeSet<Arc<str>>,
    /// Roles that are no more.
    pub removed: BTreeSet<Arc<str>>,
    /// Roles whose consumed quota changed.
    pub consumed: BTreeSet<Arc<str>>,
}

/// All roles.
#[derive(Clone, Debug)]
pub struct RoleTree {
    roles: Vec<Option<Role>>,
    free: Vec<RoleKey>,
    by_name: HashMap<Arc<str>, RoleKey, rustc_hash::FxBuildHasher>,
    changes: RoleChanges,
}

impl RoleTree {
    /// A tree with nothing but the root.
    #[must_use]
    pub fn new() -> Self {
        let root = Role::new("".into(), ROOT);
        let by_name = HashMap::from_iter([(Arc::clone(&root.name), ROOT)]);
        Self {
            roles: vec![Some(root)],
            free: Vec::new(),
            by_name,
            changes: RoleChanges::default(),
        }
    }

    /// A role that exists.
    ///
    /// # Panics
    /// When the role was removed: a key outlived its role.
    #[must_use]
    pub fn role(&self, key: RoleKey) -> &Role {
        self.roles
            .get(key.0)
            .and_then(Option::as_ref)
            .expect("keys name living roles")
    }

    /// A role that exists, to be changed.
    ///
    /// # Panics
    /// When the role was removed: a key outlived its role.
    pub fn role_mut(&mut self, key: RoleKey) -> &mut Role {
        self.roles
            .get_mut(key.0)
            .and_then(Option::as_mut)
            .expect("keys name living roles")
    }

    /// The key of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<RoleKey> {
        self.by_name.get(name).copied()
    }

    /// Whether a framework, named by its sorter path, is tracked under exactly this role.
    #[must_use]
    pub fn has_framework(&self, name: &str, framework: &str) -> bool {
        self.find(name)
            .and_then(|key| self.role(key).frameworks.as_ref())
            .is_some_and(|frameworks| frameworks.sorter.client(framework).is_some())
    }

    /// All roles but the root.
    pub fn iter(&self) -> impl Iterator<Item = (RoleKey, &Role)> {
        self.roles
            .iter()
            .enumerate()
            .skip(1)
            .filter_map(|(index, role)| Some((RoleKey(index), role.as_ref()?)))
    }

    /// The roles without slash.
    pub fn top_level(&self) -> impl Iterator<Item = &Role> {
        self.role(ROOT).children.values().map(|key| self.role(*key))
    }

    /// Whether any role has a quota.
    #[must_use]
    pub fn has_quota(&self) -> bool {
        self.iter().any(|(_, role)| !role.quota.is_default())
    }

    /// Takes note of the changes since the last call.
    pub fn take_changes(&mut self) -> RoleChanges {
        std::mem::take(&mut self.changes)
    }

    /// Finds a role, or creates it and those above it.
    pub fn ensure(&mut self, name: &Arc<str>) -> RoleKey {
        if let Some(key) = self.find(name) {
            return key;
        }
        let mut current = ROOT;
        for component in name.split('/') {
            current = match self.role(current).children.get(component) {
                Some(child) => *child,
                None => self.create(current, component),
            };
        }
        current
    }

    fn create(&mut self, parent: RoleKey, component: &str) -> RoleKey {
        let name: Arc<str> = match parent {
            ROOT => component.into(),
            _ => format!("{}/{component}", self.role(parent).name).into(),
        };
        let role = Some(Role::new(Arc::clone(&name), parent));
        let key = match self.free.pop() {
            Some(key) => key,
            None => {
                self.roles.push(None);
                RoleKey(self.roles.len() - 1)
            }
        };
        if let Some(slot) = self.roles.get_mut(key.0) {
            *slot = role;
        }
        self.role_mut(parent).children.insert(component.into(), key);
        self.changes.removed.remove(&name);
        self.changes.added.insert(Arc::clone(&name));
        self.by_name.insert(name, key);
        key
    }

    /// Removes a role that has no reason to exist, and then those above it likewise.
    pub fn tidy(&mut self, key: RoleKey) {
        let mut current = key;
        while current != ROOT && self.role(current).is_idle() {
            let role = self.role(current);
            let (name, parent) = (Arc::clone(&role.name), role.parent);
            let component = name.rsplit('/').next().unwrap_or(&name).to_owned();
            self.role_mut(parent).children.remove(component.as_str());
            self.by_name.remove(&name);
            if let Some(slot) = self.roles.get_mut(current.0) {
                *slot = None;
            }
            self.free.push(current);
            self.changes.added.remove(&name);
            self.changes.consumed.remove(&name);
            self.changes.removed.insert(name);
            current = parent;
        }
    }

    fn walk_up(&mut self, key: RoleKey, mut change: impl FnMut(&mut Role)) {
        let mut current = key;
        loop {
            let role = self.role_mut(current);
            change(role);
            if current == ROOT {
                return;
            }
            current = role.parent;
        }
    }

    fn note_consumed(&mut self, key: RoleKey) {
        let mut current = key;
        loop {
            let name = Arc::clone(&self.role(current).name);
            self.changes.consumed.insert(name);
            if current == ROOT {
                return;
            }
            current = self.role(current).parent;
        }
    }

    /// Counts the reservations among an agent's resources.
    pub fn track_reservations(&mut self, names: &mut Names, total: &Resources) {
        for resource in total {
            let Some(reservation) = resource.reservations().last() else {
                continue;
            };
            if resource.scalar().is_none() {
                continue;
            }
            let amounts = names.sum([resource]);
            let key = self.ensure(&Arc::clone(&reservation.role));
            self.walk_up(key, |role| role.reservations.add(&amounts));
            self.note_consumed(key);
        }
    }

    /// Forgets the reservations among an agent's resources.
    pub fn untrack_reservations(&mut self, names: &mut Names, total: &Resources) {
        for resource in total {
            let Some(key) = resource.reservation_role().and_then(|role| self.find(role)) else {
                continue;
            };
            if resource.scalar().is_none() {
                continue;
            }
            let amounts = names.sum([resource]);
            self.walk_up(key, |role| role.reservations.subtract(&amounts));
            self.note_consumed(key);
            self.tidy(key);
        }
    }

    /// Counts what was offered to, or is in use by, a role.
    pub fn track_offered(
        &mut self,
        names: &mut Names,
        key: RoleKey,
        agent: AgentKey,
        weighed: &Weighed,
    ) {
        self.walk_up(key, |role| {
            role.offered_plain.add(&weighed.plain);
            role.offered_reserved
                .add(names, agent, &weighed.reserved, &weighed.shared);
        });
    }

    /// Takes back what [`RoleTree::track_offered`] counted.
    pub fn untrack_offered(
        &mut self,
        names: &mut Names,
        key: RoleKey,
        agent: AgentKey,
        weighed: &Weighed,
    ) {
        self.walk_up(key, |role| {
            role.offered_plain.subtract(&weighed.plain);
            role.offered_reserved
                .subtract(names, agent, &weighed.reserved, &weighed.shared);
        });
    }

    /// Counts what tasks and executors of a role began to use.
    pub fn track_allocated(&mut self, key: RoleKey, plain: &Amounts) {
        self.walk_up(key, |role| role.allocated_plain.add(plain));
        self.note_consumed(key);
    }

    /// Takes back what [`RoleTree::track_allocated`] counted.
    pub fn untrack_allocated(&mut self, key: RoleKey, plain: &Amounts) {
        self.walk_up(key, |role| role.allocated_plain.subtract(plain));
        self.note_consumed(key);
    }

    /// Sets the quota of a role.
    pub fn update_quota(&mut self, name: &Arc<str>, quota: RoleQuota) {
        let key = self.ensure(name);
        self.role_mut(key).quota = quota;
        self.tidy(key);
    }

    /// Sets the weight of a role.
    pub fn update_weight(&mut self, name: &Arc<str>, weight: f64) {
        let key = self.ensure(name);
        self.role_mut(key).weight = weight;
        self.tidy(key);
    }
}

impl Default for RoleTree {
    fn default() -> Self {
        Self::new()
    }
}

impl Role {
    fn new(name: Arc<str>, parent: RoleKey) -> Self {
        Self {
            name,
            parent,
            children: BTreeMap::new(),
            quota: RoleQuota::default(),
            weight: DEFAULT_WEIGHT,
            reservations: Amounts::default(),
            offered_reserved: Ledger::default(),
            offered_plain: Amounts::default(),
            allocated_plain: Amounts::default(),
            frameworks: None,
        }
    }

    fn is_idle(&self) -> bool {
        self.children.is_empty()
            && self.frameworks.is_none()
            && self.reservations.is_empty()
            && self.quota.is_default()
            && (self.weight - DEFAULT_WEIGHT).abs() < f64::EPSILON
    }

    /// What counts against the quota when offers are made.
    #[must_use]
    pub fn quota_offered_or_consumed(&self) -> Amounts {
        let mut sum = self.offered_plain.clone();
        sum.add(&self.reservations);
        sum
    }

    /// What counts against the quota in the metrics: offers left out.
    #[must_use]
    pub fn quota_consumed(&self) -> Amounts {
        let mut sum = self.allocated_plain.clone();
        sum.add(&self.reservations);
        sum
    }
}

/// The weight of a role that has none.
pub const DEFAULT_WEIGHT: f64 = 1.0;
