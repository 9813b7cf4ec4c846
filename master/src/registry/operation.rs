//! The seventeen operations of the registrar as values.
//!
//! Mirrors `src/master/registrar.hpp` and `src/master/registry_operations.hpp`.

use std::collections::HashSet;

use mesos_proto::internal::Registry;
use mesos_proto::internal::registry::Master as RegisteredMaster;
use mesos_proto::v1;

use super::admit_agent::{AdmitAgent, UpdateAgent};
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

/// The ids of all admitted agents: an index over the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdmittedAgents(HashSet<String>);

impl AdmittedAgents {
    /// The index of a registry.
    #[must_use]
    pub fn of(registry: &Registry) -> Self {
        let admitted = registry.agents().agents.iter();
        Self(
            admitted
                .map(|entry| entry.info().id().value().to_owned())
                .collect(),
        )
    }

    /// Whether the agent is admitted.
    #[must_use]
    pub fn contains(&self, agent_id: &str) -> bool {
        self.0.contains(agent_id)
    }

    /// Notes an admission.
    pub fn insert(&mut self, agent_id: &str) {
        self.0.insert(agent_id.to_owned());
    }

    /// Forgets an admission.
    pub fn remove(&mut self, agent_id: &str) {
        self.0.remove(agent_id);
    }
}

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
    fn apply(&self, registry: &mut Registry) -> Mutation {
        registry.master = Some(RegisteredMaster {
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
    /// Applies the operation to a registry and the index of its admitted agents.
    ///
    /// # Errors
    /// The operation does not fit the registry, which is then unchanged.
    pub fn apply(
        &self,
        registry: &mut Registry,
        admitted: &mut AdmittedAgents,
    ) -> Result<Mutation, OperationError> {
        match self {
            Self::Recover(operation) => Ok(operation.apply(registry)),
            Self::AdmitAgent(operation) => operation.apply(registry, admitted),
            Self::UpdateAgent(operation) => operation.apply(registry, admitted),
            Self::MarkUnreachable(operation) => operation.apply(registry, admitted),
            Self::MarkReachable(operation) => Ok(operation.apply(registry, admitted)),
            Self::RemoveAgent(operation) => operation.apply(registry, admitted),
            Self::MarkGone(operation) => operation.apply(registry, admitted),
            Self::Prune(operation) => Ok(operation.apply(registry)),
            Self::DrainAgent(operation) => Ok(operation.apply(registry)),
            Self::MarkAgentDrained(operation) => operation.apply(registry),
            Self::DeactivateAgent(operation) => Ok(operation.apply(registry)),
            Self::ReactivateAgent(operation) => Ok(operation.apply(registry)),
            Self::UpdateSchedule(operation) => Ok(operation.apply(registry)),
            Self::StartMaintenance(operation) => Ok(operation.apply(registry)),
            Self::StopMaintenance(operation) => Ok(operation.apply(registry)),
            Self::UpdateQuota(operation) => operation.apply(registry),
            Self::UpdateWeights(operation) => Ok(operation.apply(registry)),
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
