//! Laying checkpointed reservations and volumes over an agent's resources.
//!
//! Mirrors `applyCheckpointedResources` in `src/common/resources_utils.cpp`.

use crate::resource::{ReservationKind, Resource};
use crate::resources::Resources;

/// Why checkpointed resources do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Neither dynamically reserved nor a persistent volume of the agent.
    #[error("Unexpected checkpointed resources {resource}")]
    Unexpected {
        /// The resource.
        resource: String,
    },
    /// The agent no longer has what the checkpoint was made of.
    #[error("Incompatible agent resources: {total} does not contain {missing}")]
    Incompatible {
        /// What the agent has.
        total: String,
        /// What it lacks.
        missing: String,
    },
}

/// Replaces parts of `resources` by their checkpointed forms.
///
/// # Errors
/// When the checkpoint holds something unexpected or the agent has too little.
pub fn apply_checkpointed_resources(
    resources: &Resources,
    checkpointed: &Resources,
) -> Result<Resources, CheckpointError> {
    let mut total = resources.clone();
    for resource in checkpointed {
        if !resource.needs_checkpointing() {
            return Err(CheckpointError::Unexpected {
                resource: resource.to_string(),
            });
        }
        let origin = origin_of(resource);
        if !total.contains_resource(&origin) {
            return Err(CheckpointError::Incompatible {
                total: total.to_string(),
                missing: origin.to_string(),
            });
        }
        total.subtract(&origin);
        total.add(resource.clone());
    }
    Ok(total)
}

/// What the agent had before the reservations and the volume were made.
fn origin_of(resource: &Resource) -> Resource {
    let fixed = resource
        .reservations()
        .first()
        .filter(|one| one.kind == ReservationKind::Static);
    let plain = if resource.is_dynamically_reserved() {
        resource.with_reservations(fixed.cloned().into_iter().collect())
    } else {
        resource.clone()
    };
    plain.without_persistence()
}
