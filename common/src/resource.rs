//! One resource: a name, an amount, and everything that tells it from others of its name.
//!
//! Mirrors the free operators on `Resource` in `src/common/resources.cpp`.
//!
//! # Invariants
//! - A value of this type is valid: it was checked when it was built from outside data.
//! - Reservations are a stack; each is for a strict sub-role of the one below.

use std::sync::Arc;

use mesos_proto::v1;

use crate::ranges::Ranges;
use crate::scalar::Scalar;
use crate::value_set::ValueSet;

mod display;
mod meta;

pub(crate) use self::meta::{Meta, SharedMeta};

/// The amount of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceValue {
    /// A number.
    Scalar(Scalar),
    /// A set of whole numbers.
    Ranges(Ranges),
    /// A set of words.
    Set(ValueSet),
}

/// Who may use a resource, and who said so.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// Made at agent start, or while running.
    pub kind: ReservationKind,
    /// The role.
    pub role: Arc<str>,
    /// Who made it.
    pub principal: Option<String>,
    /// Free labels; the order does not matter.
    pub labels: Option<Vec<Label>>,
}

/// How a reservation came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    /// From the agent's flags.
    Static,
    /// By a framework or an operator.
    Dynamic,
}

/// A key with an optional value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Option<String>,
}

/// What distinguishes one piece of disk from another.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Where the disk comes from; `None` is the agent's work directory.
    pub source: Option<DiskSource>,
    /// Present on persistent volumes.
    pub persistence: Option<Persistence>,
    /// How a container sees it; does not take part in comparisons.
    pub volume: Option<Arc<v1::Volume>>,
}

/// The identity of a persistent volume.
#[derive(Clone, Debug)]
pub struct Persistence {
    /// Unique per role and agent.
    pub id: String,
    /// Who created it; does not take part in comparisons.
    pub principal: Option<String>,
}

/// Where a disk comes from.
#[derive(Clone, Debug)]
pub struct DiskSource {
    /// The type of the source.
    pub kind: DiskSourceKind,
    /// The `path` field, present or not, with its optional root.
    pub path: Option<DiskRoot>,
    /// The `mount` field, present or not, with its optional root.
    pub mount: Option<DiskRoot>,
    /// The storage vendor.
    pub vendor: Option<String>,
    /// Identifies the disk at its vendor.
    pub id: Option<String>,
    /// Data of the storage plugin.
    pub metadata: Option<Vec<Label>>,
    /// The storage profile.
    pub profile: Option<String>,
}

/// A directory that may be left unnamed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskRoot(
    /// The directory.
    pub Option<String>,
);

/// The types of disk sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiskSourceKind {
    /// A directory that can be shared out in parts.
    Path,
    /// A file system used as a whole.
    Mount,
    /// A block device used as a whole.
    Block,
    /// Storage without format.
    Raw,
}

/// A valid resource; cheap to clone.
#[derive(Clone, Debug)]
pub struct Resource {
    pub(crate) meta: SharedMeta,
    pub(crate) allocation: Option<Arc<str>>,
    pub(crate) value: ResourceValue,
    /// How many copies of a shared resource this stands for; one when it is not shared.
    pub(crate) copies: u32,
}

impl Resource {
    /// An unreserved scalar.
    #[must_use]
    pub fn scalar_of(name: impl Into<Arc<str>>, amount: Scalar) -> Self {
        Self::plain(name.into(), ResourceValue::Scalar(amount))
    }

    pub(crate) fn plain(name: Arc<str>, value: ResourceValue) -> Self {
        Self {
            meta: SharedMeta::plain(name),
            allocation: None,
            value,
            copies: 1,
        }
    }

    /// The name, such as `cpus`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.meta.name
    }

    /// The name, to be shared without copying.
    #[must_use]
    pub fn shared_name(&self) -> &Arc<str> {
        &self.meta.name
    }

    /// The amount.
    #[must_use]
    pub const fn value(&self) -> &ResourceValue {
        &self.value
    }

    /// The amount of a scalar.
    #[must_use]
    pub const fn scalar(&self) -> Option<Scalar> {
        match &self.value {
            ResourceValue::Scalar(amount) => Some(*amount),
            ResourceValue::Ranges(_) | ResourceValue::Set(_) => None,
        }
    }

    /// The stack of reservations, the oldest first.
    #[must_use]
    pub fn reservations(&self) -> &[Reservation] {
        &self.meta.reservations
    }

    /// The role that the resource is reserved for: that of the last reservation.
    #[must_use]
    pub fn reservation_role(&self) -> Option<&str> {
        self.meta
            .reservations
            .last()
            .map(|reservation| reservation.role.as_ref())
    }

    /// The role that the resource is offered or allocated to.
    #[must_use]
    pub fn allocation_role(&self) -> Option<&Arc<str>> {
        self.allocation.as_ref()
    }

    /// The disk details.
    #[must_use]
    pub fn disk(&self) -> Option<&Disk> {
        self.meta.disk.as_ref()
    }

    /// The resource provider, or `None` for the agent itself.
    #[must_use]
    pub fn provider_id(&self) -> Option<&str> {
        self.meta.provider_id.as_deref()
    }

    /// How many copies of a shared resource this stands for.
    #[must_use]
    pub fn shared_count(&self) -> Option<u32> {
        self.meta.shared.then_some(self.copies)
    }

    /// Whether several tasks may use it at once.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.meta.shared
    }

    /// Whether it may be taken back at any time.
    #[must_use]
    pub fn is_revocable(&self) -> bool {
        self.meta.revocable
    }

    /// Whether it is reserved for some role.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        !self.meta.reservations.is_empty()
    }

    /// Whether the last reservation was made while running.
    #[must_use]
    pub fn is_dynamically_reserved(&self) -> bool {
        self.meta
            .reservations
            .last()
            .is_some_and(|reservation| reservation.kind == ReservationKind::Dynamic)
    }

    /// Whether it has more than one reservation.
    #[must_use]
    pub fn has_refined_reservations(&self) -> bool {
        self.meta.reservations.len() > 1
    }

    /// Whether it is a persistent volume.
    #[must_use]
    pub fn is_persistent_volume(&self) -> bool {
        self.disk().is_some_and(|disk| disk.persistence.is_some())
    }

    /// Whether it is a disk of the given source type.
    #[must_use]
    pub fn is_disk_of(&self, kind: DiskSourceKind) -> bool {
        self.disk()
            .and_then(|disk| disk.source.as_ref())
            .is_some_and(|source| source.kind == kind)
    }

    /// Whether it is unreserved, or reserved to the role or to an ancestor of it.
    #[must_use]
    pub fn is_allocatable_to(&self, role: &str) -> bool {
        self.reservation_role()
            .is_none_or(|reserved| is_in_subtree(role, reserved))
    }

    /// Whether it is allocated to the role or below it.
    #[must_use]
    pub fn is_allocated_to_subtree(&self, role: &str) -> bool {
        self.allocation
            .as_ref()
            .is_some_and(|allocated| is_in_subtree(allocated, role))
    }

    /// Whether it is reserved to the role or below it.
    #[must_use]
    pub fn is_reserved_to_subtree(&self, role: &str) -> bool {
        self.reservation_role()
            .is_some_and(|reserved| is_in_subtree(reserved, role))
    }

    /// Whether the agent must write it down: dynamic reservations and volumes of its own.
    #[must_use]
    pub fn needs_checkpointing(&self) -> bool {
        self.meta.provider_id.is_none()
            && (self.is_dynamically_reserved() || self.is_persistent_volume())
    }

    /// Whether the amount is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        if self.copies == 0 {
            return true;
        }
        match &self.value {
            ResourceValue::Scalar(amount) => amount.is_zero(),
            ResourceValue::Ranges(ranges) => ranges.is_empty(),
            ResourceValue::Set(set) => set.is_empty(),
        }
    }

    /// Whether everything but the amount is the same.
    #[must_use]
    pub fn same_meta(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.value) == std::mem::discriminant(&other.value)
            && self.allocation == other.allocation
            && (self.meta.is_same(&other.meta) || self.meta.matches(&other.meta))
    }

    /// The same resource with another amount.
    #[must_use]
    pub fn with_value(&self, value: ResourceValue) -> Self {
        Self {
            value,
            ..self.clone()
        }
    }

    /// The same resource as a scalar of another amount.
    #[must_use]
    pub fn with_scalar(&self, amount: Scalar) -> Self {
        self.with_value(ResourceValue::Scalar(amount))
    }

    /// The same resource allocated to a role, or to none.
    #[must_use]
    pub fn with_allocation(&self, role: Option<&Arc<str>>) -> Self {
        Self {
            allocation: role.cloned(),
            ..self.clone()
        }
    }

    /// The same resource with another stack of reservations, which must be valid.
    #[must_use]
    pub fn with_reservations(&self, reservations: Vec<Reservation>) -> Self {
        self.with_meta(|meta| {
            if let Some(unknown) = &mut meta.unknown
                && reservations.len() < meta.reservations.len()
            {
                Arc::make_mut(unknown).keep_reservations(reservations.len());
            }
            meta.reservations = reservations;
        })
    }

    /// The same resource with other disk details.
    #[must_use]
    pub fn with_disk(&self, disk: Option<Disk>) -> Self {
        self.with_meta(|meta| {
            if let Some(unknown) = &mut meta.unknown {
                Arc::make_mut(unknown).forget_disk();
            }
            meta.disk = disk;
        })
    }

    /// The same resource from another provider.
    #[must_use]
    pub fn with_provider(&self, provider_id: Option<String>) -> Self {
        self.with_meta(|meta| meta.provider_id = provider_id)
    }

    /// The same resource, revocable.
    #[must_use]
    pub fn into_revocable(self) -> Self {
        self.with_meta(|meta| meta.revocable = true)
    }

    /// The same resource as one copy of a shared one.
    #[must_use]
    pub fn into_shared(self) -> Self {
        self.with_meta(|meta| meta.shared = true)
    }

    /// The disk space that a persistent volume was made of.
    #[must_use]
    pub fn without_persistence(&self) -> Self {
        let mut plain = self.with_meta(|meta| {
            if let Some(unknown) = &mut meta.unknown {
                Arc::make_mut(unknown).forget_volume();
            }
            meta.shared = false;
            meta.disk = meta
                .disk
                .take()
                .filter(|disk| disk.source.is_some())
                .map(|disk| Disk {
                    source: disk.source,
                    persistence: None,
                    volume: None,
                });
        });
        plain.copies = 1;
        plain
    }

    fn with_meta(&self, change: impl FnOnce(&mut Meta)) -> Self {
        Self {
            meta: self.meta.changed(change),
            ..self.clone()
        }
    }
}

/// Two resources are equal when their details and amounts are; copies are not compared.
impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.same_meta(other) && self.value == other.value
    }
}

impl Eq for Resource {}

impl PartialEq for Reservation {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.role == other.role
            && self.principal == other.principal
            && same_optional_labels(self.labels.as_deref(), other.labels.as_deref())
    }
}

impl Eq for Reservation {}

impl Disk {
    /// The id of the persistent volume, if it is one.
    #[must_use]
    pub fn persistence_id(&self) -> Option<&str> {
        self.persistence
            .as_ref()
            .map(|persistence| persistence.id.as_str())
    }
}

impl PartialEq for Disk {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.persistence_id() == other.persistence_id()
    }
}

impl Eq for Disk {}

impl PartialEq for DiskSource {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.path == other.path
            && self.mount == other.mount
            && self.vendor == other.vendor
            && self.id == other.id
            && same_optional_labels(self.metadata.as_deref(), other.metadata.as_deref())
            && self.profile == other.profile
    }
}

impl Eq for DiskSource {}

fn same_optional_labels(left: Option<&[Label]>, right: Option<&[Label]>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => same_labels(left, right),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn same_labels(left: &[Label], right: &[Label]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let sorted = |labels: &[Label]| {
        let mut labels = labels.to_vec();
        labels.sort();
        labels
    };
    left == right || sorted(left) == sorted(right)
}

/// Whether `role` is `ancestor` or below it.
pub(crate) fn is_in_subtree(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
