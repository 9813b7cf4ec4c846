//! Executors and the agent itself are told to end.

use libprocess::{Context, Upid};
use mesos_common::ids::{ExecutorId, FrameworkId};
use mesos_containerizer::ContainerId;
use mesos_proto::internal::{ShutdownExecutorMessage, ShutdownMessage, UnregisterAgentMessage};

use super::{
    AgentProcess, AgentState,
    send_executor::{ToExecutor, send},
};
use crate::{
    AgentExit,
    state::{
        executor::{Connection, ExecutorState},
        framework::FrameworkState,
    },
};

impl AgentProcess {
    /// The master wants an executor to end.
    pub(super) fn shutdown_executor_message(
        &mut self,
        from: &Upid,
        message: ShutdownExecutorMessage,
        ctx: &mut Context<Self>,
    ) {
        if !self.master.is(from) {
            tracing::warn!(%from, "ignoring executor shutdown: it is not from the expected master");
            return;
        }
        let id = FrameworkId::from(message.framework_id());
        let executor_id = ExecutorId::from(message.executor_id());
        match self.state {
            AgentState::Recovering(_) | AgentState::Disconnected => return,
            AgentState::Running | AgentState::Terminating => {}
        }
        let framework_runs = self
            .frameworks
            .get(&id)
            .is_some_and(|framework| framework.state == FrameworkState::Running);
        let executor_runs = self
            .frameworks
            .executor(&id, &executor_id)
            .is_some_and(|executor| !executor.state().is_ending());
        if framework_runs && executor_runs {
            self.shut_down_executor(&id, &executor_id, ctx);
        } else {
            tracing::warn!(executor = %executor_id, framework = %id, "ignoring shutdown of executor");
        }
    }

    /// Asks an executor to end, and destroys its container when it does not in time.
    pub(super) fn shut_down_executor(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        ctx: &mut Context<Self>,
    ) {
        let default = self.flags.executor_shutdown_grace_period;
        let Some(executor) = self.frameworks.executor_mut(id, executor_id) else {
            return;
        };
        if executor.state().is_ending() {
            return;
        }
        tracing::info!(executor = %executor_id, framework = %id, "shutting down executor");
        executor.become_state(ExecutorState::Terminating);
        // An executor without a connection hears nothing; the timer sees to it.
        send(executor, ToExecutor::Shutdown, ctx);
        let grace = executor.shutdown_grace(default);
        let container = executor.container().clone();
        let (id, executor_id) = (id.clone(), executor_id.clone());
        ctx.delay(grace, move |agent, _| {
            agent.miss_shutdown(&id, &executor_id, &container);
        });
    }

    fn miss_shutdown(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        container: &ContainerId,
    ) {
        let still = self
            .frameworks
            .executor(id, executor_id)
            .is_some_and(|executor| {
                executor.container() == container && executor.state() == ExecutorState::Terminating
            });
        if still {
            tracing::info!(executor = %executor_id, "killing executor: its grace period is over");
            self.destroy_container(container);
        }
    }

    /// The master wants the agent to end.
    pub(super) fn shutdown_message(
        &mut self,
        from: &Upid,
        message: ShutdownMessage,
        ctx: &mut Context<Self>,
    ) {
        if !self.master.is(from) {
            tracing::warn!(%from, "ignoring shutdown: it is not from the expected master");
            return;
        }
        tracing::info!(%from, message = message.message(), "agent asked to shut down");
        self.begin_shutdown(ctx);
    }

    /// The operator wants the agent to end, with everything it runs.
    pub(crate) fn shut_down(&mut self, reason: &str, ctx: &mut Context<Self>) {
        tracing::info!(reason, "unregistering and shutting down");
        if let (Some(master), Some(id)) = (&self.master.pid, &self.id) {
            ctx.send_protobuf(
                master,
                &UnregisterAgentMessage {
                    agent_id: Some(id.to_proto()),
                    ..Default::default()
                },
            );
        }
        self.begin_shutdown(ctx);
    }

    fn begin_shutdown(&mut self, ctx: &mut Context<Self>) {
        self.state = AgentState::Terminating;
        let frameworks: Vec<FrameworkId> = self
            .frameworks
            .iter()
            .map(|framework| framework.id().clone())
            .collect();
        for id in frameworks {
            self.shut_down_framework(&id, ctx);
        }
        self.end_if_terminating_and_idle(ctx);
    }

    /// Ends the actor once nothing runs any more.
    pub(super) fn end_if_terminating_and_idle(&mut self, ctx: &mut Context<Self>) {
        if self.state == AgentState::Terminating && self.frameworks.is_empty() {
            self.exit_with(AgentExit::ShutDown, ctx);
        }
    }

    /// Ends the actor because it cannot go on; executors keep running.
    pub(crate) fn fail(&mut self, reason: String, ctx: &mut Context<Self>) {
        tracing::error!(reason, "agent cannot go on");
        self.exit_with(AgentExit::Failed(reason), ctx);
    }

    /// Ends the actor and says why.
    pub(super) fn exit_with(&mut self, exit: AgentExit, ctx: &mut Context<Self>) {
        if let Some(promise) = self.exit.take() {
            promise.set(exit);
        }
        ctx.terminate();
    }

    /// Closes the streams of executors, so that none waits for an agent that is gone.
    pub(super) fn close_streams(&mut self) {
        for executor in self.frameworks.executors() {
            if let Connection::Http(Some(stream)) = &executor.connection {
                stream.close();
            }
        }
    }
}
