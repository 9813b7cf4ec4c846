//! Orders roles, and frameworks within a role, by who should be served next.
//!
//! Mirrors `src/master/allocator/mesos/sorter`.
//!
//! # Owns
//! What each client and each inner node of the path tree holds.
//!
//! # Invariants
//! - Only active clients appear in an order.
//! - A client whose path is a prefix of others' is kept as a leaf named `.` below the inner node.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::amounts::{AgentKey, Amounts, Names, Weighed};
use crate::rng::Rng;

mod drf;
pub(crate) mod random;
mod tree;

pub use drf::Cursor;
pub use tree::ClientId;
use tree::Tree;

/// The ways to order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SorterKind {
    /// By weighted dominant share.
    #[default]
    Drf,
    /// By weighted chance.
    Random,
}

/// The two sorter flags do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unsupported combination of 'role_sorter' and 'framework_sorter': must be equal (for now)")]
pub struct UnsupportedSorters;

impl SorterKind {
    /// Reads the flags `--role_sorter` and `--framework_sorter`.
    ///
    /// # Errors
    /// When they differ or name no sorter.
    pub fn from_flags(
        role_sorter: &str,
        framework_sorter: &str,
    ) -> Result<Self, UnsupportedSorters> {
        match (role_sorter, framework_sorter) {
            ("drf", "drf") => Ok(Self::Drf),
            ("random", "random") => Ok(Self::Random),
            _ => Err(UnsupportedSorters),
        }
    }
}

/// What the cluster has; shared by all sorters.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    amounts: Amounts,
    excluded: BTreeSet<Arc<str>>,
    excluded_indexes: Vec<usize>,
    version: u64,
}

impl Totals {
    /// Empty totals; the given names play no part in fairness.
    #[must_use]
    pub fn new(excluded: BTreeSet<Arc<str>>) -> Self {
        Self {
            excluded,
            version: 1,
            ..Self::default()
        }
    }

    /// The sums over all agents.
    #[must_use]
    pub const fn amounts(&self) -> &Amounts {
        &self.amounts
    }

    /// Adds an agent's scalars.
    pub fn add(&mut self, names: &Names, amounts: &Amounts) {
        self.amounts.add(amounts);
        self.changed(names);
    }

    /// Removes an agent's scalars.
    pub fn subtract(&mut self, names: &Names, amounts: &Amounts) {
        self.amounts.subtract(amounts);
        self.changed(names);
    }

    fn changed(&mut self, names: &Names) {
        self.version += 1;
        if !self.excluded.is_empty() {
            self.excluded_indexes = self
                .excluded
                .iter()
                .filter_map(|name| names.find(name))
                .collect();
        }
    }

    /// The dominant share of a holding.
    #[expect(
        clippy::cast_precision_loss,
        reason = "shares are compared, not counted"
    )]
    pub(crate) fn share(&self, held: &Amounts) -> f64 {
        let mut share: f64 = 0.0;
        for (index, amount) in held.iter() {
            let total = self.amounts.get(index);
            if total.is_zero() || self.excluded_indexes.contains(&index) {
                continue;
            }
            share = share.max(amount.thousandths() as f64 / total.thousandths() as f64);
        }
        share
    }
}

/// Orders clients; see the module.
#[derive(Clone, Debug)]
pub struct Sorter {
    kind: SorterKind,
    tree: Tree,
    /// Weights by path, also of paths that are not there yet.
    weights: std::collections::BTreeMap<Arc<str>, f64>,
    freshness: Freshness,
}

/// Whether the tree's order can be used as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    Stale,
    /// Sorted for this version of the totals.
    Sorted(u64),
}

/// The clients in order, read lazily while nothing changes.
#[derive(Debug)]
pub enum Order {
    /// Walks the sorted tree.
    Lazy(Cursor),
    /// A finished list and the next position.
    Listed(Vec<ClientId>, usize),
}

impl Order {
    /// The next client.
    pub fn next(&mut self, sorter: &Sorter) -> Option<ClientId> {
        match self {
            Self::Lazy(cursor) => cursor.next(&sorter.tree),
            Self::Listed(clients, position) => {
                *position += 1;
                clients.get(*position - 1).copied()
            }
        }
    }

    /// Finishes reading, so that the sorter may change under the order.
    pub fn freeze(&mut self, sorter: &Sorter) {
        if let Self::Lazy(cursor) = self {
            let mut rest = Vec::new();
            while let Some(client) = cursor.next(&sorter.tree) {
                rest.push(client);
            }
            *self = Self::Listed(rest, 0);
        }
    }
}

impl Sorter {
    /// A sorter without clients.
    #[must_use]
    pub fn new(kind: SorterKind) -> Self {
        Self {
            kind,
            tree: Tree::new(),
            weights: std::collections::BTreeMap::new(),
            freshness: Freshness::Stale,
        }
    }

    /// Adds an inactive client, which must be new.
    pub fn add(&mut self, path: &Arc<str>) -> ClientId {
        self.freshness = Freshness::Stale;
        self.tree.add(path)
    }

    /// Removes a client and what it holds.
    pub fn remove(&mut self, names: &mut Names, client: ClientId) {
        self.freshness = Freshness::Stale;
        self.tree.remove(names, client);
    }

    /// Lets a client take part in orders.
    pub fn activate(&mut self, client: ClientId) {
        if self.tree.activate(client) {
            self.freshness = Freshness::Stale;
        }
    }

    /// Keeps a client out of orders; what it holds stays counted.
    pub fn deactivate(&mut self, client: ClientId) {
        self.tree.deactivate(client);
        if self.kind == SorterKind::Random {
            self.freshness = Freshness::Stale;
        }
    }

    /// Sets the weight of a path, known or not.
    ///
    /// Unlike C++, inner nodes that are no clients take the new weight at once.
    pub fn update_weight(&mut self, path: &Arc<str>, weight: f64) {
        self.weights.insert(Arc::clone(path), weight);
        self.tree.update_weight(path, weight);
        self.freshness = Freshness::Stale;
    }

    /// The client of a path.
    #[must_use]
    pub fn client(&self, path: &str) -> Option<ClientId> {
        self.tree.client(path)
    }

    /// The path of a client.
    #[must_use]
    pub fn path(&self, client: ClientId) -> Option<&Arc<str>> {
        self.tree.client_path(client)
    }

    /// How many clients there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tree.count()
    }

    /// What a client holds.
    #[must_use]
    pub fn allocation(&self, client: ClientId) -> Amounts {
        self.tree.held(client).cloned().unwrap_or_default()
    }

    /// What all clients hold.
    #[must_use]
    pub fn total_allocation(&self) -> &Amounts {
        self.tree.root_held()
    }

    /// The dominant share of a client's node, divided by its weight.
    #[must_use]
    pub fn share(&self, totals: &Totals, client: ClientId) -> f64 {
        self.tree.held(client).map_or(0.0, |held| {
            totals.share(held) / self.tree.client_weight(client).unwrap_or(1.0)
        })
    }

    /// Counts an allocation and moves the client to its new place.
    pub fn allocated(
        &mut self,
        context: &mut SortContext<'_>,
        client: ClientId,
        agent: AgentKey,
        weighed: &Weighed,
    ) {
        self.tree.allocated(context.names, client, agent, weighed);
        if self.kind == SorterKind::Drf
            && self.freshness == Freshness::Sorted(context.totals.version)
        {
            drf::reposition(&mut self.tree, context.totals, client);
        } else {
            self.freshness = match self.kind {
                SorterKind::Drf => Freshness::Stale,
                SorterKind::Random => self.freshness,
            };
        }
    }

    /// Replaces a part of an allocation; this does not count as a new allocation.
    pub fn update(
        &mut self,
        names: &mut Names,
        client: ClientId,
        agent: AgentKey,
        change: Change<'_>,
    ) {
        self.tree.subtract(names, client, agent, change.old);
        self.tree.add_held(names, client, agent, change.new);
        self.freshness = Freshness::Stale;
    }

    /// Counts resources that came back.
    pub fn unallocated(
        &mut self,
        names: &mut Names,
        client: ClientId,
        agent: AgentKey,
        weighed: &Weighed,
    ) {
        self.tree.subtract(names, client, agent, weighed);
        self.freshness = Freshness::Stale;
    }

    /// Brings the tree in order and starts reading it.
    pub fn sort(&mut self, totals: &Totals, rng: &mut Rng) -> Order {
        let fresh = match self.kind {
            SorterKind::Drf => Freshness::Sorted(totals.version),
            SorterKind::Random => Freshness::Sorted(0),
        };
        let stale = self.freshness != fresh;
        self.freshness = fresh;
        match self.kind {
            SorterKind::Drf => {
                if stale {
                    drf::sort(&mut self.tree, totals, &self.weights);
                }
                Order::Lazy(Cursor::new())
            }
            SorterKind::Random => {
                if stale {
                    random::weigh(&mut self.tree, &self.weights);
                }
                Order::Listed(random::shuffle(&self.tree, rng), 0)
            }
        }
    }

    /// The paths of all active clients in order.
    pub fn sorted_paths(&mut self, totals: &Totals, rng: &mut Rng) -> Vec<Arc<str>> {
        let mut order = self.sort(totals, rng);
        let mut paths = Vec::new();
        while let Some(client) = order.next(self) {
            paths.extend(self.path(client).cloned());
        }
        paths
    }
}

/// What a sorter needs from its surroundings to place a client.
#[derive(Debug)]
pub struct SortContext<'a> {
    /// The numbering of resource names.
    pub names: &'a mut Names,
    /// What the cluster has.
    pub totals: &'a Totals,
}

/// A holding before and after.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// What is no longer held.
    pub old: &'a Weighed,
    /// What is held instead.
    pub new: &'a Weighed,
}

#[cfg(test)]
mod tests;
