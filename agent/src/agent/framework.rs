//! Frameworks change, end, and are forgotten.

use libprocess::{Context, Upid};
use mesos_common::ids::{ExecutorId, FrameworkId};
use mesos_proto::internal::{ShutdownFrameworkMessage, UpdateFrameworkMessage};

use super::{AgentProcess, AgentState};
use crate::{
    checkpoint::write,
    paths,
    state::{
        executor::{Durability, ExecutorState},
        framework::FrameworkState,
    },
};

impl AgentProcess {
    /// The scheduler of a framework moved, or described it anew.
    pub(super) fn update_framework(
        &mut self,
        _from: &Upid,
        message: UpdateFrameworkMessage,
        ctx: &mut Context<Self>,
    ) {
        if self.state != AgentState::Running {
            tracing::warn!(state = ?self.state, "dropping framework update in this state");
            return;
        }
        let id = FrameworkId::from(message.framework_id());
        let Some(agent) = self.id.clone() else { return };
        let Some(framework) = self.frameworks.get_mut(&id) else {
            tracing::info!(framework = %id, "ignoring update of an unknown framework");
            return;
        };
        if framework.state == FrameworkState::Terminating {
            return;
        }
        if let Some(info) = message.framework_info {
            framework.info = *info;
        }
        let pid = message.pid.as_deref().and_then(|pid| pid.parse().ok());
        // A framework on HTTP has the empty address.
        framework.pid = pid.filter(|pid: &Upid| !pid.is_empty());
        if framework.durability() == Durability::Checkpointed {
            let written =
                write::framework(&self.meta, &agent, &framework.info, framework.pid.as_ref());
            match written {
                Ok(()) => {}
                // The master says it again to the next agent.
                Err(error) if error.is_passing() => {
                    tracing::error!(framework = %id, %error, "a framework's change is not written down");
                }
                Err(error) => return self.fail_checkpoint(&error, ctx),
            }
        }
        // The framework may wait for updates that its former scheduler did not acknowledge.
        if let Some(parts) = &self.parts {
            parts.updates.resume();
        }
    }

    /// The master wants a framework to end.
    pub(super) fn shutdown_framework_message(
        &mut self,
        from: &Upid,
        message: ShutdownFrameworkMessage,
        ctx: &mut Context<Self>,
    ) {
        if !self.master.is(from) {
            tracing::warn!(%from, "ignoring framework shutdown: it is not from the expected master");
            return;
        }
        match self.state {
            AgentState::Recovering(_) | AgentState::Disconnected => {
                tracing::warn!(state = ?self.state, "ignoring framework shutdown in this state");
            }
            AgentState::Running | AgentState::Terminating => {
                self.shut_down_framework(&FrameworkId::from(message.framework_id()), ctx);
            }
        }
    }

    /// Shuts down every executor of a framework; it is removed when the last has ended.
    pub(super) fn shut_down_framework(&mut self, id: &FrameworkId, ctx: &mut Context<Self>) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            tracing::warn!(framework = %id, "cannot shut down unknown framework");
            return;
        };
        if framework.state == FrameworkState::Terminating {
            return;
        }
        tracing::info!(framework = %id, "shutting down framework");
        framework.state = FrameworkState::Terminating;
        let executors: Vec<(ExecutorId, ExecutorState)> = framework
            .executors()
            .map(|executor| (executor.id().clone(), executor.state()))
            .collect();
        for (executor, state) in executors {
            match state {
                ExecutorState::Registering | ExecutorState::Running => {
                    self.shut_down_executor(id, &executor, ctx);
                }
                // Its updates are of no interest any more.
                ExecutorState::Terminated => self.remove_executor(id, &executor, ctx),
                ExecutorState::Terminating => {}
            }
        }
        self.remove_framework_if_idle(id, ctx);
    }

    /// Forgets a framework of which nothing is left, but for the record.
    pub(super) fn remove_framework_if_idle(&mut self, id: &FrameworkId, ctx: &mut Context<Self>) {
        let idle = self
            .frameworks
            .get(id)
            .is_some_and(|framework| framework.is_idle() && framework.launches.is_empty());
        if !idle {
            return;
        }
        let Some(agent) = self.id.clone() else { return };
        tracing::info!(framework = %id, "cleaning up framework");
        if let Some(parts) = &self.parts {
            parts.updates.cleanup(id);
        }
        let checkpointed = self
            .frameworks
            .get(id)
            .is_some_and(|framework| framework.durability() == Durability::Checkpointed);
        self.collect_garbage(&paths::framework_dir(&self.work_dir, &agent, id));
        if checkpointed {
            self.collect_garbage(&paths::framework_dir(&self.meta, &agent, id));
        }
        drop(self.frameworks.complete(id));
        self.finish_draining_if_idle(ctx);
        self.end_if_terminating_and_idle(ctx);
    }

    /// When the agent ends by itself, executors that would not survive its absence are told to end.
    pub(super) fn shut_down_volatile_frameworks(&mut self, ctx: &mut Context<Self>) {
        let volatile: Vec<FrameworkId> = self
            .frameworks
            .iter()
            .filter(|framework| {
                self.state == AgentState::Terminating
                    || framework.durability() == Durability::Volatile
            })
            .map(|framework| framework.id().clone())
            .collect();
        for id in volatile {
            self.shut_down_framework(&id, ctx);
        }
    }
}
