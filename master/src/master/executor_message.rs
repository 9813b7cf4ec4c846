//! Messages between frameworks and executors, and executors that end.
//!
//! Mirrors `Master::message`, `shutdown`, `executorMessage`, `exitedExecutor`.

use libprocess::{Context, Upid};
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId};
use mesos_proto::internal::{
    ExecutorToFrameworkMessage as ExecutorToFramework, ExitedExecutorMessage as ExitedExecutor,
    FrameworkToExecutorMessage as FrameworkToExecutor, ShutdownExecutorMessage as ShutdownExecutor,
};
use mesos_proto::v1::scheduler::call;

use super::MasterProcess;
use crate::framework_message::FrameworkMessage;

impl MasterProcess {
    /// Handles `FrameworkToExecutorMessage` of an old driver.
    pub(super) fn framework_to_executor(
        &mut self,
        from: &Upid,
        message: FrameworkToExecutor,
        ctx: &mut Context<Self>,
    ) {
        let framework_id = FrameworkId::from(message.framework_id());
        if !self.is_driver_of(from, &framework_id) {
            self.metrics
                .counters()
                .invalid_framework_to_executor_messages
                .increment();
            return;
        }
        let call = call::Message {
            agent_id: message.agent_id.clone(),
            executor_id: message.executor_id.clone(),
            data: message.data,
            ..Default::default()
        };
        self.message(&framework_id, &call, ctx);
    }

    /// Hands data of a framework to its executor's agent.
    pub(crate) fn message(
        &mut self,
        framework_id: &FrameworkId,
        call: &call::Message,
        ctx: &mut Context<Self>,
    ) {
        let counters = self.metrics.counters();
        counters.messages_framework_to_executor.increment();
        let agent_id = AgentId::from(call.agent_id());
        if !self
            .agents
            .get(&agent_id)
            .is_some_and(|agent| agent.is_connected())
        {
            tracing::warn!(%framework_id, %agent_id, "dropping a message: no such agent");
            counters.invalid_framework_to_executor_messages.increment();
            return;
        }
        let message = FrameworkToExecutor {
            agent_id: call.agent_id.clone(),
            framework_id: Some(framework_id.to_proto()),
            executor_id: call.executor_id.clone(),
            data: call.data.clone(),
            ..Default::default()
        };
        self.send_to_agent(&agent_id, &message, ctx);
        counters.valid_framework_to_executor_messages.increment();
    }

    /// Ends an executor.
    pub(crate) fn shutdown_executor(
        &mut self,
        framework_id: &FrameworkId,
        call: &call::Shutdown,
        ctx: &mut Context<Self>,
    ) {
        let agent_id = AgentId::from(call.agent_id());
        if self.agents.get(&agent_id).is_none() {
            tracing::warn!(%framework_id, %agent_id, "cannot end an executor: no such agent");
            return;
        }
        let message = ShutdownExecutor {
            executor_id: call.executor_id.clone(),
            framework_id: Some(framework_id.to_proto()),
            ..Default::default()
        };
        self.send_to_agent(&agent_id, &message, ctx);
    }

    /// Handles `ExecutorToFrameworkMessage`.
    pub(super) fn executor_to_framework(
        &mut self,
        from: &Upid,
        message: ExecutorToFramework,
        ctx: &mut Context<Self>,
    ) {
        let counters = self.metrics.counters();
        counters.messages_executor_to_framework.increment();
        let agent_id = AgentId::from(message.agent_id());
        let framework_id = FrameworkId::from(message.framework_id());
        let connected = self
            .frameworks
            .get(&framework_id)
            .is_some_and(|known| known.is_connected());
        if self.agents.get(&agent_id).is_none() || !connected {
            tracing::warn!(%from, %framework_id, "dropping an executor's message");
            counters.invalid_executor_to_framework_messages.increment();
            return;
        }
        counters.valid_executor_to_framework_messages.increment();
        let message = FrameworkMessage::ExecutorMessage {
            agent_id,
            executor_id: ExecutorId::from(message.executor_id()),
            data: message.data.unwrap_or_default(),
            framework_id: framework_id.clone(),
        };
        self.send_to_framework(&framework_id, message, ctx);
    }

    /// Handles `ExitedExecutorMessage`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn exited_executor(
        &mut self,
        _from: &Upid,
        message: ExitedExecutor,
        ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_exited_executor.increment();
        let agent_id = AgentId::from(message.agent_id());
        let framework_id = FrameworkId::from(message.framework_id());
        let executor_id = ExecutorId::from(message.executor_id());
        if self.agents.is_removed(&agent_id) {
            return;
        }
        let known = self
            .agents
            .get(&agent_id)
            .is_some_and(|agent| agent.executor(&framework_id, &executor_id).is_some());
        if !known {
            tracing::warn!(%framework_id, %executor_id, "ignoring the end of an unknown executor");
            return;
        }
        self.remove_executor(&agent_id, &framework_id, &executor_id);
        if self
            .frameworks
            .get(&framework_id)
            .is_some_and(|known| known.is_connected())
        {
            let exited = FrameworkMessage::ExitedExecutor {
                agent_id,
                framework_id: framework_id.clone(),
                executor_id,
                status: message.status(),
            };
            self.send_to_framework(&framework_id, exited, ctx);
        }
    }

    /// Whether a message for a framework comes from its driver.
    pub(super) fn is_driver_of(&self, from: &Upid, framework_id: &FrameworkId) -> bool {
        let ours = self
            .frameworks
            .get(framework_id)
            .is_some_and(|framework| framework.pid() == Some(from));
        if !ours {
            tracing::warn!(%framework_id, %from, "ignoring a message: not the framework's driver");
        }
        ours
    }
}
