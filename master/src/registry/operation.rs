//! The seventeen operations of the registrar as values.
//!
//! Mirrors `src/master/registrar.hpp` and `src/master/registry_operations.hpp`.

use mesos_proto::internal::registry::Master as RegisteredMaster;
use mesos_proto::v1;

use super::admit_agent::{AdmitAgent, UpdateAgent};
use super::book::RegistryBook;
use super::deactivate_agent::{DeactivateAgent, ReactivateAgent};
use super::drain_agent::{DrainAgent, MarkAgentDrained};
use super::maintenance::{StartMaintenance, StopMaintenance, UpdateSchedule};
use super::mark_gone::MarkGone;
use super::mark_reachable::MarkReachable;
use super::mark_unreachable::MarkUnreachable;
use super::prune::Prune;
use super::quota::UpdateQuota;
use super::remove_agent::RemoveAgent;
use super::weights::UpdateWeights;

/// Whether an operation changed the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The registry differs now.
    Changed,
    /// The registry is as it was.
    Unchanged,
}

/// Why an operation was refused; the registry is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// A quota configuration breaks a rule.
    #[error("Invalid quota config: {reason}")]
    InvalidQuota {
        /// Which rule.
        reason: String,
    },
    /// The agent is in the registry already.
    #[error("agent {agent_id} is already admitted")]
    AlreadyAdmitted {
        /// The agent.
        agent_id: String,
    },
    /// The agent is not in the registry.
    #[error("agent {agent_id} is not yet admitted")]
    NotAdmitted {
        /// The agent.
        agent_id: String,
    },
    /// The agent is marked gone already.
    #[error("agent {agent_id} is already marked as gone")]
    AlreadyGone {
        /// The agent.
        agent_id: String,
    },
    /// Neither admitted nor unreachable.
    #[error("failed to find agent {agent_id}")]
    UnknownAgent {
        /// The agent.
        agent_id: String,
    },
    /// The agent is not draining.
    #[error("agent {agent_id} is not DRAINING")]
    NotDraining {
        /// The agent.
        agent_id: String,
    },
}

/// Writes the leading master into the registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Recover {
    /// The new leader.
    pub info: v1::MasterInfo,
}

impl Recover {
    fn apply(&self, book: &mut RegistryBook) -> Mutation {
        book.rest.master = Some(RegisteredMaster {
            info: Some(self.info.clone().into()),
            ..Default::default()
        });
        Mutation::Changed
    }
}

/// A change of the registry.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant is documented at the type that it carries"
)]
pub enum Operation {
    Recover(Recover),
    AdmitAgent(AdmitAgent),
    UpdateAgent(UpdateAgent),
    MarkUnreachable(MarkUnreachable),
    MarkReachable(MarkReachable),
    RemoveAgent(RemoveAgent),
    MarkGone(MarkGone),
    Prune(Prune),
    DrainAgent(DrainAgent),
    MarkAgentDrained(MarkAgentDrained),
    DeactivateAgent(DeactivateAgent),
    ReactivateAgent(ReactivateAgent),
    UpdateSchedule(UpdateSchedule),
    StartMaintenance(StartMaintenance),
    StopMaintenance(StopMaintenance),
    UpdateQuota(UpdateQuota),
    UpdateWeights(UpdateWeights),
}

impl Operation {
    /// Applies the operation to a registry.
    ///
    /// # Errors
    /// The operation does not fit the registry, which is then unchanged.
    pub fn apply(&self, book: &mut RegistryBook) -> Result<Mutation, OperationError> {
        match self {
            Self::Recover(operation) => Ok(operation.apply(book)),
            Self::AdmitAgent(operation) => operation.apply(book),
            Self::UpdateAgent(operation) => operation.apply(book),
            Self::MarkUnreachable(operation) => operation.apply(book),
            Self::MarkReachable(operation) => Ok(operation.apply(book)),
            Self::RemoveAgent(operation) => operation.apply(book),
            Self::MarkGone(operation) => operation.apply(book),
            Self::Prune(operation) => Ok(operation.apply(book)),
            Self::DrainAgent(operation) => Ok(operation.apply(book)),
            Self::MarkAgentDrained(operation) => operation.apply(book),
            Self::DeactivateAgent(operation) => Ok(operation.apply(book)),
            Self::ReactivateAgent(operation) => Ok(operation.apply(book)),
            Self::UpdateSchedule(operation) => Ok(operation.apply(book)),
            Self::StartMaintenance(operation) => Ok(operation.apply(book)),
            Self::StopMaintenance(operation) => Ok(operation.apply(book)),
            Self::UpdateQuota(operation) => operation.apply(book),
            Self::UpdateWeights(operation) => Ok(operation.apply(book)),
        }
    }
}

macro_rules! into_operation {
    ($($kind:ident),* $(,)?) => {
        $(impl From<$kind> for Operation {
            fn from(operation: $kind) -> Self {
                Self::$kind(operation)
            }
        })*
    };
}

into_operation!(
    Recover,
    AdmitAgent,
    UpdateAgent,
    MarkUnreachable,
    MarkReachable,
    RemoveAgent,
    MarkGone,
    Prune,
    DrainAgent,
    MarkAgentDrained,
    DeactivateAgent,
    ReactivateAgent,
    UpdateSchedule,
    StartMaintenance,
    StopMaintenance,
    UpdateQuota,
    UpdateWeights,
);
