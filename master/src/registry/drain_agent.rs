//! Draining an agent, and noting that it is drained.
//!
//! Mirrors `DrainAgent` and `MarkAgentDrained` of `src/master/registry_operations.cpp`.
//! Unlike there, a new drain configuration replaces the old one whole.

use mesos_proto::v1;

use super::book::RegistryBook;
use super::operation::{Mutation, OperationError};
use super::{AGENT_DRAINING, require_capability};

/// Starts draining an admitted or unreachable agent, and deactivates it.
#[derive(Clone, Debug, PartialEq)]
pub struct DrainAgent {
    /// The agent.
    pub agent_id: String,
    /// How it drains.
    pub config: v1::DrainConfig,
}

impl DrainAgent {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let info = v1::DrainInfo {
            state: Some(v1::DrainState::Draining.into()),
            config: Some(self.config.clone()),
            ..Default::default()
        };
        let drained = book.change_plans(&self.agent_id, |plans| {
            *plans.drain_info = Some(info.into());
            *plans.deactivated = Some(true);
        });
        if drained.is_none() {
            return Mutation::Unchanged;
        }
        require_capability(&mut book.rest, AGENT_DRAINING);
        Mutation::Changed
    }
}

/// Notes that a draining agent has nothing left to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkAgentDrained {
    /// The agent.
    pub agent_id: String,
}

impl MarkAgentDrained {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Result<Mutation, OperationError> {
        let drained = book.change_plans(&self.agent_id, |plans| match plans.drain_info {
            Some(info) if info.state() == v1::DrainState::Draining => {
                info.state = Some(v1::DrainState::Drained.into());
                Ok(Mutation::Changed)
            }
            Some(_) | None => Err(OperationError::NotDraining {
                agent_id: self.agent_id.clone(),
            }),
        });
        drained.unwrap_or(Ok(Mutation::Unchanged))
    }
}
