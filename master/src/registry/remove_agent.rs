//! Removing an admitted agent.
//!
//! Mirrors `RemoveSlave` of `src/master/registry_operations.cpp`.

use mesos_proto::internal::Registry;

use super::operation::{AdmittedAgents, Mutation, OperationError};
use super::take_admitted;

/// Removes an admitted agent without a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveAgent {
    /// The agent.
    pub agent_id: String,
}

impl RemoveAgent {
    pub(super) fn apply(
        &self,
        registry: &mut Registry,
        admitted: &mut AdmittedAgents,
    ) -> Result<Mutation, OperationError> {
        take_admitted(registry, &self.agent_id).ok_or_else(|| OperationError::NotAdmitted {
            agent_id: self.agent_id.clone(),
        })?;
        admitted.remove(&self.agent_id);
        Ok(Mutation::Changed)
    }
}
