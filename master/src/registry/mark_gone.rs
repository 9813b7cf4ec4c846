//! Declaring an agent gone for good.
//!
//! Mirrors `MarkSlaveGone` of `src/master/registry_operations.cpp`.

use mesos_proto::internal::registry::GoneAgent as Gone;
use mesos_proto::v1;

use super::book::RegistryBook;
use super::operation::{Mutation, OperationError};

/// Moves an admitted or unreachable agent to the gone list.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkGone {
    /// The agent.
    pub agent_id: String,
    /// When the operator asked for it.
    pub time: v1::TimeInfo,
}

impl MarkGone {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Result<Mutation, OperationError> {
        let agent_id = self.agent_id.as_str();
        if book.gone.contains(agent_id) {
            return Err(OperationError::AlreadyGone {
                agent_id: agent_id.to_owned(),
            });
        }
        let known =
            book.admitted.take(agent_id).is_some() || book.unreachable.take(agent_id).is_some();
        if !known {
            return Err(OperationError::UnknownAgent {
                agent_id: agent_id.to_owned(),
            });
        }
        let id = v1::AgentId {
            value: Some(agent_id.to_owned()),
            ..Default::default()
        };
        book.gone.push(&Gone {
            id: Some(id),
            timestamp: Some(self.time.clone()),
            ..Default::default()
        });
        Ok(Mutation::Changed)
    }
}
