//! Addition, subtraction, containment and equality of resources.
//!
//! # Invariants
//! - Exclusive disks and persistent volumes are added and removed as wholes.
//! - Subtracting more than there is leaves nothing, never a negative amount.

use std::ops::{self, AddAssign, SubAssign};
use std::sync::Arc;

use crate::resource::{DiskSourceKind, Resource, ResourceValue};
use crate::resource_quantities::ResourceQuantities;
use crate::resources::Resources;
use crate::scalar::Scalar;

/// Whether a disk must not be cut or merged although its details agree.
enum Exclusive {
    No,
    /// Never added; subtracted only when equal.
    Yes,
}

fn exclusive(resource: &Resource) -> Exclusive {
    let Some(disk) = resource.disk() else {
        return Exclusive::No;
    };
    let by_source = disk
        .source
        .as_ref()
        .is_some_and(|source| match source.kind {
            DiskSourceKind::Path => false,
            DiskSourceKind::Mount | DiskSourceKind::Block => true,
            DiskSourceKind::Raw => source.id.is_some(),
        });
    if by_source || disk.persistence.is_some() {
        Exclusive::Yes
    } else {
        Exclusive::No
    }
}

fn addable(left: &Resource, right: &Resource) -> bool {
    if !left.same_meta(right) {
        return false;
    }
    if left.is_shared() {
        return left.value == right.value;
    }
    match exclusive(left) {
        Exclusive::No => true,
        Exclusive::Yes => false,
    }
}

fn subtractable(left: &Resource, right: &Resource) -> bool {
    if !left.same_meta(right) {
        return false;
    }
    if left.is_shared() {
        return left.value == right.value;
    }
    match exclusive(left) {
        Exclusive::No => true,
        Exclusive::Yes => left.value == right.value,
    }
}

impl ResourceValue {
    fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(left), Self::Scalar(right)) => *left += *right,
            (Self::Ranges(left), Self::Ranges(right)) => *left = left.union(right),
            (Self::Set(left), Self::Set(right)) => *left = left.union(right),
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => {}
        }
    }

    fn take(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(left), Self::Scalar(right)) => {
                *left = (*left - *right).max(Scalar::ZERO);
            }
            (Self::Ranges(left), Self::Ranges(right)) => *left = left.subtract(right),
            (Self::Set(left), Self::Set(right)) => *left = left.subtract(right),
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => {}
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(left), Self::Scalar(right)) => left >= right,
            (Self::Ranges(left), Self::Ranges(right)) => left.contains(right),
            (Self::Set(left), Self::Set(right)) => left.contains(right),
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => false,
        }
    }
}

impl Resource {
    /// Whether `other` could be taken out of this one.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        if !subtractable(self, other) {
            return false;
        }
        if self.is_shared() {
            return self.copies >= other.copies;
        }
        self.value.covers(&other.value)
    }
}

impl Resources {
    /// Adds one resource, merging it with an element of the same kind.
    pub fn add(&mut self, resource: Resource) {
        if resource.is_empty() {
            return;
        }
        let found = self
            .as_slice()
            .iter()
            .position(|item| addable(item, &resource));
        let items = self.items_mut();
        match found.and_then(|index| items.get_mut(index)) {
            Some(item) if item.is_shared() => {
                item.copies = item.copies.saturating_add(resource.copies);
            }
            Some(item) => item.value.merge(&resource.value),
            None => items.push(resource),
        }
    }

    /// Takes one resource out; what is not there is ignored.
    pub fn subtract(&mut self, resource: &Resource) {
        if resource.is_empty() {
            return;
        }
        let Some(index) = self
            .as_slice()
            .iter()
            .position(|item| subtractable(item, resource))
        else {
            return;
        };
        let items = self.items_mut();
        let Some(item) = items.get_mut(index) else {
            return;
        };
        if item.is_shared() {
            item.copies = item.copies.saturating_sub(resource.copies);
        } else {
            item.value.take(&resource.value);
        }
        if item.is_empty() {
            items.swap_remove(index);
        }
        if items.is_empty() {
            self.items = None;
        }
    }

    /// Whether every resource of `other` can be taken out of these at once.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        if self.is_same(other) || other.is_empty() {
            return true;
        }
        let mut remaining = None;
        for resource in other {
            let current = remaining.as_ref().unwrap_or(self);
            if !current.contains_resource(resource) {
                return false;
            }
            if matches!(exclusive(resource), Exclusive::Yes) {
                remaining
                    .get_or_insert_with(|| self.clone())
                    .subtract(resource);
            }
        }
        true
    }

    /// Whether one element covers the resource.
    #[must_use]
    pub fn contains_resource(&self, resource: &Resource) -> bool {
        self.iter().any(|item| item.contains(resource))
    }

    /// Whether the amounts by name cover the quantities.
    #[must_use]
    pub fn contains_quantities(&self, quantities: &ResourceQuantities) -> bool {
        quantities
            .iter()
            .all(|(name, wanted)| self.amount_of(name) >= wanted)
    }

    fn amount_of(&self, name: &str) -> Scalar {
        let amounts =
            self.iter()
                .filter(|item| item.name() == name)
                .map(|item| match item.value() {
                    ResourceValue::Scalar(amount) => *amount,
                    ResourceValue::Ranges(ranges) => Scalar::from_units(ranges.count()),
                    ResourceValue::Set(set) => {
                        Scalar::from_units(u64::try_from(set.len()).unwrap_or(u64::MAX))
                    }
                });
        amounts.sum()
    }

    /// How many copies of exactly this resource there are.
    #[must_use]
    pub fn count(&self, resource: &Resource) -> usize {
        self.iter()
            .find(|item| *item == resource)
            .map_or(0, |item| {
                usize::try_from(item.shared_count().unwrap_or(1)).unwrap_or(usize::MAX)
            })
    }
}

impl PartialEq for Resources {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
            || (self.len() == other.len() && self.contains(other) && other.contains(self))
    }
}

impl Eq for Resources {}

impl AddAssign<&Self> for Resources {
    fn add_assign(&mut self, other: &Self) {
        if self.is_empty() {
            self.items.clone_from(&other.items);
            return;
        }
        for resource in other {
            self.add(resource.clone());
        }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        *self += &other;
    }
}

impl AddAssign<Resource> for Resources {
    fn add_assign(&mut self, other: Resource) {
        self.add(other);
    }
}

impl SubAssign<&Self> for Resources {
    fn sub_assign(&mut self, other: &Self) {
        if self.is_same(other) {
            self.items = None;
            return;
        }
        for resource in other {
            self.subtract(resource);
        }
    }
}

impl SubAssign<&Resource> for Resources {
    fn sub_assign(&mut self, other: &Resource) {
        self.subtract(other);
    }
}

impl ops::Add<&Resources> for &Resources {
    type Output = Resources;

    fn add(self, other: &Resources) -> Resources {
        let mut result = self.clone();
        result += other;
        result
    }
}

impl ops::Add<&Resources> for Resources {
    type Output = Self;

    fn add(mut self, other: &Resources) -> Self {
        self += other;
        self
    }
}

impl ops::Add for Resources {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += &other;
        self
    }
}

impl ops::Sub<&Resources> for &Resources {
    type Output = Resources;

    fn sub(self, other: &Resources) -> Resources {
        let mut result = self.clone();
        result -= other;
        result
    }
}

impl ops::Sub<&Resources> for Resources {
    type Output = Self;

    fn sub(mut self, other: &Resources) -> Self {
        self -= other;
        self
    }
}

impl From<Resource> for Resources {
    fn from(resource: Resource) -> Self {
        let mut result = Self::new();
        result.add(resource);
        result
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut result = Self::new();
        for resource in resources {
            result.add(resource);
        }
        result
    }
}

impl<'a> std::iter::Sum<&'a Self> for Resources {
    fn sum<I: Iterator<Item = &'a Self>>(all: I) -> Self {
        let mut result = Self::new();
        for resources in all {
            result += resources;
        }
        result
    }
}

impl Resources {
    /// The scalars with everything but name and amount removed.
    #[must_use]
    pub fn stripped_scalars(&self) -> Self {
        self.iter()
            .filter_map(|item| {
                let amount = item.scalar()?;
                let value = ResourceValue::Scalar(amount);
                Some(Resource::plain(Arc::clone(item.shared_name()), value))
            })
            .collect()
    }
}
