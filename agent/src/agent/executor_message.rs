//! Carries the words of schedulers to executors and back.

use bytes::Bytes;
use libprocess::{Context, Upid};
use mesos_common::ids::{ExecutorId, FrameworkId};
use mesos_proto::internal::{ExecutorToFrameworkMessage, FrameworkToExecutorMessage};

use super::{
    AgentProcess, AgentState,
    send_executor::{ToExecutor, send},
};
use crate::state::{executor::ExecutorState, framework::FrameworkState};

impl AgentProcess {
    /// A scheduler speaks to its executor.
    pub(super) fn scheduler_message(
        &mut self,
        _from: &Upid,
        message: FrameworkToExecutorMessage,
        ctx: &mut Context<Self>,
    ) {
        let id = FrameworkId::from(message.framework_id());
        let executor_id = ExecutorId::from(message.executor_id());
        let executor = self
            .frameworks
            .get(&id)
            .filter(|framework| framework.state == FrameworkState::Running)
            .and_then(|framework| framework.executor(&executor_id))
            .filter(|executor| executor.state() == ExecutorState::Running);
        let (AgentState::Running, Some(executor), Some(agent)) = (self.state, executor, &self.id)
        else {
            tracing::warn!(executor = %executor_id, framework = %id, "dropping message from framework");
            self.metrics.invalid_framework_messages.increment();
            return;
        };
        let message = ToExecutor::Message {
            framework: id,
            agent: agent.clone(),
            executor: executor_id,
            data: message.data().clone(),
        };
        send(executor, message, ctx);
        self.metrics.valid_framework_messages.increment();
    }

    /// An executor on the driver speaks to its scheduler.
    pub(super) fn executor_message(
        &mut self,
        _from: &Upid,
        message: ExecutorToFrameworkMessage,
        ctx: &mut Context<Self>,
    ) {
        let id = FrameworkId::from(message.framework_id());
        let executor_id = ExecutorId::from(message.executor_id());
        self.forward_executor_message(&id, &executor_id, message.data().clone(), ctx);
    }

    /// Passes on what an executor says: to the scheduler when its address is known, else through the master.
    pub(crate) fn forward_executor_message(
        &mut self,
        id: &FrameworkId,
        executor: &ExecutorId,
        data: Bytes,
        ctx: &mut Context<Self>,
    ) {
        let framework = self
            .frameworks
            .get(id)
            .filter(|framework| framework.state == FrameworkState::Running);
        let (AgentState::Running, Some(framework), Some(agent)) = (self.state, framework, &self.id)
        else {
            tracing::warn!(%executor, framework = %id, "dropping message from executor");
            self.metrics.invalid_framework_messages.increment();
            return;
        };
        let Some(to) = framework.pid.as_ref().or(self.master.pid.as_ref()) else {
            return;
        };
        ctx.send_protobuf(
            to,
            &ExecutorToFrameworkMessage {
                agent_id: Some(agent.to_proto()),
                framework_id: Some(id.to_proto()),
                executor_id: Some(executor.to_proto()),
                data: Some(data),
                ..Default::default()
            },
        );
        self.metrics.valid_framework_messages.increment();
    }
}
