//! One executor: its tasks by stage, its connection, its end.
//!
//! Mirrors `Executor` of `src/slave/slave.hpp`.
//!
//! # Invariants
//! - A task is in at most one of queued, launched, terminated; completed ones are only remembered.
//! - A group that is queued has at least one member that is queued.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use indexmap::IndexMap;
use libprocess::{Timer, Upid};
use mesos_common::{
    ids::{ExecutorId, FrameworkId, TaskId},
    resources::Resources,
};
use mesos_containerizer::{ContainerId, launch_info::ContainerTermination};
use mesos_proto::v1::{self, TaskState, task_status::Source};
use thiserror::Error;

use super::{
    ring::Ring,
    task::{create, is_terminal, record_status},
};
use crate::{
    checkpoint::layout::Origin, constants::MAX_COMPLETED_TASKS_PER_EXECUTOR,
    http::executor::ExecutorStream,
};

/// How far an executor has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutorState {
    /// Launched and not yet heard of.
    Registering,
    /// Registered.
    Running,
    /// Told to end, or being killed.
    Terminating,
    /// Ended; updates of its tasks may still be unacknowledged.
    Terminated,
}

impl ExecutorState {
    /// All states.
    pub const ALL: [Self; 4] = [
        Self::Registering,
        Self::Running,
        Self::Terminating,
        Self::Terminated,
    ];

    /// Says whether an executor may go from one state to another.
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Registering, Self::Running | Self::Terminating | Self::Terminated)
            | (Self::Running, Self::Running | Self::Terminating | Self::Terminated)
            | (Self::Terminating, Self::Terminating | Self::Terminated) => true,
            (_, Self::Registering)
            | (Self::Terminating | Self::Terminated, Self::Running)
            | (Self::Terminated, Self::Terminating | Self::Terminated) => false,
        }
    }

    /// Says whether the executor is on its way out or gone.
    pub fn is_ending(self) -> bool {
        match self {
            Self::Terminating | Self::Terminated => true,
            Self::Registering | Self::Running => false,
        }
    }
}

/// How the agent reaches an executor.
#[derive(Debug)]
pub enum Connection {
    /// Not known yet, or over HTTP and not connected.
    Http(Option<ExecutorStream>),
    /// Over libprocess.
    Libprocess(Upid),
    /// It was recovered without a trace of ever having registered.
    Unknown,
}

/// An update does not fit the task it is about.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaskUpdateError {
    /// The executor does not have the task yet.
    #[error("Cannot send non-terminal update for queued task")]
    NotLaunched,
    /// Another terminal update came first.
    #[error("Unexpected terminal status update after first status update {0}")]
    SecondTerminal(&'static str),
    /// The task has ended.
    #[error("Task is already terminated with state {0}")]
    AlreadyTerminated(&'static str),
    /// There is no such task.
    #[error("Task is unknown")]
    Unknown,
}

/// What an executor is made from.
#[derive(Debug)]
pub struct ExecutorSpec {
    /// Its description.
    pub info: v1::ExecutorInfo,
    /// Its framework.
    pub framework: FrameworkId,
    /// Its container.
    pub container: ContainerId,
    /// Its sandbox.
    pub directory: PathBuf,
    /// The user it runs as.
    pub user: Option<String>,
    /// Whether it is written down.
    pub durability: Durability,
    /// Whose idea it was.
    pub origin: Origin,
}

/// Whether something survives the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is written down.
    Checkpointed,
    /// It is lost with the agent.
    Volatile,
}

/// One executor.
#[derive(Debug)]
pub struct Executor {
    id: ExecutorId,
    spec: ExecutorSpec,
    state: ExecutorState,
    /// How the agent reaches it.
    pub connection: Connection,
    /// Why the agent destroys its container, when it does.
    pub pending_termination: Option<ContainerTermination>,
    /// Heartbeats of its stream.
    pub heartbeat: Option<Timer>,
    queued: IndexMap<TaskId, v1::TaskInfo>,
    queued_groups: Vec<v1::TaskGroupInfo>,
    launched: IndexMap<TaskId, v1::Task>,
    terminated: IndexMap<TaskId, v1::Task>,
    completed: Ring<v1::Task>,
    pending_statuses: BTreeMap<TaskId, Vec<v1::TaskStatus>>,
}

impl Executor {
    /// An executor whose container is about to be launched, or that was found in a checkpoint.
    pub fn new(spec: ExecutorSpec) -> Self {
        Self {
            id: ExecutorId::from(spec.info.executor_id()),
            spec,
            state: ExecutorState::Registering,
            connection: Connection::Http(None),
            pending_termination: None,
            heartbeat: None,
            queued: IndexMap::new(),
            queued_groups: Vec::new(),
            launched: IndexMap::new(),
            terminated: IndexMap::new(),
            completed: Ring::new(MAX_COMPLETED_TASKS_PER_EXECUTOR),
            pending_statuses: BTreeMap::new(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &ExecutorId {
        &self.id
    }

    /// Its description.
    pub fn info(&self) -> &v1::ExecutorInfo {
        &self.spec.info
    }

    /// Its framework.
    pub fn framework(&self) -> &FrameworkId {
        &self.spec.framework
    }

    /// Its container.
    pub fn container(&self) -> &ContainerId {
        &self.spec.container
    }

    /// Its sandbox.
    pub fn directory(&self) -> &PathBuf {
        &self.spec.directory
    }

    /// The user it runs as.
    pub fn user(&self) -> Option<&str> {
        self.spec.user.as_deref()
    }

    /// Whether it is written down.
    pub fn durability(&self) -> Durability {
        self.spec.durability
    }

    /// Says whether the agent made it up for a command task.
    pub fn is_for_command_task(&self) -> bool {
        self.spec.origin == Origin::CommandTask
    }

    /// Whose idea it was.
    pub fn origin(&self) -> Origin {
        self.spec.origin
    }

    /// How far it has come.
    pub fn state(&self) -> ExecutorState {
        self.state
    }

    /// Goes to another state; what the table forbids is left out.
    pub fn become_state(&mut self, next: ExecutorState) {
        if self.state.may_become(next) {
            self.state = next;
        } else {
            tracing::warn!(executor = %self.id, from = ?self.state, to = ?next, "transition is not possible");
        }
    }

    /// How long it may take to end by itself.
    pub fn shutdown_grace(&self, default: Duration) -> Duration {
        let given = self.spec.info.shutdown_grace_period.as_ref();
        given.map_or(default, |period| {
            Duration::from_nanos(u64::try_from(period.nanoseconds()).unwrap_or_default())
        })
    }

    /// Adds a task that is to be handed over later.
    pub fn enqueue(&mut self, task: v1::TaskInfo) {
        self.queued.insert(TaskId::from(task.task_id()), task);
    }

    /// Adds the tasks of a group, which are handed over together.
    pub fn enqueue_group(&mut self, group: v1::TaskGroupInfo) {
        for task in &group.tasks {
            self.enqueue(task.clone());
        }
        self.queued_groups.push(group);
    }

    /// Takes a task out of the queue; its group goes with the last member.
    pub fn dequeue(&mut self, task: &TaskId) -> Option<v1::TaskInfo> {
        let info = self.queued.shift_remove(task);
        let queued = &self.queued;
        self.queued_groups.retain(|group| {
            group
                .tasks
                .iter()
                .any(|member| queued.contains_key(&TaskId::from(member.task_id())))
        });
        info
    }

    /// The queued group of a task.
    pub fn queued_group_of(&self, task: &TaskId) -> Option<&v1::TaskGroupInfo> {
        self.queued_groups.iter().find(|group| {
            group
                .tasks
                .iter()
                .any(|member| TaskId::from(member.task_id()) == *task)
        })
    }

    /// The groups that wait.
    pub fn queued_groups(&self) -> &[v1::TaskGroupInfo] {
        &self.queued_groups
    }

    /// The tasks that wait.
    pub fn queued(&self) -> impl ExactSizeIterator<Item = &v1::TaskInfo> {
        self.queued.values()
    }

    /// The tasks that were handed over and run.
    pub fn launched(&self) -> impl ExactSizeIterator<Item = &v1::Task> {
        self.launched.values()
    }

    /// The tasks that ended and whose end is not acknowledged.
    pub fn terminated(&self) -> impl ExactSizeIterator<Item = &v1::Task> {
        self.terminated.values()
    }

    /// The tasks that are only remembered.
    pub fn completed(&self) -> impl Iterator<Item = &v1::Task> {
        self.completed.iter()
    }

    /// Says whether a task waits.
    pub fn is_queued(&self, task: &TaskId) -> bool {
        self.queued.contains_key(task)
    }

    /// Says whether a task was handed over and runs.
    pub fn is_launched(&self, task: &TaskId) -> bool {
        self.launched.contains_key(task)
    }

    /// Says whether a task waits, runs or ended unacknowledged.
    pub fn has_task(&self, task: &TaskId) -> bool {
        self.is_queued(task) || self.is_launched(task) || self.terminated.contains_key(task)
    }

    /// A task that was handed over.
    pub fn launched_task(&self, task: &TaskId) -> Option<&v1::Task> {
        self.launched.get(task)
    }

    /// Finds a task for a change, wherever it is.
    pub fn task_mut(&mut self, task: &TaskId) -> Option<&mut v1::Task> {
        self.launched
            .get_mut(task)
            .or_else(|| self.terminated.get_mut(task))
    }

    /// Notes that a task is handed over.
    pub fn add_launched(&mut self, info: &v1::TaskInfo) {
        let task = create(info, TaskState::TaskStaging, &self.spec.framework);
        self.launched.insert(TaskId::from(info.task_id()), task);
    }

    /// Moves a queued task to those that were handed over.
    pub fn launch_queued(&mut self, task: &TaskId) {
        if let Some(info) = self.dequeue(task) {
            self.add_launched(&info);
        }
    }

    /// Takes up a task from a checkpoint.
    pub fn add_recovered(&mut self, id: TaskId, task: v1::Task) {
        self.launched.insert(id, task);
    }

    /// Moves every task that runs to the ended ones, without an update: their framework is gone, or the run is over.
    pub fn terminate_launched(&mut self) {
        self.terminated.extend(self.launched.drain(..));
    }

    /// Moves a task from the ended to the remembered ones; false when it is none of the ended.
    pub fn complete(&mut self, task: &TaskId) -> bool {
        match self.terminated.shift_remove(task) {
            Some(ended) => {
                self.completed.push(ended);
                true
            }
            None => false,
        }
    }

    /// Says whether anything waits, runs or is unacknowledged.
    pub fn has_incomplete_tasks(&self) -> bool {
        !(self.queued.is_empty() && self.launched.is_empty() && self.terminated.is_empty())
    }

    /// Says whether a task was ever handed over, as far as is remembered.
    pub fn was_ever_sent_a_task(&self) -> bool {
        let by_executor = |task: &v1::Task| {
            task.statuses
                .iter()
                .any(|status| status.source() == Source::SourceExecutor)
        };
        !self.launched.is_empty()
            || self.terminated.values().any(by_executor)
            || self.completed.iter().any(by_executor)
    }

    /// What the executor and its tasks may use.
    pub fn allocated(&self) -> Resources {
        let mut allocated = Resources::from_proto(&self.spec.info.resources);
        for task in self.queued.values() {
            allocated += &Resources::from_proto(&task.resources);
        }
        for task in self.launched.values() {
            allocated += &Resources::from_proto(&task.resources);
        }
        allocated
    }

    /// Notes that an update is being handled.
    pub fn add_pending_status(&mut self, status: &v1::TaskStatus) {
        let pending = self
            .pending_statuses
            .entry(TaskId::from(status.task_id()))
            .or_default();
        if !pending.iter().any(|known| known.uuid == status.uuid) {
            pending.push(status.clone());
        }
    }

    /// Notes that an update was handled.
    pub fn remove_pending_status(&mut self, status: &v1::TaskStatus) {
        let id = TaskId::from(status.task_id());
        if let Some(pending) = self.pending_statuses.get_mut(&id) {
            pending.retain(|known| known.uuid != status.uuid);
            if pending.is_empty() {
                self.pending_statuses.remove(&id);
            }
        }
    }

    /// Brings a task into the state that a status tells.
    ///
    /// # Errors
    /// [`TaskUpdateError`] when the status does not fit; nothing changes then.
    pub fn update_task(&mut self, status: &v1::TaskStatus) -> Result<(), TaskUpdateError> {
        let id = TaskId::from(status.task_id());
        let terminal = is_terminal(status.state());
        if self.queued.contains_key(&id) {
            if !terminal {
                return Err(TaskUpdateError::NotLaunched);
            }
            let Some(info) = self.dequeue(&id) else {
                return Err(TaskUpdateError::Unknown);
            };
            let mut task = create(&info, status.state(), &self.spec.framework);
            record_status(&mut task, status);
            self.terminated.insert(id, task);
            return Ok(());
        }
        if let Some(ended) = self.terminated.get(&id) {
            return Err(TaskUpdateError::AlreadyTerminated(
                ended.state().as_str_name(),
            ));
        }
        let Some(task) = self.launched.get_mut(&id) else {
            return Err(TaskUpdateError::Unknown);
        };
        if !terminal {
            record_status(task, status);
            return Ok(());
        }
        let first = self
            .pending_statuses
            .get(&id)
            .into_iter()
            .flatten()
            .find(|pending| is_terminal(pending.state()));
        if let Some(first) = first
            && first.uuid != status.uuid
        {
            return Err(TaskUpdateError::SecondTerminal(first.state().as_str_name()));
        }
        record_status(task, status);
        if let Some(task) = self.launched.shift_remove(&id) {
            self.terminated.insert(id, task);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
