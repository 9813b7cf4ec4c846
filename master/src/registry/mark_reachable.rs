//! Taking an agent back that was unreachable, or that the registry does not know.
//!
//! Mirrors `MarkSlaveReachable` of `src/master/registry_operations.cpp`.
//! As there, the agent's resources are stored in the new form.

use mesos_proto::internal::registry::Agent as AdmittedAgent;
use mesos_proto::v1;

use super::book::RegistryBook;
use super::operation::Mutation;

/// Admits an agent that registers again.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkReachable {
    /// The agent, with its id.
    pub info: v1::AgentInfo,
}

impl MarkReachable {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let agent_id = self.info.id().value();
        if book.admitted.contains(agent_id) {
            return Mutation::Unchanged;
        }
        let mut entry = AdmittedAgent {
            info: Some(self.info.clone().into()),
            ..Default::default()
        };
        match book.unreachable.take(agent_id) {
            Some(unreachable) => {
                entry.deactivated = Some(unreachable.deactivated());
                entry.drain_info = unreachable.drain_info;
            }
            None => tracing::warn!(
                agent_id,
                "admitting an agent that the registry does not know"
            ),
        }
        book.admitted.push(&entry);
        Mutation::Changed
    }
}
