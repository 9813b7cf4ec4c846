//! The legacy executor driver: callbacks and methods over libprocess messages.
//!
//! Mirrors `src/exec/exec.cpp` and `include/mesos/executor.hpp`.
//!
//! Method by method it is the driver that executors of the C++, Java and Python libraries know.

mod process;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libprocess::{Future, Outcome, Pid, Promise, Runtime};
use mesos_common::wire::variable;
use mesos_proto::v1::{
    AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, KillPolicy, TaskId,
    TaskInfo, TaskStatus,
};

use crate::mesos::{AgentEndpoint, EnvironmentError, ExecutorEnvironment, required};
use process::ExecutorProcess;

/// What a driver is doing.
///
/// # Wire
/// The names and numbers are those of the `Status` of `mesos.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// [`MesosExecutorDriver::start`] was not called.
    NotStarted = 1,
    /// It delivers callbacks and sends updates.
    Running = 2,
    /// It delivers nothing more.
    Aborted = 3,
    /// It has ended.
    Stopped = 4,
}

/// What an executor does when something happens. Callbacks come one at a time.
///
/// # Panics
/// A callback that panics ends the program: release builds abort.
pub trait Executor: Send + 'static {
    /// The agent knows the executor.
    fn registered(
        &mut self,
        driver: &MesosExecutorDriver,
        executor: &ExecutorInfo,
        framework: &FrameworkInfo,
        agent: &AgentInfo,
    );

    /// An agent that was restarted knows the executor again.
    fn reregistered(&mut self, driver: &MesosExecutorDriver, agent: &AgentInfo);

    /// A task is to be started.
    fn launch_task(&mut self, driver: &MesosExecutorDriver, task: &TaskInfo);

    /// A task is to be ended. The policy is set when the framework gave one with its request.
    fn kill_task(
        &mut self,
        driver: &MesosExecutorDriver,
        task_id: &TaskId,
        policy: Option<&KillPolicy>,
    );

    /// The framework has sent something.
    fn framework_message(&mut self, driver: &MesosExecutorDriver, data: &[u8]);

    /// The executor is to end all its tasks; it is killed when it takes too long.
    fn shutdown(&mut self, driver: &MesosExecutorDriver);
}

/// Who the executor is, and how it reaches its agent.
#[derive(Clone, Debug)]
pub struct DriverEnvironment {
    /// The agent, times and limits.
    pub environment: ExecutorEnvironment,
    /// The agent's id.
    pub agent_id: AgentId,
    /// The framework.
    pub framework_id: FrameworkId,
    /// This executor.
    pub executor_id: ExecutorId,
}

impl DriverEnvironment {
    /// Reads the variables that the agent sets.
    ///
    /// # Errors
    /// [`EnvironmentError`] names the variable that is missing or malformed.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, EnvironmentError> {
        let text = |name| required(variables, name).map(|text| Some(text.to_owned()));
        text("MESOS_DIRECTORY")?;
        Ok(Self {
            environment: ExecutorEnvironment::from_variables(variables)?,
            agent_id: AgentId {
                value: text(variable::AGENT_ID)?,
                ..Default::default()
            },
            framework_id: FrameworkId {
                value: text("MESOS_FRAMEWORK_ID")?,
                ..Default::default()
            },
            executor_id: ExecutorId {
                value: text("MESOS_EXECUTOR_ID")?,
                ..Default::default()
            },
        })
    }

    /// The agent's actor.
    fn agent(&self) -> libprocess::Upid {
        match &self.environment.endpoint {
            AgentEndpoint::Tcp(agent) | AgentEndpoint::Unix { agent, .. } => agent.clone(),
        }
    }
}

/// The handle by which an executor speaks to its agent; clones are the same driver.
#[derive(Clone)]
pub struct MesosExecutorDriver {
    shared: Arc<Shared>,
}

/// What the handles and the actor know in common.
struct Shared {
    runtime: Runtime,
    status: AtomicU8,
    stage: Mutex<Stage>,
}

/// How far the driver has come; never locked across a callback.
enum Stage {
    Prepared(Box<(DriverEnvironment, Box<dyn Executor>)>),
    Started {
        pid: Pid<ExecutorProcess>,
        end: Option<Future<()>>,
    },
    Broken,
}

impl fmt::Debug for MesosExecutorDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MesosExecutorDriver")
            .field("status", &self.status())
            .finish()
    }
}

impl MesosExecutorDriver {
    /// Makes a driver; nothing happens before [`MesosExecutorDriver::start`].
    pub fn new(runtime: &Runtime, environment: DriverEnvironment, executor: impl Executor) -> Self {
        let executor: Box<dyn Executor> = Box::new(executor);
        let stage = Stage::Prepared(Box::new((environment, executor)));
        let shared = Shared {
            runtime: runtime.clone(),
            status: AtomicU8::new(Status::NotStarted as u8),
            stage: Mutex::new(stage),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What the driver is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.shared.status.load(Ordering::SeqCst) {
            1 => Status::NotStarted,
            2 => Status::Running,
            3 => Status::Aborted,
            _ => Status::Stopped,
        }
    }

    /// Registers with the agent.
    pub fn start(&self) -> Status {
        let mut stage = self.stage();
        if matches!(*stage, Stage::Prepared(_))
            && let Stage::Prepared(parts) = std::mem::replace(&mut *stage, Stage::Broken)
        {
            let (environment, executor) = *parts;
            let (promise, end) = Promise::new();
            self.change(Status::NotStarted, Status::Running);
            let process = ExecutorProcess::new(self.clone(), environment, executor, promise);
            let pid = self.shared.runtime.spawn(process);
            *stage = Stage::Started {
                pid,
                end: Some(end),
            };
            // What it has become meanwhile is told by callbacks.
            return Status::Running;
        }
        self.status()
    }

    /// Ends the driver.
    pub fn stop(&self) -> Status {
        let was_aborted = self.change(Status::Aborted, Status::Stopped);
        if !was_aborted && !self.change(Status::Running, Status::Stopped) {
            return self.status();
        }
        self.dispatch(|process, ctx| process.stop(ctx));
        if was_aborted {
            Status::Aborted
        } else {
            Status::Stopped
        }
    }

    /// Stops callbacks; updates can no longer be sent either.
    pub fn abort(&self) -> Status {
        if self.change(Status::Running, Status::Aborted) {
            self.dispatch(|process, _| process.abort());
        }
        self.status()
    }

    /// Waits until the driver is stopped or aborted. Must not be called by a callback.
    pub fn join(&self) -> Status {
        let joining = self.joined();
        self.shared.runtime.block_on(joining)
    }

    /// As [`MesosExecutorDriver::join`], for asynchronous callers.
    ///
    /// # Cancel safety
    /// Only one caller waits; when it is dropped a later one returns at once.
    pub async fn joined(&self) -> Status {
        let end = match &mut *self.stage() {
            Stage::Started { end, .. } => end.take(),
            Stage::Prepared(_) | Stage::Broken => None,
        };
        if let Some(end) = end {
            // However the actor has ended: there is nothing left to wait for.
            let (Outcome::Ready(()) | Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned) =
                end.await;
        }
        self.status()
    }

    /// Starts the driver and waits for its end.
    pub fn run(&self) -> Status {
        match self.start() {
            Status::Running => self.join(),
            other @ (Status::NotStarted | Status::Aborted | Status::Stopped) => other,
        }
    }

    /// Tells the framework what a task is doing. The agent repeats it until the framework knows.
    pub fn send_status_update(&self, status: TaskStatus) -> Status {
        self.while_running(move |process, ctx| process.send_status_update(status, ctx))
    }

    /// Sends something to the framework; it may get lost.
    pub fn send_framework_message(&self, data: Vec<u8>) -> Status {
        self.while_running(move |process, ctx| process.send_framework_message(data, ctx))
    }

    fn change(&self, from: Status, to: Status) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.shared
            .status
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    fn while_running(
        &self,
        f: impl FnOnce(&mut ExecutorProcess, &mut libprocess::Context<ExecutorProcess>) + Send + 'static,
    ) -> Status {
        let status = self.status();
        if status == Status::Running {
            self.dispatch(f);
        }
        status
    }

    fn dispatch(
        &self,
        f: impl FnOnce(&mut ExecutorProcess, &mut libprocess::Context<ExecutorProcess>) + Send + 'static,
    ) {
        if let Stage::Started { pid, .. } = &*self.stage() {
            pid.dispatch(f);
        }
    }

    fn stage(&self) -> std::sync::MutexGuard<'_, Stage> {
        // A holder never panics half-way: each section replaces or reads one value.
        self.shared
            .stage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
