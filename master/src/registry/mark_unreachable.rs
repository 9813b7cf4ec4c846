//! Moving an agent from the admitted to the unreachable list.
//!
//! Mirrors `MarkSlaveUnreachable` of `src/master/registry_operations.cpp`.

use mesos_proto::internal::registry::UnreachableAgent as Unreachable;
use mesos_proto::v1;

use super::book::RegistryBook;
use super::operation::{Mutation, OperationError};

/// Marks an admitted agent as unreachable.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkUnreachable {
    /// The agent.
    pub agent_id: String,
    /// When it was found unreachable.
    pub time: v1::TimeInfo,
}

impl MarkUnreachable {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Result<Mutation, OperationError> {
        let entry = book.admitted.take(&self.agent_id);
        let entry = entry.ok_or_else(|| OperationError::NotAdmitted {
            agent_id: self.agent_id.clone(),
        })?;
        book.unreachable.push(&Unreachable {
            id: Some(entry.info().id().clone()),
            timestamp: Some(self.time.clone()),
            deactivated: Some(entry.deactivated()),
            drain_info: entry.drain_info,
            ..Default::default()
        });
        Ok(Mutation::Changed)
    }
}
