//! Cutting resources down to given amounts.
//!
//! Mirrors `shrinkResources` in `src/common/resources_utils.cpp`.

use crate::resource::Resource;
use crate::resource_quantities::{ResourceLimits, ResourceQuantities};
use crate::resources::Resources;
use crate::scalar::Scalar;

/// Cuts a scalar to at most `target`; `None` when it cannot be cut.
#[must_use]
pub fn shrink_resource(resource: &Resource, target: Scalar) -> Option<Resource> {
    let amount = resource.scalar()?;
    if amount <= target {
        return Some(resource.clone());
    }
    let smaller = resource.with_scalar(target);
    (resource.disk().is_none() || resource.contains(&smaller)).then_some(smaller)
}

/// Cuts scalars so that no name exceeds its quantity; names without quantity vanish.
///
/// `shuffle` decides which of several pieces of one name are kept.
#[must_use]
pub fn shrink_to_quantities(
    resources: &Resources,
    target: &ResourceQuantities,
    shuffle: &mut dyn FnMut(&mut [Resource]),
) -> Resources {
    if target.is_empty() {
        return Resources::new();
    }
    let mut left = target.clone();
    let mut result = Resources::new();
    for resource in shuffled(resources, shuffle) {
        let amount = left.get(resource.name());
        if amount.is_zero() {
            continue;
        }
        if let Some(kept) = shrink_resource(&resource, amount) {
            left.subtract_amount(kept.name(), kept.scalar().unwrap_or_default());
            result.add(kept);
        }
    }
    result
}

/// Cuts scalars so that no name exceeds its limit; names without limit are kept whole.
///
/// `shuffle` decides which of several pieces of one name are kept.
#[must_use]
pub fn shrink_to_limits(
    resources: &Resources,
    limits: &ResourceLimits,
    shuffle: &mut dyn FnMut(&mut [Resource]),
) -> Resources {
    if limits.is_empty() {
        return resources.clone();
    }
    let mut left = limits.clone();
    let mut result = Resources::new();
    for resource in shuffled(resources, shuffle) {
        let Some(limit) = left.get(resource.name()) else {
            result.add(resource);
            continue;
        };
        if let Some(kept) = shrink_resource(&resource, limit) {
            left.subtract_amount(kept.name(), kept.scalar().unwrap_or_default());
            result.add(kept);
        }
    }
    result
}

fn shuffled(resources: &Resources, shuffle: &mut dyn FnMut(&mut [Resource])) -> Vec<Resource> {
    let mut items = resources.as_slice().to_vec();
    shuffle(&mut items);
    items
}
