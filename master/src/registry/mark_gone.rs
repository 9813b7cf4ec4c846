//! Declaring an agent gone for good.
//!
//! Mirrors `MarkSlaveGone` of `src/master/registry_operations.cpp`.

use mesos_proto::internal::Registry;
use mesos_proto::internal::registry::GoneAgent as Gone;
use mesos_proto::v1;

use super::operation::{AdmittedAgents, Mutation, OperationError};
use super::{take_admitted, take_unreachable};

/// Moves an admitted or unreachable agent to the gone list.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkGone {
    /// The agent.
    pub agent_id: String,
    /// When the operator asked for it.
    pub time: v1::TimeInfo,
}

impl MarkGone {
    pub(super) fn apply(
        &self,
        registry: &mut Registry,
        admitted: &mut AdmittedAgents,
    ) -> Result<Mutation, OperationError> {
        let agent_id = self.agent_id.as_str();
        if registry
            .gone()
            .agents
            .iter()
            .any(|entry| entry.id().value() == agent_id)
        {
            return Err(OperationError::AlreadyGone {
                agent_id: agent_id.to_owned(),
            });
        }
        let known = take_admitted(registry, agent_id).is_some()
            || take_unreachable(registry, agent_id).is_some();
        if !known {
            return Err(OperationError::UnknownAgent {
                agent_id: agent_id.to_owned(),
            });
        }
        admitted.remove(agent_id);
        let id = v1::AgentId {
            value: Some(agent_id.to_owned()),
            ..Default::default()
        };
        registry.gone.get_or_insert_default().agents.push(Gone {
            id: Some(id),
            timestamp: Some(self.time.clone()),
            ..Default::default()
        });
        Ok(Mutation::Changed)
    }
}
