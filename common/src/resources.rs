//! Collections of resources: filters, lookups and views.
//!
//! Mirrors `include/mesos/resources.hpp` and `src/common/resources.cpp`.
//!
//! # Invariants
//! - Every element is valid and not empty.
//! - What can be combined is combined, so each non-shared element is unique.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::ranges::Ranges;
use crate::resource::{Resource, ResourceValue};
use crate::scalar::Scalar;
use crate::value_set::ValueSet;

mod algebra;
mod checkpointed;
mod conversion;
mod find;
mod parse;
mod proto;
mod reservation;
mod shrink;
pub(crate) mod unknown;
mod validate;
pub mod value_text;

pub use checkpointed::{CheckpointError, apply_checkpointed_resources};
pub use conversion::{
    ApplyError, ConversionError, PostCondition, ResourceConversion, consumed_by,
    resource_conversions,
};
pub use parse::{ParseError, parse_protos};
pub use proto::{RefinedReservation, downgrade_resource, upgrade_resource};
pub use shrink::{shrink_resource, shrink_to_limits, shrink_to_quantities};
pub use validate::{InvalidResource, ValidationError, validate_resource, validate_resources};

/// A collection of resources; cheap to clone, copied when changed.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    items: Option<Arc<Vec<Resource>>>,
}

impl Resources {
    /// No resources.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: None }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// How many distinct resource objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// The resource objects, in no promised order.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.as_slice().iter()
    }

    /// Whether two values are the same memory: equal without comparing.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.items, &other.items) {
            (Some(left), Some(right)) => Arc::ptr_eq(left, right),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    pub(crate) fn as_slice(&self) -> &[Resource] {
        self.items.as_ref().map_or(&[], |items| items.as_slice())
    }

    fn items_mut(&mut self) -> &mut Vec<Resource> {
        Arc::make_mut(self.items.get_or_insert_default())
    }

    /// Takes elements that are already combined with each other.
    fn from_combined(items: Vec<Resource>) -> Self {
        if items.is_empty() {
            Self::new()
        } else {
            Self {
                items: Some(Arc::new(items)),
            }
        }
    }

    /// The elements for which the predicate holds.
    #[must_use]
    pub fn filter(&self, predicate: impl Fn(&Resource) -> bool) -> Self {
        if self.iter().all(&predicate) {
            return self.clone();
        }
        Self::from_combined(
            self.iter()
                .filter(|item| predicate(item))
                .cloned()
                .collect(),
        )
    }

    /// The reserved ones.
    #[must_use]
    pub fn reserved(&self) -> Self {
        self.filter(Resource::is_reserved)
    }

    /// Those reserved to exactly this role.
    #[must_use]
    pub fn reserved_to(&self, role: &str) -> Self {
        self.filter(|item| item.reservation_role() == Some(role))
    }

    /// The reserved ones by role.
    #[must_use]
    pub fn reservations(&self) -> BTreeMap<Arc<str>, Self> {
        let mut result: BTreeMap<Arc<str>, Self> = BTreeMap::new();
        for item in self.iter() {
            if let Some(reservation) = item.reservations().last() {
                result
                    .entry(Arc::clone(&reservation.role))
                    .or_default()
                    .add(item.clone());
            }
        }
        result
    }

    /// The unreserved ones.
    #[must_use]
    pub fn unreserved(&self) -> Self {
        self.filter(|item| !item.is_reserved())
    }

    /// Those that a role may use: unreserved, or reserved to it or to an ancestor.
    #[must_use]
    pub fn allocatable_to(&self, role: &str) -> Self {
        self.filter(|item| item.is_allocatable_to(role))
    }

    /// Those allocated to a role or below it.
    #[must_use]
    pub fn allocated_to_subtree(&self, role: &str) -> Self {
        self.filter(|item| item.is_allocated_to_subtree(role))
    }

    /// Those reserved to a role or below it.
    #[must_use]
    pub fn reserved_to_subtree(&self, role: &str) -> Self {
        self.filter(|item| item.is_reserved_to_subtree(role))
    }

    /// The persistent volumes.
    #[must_use]
    pub fn persistent_volumes(&self) -> Self {
        self.filter(Resource::is_persistent_volume)
    }

    /// The revocable ones.
    #[must_use]
    pub fn revocable(&self) -> Self {
        self.filter(Resource::is_revocable)
    }

    /// Those that are not revocable.
    #[must_use]
    pub fn non_revocable(&self) -> Self {
        self.filter(|item| !item.is_revocable())
    }

    /// The shared ones.
    #[must_use]
    pub fn shared(&self) -> Self {
        self.filter(Resource::is_shared)
    }

    /// Those that are not shared.
    #[must_use]
    pub fn non_shared(&self) -> Self {
        self.filter(|item| !item.is_shared())
    }

    /// The scalars.
    #[must_use]
    pub fn scalars(&self) -> Self {
        self.filter(|item| item.scalar().is_some())
    }

    /// Those of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        self.filter(|item| item.name() == name)
    }

    /// The allocated ones by allocation role; unallocated ones are left out.
    #[must_use]
    pub fn allocations(&self) -> BTreeMap<Arc<str>, Self> {
        let mut result: BTreeMap<Arc<str>, Self> = BTreeMap::new();
        for item in self.iter() {
            if let Some(role) = item.allocation_role() {
                result
                    .entry(Arc::clone(role))
                    .or_default()
                    .add(item.clone());
            }
        }
        result
    }

    /// Allocates everything to a role, whatever it was allocated to.
    pub fn allocate(&mut self, role: &Arc<str>) {
        if self
            .iter()
            .all(|item| item.allocation.as_ref() == Some(role))
        {
            return;
        }
        for item in self.items_mut() {
            item.allocation = Some(Arc::clone(role));
        }
    }

    /// Removes all allocation roles.
    pub fn unallocate(&mut self) {
        if self.iter().all(|item| item.allocation.is_none()) {
            return;
        }
        for item in self.items_mut() {
            item.allocation = None;
        }
    }

    /// The distinct names.
    #[must_use]
    pub fn names(&self) -> BTreeSet<Arc<str>> {
        self.iter()
            .map(|item| Arc::clone(item.shared_name()))
            .collect()
    }

    /// The sum of the scalars of a name; `None` when there is none.
    #[must_use]
    pub fn scalar(&self, name: &str) -> Option<Scalar> {
        let amounts = self
            .iter()
            .filter(|item| item.name() == name)
            .filter_map(Resource::scalar);
        amounts.fold(None, |sum, amount| {
            Some(sum.unwrap_or(Scalar::ZERO) + amount)
        })
    }

    /// The union of the ranges of a name; `None` when there is none.
    #[must_use]
    pub fn ranges(&self, name: &str) -> Option<Ranges> {
        self.iter()
            .filter(|item| item.name() == name)
            .fold(None, |sum: Option<Ranges>, item| match item.value() {
                ResourceValue::Ranges(ranges) => Some(sum.unwrap_or_default().union(ranges)),
                ResourceValue::Scalar(_) | ResourceValue::Set(_) => sum,
            })
    }

    /// The union of the sets of a name; `None` when there is none.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<ValueSet> {
        self.iter()
            .filter(|item| item.name() == name)
            .fold(None, |sum: Option<ValueSet>, item| match item.value() {
                ResourceValue::Set(set) => Some(sum.unwrap_or_default().union(set)),
                ResourceValue::Scalar(_) | ResourceValue::Ranges(_) => sum,
            })
    }

    /// Processors.
    #[must_use]
    pub fn cpus(&self) -> Option<Scalar> {
        self.scalar("cpus")
    }

    /// Graphics processors.
    #[must_use]
    pub fn gpus(&self) -> Option<Scalar> {
        self.scalar("gpus")
    }

    /// Memory in megabytes.
    #[must_use]
    pub fn mem(&self) -> Option<Scalar> {
        self.scalar("mem")
    }

    /// Disk in megabytes.
    #[must_use]
    pub fn disk(&self) -> Option<Scalar> {
        self.scalar("disk")
    }

    /// Ports.
    #[must_use]
    pub fn ports(&self) -> Option<Ranges> {
        self.ranges("ports")
    }

    /// The first element that differs from `other` in nothing but its amount.
    #[must_use]
    #[doc(alias = "match")]
    pub fn matching(&self, other: &Resource) -> Option<&Resource> {
        self.iter().find(|item| item.same_meta(other))
    }
}

impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Resource;
    type IntoIter = std::slice::Iter<'a, Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Prints the text form of Mesos: elements parted by `; `, or `{}`.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{item}")?;
            if let Some(copies) = item.shared_count() {
                write!(f, "<{copies}>")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
