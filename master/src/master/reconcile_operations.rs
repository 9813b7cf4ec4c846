//! Telling a framework what its operations are.
//!
//! Mirrors `Master::reconcileOperations` of `src/master/master.cpp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use libprocess::Context;
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_proto::internal::ReconcileOperationsMessage as Reconcile;
use mesos_proto::internal::reconcile_operations_message::Operation as ReconcileEntry;
use mesos_proto::v1;
use mesos_proto::v1::OperationState;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::scheduler::call::reconcile_operations::Operation as Asked;

use super::MasterProcess;
use crate::framework_message::FrameworkMessage;
use crate::state::operations::Operation;

/// Who answers for an operation.
enum Answer {
    /// The master, with this status.
    Here(v1::OperationStatus),
    /// Its agent.
    Agent(AgentId),
}

impl MasterProcess {
    /// Answers a reconciliation of operations: all of them when none is named.
    pub(crate) fn reconcile_operations(
        &mut self,
        framework_id: &FrameworkId,
        call: &call::ReconcileOperations,
        ctx: &mut Context<Self>,
    ) {
        self.metrics
            .counters()
            .messages_reconcile_operations
            .increment();
        let Some(framework) = self.frameworks.get(framework_id).map(Arc::clone) else {
            return;
        };
        if call.operations.is_empty() {
            for (uuid, agent_id) in framework.operations() {
                let operation = self
                    .agents
                    .get(agent_id)
                    .and_then(|agent| agent.operation(uuid));
                if let Some(operation) = operation {
                    self.send_operation_status(framework_id, last_status(operation), ctx);
                }
            }
            return;
        }
        let mut forwarded: BTreeMap<AgentId, Vec<ReconcileEntry>> = BTreeMap::new();
        for asked in &call.operations {
            match self.answer_for(framework_id, asked) {
                Answer::Here(status) => self.send_operation_status(framework_id, status, ctx),
                Answer::Agent(agent_id) => {
                    forwarded.entry(agent_id).or_default().push(ReconcileEntry {
                        operation_id: asked.operation_id.clone(),
                        resource_provider_id: asked.resource_provider_id.clone(),
                        ..Default::default()
                    });
                }
            }
        }
        for (agent_id, operations) in forwarded {
            let message = Reconcile {
                operations,
                framework_id: Some(framework_id.to_proto()),
                ..Default::default()
            };
            self.send_to_agent(&agent_id, &message, ctx);
        }
    }

    fn send_operation_status(
        &self,
        framework_id: &FrameworkId,
        mut status: v1::OperationStatus,
        ctx: &Context<Self>,
    ) {
        status.uuid = None;
        let message = FrameworkMessage::OperationUpdate(Box::new(status));
        self.send_to_framework(framework_id, message, ctx);
    }

    fn answer_for(&self, framework_id: &FrameworkId, asked: &Asked) -> Answer {
        let known = self
            .frameworks
            .get(framework_id)
            .and_then(|framework| {
                let uuid = framework.operation_uuid(asked.operation_id().value())?;
                let agent_id = framework.operations().get(&uuid)?;
                self.agents.get(agent_id)?.operation(&uuid)
            })
            .map(last_status);
        if let Some(status) = known {
            return Answer::Here(status);
        }
        let mut status = v1::OperationStatus {
            operation_id: asked.operation_id.clone(),
            agent_id: asked.agent_id.clone(),
            resource_provider_id: asked.resource_provider_id.clone(),
            ..Default::default()
        };
        let agent_id = asked
            .agent_id
            .as_ref()
            .map(|_| AgentId::from(asked.agent_id()));
        let (state, text) = match &agent_id {
            None => (
                OperationState::OperationUnknown,
                "Reconciliation: Operation is unknown and no 'agent_id' was provided",
            ),
            Some(id) if self.agents.recovered().contains_key(id) => (
                OperationState::OperationRecovering,
                "Reconciliation: Agent is recovered but has not re-registered",
            ),
            Some(id) if self.agents.get(id).is_some() => {
                let forward = asked.resource_provider_id.is_some()
                    && self.agents.get(id).is_some_and(|agent| {
                        agent.has(Capability::AgentOperationFeedback)
                            && !agent
                                .providers()
                                .contains_key(asked.resource_provider_id().value())
                    });
                if forward {
                    return Answer::Agent(id.clone());
                }
                (
                    OperationState::OperationUnknown,
                    "Reconciliation: Operation is unknown",
                )
            }
            Some(id) if self.agents.unreachable().contains_key(id) => (
                OperationState::OperationUnreachable,
                "Reconciliation: Agent is unreachable",
            ),
            Some(id) if self.agents.gone().contains_key(id) => (
                OperationState::OperationGoneByOperator,
                "Reconciliation: Agent marked gone by operator",
            ),
            Some(_) => (
                OperationState::OperationUnknown,
                "Reconciliation: Both operation and agent are unknown",
            ),
        };
        status.state = Some(state.into());
        status.message = Some(text.to_owned());
        Answer::Here(status)
    }
}

/// The status that was reported last, else the latest one.
fn last_status(operation: &Operation) -> v1::OperationStatus {
    let info = operation.info();
    info.statuses
        .last()
        .cloned()
        .unwrap_or_else(|| info.latest_status().clone())
}
