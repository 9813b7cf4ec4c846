//! Deactivating an agent, and taking that back.
//!
//! Mirrors `DeactivateAgent` and `ReactivateAgent` of `src/master/registry_operations.cpp`.

use super::book::RegistryBook;
use super::operation::Mutation;
use super::{AGENT_DRAINING, release_capability, require_capability};

/// Keeps an agent's resources from being offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeactivateAgent {
    /// The agent.
    pub agent_id: String,
}

impl DeactivateAgent {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let deactivated = book.change_plans(&self.agent_id, |plans| {
            *plans.deactivated = Some(true);
        });
        if deactivated.is_none() {
            return Mutation::Unchanged;
        }
        require_capability(&mut book.rest, AGENT_DRAINING);
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
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let reactivated = book.change_plans(&self.agent_id, |plans| {
            *plans.deactivated = Some(false);
            *plans.drain_info = None;
        });
        if reactivated.is_none() {
            return Mutation::Unchanged;
        }
        if !book.admitted.has_deactivated() && !book.unreachable.has_deactivated() {
            release_capability(&mut book.rest, AGENT_DRAINING);
        }
        Mutation::Changed
    }
}
