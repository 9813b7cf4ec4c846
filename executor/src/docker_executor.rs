//! Runs one task as one Docker container.
//!
//! Mirrors `src/docker/executor.cpp`. As the command executor it always speaks the v1 API, where
//! Mesos' own has the legacy driver.
//!
//! # Owns
//! The `docker run` of the task, its checks, and the updates that the agent has not acknowledged.
//!
//! # Invariants
//! - At most one task runs in the life of the executor.
//! - `TASK_RUNNING` comes after Docker has told about the container, and before anything that
//!   depends on the container.
//! - Nothing about the task follows its terminal update.
//!
//! # Timers
//! SUBSCRIBE each second until subscribed; a look at the container each half second until it has
//! started, five seconds for each; the task's maximal completion time; 60 seconds for a container
//! that is gone without `docker run` noticing, and for the agent to acknowledge the terminal
//! update.

mod engine;
mod inspection;
mod kill;
mod lifecycle;
mod options;
mod task;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use libprocess::{Context, Future, Process, ProcessId};
use mesos_proto::v1::{ExecutorId, FrameworkId, KillPolicy, TaskId, TaskInfo};

pub use engine::Engine;
pub use options::{ContainerSettings, CpuQuota};

use crate::ExecutorEnvironment;
use crate::single_task::{Core, Ending, SingleTask};
use task::Task;

/// Who the executor is and how it runs its container.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The framework of the task.
    pub framework_id: FrameworkId,
    /// This executor.
    pub executor_id: ExecutorId,
    /// How to reach the agent.
    pub environment: ExecutorEnvironment,
    /// How to reach Docker.
    pub engine: Engine,
    /// The container.
    pub container: ContainerSettings,
    /// Grace period of tasks without a kill policy, when it is longer than that of the executor.
    pub stop_timeout: Duration,
    /// The environment of the executor itself, for its checks.
    pub variables: BTreeMap<String, String>,
}

/// The actor that is the Docker executor.
pub struct DockerExecutorProcess {
    settings: Settings,
    core: Core<Task>,
}

impl fmt::Debug for DockerExecutorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerExecutorProcess")
            .field("conversation", &self.core.conversation)
            .finish_non_exhaustive()
    }
}

impl Process for DockerExecutorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("docker-executor")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.begin(self.settings.environment.clone(), ctx);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.core.conversation.finish();
    }
}

impl DockerExecutorProcess {
    /// Makes the actor, and the future that tells how it ended.
    pub fn new(settings: Settings) -> (Self, Future<Ending>) {
        let (framework, executor) = (settings.framework_id.clone(), settings.executor_id.clone());
        let (core, ending) = Core::new(framework, executor);
        (Self { settings, core }, ending)
    }
}

impl SingleTask for DockerExecutorProcess {
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
mod needs_docker;
