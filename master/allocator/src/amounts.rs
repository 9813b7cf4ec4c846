//! Scalar amounts as dense vectors, and ledgers that count shared volumes once.
//!
//! Names are numbered once, so that adding, comparing and dividing need no text.
//!
//! # Invariants
//! - A shared resource adds to a ledger once per agent, however many copies are held.

use std::collections::HashMap;
use std::sync::Arc;

use mesos_common::resource::Resource;
use mesos_common::resource_quantities::{ResourceLimits, ResourceQuantities};
use mesos_common::resources::Resources;
use mesos_common::scalar::Scalar;
use smallvec::SmallVec;

/// Numbers an agent inside the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentKey(pub(crate) usize);

/// Numbers the names of scalar resources.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<Arc<str>>);

impl Names {
    /// The number of a name, new if need be.
    pub fn intern(&mut self, name: &Arc<str>) -> usize {
        if let Some(index) = self.find(name) {
            return index;
        }
        self.0.push(Arc::clone(name));
        self.0.len() - 1
    }

    /// The number of a name that is known.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|known| known.as_ref() == name)
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&Arc<str>> {
        self.0.get(index)
    }

    /// Turns named quantities into a vector.
    pub fn amounts(&mut self, quantities: &ResourceQuantities) -> Amounts {
        let mut result = Amounts::default();
        for (name, amount) in quantities.iter() {
            result.add_at(self.intern(name), amount);
        }
        result
    }

    /// Turns a vector into named quantities.
    #[must_use]
    pub fn quantities(&self, amounts: &Amounts) -> ResourceQuantities {
        let mut result = ResourceQuantities::new();
        for (index, amount) in amounts.iter() {
            if let Some(name) = self.name(index) {
                result.add_shared(name, amount);
            }
        }
        result
    }

    /// Sums the scalars of resources; each element counts once, shared or not.
    pub fn sum<'a>(&mut self, resources: impl IntoIterator<Item = &'a Resource>) -> Amounts {
        let mut result = Amounts::default();
        for resource in resources {
            if let Some(amount) = resource.scalar() {
                result.add_at(self.intern(resource.shared_name()), amount);
            }
        }
        result
    }
}

/// How much of each numbered resource; missing means nothing.
#[derive(Clone, Debug, Default)]
pub struct Amounts(SmallVec<[Scalar; 6]>);

impl Amounts {
    /// The amount under a number.
    #[must_use]
    pub fn get(&self, index: usize) -> Scalar {
        self.0.get(index).copied().unwrap_or(Scalar::ZERO)
    }

    /// Adds to one number.
    pub fn add_at(&mut self, index: usize, amount: Scalar) {
        if self.0.len() <= index {
            self.0.resize(index + 1, Scalar::ZERO);
        }
        if let Some(slot) = self.0.get_mut(index) {
            *slot += amount;
        }
    }

    /// Adds all of another vector.
    pub fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), Scalar::ZERO);
        }
        for (slot, amount) in self.0.iter_mut().zip(&other.0) {
            *slot += *amount;
        }
    }

    /// Takes another vector away; nothing falls below zero.
    pub fn subtract(&mut self, other: &Self) {
        for (slot, amount) in self.0.iter_mut().zip(&other.0) {
            *slot = (*slot - *amount).max(Scalar::ZERO);
        }
    }

    /// What is left after taking another vector away.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut result = self.clone();
        result.subtract(other);
        result
    }

    /// Whether every amount of the other is covered.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other
            .iter()
            .all(|(index, amount)| self.get(index) >= amount)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|amount| amount.is_zero())
    }

    /// The amounts that are not zero, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Scalar)> + '_ {
        self.0
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, amount)| !amount.is_zero())
    }
}

impl PartialEq for Amounts {
    fn eq(&self, other: &Self) -> bool {
        let longest = self.0.len().max(other.0.len());
        (0..longest).all(|index| self.get(index) == other.get(index))
    }
}

impl Eq for Amounts {}

/// Limits by number; a missing one means no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(Vec<(usize, Scalar)>);

impl Limits {
    /// Numbers the names of limits.
    pub fn new(names: &mut Names, limits: &ResourceLimits) -> Self {
        Self(
            limits
                .iter()
                .map(|(name, limit)| (names.intern(name), limit))
                .collect(),
        )
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What may still be given after some was.
    #[must_use]
    pub fn left_after(&self, given: &Amounts) -> Self {
        let left = |(index, limit): &(usize, Scalar)| {
            (*index, (*limit - given.get(*index)).max(Scalar::ZERO))
        };
        Self(self.0.iter().map(left).collect())
    }

    /// The limits by name.
    #[must_use]
    pub fn named(&self, names: &Names) -> ResourceLimits {
        let mut result = ResourceLimits::new();
        for (index, limit) in &self.0 {
            if let Some(name) = names.name(*index) {
                result.set(name, *limit);
            }
        }
        result
    }
}

/// What the scalars of one allocation weigh, computed once and used at every node.
#[derive(Clone, Debug, Default)]
pub struct Weighed {
    /// All scalars but the shared ones.
    pub all: Amounts,
    /// The reserved scalars but the shared ones.
    pub reserved: Amounts,
    /// The scalars that are neither reserved, revocable nor shared.
    pub plain: Amounts,
    /// The shared scalars.
    pub shared: Resources,
}

impl Weighed {
    /// Weighs resources of one allocation role.
    pub fn new(names: &mut Names, resources: &Resources) -> Self {
        let mut result = Self::default();
        for resource in resources {
            let Some(amount) = resource.scalar() else {
                continue;
            };
            if resource.is_shared() {
                result.shared.add(resource.clone());
                continue;
            }
            let index = names.intern(resource.shared_name());
            result.all.add_at(index, amount);
            if resource.is_reserved() {
                result.reserved.add_at(index, amount);
            } else if !resource.is_revocable() {
                result.plain.add_at(index, amount);
            }
        }
        result
    }
}

/// A sum over agents in which a shared resource counts once per agent.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    amounts: Amounts,
    shared: HashMap<AgentKey, Resources, rustc_hash::FxBuildHasher>,
}

impl Ledger {
    /// The sums.
    #[must_use]
    pub const fn amounts(&self) -> &Amounts {
        &self.amounts
    }

    /// Adds amounts, and copies of shared resources.
    pub fn add(
        &mut self,
        names: &mut Names,
        agent: AgentKey,
        amounts: &Amounts,
        shared: &Resources,
    ) {
        self.amounts.add(amounts);
        if shared.is_empty() {
            return;
        }
        let held = self.shared.entry(agent).or_default();
        for resource in shared {
            if held.count(resource) == 0 {
                let amount = resource.scalar().unwrap_or_default();
                self.amounts
                    .add_at(names.intern(resource.shared_name()), amount);
            }
            held.add(resource.clone());
        }
    }

    /// Removes amounts, and copies of shared resources.
    pub fn subtract(
        &mut self,
        names: &mut Names,
        agent: AgentKey,
        amounts: &Amounts,
        shared: &Resources,
    ) {
        self.amounts.subtract(amounts);
        if shared.is_empty() {
            return;
        }
        let Some(held) = self.shared.get_mut(&agent) else {
            return;
        };
        for resource in shared {
            if held.count(resource) == 0 {
                continue;
            }
            held.subtract(resource);
            if held.count(resource) == 0 {
                let mut gone = Amounts::default();
                let amount = resource.scalar().unwrap_or_default();
                gone.add_at(names.intern(resource.shared_name()), amount);
                self.amounts.subtract(&gone);
            }
        }
        if held.is_empty() {
            self.shared.remove(&agent);
        }
    }

    /// Removes everything that another ledger holds.
    pub fn subtract_ledger(&mut self, names: &mut Names, other: &Self) {
        let mut plain = other.amounts.clone();
        for held in other.shared.values() {
            plain.subtract(&names.sum(held));
        }
        self.amounts.subtract(&plain);
        for (agent, held) in &other.shared {
            self.subtract(names, *agent, &Amounts::default(), held);
        }
    }
}
