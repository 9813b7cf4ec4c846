//! A log that is stored by a quorum of replicas.
//!
//! Mirrors `src/log/log.cpp`.
//! A [`Log`] recovers its replica first; readers and writers wait for that.

use std::{collections::BTreeSet, path::PathBuf};

use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime, Upid};

use mesos_detector::zookeeper::GroupOptions;

use crate::{
    membership::LogMembership,
    network::{Network, NetworkError, SizeRule},
    recover::{Initialization, RecoverError, recover},
    replica::Replica,
    storage::{LevelDbStorage, Storage, StorageError},
};

/// The metric that is 1 once the replica votes.
const RECOVERED: &str = "recovered";
/// The metric that counts the members of the network.
const ENSEMBLE_SIZE: &str = "ensemble_size";

/// What a log is made of.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// How many replicas must agree; the cluster has `2 * quorum - 1`.
    pub quorum: usize,
    /// Where the local replica stores its records.
    pub path: PathBuf,
    /// The other replicas, where they are known from the start.
    pub peers: BTreeSet<Upid>,
    /// Where the other replicas meet, when they are not known from the start.
    pub group: Option<GroupOptions>,
    /// Whether an empty cluster may start itself.
    pub initialization: Initialization,
    /// Put before the names of the metrics, such as `registrar/`.
    pub metrics_prefix: String,
}

/// Why a log is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The local storage cannot be used.
    #[error("Failed to recover the log: {0}")]
    Storage(String),
    /// The replica could not be brought to vote.
    #[error("Failed to recover the log: {0}")]
    Recover(String),
    /// The log was ended while somebody waited.
    #[error("Log is being deleted")]
    Deleted,
}

/// What readers and writers work with once the log has recovered.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) runtime: Runtime,
    pub(crate) quorum: usize,
    pub(crate) replica: Replica,
    pub(crate) network: Network,
}

/// The handle of a log.
#[derive(Clone, Debug)]
pub struct Log {
    process: Pid<LogProcess>,
}

impl Log {
    /// Starts a log in LevelDB files.
    pub fn start(runtime: &Runtime, options: LogOptions) -> Self {
        let path = options.path.clone();
        Self::start_with(runtime, options, move || LevelDbStorage::open(&path))
    }

    /// Starts a log in a storage of the caller's choice.
    pub fn start_with<S: Storage + 'static>(
        runtime: &Runtime,
        options: LogOptions,
        open: impl FnOnce() -> Result<S, StorageError> + Send + 'static,
    ) -> Self {
        let replica = Replica::start(runtime, options.path.clone(), open);
        let process = LogProcess {
            runtime: runtime.clone(),
            options,
            replica: Some(replica),
            membership: None,
            failures: Vec::new(),
            phase: Phase::Recovering {
                waiting: Vec::new(),
            },
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Ready when the replica votes.
    pub fn recovered(&self) -> Future<Result<(), LogError>> {
        self.parts().map(|parts| parts.map(|_| ()))
    }

    /// Ready when the log has failed for good: its storage is damaged, full or held by another.
    pub fn failed(&self) -> Future<LogError> {
        self.process.call_future(|log, _| log.failed())
    }

    /// The network of replicas, once the storage is open; members come and go through it.
    pub fn network(&self) -> Future<Option<Network>> {
        self.process.call(|log, _| log.network())
    }

    /// The id of the local replica, which other members send to, once the log has recovered.
    pub fn replica_id(&self) -> Future<Result<Upid, LogError>> {
        self.parts()
            .map(|parts| parts.map(|parts| parts.replica.upid().clone()))
    }

    pub(crate) fn parts(&self) -> Future<Result<Parts, LogError>> {
        self.process.call_future(|log, _| log.parts())
    }

    /// Ends the log; readers and writers that wait are told so.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// The actor behind [`Log`], id `log(N)`.
pub(crate) struct LogProcess {
    runtime: Runtime,
    options: LogOptions,
    replica: Option<Future<Result<Replica, StorageError>>>,
    membership: Option<LogMembership>,
    failures: Vec<Promise<LogError>>,
    phase: Phase,
}

type Waiting = Vec<Promise<Result<Parts, LogError>>>;

enum Phase {
    Recovering { waiting: Waiting },
    CatchingUp { waiting: Waiting, parts: Parts },
    Recovered { parts: Parts },
    Failed { error: LogError },
}

impl LogProcess {
    fn parts(&mut self) -> Future<Result<Parts, LogError>> {
        match &mut self.phase {
            Phase::Recovering { waiting } | Phase::CatchingUp { waiting, .. } => {
                let (promise, future) = Promise::new();
                waiting.push(promise);
                future
            }
            Phase::Recovered { parts } => Future::ready(Ok(parts.clone())),
            Phase::Failed { error } => Future::ready(Err(error.clone())),
        }
    }

    fn failed(&mut self) -> Future<LogError> {
        if let Phase::Failed { error } = &self.phase {
            return Future::ready(error.clone());
        }
        let (promise, future) = Promise::new();
        self.failures.push(promise);
        future
    }

    fn network(&self) -> Option<Network> {
        match &self.phase {
            Phase::CatchingUp { parts, .. } | Phase::Recovered { parts } => {
                Some(parts.network.clone())
            }
            Phase::Recovering { .. } | Phase::Failed { .. } => None,
        }
    }

    fn on_replica(&mut self, replica: Result<Replica, StorageError>, ctx: &mut Context<Self>) {
        let replica = match replica {
            Ok(replica) => replica,
            Err(error) => {
                self.finish(Err(LogError::Storage(error.to_string())));
                return;
            }
        };
        ctx.on_ready(replica.failed(), |log, reason, _| {
            log.end_parts();
            log.finish(Err(LogError::Storage(reason)));
        });
        let mut base = self.options.peers.clone();
        base.insert(replica.upid().clone());
        let network = Network::start(&self.runtime, base);
        if let Some(group) = self.options.group.clone() {
            let own = replica.upid().clone();
            self.membership = Some(LogMembership::start(
                &self.runtime,
                group,
                network.clone(),
                own,
            ));
        }
        let recovered = recover(
            &self.runtime,
            self.options.quorum,
            &replica,
            &network,
            self.options.initialization,
        );
        let parts = Parts {
            runtime: self.runtime.clone(),
            quorum: self.options.quorum,
            replica,
            network,
        };
        let waiting = self.take_waiting();
        self.phase = Phase::CatchingUp {
            waiting,
            parts: parts.clone(),
        };
        ctx.on_ready(
            recovered,
            move |log, recovered: Result<(), RecoverError>, _| {
                if matches!(log.phase, Phase::Failed { .. }) {
                    return;
                }
                log.finish(
                    recovered
                        .map(|()| parts)
                        .map_err(|error| LogError::Recover(error.to_string())),
                );
            },
        );
    }

    /// A replica that cannot store must not answer any more.
    fn end_parts(&mut self) {
        if let Some(membership) = self.membership.take() {
            membership.terminate();
        }
        if let Phase::CatchingUp { parts, .. } | Phase::Recovered { parts } = &self.phase {
            parts.replica.terminate();
            parts.network.terminate();
        }
    }

    fn metric(&self, name: &str) -> String {
        format!("{}log/{name}", self.options.metrics_prefix)
    }

    fn install_gauges(&self, ctx: &Context<Self>) {
        let metrics = self.runtime.metrics();
        let pid = ctx.pid();
        metrics.pull_gauge(&self.metric(RECOVERED), move || {
            pid.call(|log, _| match log.phase {
                Phase::Recovered { .. } => 1.0,
                Phase::Recovering { .. } | Phase::CatchingUp { .. } | Phase::Failed { .. } => 0.0,
            })
        });
        let pid = ctx.pid();
        metrics.pull_gauge(&self.metric(ENSEMBLE_SIZE), move || {
            pid.call_future(|log, _| match log.network() {
                Some(network) => network.watch(SizeRule::AtLeast(0)).map(ensemble_size),
                None => Future::ready(0.0),
            })
        });
    }

    fn take_waiting(&mut self) -> Waiting {
        match &mut self.phase {
            Phase::Recovering { waiting } | Phase::CatchingUp { waiting, .. } => {
                std::mem::take(waiting)
            }
            Phase::Recovered { .. } | Phase::Failed { .. } => Vec::new(),
        }
    }

    fn finish(&mut self, outcome: Result<Parts, LogError>) {
        let waiting = self.take_waiting();
        for promise in waiting {
            promise.set(outcome.clone());
        }
        self.phase = match outcome {
            Ok(parts) => Phase::Recovered { parts },
            Err(error) => {
                tracing::error!(%error, "the log is of no use");
                for promise in std::mem::take(&mut self.failures) {
                    promise.set(error.clone());
                }
                Phase::Failed { error }
            }
        };
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a number of members is far below 2^53"
)]
fn ensemble_size(size: Result<usize, NetworkError>) -> f64 {
    size.unwrap_or(0) as f64
}

impl Process for LogProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.install_gauges(ctx);
        if let Some(replica) = self.replica.take() {
            ctx.on_ready(replica, Self::on_replica);
        }
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        let metrics = self.runtime.metrics();
        for name in [RECOVERED, ENSEMBLE_SIZE] {
            metrics.remove(&self.metric(name));
        }
        self.end_parts();
        for promise in self.take_waiting() {
            promise.set(Err(LogError::Deleted));
        }
    }
}
