//! Moving an agent from the admitted to the unreachable list.
//!
//! Mirrors `MarkSlaveUnreachable` of `src/master/registry_operations.cpp`.

use mesos_proto::internal::Registry;
use mesos_proto::internal::registry::UnreachableAgent as Unreachable;
use mesos_proto::v1;

use super::operation::{AdmittedAgents, Mutation, OperationError};
use super::take_admitted;

/// Marks an admitted agent as unreachable.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkUnreachable {
    /// The agent.
    pub agent_id: String,
    /// When it was found unreachable.
    pub time: v1::TimeInfo,
}

impl MarkUnreachable {
    pub(super) fn apply(
        &self,
        registry: &mut Registry,
        admitted: &mut AdmittedAgents,
    ) -> Result<Mutation, OperationError> {
        let not_admitted = || OperationError::NotAdmitted {
            agent_id: self.agent_id.clone(),
        };
        if !admitted.contains(&self.agent_id) {
            return Err(not_admitted());
        }
        let entry = take_admitted(registry, &self.agent_id).ok_or_else(not_admitted)?;
        admitted.remove(&self.agent_id);
        registry
            .unreachable
            .get_or_insert_default()
            .agents
            .push(Unreachable {
                id: Some(entry.info().id().clone()),
                timestamp: Some(self.time.clone()),
                deactivated: Some(entry.deactivated()),
                drain_info: entry.drain_info,
                ..Default::default()
            });
        Ok(Mutation::Changed)
    }
}
