//! What a checkpoint holds, level by level.

use std::collections::BTreeSet;

use libprocess::Upid;
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_containerizer::ContainerId;
use mesos_proto::{internal, v1};
use uuid::Uuid;

/// Everything below `meta`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkpoint {
    /// Resources and operations; none when nothing was ever checkpointed.
    pub resources: Option<ResourcesCheckpoint>,
    /// The agent; none when `latest` is missing.
    pub agent: Option<AgentCheckpoint>,
    /// Whether the machine was booted since.
    pub machine: Machine,
    /// How many files could not be read and were passed over.
    pub errors: u64,
}

/// Whether the processes of the checkpoint can still be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Machine {
    /// The machine runs since the checkpoint was written.
    #[default]
    Same,
    /// The machine was booted since: no process of the checkpoint lives.
    Rebooted,
}

/// Resources and operations of the agent itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourcesCheckpoint {
    /// The committed resources.
    pub resources: Vec<v1::Resource>,
    /// The resources a crash left uncommitted.
    pub target: Option<Vec<v1::Resource>>,
    /// The operations, those of the target when there is one.
    pub operations: Vec<v1::Operation>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentCheckpoint {
    /// Its id.
    pub id: AgentId,
    /// None when the agent went down before it was written.
    pub info: Option<v1::AgentInfo>,
    /// Its frameworks.
    pub frameworks: Vec<FrameworkCheckpoint>,
    /// How it was being drained.
    pub drain: Option<v1::DrainConfig>,
}

/// One framework.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameworkCheckpoint {
    /// Its id.
    pub id: FrameworkId,
    /// None when it cannot be recovered.
    pub info: Option<v1::FrameworkInfo>,
    /// Its address; an empty one when it speaks HTTP.
    pub pid: Option<Upid>,
    /// Its executors.
    pub executors: Vec<ExecutorCheckpoint>,
}

/// One executor.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutorCheckpoint {
    /// Its id.
    pub id: ExecutorId,
    /// None when it cannot be recovered.
    pub info: Option<v1::ExecutorInfo>,
    /// Its latest run.
    pub latest: Option<ContainerId>,
    /// All its runs.
    pub runs: Vec<RunCheckpoint>,
    /// Whose idea the executor was.
    pub origin: Origin,
}

/// Whose idea an executor was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The framework described it.
    Framework,
    /// The agent made it up for a command task.
    CommandTask,
}

/// One run of an executor.
#[derive(Debug, Clone, PartialEq)]
pub struct RunCheckpoint {
    /// The container.
    pub id: ContainerId,
    /// Its first process.
    pub forked_pid: Option<i32>,
    /// How the executor talks to the agent.
    pub transport: Transport,
    /// Whether the run has ended.
    pub phase: RunPhase,
    /// Its tasks.
    pub tasks: Vec<TaskCheckpoint>,
}

/// Whether a run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPhase {
    /// Not as far as is known.
    Live,
    /// Its sentinel was written.
    Completed,
}

/// How an executor talks to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Over libprocess, from this address.
    Libprocess(Upid),
    /// Over the v1 API.
    Http,
    /// It was forked and never registered, as far as is known.
    Unknown,
}

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskCheckpoint {
    /// Its id.
    pub id: TaskId,
    /// The task as it was launched.
    pub info: v1::Task,
    /// Its updates, in order.
    pub updates: Vec<internal::StatusUpdate>,
    /// Which of them were acknowledged.
    pub acknowledged: BTreeSet<Uuid>,
}
