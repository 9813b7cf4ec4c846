//! Deactivating an agent, and taking that back.
//!
//! Mirrors `DeactivateAgent` and `ReactivateAgent` of `src/master/registry_operations.cpp`.

use mesos_proto::internal::Registry;

use super::operation::Mutation;
use super::{
    AGENT_DRAINING, admitted_mut, release_capability, require_capability, unreachable_mut,
};

/// Keeps an agent's resources from being offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeactivateAgent {
    /// The agent.
    pub agent_id: String,
}

impl DeactivateAgent {
    pub(super) fn apply(&self, registry: &mut Registry) -> Mutation {
        if let Some(entry) = admitted_mut(registry, &self.agent_id) {
            entry.deactivated = Some(true);
        } else if let Some(entry) = unreachable_mut(registry, &self.agent_id) {
            entry.deactivated = Some(true);
        } else {
            return Mutation::Unchanged;
        }
        require_capability(registry, AGENT_DRAINING);
        Mutation::Changed
    }
}

/// Ends deactivation and draining of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactivateAgent {
    /// The agent.
    pub agent_id: String,
}

impl ReactivateAgent {
    pub(super) fn apply(&self, registry: &mut Registry) -> Mutation {
        if let Some(entry) = admitted_mut(registry, &self.agent_id) {
            entry.deactivated = Some(false);
            entry.drain_info = None;
        } else if let Some(entry) = unreachable_mut(registry, &self.agent_id) {
            entry.deactivated = Some(false);
            entry.drain_info = None;
        } else {
            return Mutation::Unchanged;
        }
        let others = registry
            .agents()
            .agents
            .iter()
            .any(|entry| entry.deactivated())
            || registry
                .unreachable()
                .agents
                .iter()
                .any(|entry| entry.deactivated());
        if !others {
            release_capability(registry, AGENT_DRAINING);
        }
        Mutation::Changed
    }
}
