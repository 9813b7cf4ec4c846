//! Removing an admitted agent.
//!
//! Mirrors `RemoveSlave` of `src/master/registry_operations.cpp`.

use super::book::RegistryBook;
use super::operation::{Mutation, OperationError};

/// Removes an admitted agent without a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveAgent {
    /// The agent.
    pub agent_id: String,
}

impl RemoveAgent {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Result<Mutation, OperationError> {
        let removed = book.admitted.take(&self.agent_id);
        removed
            .map(|_| Mutation::Changed)
            .ok_or_else(|| OperationError::NotAdmitted {
                agent_id: self.agent_id.clone(),
            })
    }
}
