//! Executors on the driver come back after the agent was away.

use libprocess::{Context, Upid};
use mesos_common::{
    duration,
    ids::{ExecutorId, FrameworkId, TaskId},
};
use mesos_containerizer::{ContainerId, launch_info::ContainerTermination};
use mesos_proto::{
    internal::{ExecutorReregisteredMessage, ReregisterExecutorMessage, ShutdownExecutorMessage},
    v1::{TaskState, task_status::Reason},
};

use super::{AgentProcess, AgentState, status_update::Reporter};
use crate::state::{
    executor::{Connection, ExecutorState},
    framework::FrameworkState,
    task::gate,
};

impl AgentProcess {
    /// An executor on the driver registers again.
    pub(super) fn reregister_executor(
        &mut self,
        from: &Upid,
        message: ReregisterExecutorMessage,
        ctx: &mut Context<Self>,
    ) {
        self.take_back(from, message, ctx);
        self.finish_recovery_when_all_are_back(ctx);
    }

    fn take_back(
        &mut self,
        from: &Upid,
        message: ReregisterExecutorMessage,
        ctx: &mut Context<Self>,
    ) {
        let id = FrameworkId::from(message.framework_id());
        let executor_id = ExecutorId::from(message.executor_id());
        let state = self
            .frameworks
            .get(&id)
            .filter(|framework| framework.state == FrameworkState::Running)
            .and_then(|framework| framework.executor(&executor_id))
            .map(|executor| executor.state());
        let repeats = self.flags.executor_reregistration_retry_interval.is_some();
        match state {
            Some(ExecutorState::Registering) if self.state != AgentState::Terminating => {}
            Some(ExecutorState::Running) if repeats => {
                tracing::info!(executor = %executor_id, "ignoring duplicate reregistration of executor");
                return;
            }
            Some(_) | None => {
                tracing::warn!(executor = %executor_id, framework = %id, "shutting down executor: it is not expected");
                ctx.send_protobuf(from, &ShutdownExecutorMessage::default());
                return;
            }
        }
        if let Some(executor) = self.frameworks.executor_mut(&id, &executor_id) {
            executor.become_state(ExecutorState::Running);
            executor.connection = Connection::Libprocess(from.clone());
        }
        ctx.link(from);
        ctx.send_protobuf(
            from,
            &ExecutorReregisteredMessage {
                agent_id: self.info.id.clone(),
                agent_info: Some(self.info.clone().into()),
                ..Default::default()
            },
        );
        for update in message.updates {
            self.status_update(update, Reporter::Libprocess(from.clone()), ctx);
        }
        let known: Vec<TaskId> = message
            .tasks
            .iter()
            .map(|task| TaskId::from(task.task_id()))
            .collect();
        self.drop_tasks_unknown_to_executor(&id, &executor_id, &known, ctx);
        if !self.shut_down_if_never_used(&id, &executor_id, ctx) {
            self.update_container_and_deliver(&id, &executor_id, ctx);
        }
    }

    /// Recovery has waited long enough: executors that did not come back are destroyed.
    ///
    /// Once recovery is over, only executors that were launched since are still to register.
    pub(super) fn miss_reregistrations(&mut self, ctx: &mut Context<Self>) {
        if !self.state.is_recovering() {
            return;
        }
        let timeout = duration::format(self.flags.executor_reregistration_timeout);
        let missing: Vec<(FrameworkId, ExecutorId, ContainerId)> = self
            .frameworks
            .executors()
            .filter(|executor| executor.state() == ExecutorState::Registering)
            .map(|executor| {
                (
                    executor.framework().clone(),
                    executor.id().clone(),
                    executor.container().clone(),
                )
            })
            .collect();
        for (id, executor_id, container) in missing {
            tracing::info!(executor = %executor_id, "killing un-reregistered executor");
            let Some(framework) = self.frameworks.get_mut(&id) else {
                continue;
            };
            let state = gate(&framework.info, TaskState::TaskGone);
            let Some(executor) = framework.executor_mut(&executor_id) else {
                continue;
            };
            executor.become_state(ExecutorState::Terminating);
            executor.pending_termination = Some(ContainerTermination {
                state: Some(state.into()),
                reason: Some(Reason::ReasonExecutorReregistrationTimeout.into()),
                message: Some(format!("Executor did not reregister within {timeout}")),
                ..Default::default()
            });
            self.destroy_container(&container);
        }
        self.finish_recovery(ctx);
    }
}
