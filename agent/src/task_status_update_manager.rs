//! Brings every status update of every task to the master, in order, until it is acknowledged.
//!
//! Mirrors `src/slave/task_status_update_manager.cpp`.
//!
//! # Owns
//! One stream per task: the updates that are not acknowledged, and their file when they are written down.
//!
//! # Invariants
//! - Only the first update of a stream is under way; the next follows its acknowledgement.
//! - A written update is on the disk before it is confirmed to the executor.
//! - While the disk is full or read-only, updates wait in their order, and nobody hears of them.
//!
//! # Timers
//! One per stream: the first update is sent again after 10 seconds, then after twice as long each time, at most 10 minutes.
//! One for all updates that wait for the disk: they are tried again every second.

mod stream;
mod waiting;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use libprocess::{Context, Future, Outcome, Pid, Process, ProcessId, Promise, Runtime};
use mesos_common::ids::{FrameworkId, TaskId};
use mesos_proto::internal::StatusUpdate;
use thiserror::Error;
use uuid::Uuid;

pub use self::stream::StreamError;

use self::{stream::Stream, waiting::Waiting};
use crate::{
    checkpoint::layout::{AgentCheckpoint, ExecutorCheckpoint, RunPhase},
    constants::{STATUS_UPDATE_RETRY_MAX, STATUS_UPDATE_RETRY_MIN},
    paths::{ExecutorPlace, meta_root},
};

/// A request to the manager failed.
#[derive(Debug, Error)]
pub enum UpdateError {
    /// The stream refused.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// An acknowledgement for a task without updates.
    #[error("Cannot find the task status update stream for task {task} of framework {framework}")]
    UnknownStream {
        /// The task.
        task: TaskId,
        /// The framework.
        framework: FrameworkId,
    },
    /// An update without a UUID of 16 bytes.
    #[error("status update has no valid UUID")]
    InvalidUuid,
    /// The manager has ended.
    #[error("the task status update manager has ended")]
    Ended,
}

/// What an acknowledgement did to its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledged {
    /// The task goes on.
    StreamOpen,
    /// The end of the task was acknowledged.
    StreamClosed,
}

/// Sends an update on its way; called in the manager's turn.
pub type Forward = Arc<dyn Fn(StatusUpdate) + Send + Sync>;

/// Whether updates are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Paused,
    Open,
}

/// The actor that owns the streams.
pub struct TaskStatusUpdateManagerProcess {
    forward: Forward,
    flow: Flow,
    streams: BTreeMap<(FrameworkId, TaskId), Stream>,
    /// Updates that the disk does not take for now.
    waiting: BTreeMap<(FrameworkId, TaskId), VecDeque<Waiting>>,
}

impl fmt::Debug for TaskStatusUpdateManagerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskStatusUpdateManagerProcess")
            .field("flow", &self.flow)
            .field("streams", &self.streams.len())
            .finish_non_exhaustive()
    }
}

impl Process for TaskStatusUpdateManagerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("task-status-update-manager")
    }
}

impl TaskStatusUpdateManagerProcess {
    fn update(
        &mut self,
        update: StatusUpdate,
        file: Option<PathBuf>,
        ctx: &mut Context<Self>,
    ) -> Result<(), UpdateError> {
        let key = key_of(&update);
        let uuid = Uuid::from_slice(update.uuid()).map_err(|_not_16| UpdateError::InvalidUuid)?;
        let stream = match self.streams.entry(key.clone()) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(Stream::open(key.1.clone(), file.clone())?)
            }
        };
        stream.check_place(file.as_deref())?;
        if stream.receive(uuid, update)? && stream.len() == 1 {
            self.send_head(&key, STATUS_UPDATE_RETRY_MIN, ctx);
        }
        Ok(())
    }

    fn acknowledge(
        &mut self,
        key: &(FrameworkId, TaskId),
        uuid: Uuid,
        ctx: &mut Context<Self>,
    ) -> Result<Acknowledged, UpdateError> {
        let stream = self
            .streams
            .get_mut(key)
            .ok_or_else(|| UpdateError::UnknownStream {
                framework: key.0.clone(),
                task: key.1.clone(),
            })?;
        let outcome = stream.acknowledge(uuid)?;
        match outcome {
            Acknowledged::StreamClosed => {
                self.remove(key);
            }
            Acknowledged::StreamOpen => self.send_head(key, STATUS_UPDATE_RETRY_MIN, ctx),
        }
        Ok(outcome)
    }

    /// Sends the first update of a stream, and again after a while.
    fn send_head(
        &mut self,
        key: &(FrameworkId, TaskId),
        interval: Duration,
        ctx: &mut Context<Self>,
    ) {
        if self.flow == Flow::Paused {
            return;
        }
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        stream.cancel_retry();
        let Some(head) = stream.head() else { return };
        (self.forward)(head.clone());
        let again = key.clone();
        let timer = ctx.delay(interval, move |manager, ctx| {
            manager.send_head(&again, (interval * 2).min(STATUS_UPDATE_RETRY_MAX), ctx);
        });
        stream.retry_by(timer);
    }

    fn resume(&mut self, ctx: &mut Context<Self>) {
        self.flow = Flow::Open;
        let keys: Vec<_> = self.streams.keys().cloned().collect();
        for key in keys {
            self.send_head(&key, STATUS_UPDATE_RETRY_MIN, ctx);
        }
    }

    fn pause(&mut self) {
        self.flow = Flow::Paused;
        self.streams.values_mut().for_each(Stream::cancel_retry);
    }

    fn cleanup(&mut self, framework: &FrameworkId) {
        let keys: Vec<_> = self
            .streams
            .keys()
            .chain(self.waiting.keys())
            .filter(|(owner, _)| owner == framework)
            .cloned()
            .collect();
        for key in keys {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &(FrameworkId, TaskId)) {
        if let Some(mut stream) = self.streams.remove(key) {
            stream.cancel_retry();
        }
        self.waiting.remove(key);
    }

    /// Replays the streams of a checkpoint; those whose end was acknowledged are left out.
    fn recover(&mut self, work_dir: &Path, agent: &AgentCheckpoint) -> Result<(), UpdateError> {
        let meta = meta_root(work_dir);
        for framework in &agent.frameworks {
            let known = framework
                .executors
                .iter()
                .filter(|executor| executor.info.is_some());
            for executor in known {
                let place = ExecutorPlace {
                    root: &meta,
                    agent: &agent.id,
                    framework: &framework.id,
                    executor: &executor.id,
                };
                self.replay(place, executor)?;
            }
        }
        Ok(())
    }

    /// Replays the streams of the latest run of an executor.
    fn replay(
        &mut self,
        place: ExecutorPlace<'_>,
        executor: &ExecutorCheckpoint,
    ) -> Result<(), UpdateError> {
        let latest = executor
            .runs
            .iter()
            .filter(|run| Some(&run.id) == executor.latest.as_ref() && run.phase == RunPhase::Live);
        let tasks = latest.flat_map(|run| run.tasks.iter().map(move |task| (run, task)));
        for (run, task) in tasks.filter(|(_, task)| !task.updates.is_empty()) {
            let file = place.task_updates_file(&run.id, &task.id);
            let stream = Stream::replay(task.id.clone(), file, &task.updates, &task.acknowledged)?;
            if let Some(stream) = stream {
                self.streams
                    .insert((place.framework.clone(), task.id.clone()), stream);
            }
        }
        Ok(())
    }
}

fn key_of(update: &StatusUpdate) -> (FrameworkId, TaskId) {
    (
        FrameworkId::from(update.framework_id()),
        TaskId::from(update.status().task_id()),
    )
}

/// The handle of the [`TaskStatusUpdateManagerProcess`].
#[derive(Clone)]
pub struct TaskStatusUpdateManager {
    pid: Pid<TaskStatusUpdateManagerProcess>,
}

impl fmt::Debug for TaskStatusUpdateManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskStatusUpdateManager")
            .field(self.pid.upid())
            .finish()
    }
}

impl TaskStatusUpdateManager {
    /// Starts the actor, paused.
    pub fn spawn(runtime: &Runtime, forward: Forward) -> Self {
        let process = TaskStatusUpdateManagerProcess {
            forward,
            flow: Flow::Paused,
            streams: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
        Self {
            pid: runtime.spawn(process),
        }
    }

    /// Takes an update; the answer comes when it is safe. `file` is where the stream is written down, if it is.
    pub fn update(
        &self,
        update: StatusUpdate,
        file: Option<PathBuf>,
    ) -> Future<Result<(), UpdateError>> {
        let (confirm, stored) = Promise::new();
        self.pid.dispatch(move |manager, ctx| {
            manager.take(
                Waiting {
                    update,
                    file,
                    confirm,
                },
                ctx,
            );
        });
        stored
    }

    /// Takes an acknowledgement.
    pub fn acknowledge(
        &self,
        framework: FrameworkId,
        task: TaskId,
        uuid: Uuid,
    ) -> Future<Result<Acknowledged, UpdateError>> {
        self.pid
            .call(move |manager, ctx| manager.acknowledge(&(framework, task), uuid, ctx))
    }

    /// Takes up the streams of a checkpoint.
    pub fn recover(
        &self,
        work_dir: PathBuf,
        agent: AgentCheckpoint,
    ) -> Future<Result<(), UpdateError>> {
        self.pid
            .call(move |manager, _| manager.recover(&work_dir, &agent))
    }

    /// Stops sending: there is no master.
    pub fn pause(&self) {
        self.pid.dispatch(|manager, _| manager.pause());
    }

    /// Sends the first update of every stream at once.
    pub fn resume(&self) {
        self.pid.dispatch(TaskStatusUpdateManagerProcess::resume);
    }

    /// Forgets the streams of a framework.
    pub fn cleanup(&self, framework: &FrameworkId) {
        let framework = framework.clone();
        self.pid
            .dispatch(move |manager, _| manager.cleanup(&framework));
    }
}

/// Turns the outcome of a request into its result.
///
/// # Errors
/// The request's own error, or [`UpdateError::Ended`].
pub fn settle<T>(outcome: Outcome<Result<T, UpdateError>>) -> Result<T, UpdateError> {
    match outcome {
        Outcome::Ready(result) => result,
        Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => Err(UpdateError::Ended),
    }
}

#[cfg(test)]
mod tests;
