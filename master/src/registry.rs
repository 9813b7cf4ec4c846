//! The registry: what must survive the death of a master, and the operations that change it.
//!
//! Mirrors `src/master/registry.proto` and `src/master/registry_operations.cpp`.
//!
//! # Owns
//! Nothing: the registry value belongs to the registrar.
//!
//! # Invariants
//! - An operation that fails has not changed the registry.
//! - An agent id is in at most one of the admitted, unreachable and gone lists.

pub mod admit_agent;
pub mod book;
pub mod deactivate_agent;
pub mod drain_agent;
pub mod maintenance;
pub mod mark_gone;
pub mod mark_reachable;
pub mod mark_unreachable;
pub mod operation;
pub mod prune;
pub mod quota;
pub mod remove_agent;
pub mod roll;
pub mod weights;

pub use self::book::RegistryBook;
pub use self::operation::{Mutation, Operation, OperationError};
pub use mesos_proto::internal::Registry;

use mesos_proto::v1;

/// The minimum capability that a master needs while an agent is deactivated or drained.
pub const AGENT_DRAINING: &str = "AGENT_DRAINING";
/// The minimum capability that a master needs while a quota configuration is stored.
pub const QUOTA_V2: &str = "QUOTA_V2";
/// Every capability of this master, as the registry spells them.
pub const CAPABILITIES: [&str; 3] = ["AGENT_UPDATE", AGENT_DRAINING, QUOTA_V2];

/// Adds a minimum capability unless it is there.
pub(crate) fn require_capability(registry: &mut Registry, capability: &str) {
    let known = registry
        .minimum_capabilities
        .iter()
        .any(|entry| entry.capability() == capability);
    if !known {
        registry
            .minimum_capabilities
            .push(mesos_proto::internal::registry::MinimumCapability {
                capability: Some(capability.to_owned()),
                ..Default::default()
            });
    }
}

/// Removes a minimum capability.
pub(crate) fn release_capability(registry: &mut Registry, capability: &str) {
    registry
        .minimum_capabilities
        .retain(|entry| entry.capability() != capability);
}

/// The capabilities that the registry asks for and this master does not have.
#[must_use]
pub fn missing_capabilities(registry: &Registry) -> Vec<String> {
    registry
        .minimum_capabilities
        .iter()
        .map(|entry| entry.capability().to_owned())
        .filter(|capability| !CAPABILITIES.contains(&capability.as_str()))
        .collect()
}

/// Whether two descriptions of one agent are equal in everything that the registry compares.
#[must_use]
pub fn same_agent_info(a: &v1::AgentInfo, b: &v1::AgentInfo) -> bool {
    a == b
}

#[cfg(test)]
mod tests;
