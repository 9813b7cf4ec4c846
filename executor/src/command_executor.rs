//! Runs one task as one command.
//!
//! Mirrors `src/launcher/executor.cpp`. Where Mesos chooses between two transports by
//! `MESOS_HTTP_COMMAND_EXECUTOR`, this executor always speaks the v1 API, which every agent since
//! 1.0 offers.
//!
//! # Owns
//! The task's process, its checks, and the updates that the agent has not acknowledged.
//!
//! # Invariants
//! - At most one task runs in the life of the executor.
//! - Nothing about the task follows its terminal update.
//!
//! # Timers
//! SUBSCRIBE each second until subscribed; the task's maximal completion time; the grace period
//! between SIGTERM and SIGKILL; 60 seconds for the agent to acknowledge the terminal update.

mod environment;
mod kill;
mod launch;
mod lifecycle;
mod outcome;
mod task;

use std::fmt;

use libprocess::{Context, Future, Process, ProcessId};
use mesos_proto::v1::{ExecutorId, FrameworkId, KillPolicy, TaskId, TaskInfo, TaskStatus};

pub use launch::{
    HugePages, LaunchError, LaunchSettings, RESTORING_SESSION_ARGUMENT, SESSION_ARGUMENT, Session,
    exec_in_new_session, exec_in_new_session_with_huge_pages, without_huge_pages,
};

use crate::ExecutorEnvironment;
pub use crate::single_task::Ending;
use crate::single_task::{Core, SingleTask, Told as _};
use task::Task;

/// Who the executor is and how it starts its task.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The framework of the task.
    pub framework_id: FrameworkId,
    /// This executor.
    pub executor_id: ExecutorId,
    /// How to reach the agent.
    pub environment: ExecutorEnvironment,
    /// How to start the task.
    pub launch: LaunchSettings,
}

/// The actor that is the command executor.
pub struct CommandExecutorProcess {
    settings: Settings,
    core: Core<Task>,
}

impl fmt::Debug for CommandExecutorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandExecutorProcess")
            .field("conversation", &self.core.conversation)
            .finish_non_exhaustive()
    }
}

impl Process for CommandExecutorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("command-executor")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.begin(self.settings.environment.clone(), ctx);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.core.conversation.finish();
    }
}

impl CommandExecutorProcess {
    /// Makes the actor, and the future that tells how it ended.
    pub fn new(settings: Settings) -> (Self, Future<Ending>) {
        let (framework, executor) = (settings.framework_id.clone(), settings.executor_id.clone());
        let (core, ending) = Core::new(framework, executor);
        (Self { settings, core }, ending)
    }

    /// Sends an update and keeps it until the agent acknowledges it.
    fn forward(&mut self, status: TaskStatus) {
        if let Some(task) = &mut self.core.task
            && task.info().task_id() == status.task_id()
        {
            task.set_last_status(status.clone());
        }
        self.core.conversation.report(status);
    }
}

impl SingleTask for CommandExecutorProcess {
    type Task = Task;

    fn core(&mut self) -> &mut Core<Task> {
        &mut self.core
    }

    fn launch(&mut self, info: &TaskInfo, ctx: &mut Context<Self>) {
        self.launch_task(info, ctx);
    }

    fn kill_requested(
        &mut self,
        task: &TaskId,
        policy: Option<&KillPolicy>,
        ctx: &mut Context<Self>,
    ) {
        self.kill_task(task, policy, ctx);
    }

    fn shut_down(&mut self, ctx: &mut Context<Self>) {
        self.shut_down_task(ctx);
    }
}

#[cfg(test)]
mod tests;
