//! Operations on resources: sending them to agents, and what agents report.
//!
//! Mirrors `Master::_apply`, `addOperation`, `updateOperation`, `updateOperationStatus`,
//! `acknowledgeOperationStatus` and `removeOperation`.

use std::sync::Arc;

use libprocess::{Context, Upid};
use mesos_allocator::Ownership;
use mesos_common::ids::{AgentId, FrameworkId};
pub(super) use mesos_common::resources::consumed_by;
use mesos_common::resources::{ResourceConversion, Resources, resource_conversions};
use mesos_proto::internal::{
    AcknowledgeOperationStatusMessage as AcknowledgeStatus, ApplyOperationMessage as Apply,
    ResourceVersionUuid, UpdateOperationStatusMessage as UpdateStatus,
};
use mesos_proto::v1;
use mesos_proto::v1::OperationState;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use mesos_proto::v1::scheduler::call;
use uuid::Uuid;

use super::MasterProcess;
use crate::constants::MIN_WAIT_BEFORE_ORPHAN_OPERATION_ADOPTION;
use crate::framework_message::FrameworkMessage;
use crate::resource_format::each_resource;
use crate::state::agent::Agent;
use crate::state::operations::{Ended, Operation, is_speculative};

/// An operation without the roles that its resources are allocated to.
#[must_use]
pub(super) fn without_allocation(operation: &v1::offer::Operation) -> v1::offer::Operation {
    let mut stripped = operation.clone();
    each_resource(&mut stripped, &mut |resource| {
        resource.allocation_info = None;
    });
    stripped
}

fn uuid_message(uuid: &[u8]) -> v1::Uuid {
    v1::Uuid {
        value: Some(uuid.to_vec().into()),
        ..Default::default()
    }
}

/// The version that an agent gave to the resources an operation is about.
fn version_for(agent: &Agent, provider_id: Option<&str>) -> ResourceVersionUuid {
    let version = match provider_id {
        Some(id) => agent
            .providers()
            .get(id)
            .map(|provider| provider.resource_version.clone()),
        None => agent.resource_version().map(<[u8]>::to_vec),
    };
    ResourceVersionUuid {
        resource_provider_id: provider_id.map(|id| v1::ResourceProviderId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        uuid: Some(uuid_message(&version.unwrap_or_default())),
        ..Default::default()
    }
}

impl MasterProcess {
    /// Performs an operation on an agent: in the books when it can be counted on, and by message.
    pub(super) fn apply_operation(
        &mut self,
        agent_id: &AgentId,
        framework_id: Option<&FrameworkId>,
        info: &v1::offer::Operation,
        ctx: &Context<Self>,
    ) {
        let Some(agent) = self.agents.get(agent_id).map(Arc::clone) else {
            return;
        };
        if let Some(framework_id) = framework_id {
            self.count_performed(framework_id, info.r#type());
        }
        let stripped = without_allocation(info);
        if !agent.has(Capability::ResourceProvider) {
            self.convert_agent(agent_id, &stripped);
            self.send_checkpointed(agent_id, ctx);
            return;
        }
        let consumed = consumed_by(info);
        let operation = Operation::pending(Uuid::new_v4(), framework_id, agent_id, info, consumed);
        let message = Apply {
            framework_id: framework_id.map(|id| id.to_proto()),
            operation_info: Some(info.clone().into()),
            operation_uuid: Some(uuid_message(operation.uuid().as_bytes())),
            resource_version_uuid: Some(version_for(&agent, operation.provider_id()).into()),
            ..Default::default()
        };
        self.add_operation(operation);
        if is_speculative(info.r#type()) {
            self.convert_agent(agent_id, &stripped);
        }
        self.send_to_agent(agent_id, &message, ctx);
    }

    fn convert_agent(&mut self, agent_id: &AgentId, stripped: &v1::offer::Operation) {
        let Ok(conversions) = resource_conversions(stripped) else {
            return;
        };
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        if let Err(error) = agent.convert(&conversions) {
            tracing::error!(%agent_id, %error, "an operation does not fit the agent's total");
        }
    }

    /// Adds an operation to its agent and framework; one without framework is an orphan.
    pub(super) fn add_operation(&mut self, mut operation: Operation) {
        self.metrics
            .operation_added(operation.kind(), operation.state());
        let holds = !is_speculative(operation.kind()) && !operation.is_terminal();
        if let Some(framework_id) = operation.framework_id().cloned() {
            match self.frameworks.get_mut(&framework_id) {
                Some(framework) => {
                    framework.add_operation(
                        operation.uuid(),
                        operation.agent_id(),
                        operation.feedback_id(),
                    );
                    if holds {
                        framework.use_resources(operation.agent_id(), operation.consumed());
                    }
                }
                None => operation.orphan(),
            }
            if holds && !operation.is_orphan() {
                self.track_used_roles(&framework_id, operation.consumed());
            }
            if let Some(agent) = self.agents.get_mut(operation.agent_id()) {
                if operation.is_orphan() && holds {
                    let mut consumed = operation.consumed().clone();
                    consumed.unallocate();
                    let total = agent.total() - &consumed;
                    agent.set_total(total);
                } else if holds {
                    agent.use_resources(&framework_id, operation.consumed());
                }
            }
        }
        if let Some(agent) = self.agents.get_mut(&operation.agent_id().clone()) {
            agent.add_operation(operation);
        }
    }

    /// Handles `UpdateOperationStatusMessage`.
    pub(super) fn update_operation_status(
        &mut self,
        _from: &Upid,
        mut message: UpdateStatus,
        ctx: &mut Context<Self>,
    ) {
        self.metrics
            .counters()
            .messages_operation_status_update
            .increment();
        let framework_id = message
            .framework_id
            .as_ref()
            .map(|_| FrameworkId::from(message.framework_id()));
        if message.operation_uuid.is_none() {
            self.forward_operation_status(framework_id.as_ref(), message.status(), ctx);
            return;
        }
        let agent_id = AgentId::from(message.agent_id());
        let uuid = Uuid::from_slice(message.operation_uuid().value()).unwrap_or_default();
        let Some(agent) = self.agents.get(&agent_id) else {
            self.metrics
                .counters()
                .invalid_operation_status_updates
                .increment();
            return;
        };
        let Some(operation) = agent.operation(&uuid).cloned() else {
            if framework_id.is_some() {
                self.forward_operation_status(framework_id.as_ref(), message.status(), ctx);
                self.metrics
                    .counters()
                    .invalid_operation_status_updates
                    .increment();
            }
            return;
        };
        self.metrics
            .counters()
            .valid_operation_status_updates
            .increment();
        if operation.feedback_id().is_some() {
            message.status.get_or_insert_default().operation_id =
                operation.info().info().id.clone();
        }
        let latest = message
            .latest_status
            .as_ref()
            .map(|_| message.latest_status().clone());
        self.update_operation(
            &agent_id,
            &uuid,
            message.status(),
            latest.as_ref(),
            Conversion::Apply,
        );
        self.answer_operation_status(&agent_id, &operation, message.status(), ctx);
    }

    fn forward_operation_status(
        &self,
        framework_id: Option<&FrameworkId>,
        status: &v1::OperationStatus,
        ctx: &Context<Self>,
    ) {
        let connected = framework_id.filter(|id| {
            self.frameworks
                .get(id)
                .is_some_and(|known| known.is_connected())
        });
        if let Some(id) = connected {
            let message = FrameworkMessage::OperationUpdate(Box::new(status.clone()));
            self.send_to_framework(id, message, ctx);
        }
    }

    /// Forwards a status to the framework that will acknowledge it, or acknowledges it here.
    fn answer_operation_status(
        &mut self,
        agent_id: &AgentId,
        operation: &Operation,
        status: &v1::OperationStatus,
        ctx: &Context<Self>,
    ) {
        let ended = crate::state::operations::is_terminal(status.state());
        let framework_id = operation.framework_id();
        let completed = framework_id.is_none_or(|id| self.frameworks.is_completed(id));
        let has_feedback = operation.feedback_id().is_some();
        if has_feedback && !completed && !operation.is_orphan() {
            self.forward_operation_status(framework_id, status, ctx);
            if ended && status.uuid.is_none() {
                self.forget_operation(agent_id, &operation.uuid());
            }
            return;
        }
        if status.uuid.is_some() {
            let waits = has_feedback
                && operation.is_orphan()
                && !completed
                && self
                    .agents
                    .get(agent_id)
                    .and_then(|agent| agent.reregistered_time())
                    .is_some_and(|time| {
                        ctx.now().saturating_since(time) < MIN_WAIT_BEFORE_ORPHAN_OPERATION_ADOPTION
                    });
            if waits {
                return;
            }
            let message = AcknowledgeStatus {
                status_uuid: status.uuid.clone(),
                operation_uuid: Some(uuid_message(operation.uuid().as_bytes())),
                resource_provider_id: operation.provider_id().map(|id| v1::ResourceProviderId {
                    value: Some(id.to_owned()),
                    ..Default::default()
                }),
                ..Default::default()
            };
            self.send_to_agent(agent_id, &message, ctx);
        }
        if ended {
            self.forget_operation(agent_id, &operation.uuid());
        }
    }
}

/// Whether a finished operation still has to change the agent's total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    /// It has.
    Apply,
    /// The agent's new total shows it already.
    AlreadyThere,
}

impl MasterProcess {
    /// Takes a status into an operation's history, and settles its resources when it ended.
    pub(super) fn update_operation(
        &mut self,
        agent_id: &AgentId,
        uuid: &Uuid,
        status: &v1::OperationStatus,
        latest: Option<&v1::OperationStatus>,
        conversion: Conversion,
    ) {
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        let Some(operation) = agent.operation_mut(uuid) else {
            return;
        };
        let before = operation.state();
        let ended = operation.update(status, latest);
        let operation = operation.clone();
        self.metrics
            .operation_changed(operation.kind(), before, operation.state());
        if ended != Ended::Now || is_speculative(operation.kind()) {
            return;
        }
        let finished = operation.state() == OperationState::OperationFinished;
        let converted =
            Resources::from_proto(&operation.info().latest_status().converted_resources);
        if operation.is_orphan() {
            self.settle_orphan(&operation, &converted, conversion);
            return;
        }
        let Some(framework_id) = operation.framework_id().cloned() else {
            return;
        };
        let consumed = operation.consumed().clone();
        let returned = if finished && conversion == Conversion::Apply {
            let change = ResourceConversion::new(consumed.clone(), converted.clone());
            self.allocator.update_allocation(
                framework_id.clone(),
                agent_id.clone(),
                consumed.clone(),
                vec![change],
            );
            let (mut from, mut to) = (consumed.clone(), converted.clone());
            from.unallocate();
            to.unallocate();
            if let Some(agent) = self.agents.get_mut(agent_id)
                && let Err(error) = agent.convert(&[ResourceConversion::new(from, to)])
            {
                tracing::error!(%agent_id, %error, "a result does not fit the agent's total");
            }
            converted
        } else {
            consumed.clone()
        };
        self.allocator.recover_resources(
            framework_id.clone(),
            agent_id.clone(),
            returned,
            None,
            Ownership::Offered,
        );
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.release_resources(&framework_id, &consumed);
        }
        if let Some(framework) = self.frameworks.get_mut(&framework_id) {
            framework.release_resources(agent_id, &consumed);
        }
    }

    fn settle_orphan(
        &mut self,
        operation: &Operation,
        converted: &Resources,
        conversion: Conversion,
    ) {
        let finished = operation.state() == OperationState::OperationFinished;
        let mut returned = match (finished, conversion) {
            (true, Conversion::Apply) => converted.clone(),
            (true, Conversion::AlreadyThere) => return,
            (false, Conversion::Apply | Conversion::AlreadyThere) => operation.consumed().clone(),
        };
        returned.unallocate();
        if let Some(agent) = self.agents.get_mut(operation.agent_id()) {
            let total = agent.total() + &returned;
            agent.set_total(total);
        }
        self.update_allocator_total(operation.agent_id());
    }

    /// Tells the allocator an agent's total.
    pub(super) fn update_allocator_total(&self, agent_id: &AgentId) {
        if let Some(agent) = self.agents.get(agent_id) {
            self.allocator.update_agent(
                agent_id.clone(),
                Arc::clone(agent.info()),
                Some(agent.total().clone()),
                None,
            );
        }
    }

    /// Forgets an operation.
    pub(super) fn forget_operation(&mut self, agent_id: &AgentId, uuid: &Uuid) {
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        let Some(operation) = agent.remove_operation(uuid) else {
            return;
        };
        self.metrics
            .operation_left(operation.kind(), operation.state());
        let holds = !is_speculative(operation.kind()) && !operation.is_terminal();
        let Some(framework_id) = operation.framework_id().cloned() else {
            return;
        };
        if holds && !operation.is_orphan() {
            agent.release_resources(&framework_id, operation.consumed());
            self.allocator.recover_resources(
                framework_id.clone(),
                agent_id.clone(),
                operation.consumed().clone(),
                None,
                Ownership::Offered,
            );
        }
        if let Some(framework) = self.frameworks.get_mut(&framework_id) {
            framework.remove_operation(uuid);
            if holds && !operation.is_orphan() {
                framework.release_resources(agent_id, operation.consumed());
            }
        }
    }

    /// Tells frameworks what became of operations on an agent that is lost.
    pub(super) fn send_operation_losses(
        &self,
        agent: &Agent,
        state: OperationState,
        text: &str,
        ctx: &Context<Self>,
    ) {
        for operation in agent.all_operations() {
            self.metrics.operation_entered(operation.kind(), state);
            let (Some(_), Some(framework_id)) = (operation.feedback_id(), operation.framework_id())
            else {
                continue;
            };
            let on_http = self
                .frameworks
                .get(framework_id)
                .is_some_and(|known| known.stream().is_some());
            if !on_http {
                continue;
            }
            let status = v1::OperationStatus {
                operation_id: operation.info().info().id.clone(),
                state: Some(state.into()),
                message: Some(text.to_owned()),
                agent_id: Some(agent.id().to_proto()),
                resource_provider_id: operation.provider_id().map(|id| v1::ResourceProviderId {
                    value: Some(id.to_owned()),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let message = FrameworkMessage::OperationUpdate(Box::new(status));
            self.send_to_framework(framework_id, message, ctx);
        }
    }

    /// A framework has seen an operation's status.
    pub(crate) fn acknowledge_operation_status(
        &mut self,
        framework_id: &FrameworkId,
        call: &call::AcknowledgeOperationStatus,
        ctx: &mut Context<Self>,
    ) {
        self.metrics
            .counters()
            .messages_operation_status_update_acknowledgement
            .increment();
        let agent_id = AgentId::from(call.agent_id());
        match self.find_acknowledged(framework_id, &agent_id, call) {
            Some(operation) => {
                if operation.is_terminal() {
                    self.forget_operation(&agent_id, &operation.uuid());
                }
                let message = AcknowledgeStatus {
                    status_uuid: Some(uuid_message(call.uuid())),
                    operation_uuid: Some(uuid_message(operation.uuid().as_bytes())),
                    resource_provider_id: call.resource_provider_id.clone(),
                    ..Default::default()
                };
                self.send_to_agent(&agent_id, &message, ctx);
                let counters = self.metrics.counters();
                counters
                    .valid_operation_status_update_acknowledgements
                    .increment();
                self.check_drained(&agent_id, ctx);
            }
            None => {
                tracing::warn!(%framework_id, %agent_id, "dropping an operation acknowledgement");
                let counters = self.metrics.counters();
                counters
                    .invalid_operation_status_update_acknowledgements
                    .increment();
            }
        }
    }

    /// The operation that an acknowledgement is about, when it may be forwarded.
    fn find_acknowledged(
        &self,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        call: &call::AcknowledgeOperationStatus,
    ) -> Option<Operation> {
        let agent = self
            .agents
            .get(agent_id)
            .filter(|agent| agent.is_connected())?;
        let capability = if call.resource_provider_id.is_some() {
            Capability::ResourceProvider
        } else {
            Capability::AgentOperationFeedback
        };
        if !agent.has(capability) {
            return None;
        }
        let uuid = self
            .frameworks
            .get(framework_id)?
            .operation_uuid(call.operation_id().value())?;
        let operation = agent.operation(&uuid)?;
        operation.has_status(call.uuid()).then(|| operation.clone())
    }
}
