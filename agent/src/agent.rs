//! Runs executors for a master.
//!
//! Mirrors `Slave` of `src/slave/slave.cpp`.
//!
//! # Owns
//! The frameworks, executors, tasks and operations of this machine, and their checkpoint.
//!
//! # Invariants
//! - What a peer may rely on after a crash is on the disk before the peer hears of it.
//! - Both status update managers are paused whenever no master is known.
//!
//! # Timers
//! Registration (random, doubling up to a minute), ping timeout (told by the master, 75 s), executor registration,
//! re-registration and shutdown timeouts (flags), disk watch (flag).

mod attach_files;
mod attach_volumes;
mod authenticate;
mod authorize_launch;
mod checkpoint;
mod detect_master;
mod disk_usage;
mod drain;
mod executor_environment;
mod executor_exit;
mod executor_info;
mod executor_message;
mod framework;
mod garbage;
mod initialize;
mod keep_connection;
mod kill;
mod launch_checks;
mod launch_executor;
mod operation;
mod oversubscription;
mod ping;
mod preempt;
mod recover;
mod recover_executor;
pub(crate) mod register;
mod reregister_executor;
mod run_group;
mod run_task;
mod send_executor;
mod shutdown;
pub(crate) mod status_update;
mod subscribe_executor;
mod usage;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use libprocess::{Context, DiscardHandle, Process, ProcessId, Promise, Time, Timer, Upid};
use mesos_common::{
    authorization::Authorizer, files::Files, ids::AgentId, resources::Resources, wire,
};
use mesos_containerizer::Containerizer;
use mesos_detector::Detector;
use mesos_proto::v1;
use uuid::Uuid;

use crate::{
    constants::DEFAULT_PING_TIMEOUT,
    flags::Flags,
    gc::GarbageCollector,
    metrics::AgentMetrics,
    operation_status_update_manager::OperationStatusUpdateManager,
    qos_controller::QoSController,
    resource_estimator::ResourceEstimator,
    secret_generator::SecretGenerator,
    state::{framework::Frameworks, operation::Operations},
    task_status_update_manager::TaskStatusUpdateManager,
};

/// How far the agent has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentState {
    /// It reads its checkpoint and finds its executors again.
    Recovering(ExecutorGate),
    /// It has no master.
    Disconnected,
    /// A master knows it.
    Running,
    /// It shuts its frameworks down and ends.
    Terminating,
}

/// Whether executors may come back during recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutorGate {
    /// Their containers are not recovered yet.
    Closed,
    /// They may.
    Open,
}

impl AgentState {
    /// Says whether the agent reads its checkpoint.
    pub fn is_recovering(self) -> bool {
        match self {
            Self::Recovering(_) => true,
            Self::Disconnected | Self::Running | Self::Terminating => false,
        }
    }

    /// Says whether the agent is about to end or not ready yet.
    pub fn refuses_work(self) -> bool {
        match self {
            Self::Recovering(_) | Self::Terminating => true,
            Self::Disconnected | Self::Running => false,
        }
    }
}

/// What the agent knows of its master.
#[derive(Default)]
pub(crate) struct MasterLink {
    /// The master's address.
    pub(crate) pid: Option<Upid>,
    /// Its description.
    pub(crate) info: Option<v1::MasterInfo>,
    /// What the resolver calls its address, once that is known.
    pub(crate) hostname: Option<String>,
    /// How many waits for another master there were.
    pub(crate) detections: u64,
    /// Ends the wait for another master.
    pub(crate) detection: Option<DiscardHandle>,
    /// The next attempt to register.
    pub(crate) registration: Option<Timer>,
    /// When the master counts as gone.
    pub(crate) ping: Option<Timer>,
    /// How long the master may stay silent.
    pub(crate) ping_timeout: Option<Duration>,
}

impl MasterLink {
    /// How long the master may stay silent.
    pub(crate) fn ping_timeout(&self) -> Duration {
        self.ping_timeout.unwrap_or(DEFAULT_PING_TIMEOUT)
    }

    /// Says whether a message comes from the current master.
    pub(crate) fn is(&self, from: &Upid) -> bool {
        self.pid.as_ref() == Some(from)
    }
}

/// What the agent has to give.
#[derive(Debug)]
pub(crate) struct AgentResources {
    /// Everything, with reservations and volumes.
    pub(crate) total: Resources,
    /// What may be offered a second time, with what of it is allocated; unknown before the first estimate.
    pub(crate) oversubscribed: Option<Resources>,
    /// What is reserved or turned into volumes while running.
    pub(crate) checkpointed: Resources,
    /// Changes whenever the master must not rely on what it knows.
    pub(crate) version: Uuid,
}

/// How the agent is being drained.
#[derive(Debug, Clone)]
pub(crate) struct Draining {
    pub(crate) config: v1::DrainConfig,
    pub(crate) started: Time,
}

/// The parts an agent is put together from.
pub(crate) struct AgentParts {
    pub(crate) containerizer: Arc<dyn Containerizer>,
    pub(crate) detector: Box<dyn Detector>,
    pub(crate) files: Files,
    pub(crate) gc: GarbageCollector,
    pub(crate) updates: TaskStatusUpdateManager,
    pub(crate) operation_updates: OperationStatusUpdateManager,
    pub(crate) estimator: Box<dyn ResourceEstimator>,
    pub(crate) qos_controller: Box<dyn QoSController>,
}

/// The agent's actor.
#[doc(alias = "Slave")]
pub struct AgentProcess {
    pub(crate) flags: Arc<Flags>,
    pub(crate) state: AgentState,
    pub(crate) info: v1::AgentInfo,
    pub(crate) id: Option<AgentId>,
    pub(crate) work_dir: PathBuf,
    pub(crate) meta: PathBuf,
    pub(crate) resources: AgentResources,
    pub(crate) frameworks: Frameworks,
    pub(crate) operations: Operations,
    pub(crate) draining: Option<Draining>,
    /// What it proves to masters, if they ask.
    pub(crate) credential: Option<v1::Credential>,
    /// Who may do what; without it everybody may do everything.
    pub(crate) authorizer: Option<Authorizer>,
    /// What gives executors their tokens, if they get any.
    pub(crate) secrets: Option<Arc<dyn SecretGenerator>>,
    pub(crate) master: MasterLink,
    pub(crate) required_agent_update: bool,
    pub(crate) parts: Option<AgentParts>,
    pub(crate) metrics: Arc<AgentMetrics>,
    pub(crate) started: Time,
    pub(crate) max_age: Duration,
    pub(crate) next_ticket: u64,
    pub(crate) exit: Option<Promise<crate::AgentExit>>,
}

impl fmt::Debug for AgentProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentProcess")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Process for AgentProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed(wire::variable::AGENT_PROCESS_ID)
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.install(ctx);
        self.start_recovery(ctx);
    }

    fn finalize(&mut self, ctx: &mut Context<Self>) {
        self.shut_down_volatile_frameworks(ctx);
        self.close_streams();
    }

    fn exited(&mut self, pid: &Upid, _ctx: &mut Context<Self>) {
        if self.master.is(pid) {
            // The pings decide when the master is gone: it may come back at the same address.
            tracing::warn!(%pid, "connection to the master is broken");
        }
    }
}
