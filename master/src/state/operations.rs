//! Operations on resources, from the offer to the acknowledged terminal status.

use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resources::Resources;
use mesos_proto::v1;
use mesos_proto::v1::OperationState;
use mesos_proto::v1::offer::operation::Type;
use uuid::Uuid;

/// Whether an operation in this state has ended.
#[must_use]
pub fn is_terminal(state: OperationState) -> bool {
    match state {
        OperationState::OperationFinished
        | OperationState::OperationFailed
        | OperationState::OperationError
        | OperationState::OperationDropped
        | OperationState::OperationGoneByOperator => true,
        OperationState::OperationUnsupported
        | OperationState::OperationPending
        | OperationState::OperationUnreachable
        | OperationState::OperationRecovering
        | OperationState::OperationUnknown => false,
    }
}

/// Whether the master counts on an operation's success before the agent reported it.
#[must_use]
pub fn is_speculative(kind: Type) -> bool {
    match kind {
        Type::Reserve
        | Type::Unreserve
        | Type::Create
        | Type::Destroy
        | Type::GrowVolume
        | Type::ShrinkVolume => true,
        Type::Unknown | Type::Launch | Type::LaunchGroup | Type::CreateDisk | Type::DestroyDisk => {
            false
        }
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    uuid: Uuid,
    framework_id: Option<FrameworkId>,
    agent_id: AgentId,
    consumed: Resources,
    orphan: Option<FrameworkId>,
    info: v1::Operation,
}

impl Operation {
    /// An operation that is being sent to its agent.
    #[must_use]
    pub fn pending(
        uuid: Uuid,
        framework_id: Option<&FrameworkId>,
        agent_id: &AgentId,
        operation: &v1::offer::Operation,
        consumed: Resources,
    ) -> Self {
        let status = v1::OperationStatus {
            operation_id: operation.id.clone(),
            state: Some(OperationState::OperationPending.into()),
            agent_id: Some(agent_id.to_proto()),
            ..Default::default()
        };
        let info = v1::Operation {
            framework_id: framework_id.map(|id| id.to_proto()),
            agent_id: Some(agent_id.to_proto()),
            info: Some(operation.clone().into()),
            latest_status: Some(status.into()),
            uuid: Some(v1::Uuid {
                value: Some(uuid.as_bytes().to_vec().into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        Self {
            uuid,
            framework_id: framework_id.cloned(),
            agent_id: agent_id.clone(),
            consumed,
            orphan: None,
            info,
        }
    }

    /// An operation that an agent reported; `None` when its uuid is unusable.
    #[must_use]
    pub fn reported(info: v1::Operation, agent_id: &AgentId, consumed: Resources) -> Option<Self> {
        let uuid = Uuid::from_slice(info.uuid().value()).ok()?;
        let framework_id = info
            .framework_id
            .as_ref()
            .map(|_| FrameworkId::from(info.framework_id()));
        Some(Self {
            uuid,
            framework_id,
            agent_id: agent_id.clone(),
            consumed,
            orphan: None,
            info,
        })
    }

    /// Its uuid.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The framework that asked for it; none for an operator's.
    #[must_use]
    pub fn framework_id(&self) -> Option<&FrameworkId> {
        self.framework_id.as_ref()
    }

    /// The agent that performs it.
    #[must_use]
    pub fn agent_id(&self) -> &AgentId {
        &self.agent_id
    }

    /// The resources it takes away.
    #[must_use]
    pub fn consumed(&self) -> &Resources {
        &self.consumed
    }

    /// The whole message, as the APIs show it.
    #[must_use]
    pub fn info(&self) -> &v1::Operation {
        &self.info
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> Type {
        self.info.info().r#type()
    }

    /// The framework's own name for it, when it asked for feedback.
    #[must_use]
    pub fn feedback_id(&self) -> Option<&str> {
        self.info
            .info()
            .id
            .as_ref()
            .map(|_| self.info.info().id().value())
    }

    /// Its latest state.
    #[must_use]
    pub fn state(&self) -> OperationState {
        self.info.latest_status().state()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        is_terminal(self.state())
    }

    /// Whether its framework is unknown or was removed.
    #[must_use]
    pub fn is_orphan(&self) -> bool {
        self.orphan.is_some()
    }

    /// Cuts it loose from its framework.
    pub fn orphan(&mut self) {
        self.orphan = self.framework_id.clone();
    }

    /// Gives it back to its framework.
    pub fn adopt(&mut self) {
        self.orphan = None;
    }

    /// The provider whose resources it changes; none for the agent's own.
    #[must_use]
    pub fn provider_id(&self) -> Option<&str> {
        let first = self.consumed.iter().next()?;
        first.provider_id()
    }

    /// Takes a status into the history; tells whether the operation just ended.
    pub fn update(
        &mut self,
        status: &v1::OperationStatus,
        latest: Option<&v1::OperationStatus>,
    ) -> Ended {
        let was_terminal = self.is_terminal();
        if !was_terminal {
            self.info.latest_status = Some(latest.unwrap_or(status).clone().into());
        }
        if self.info.statuses.last() != Some(status) {
            self.info.statuses.push(status.clone());
        }
        if !was_terminal && self.is_terminal() {
            Ended::Now
        } else {
            Ended::BeforeOrNotYet
        }
    }

    /// Whether a status with this uuid was reported.
    #[must_use]
    pub fn has_status(&self, uuid: &[u8]) -> bool {
        self.info
            .statuses
            .iter()
            .any(|status| status.uuid().value() == uuid)
    }
}

/// Whether an update ended an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// This update ended it.
    Now,
    /// It still runs, or had ended before.
    BeforeOrNotYet,
}
