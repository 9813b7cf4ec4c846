//! Draining an agent, and noting that it is drained.
//!
//! Mirrors `DrainAgent` and `MarkAgentDrained` of `src/master/registry_operations.cpp`.
//! Unlike there, a new drain configuration replaces the old one whole.

use mesos_proto::internal::Registry;
use mesos_proto::v1;

use super::operation::{Mutation, OperationError};
use super::{AGENT_DRAINING, admitted_mut, require_capability, unreachable_mut};

/// Starts draining an admitted or unreachable agent, and deactivates it.
#[derive(Clone, Debug, PartialEq)]
pub struct DrainAgent {
    /// The agent.
    pub agent_id: String,
    /// How it drains.
    pub config: v1::DrainConfig,
}

impl DrainAgent {
    pub(super) fn apply(&self, registry: &mut Registry) -> Mutation {
        let info = v1::DrainInfo {
            state: Some(v1::DrainState::Draining.into()),
            config: Some(self.config.clone()),
            ..Default::default()
        };
        if let Some(entry) = admitted_mut(registry, &self.agent_id) {
            entry.drain_info = Some(info.into());
            entry.deactivated = Some(true);
        } else if let Some(entry) = unreachable_mut(registry, &self.agent_id) {
            entry.drain_info = Some(info.into());
            entry.deactivated = Some(true);
        } else {
            return Mutation::Unchanged;
        }
        require_capability(registry, AGENT_DRAINING);
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
    pub(super) fn apply(&self, registry: &mut Registry) -> Result<Mutation, OperationError> {
        let drain_info = match admitted_mut(registry, &self.agent_id) {
            Some(entry) => entry.drain_info.as_mut(),
            None => match unreachable_mut(registry, &self.agent_id) {
                Some(entry) => entry.drain_info.as_mut(),
                None => return Ok(Mutation::Unchanged),
            },
        };
        match drain_info {
            Some(info) if info.state() == v1::DrainState::Draining => {
                info.state = Some(v1::DrainState::Drained.into());
                Ok(Mutation::Changed)
            }
            Some(_) | None => Err(OperationError::NotDraining {
                agent_id: self.agent_id.clone(),
            }),
        }
    }
}
