//! Admitting an agent, and replacing what is stored of it.
//!
//! Mirrors `AdmitSlave` and `UpdateSlave` of `src/master/registry_operations.cpp`.
//! An agent's resources are stored in the form that masters before 1.4 understand.
//! A resource with stacked reservations cannot be written so: then the new form is kept.

use mesos_proto::internal::registry::Agent as AdmittedAgent;
use mesos_proto::v1;

use super::book::RegistryBook;
use super::operation::{Mutation, OperationError};
use super::same_agent_info;
use crate::resource_format::{downgrade, upgrade};

/// Admits a new agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AdmitAgent {
    /// The agent, with its id.
    pub info: v1::AgentInfo,
}

impl AdmitAgent {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Result<Mutation, OperationError> {
        let agent_id = self.info.id().value();
        if book.admitted.contains(agent_id) {
            return Err(OperationError::AlreadyAdmitted {
                agent_id: agent_id.to_owned(),
            });
        }
        let mut info = self.info.clone();
        downgrade(&mut info.resources);
        book.admitted.push(&AdmittedAgent {
            info: Some(info.into()),
            ..Default::default()
        });
        Ok(Mutation::Changed)
    }
}

/// Replaces the description of an admitted agent.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateAgent {
    /// The agent, with its id.
    pub info: v1::AgentInfo,
}

impl UpdateAgent {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Result<Mutation, OperationError> {
        let agent_id = self.info.id().value();
        let updated = book.admitted.change(agent_id, |entry| {
            let mut stored = entry.info().clone();
            upgrade(&mut stored.resources);
            if same_agent_info(&stored, &self.info) {
                return Mutation::Unchanged;
            }
            let mut info = self.info.clone();
            downgrade(&mut info.resources);
            entry.info = Some(info.into());
            Mutation::Changed
        });
        updated.ok_or_else(|| OperationError::NotAdmitted {
            agent_id: agent_id.to_owned(),
        })
    }
}
