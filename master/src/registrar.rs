//! The registrar: stores the registry, one batch of operations at a time.
//!
//! Mirrors `src/master/registrar.cpp`.
//!
//! # Owns
//! The registry with every operation applied, and as it was stored last.
//!
//! # Invariants
//! - An operation is answered only after the registry with its effect is stored.
//! - After one failed store nothing is stored any more: another master may lead.
//!
//! # Timers
//! Fetching and storing each have a limit.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use libprocess::http::{Request, Response};
use libprocess::metrics::{self, Unit};
use libprocess::{Context, Future, Outcome, Pid, Process, ProcessId, Promise, Runtime, Timer};
use mesos_proto::v1;
use mesos_proto_codec::Dialect;
use mesos_state::{State, Variable};
use prost::Message as _;

use crate::authentication::READONLY_REALM;
use crate::registry::operation::Recover;
use crate::registry::{Mutation, Operation, OperationError, Registry, RegistryBook};

/// The name that the registry is stored under.
const REGISTRY: &str = "registry";

/// How far back the statistics of fetching and storing reach.
const MEASURED: Duration = Duration::from_hours(24);

/// What became of an operation that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It changed the registry, and the change is stored.
    Stored,
    /// There was nothing to change.
    Unchanged,
}

/// Why an operation is not in the registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrarError {
    /// The operation does not fit the registry; others go on.
    #[error(transparent)]
    Refused(#[from] OperationError),
    /// Nobody called `recover`.
    #[error("attempted to apply the operation before recovering")]
    NotRecovered,
    /// The registry could not be read.
    #[error("failed to recover registrar: {reason}")]
    Recovery {
        /// What went wrong.
        reason: String,
    },
    /// The registry could not be stored; the master must step down.
    #[error("failed to update registry: {reason}")]
    Aborted {
        /// What went wrong.
        reason: String,
    },
}

impl RegistrarError {
    /// Whether the master may no longer lead.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::NotRecovered | Self::Recovery { .. } | Self::Aborted { .. } => true,
        }
    }
}

/// Limits of the registrar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrarOptions {
    /// How long fetching the registry may take.
    pub fetch_timeout: Duration,
    /// How long storing it may take.
    pub store_timeout: Duration,
}

/// The handle of the registrar.
#[derive(Clone)]
pub struct Registrar {
    process: Pid<RegistrarProcess>,
}

impl fmt::Debug for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registrar").finish_non_exhaustive()
    }
}

impl Registrar {
    /// Starts the actor `registrar(1)`.
    #[must_use]
    pub fn start(runtime: &Runtime, state: State, options: RegistrarOptions) -> Self {
        Self {
            process: runtime.spawn(RegistrarProcess::new(
                state,
                options,
                Measures::new(runtime),
            )),
        }
    }

    /// Reads the registry and writes the new leader into it.
    ///
    /// # Errors
    /// Through the future: the registry cannot be read or written.
    pub fn recover(&self, info: v1::MasterInfo) -> Future<Result<Arc<Registry>, RegistrarError>> {
        self.process
            .call_future(move |registrar, ctx| registrar.recover(info, ctx))
    }

    /// Applies an operation and stores the registry.
    ///
    /// # Errors
    /// Through the future: the operation does not fit, or the registry cannot be stored.
    pub fn apply(
        &self,
        operation: impl Into<Operation>,
    ) -> Future<Result<Applied, RegistrarError>> {
        let operation = operation.into();
        self.process
            .call_future(move |registrar, ctx| registrar.apply(operation, ctx))
    }

    /// Ends the actor.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

type Answer = Promise<Result<Applied, RegistrarError>>;

/// How far the registrar is.
enum Phase {
    Idle,
    Fetching {
        info: Box<v1::MasterInfo>,
        timer: Timer,
    },
    Ready,
    Failed(RegistrarError),
}

/// The actor behind [`Registrar`], id `registrar(1)`.
pub struct RegistrarProcess {
    state: State,
    options: RegistrarOptions,
    phase: Phase,
    recovering: Vec<Promise<Result<Arc<Registry>, RegistrarError>>>,
    /// Ahead of what is stored while a store is in flight; after one that failed, of no use.
    book: RegistryBook,
    /// The registry that was read, until it names this master.
    recovered: Option<Registry>,
    /// The registry that was stored last, once it was read.
    stored: Option<Bytes>,
    variable: Option<Variable>,
    queue: VecDeque<(Operation, Answer)>,
    storing: Option<Storing>,
    /// How many stores have begun.
    stores: u64,
    measures: Measures,
}

/// How long fetching and storing take, over a day.
struct Measures {
    fetch: metrics::Timer,
    store: metrics::Timer,
}

impl Measures {
    fn new(runtime: &Runtime) -> Self {
        let timer = |name| {
            let metrics = runtime.metrics();
            metrics.timer_with_window(name, Unit::Milliseconds, MEASURED)
        };
        Self {
            fetch: timer("registrar/state_fetch"),
            store: timer("registrar/state_store"),
        }
    }
}

/// A store in flight.
struct Storing {
    answers: Vec<(Result<Applied, RegistrarError>, Answer)>,
    timer: Timer,
    value: Bytes,
}

impl fmt::Debug for RegistrarProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrarProcess")
            .field("queued", &self.queue.len())
            .finish_non_exhaustive()
    }
}

impl Process for RegistrarProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("registrar")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route_in_realm(
            "/registry",
            READONLY_REALM,
            crate::http::help::registry(),
            |registrar, request, _| registrar.show(&request).into(),
        );
        self.install_gauges(ctx);
    }
}

impl RegistrarProcess {
    fn new(state: State, options: RegistrarOptions, measures: Measures) -> Self {
        Self {
            state,
            options,
            phase: Phase::Idle,
            recovering: Vec::new(),
            book: RegistryBook::default(),
            recovered: None,
            stored: None,
            variable: None,
            queue: VecDeque::new(),
            storing: None,
            stores: 0,
            measures,
        }
    }

    fn install_gauges(&self, ctx: &Context<Self>) {
        let metrics = ctx.runtime().metrics();
        let pid = ctx.pid();
        metrics.pull_gauge("registrar/queued_operations", move || {
            pid.call(|registrar, _| count(registrar.queue.len()))
        });
        let pid = ctx.pid();
        metrics.pull_gauge("registrar/registry_size_bytes", move || {
            pid.call_future(|registrar, _| match &registrar.stored {
                Some(stored) => Future::ready(count(stored.len())),
                None => Future::failed("not recovered yet"),
            })
        });
    }

    fn recover(
        &mut self,
        info: v1::MasterInfo,
        ctx: &mut Context<Self>,
    ) -> Future<Result<Arc<Registry>, RegistrarError>> {
        match &self.phase {
            Phase::Ready if self.recovering.is_empty() => {
                return Future::ready(self.read_stored());
            }
            Phase::Ready => {}
            Phase::Failed(error) => return Future::ready(Err(error.clone())),
            Phase::Idle => {
                let limit = self.options.fetch_timeout;
                let timer = ctx.delay(limit, move |registrar, _| {
                    if matches!(registrar.phase, Phase::Fetching { .. }) {
                        let limit = mesos_common::duration::format(limit);
                        let reason = format!("Failed to perform fetch within {limit}");
                        registrar.fail(RegistrarError::Recovery { reason });
                    }
                });
                self.phase = Phase::Fetching {
                    info: Box::new(info),
                    timer,
                };
                let fetched = self.measures.fetch.time(self.state.fetch(REGISTRY));
                ctx.on_any(fetched, |registrar, outcome, ctx| {
                    registrar.on_fetched(outcome, ctx);
                });
            }
            Phase::Fetching { .. } => {}
        }
        let (promise, future) = Promise::new();
        self.recovering.push(promise);
        future
    }

    // Continues `recover`: the variable was fetched.
    fn on_fetched(
        &mut self,
        outcome: Outcome<Result<Variable, mesos_state::StorageError>>,
        ctx: &mut Context<Self>,
    ) {
        let Phase::Fetching { info, timer } = &self.phase else {
            return;
        };
        timer.cancel();
        let info = v1::MasterInfo::clone(info);
        let variable = match outcome_of(outcome) {
            Ok(variable) => variable,
            Err(reason) => return self.fail(RegistrarError::Recovery { reason }),
        };
        let Ok(registry) = Registry::decode(variable.value().clone()) else {
            let reason = "Failed to deserialize mesos.internal.Registry".to_owned();
            return self.fail(RegistrarError::Recovery { reason });
        };
        self.book = RegistryBook::of(&registry);
        // With other operations in the batch what is stored is not what was read.
        self.recovered = self.queue.is_empty().then_some(registry);
        self.stored = Some(variable.value().clone());
        self.variable = Some(variable);
        self.phase = Phase::Ready;
        let (promise, stored) = Promise::new();
        self.queue.push_front((Recover { info }.into(), promise));
        ctx.on_any(stored, |registrar, outcome, _| {
            registrar.on_leader_stored(outcome);
        });
        self.update(ctx);
    }

    // Continues `recover`: the new leader is in the registry.
    fn on_leader_stored(&mut self, outcome: Outcome<Result<Applied, RegistrarError>>) {
        let stored = outcome.ready().unwrap_or(Err(RegistrarError::NotRecovered));
        let result = match stored {
            Ok(Applied::Stored | Applied::Unchanged) => match self.recovered.take() {
                Some(mut registry) => {
                    registry.master.clone_from(&self.book.rest().master);
                    Ok(Arc::new(registry))
                }
                None => self.read_stored(),
            },
            Err(error) => Err(RegistrarError::Recovery {
                reason: format!("Failed to persist MasterInfo: {error}"),
            }),
        };
        for promise in self.recovering.drain(..) {
            promise.set(result.clone());
        }
    }

    fn fail(&mut self, error: RegistrarError) {
        tracing::error!(%error, "the registrar gives up");
        for promise in self.recovering.drain(..) {
            promise.set(Err(error.clone()));
        }
        for (_, promise) in self.queue.drain(..) {
            promise.set(Err(error.clone()));
        }
        if let Some(storing) = self.storing.take() {
            for (_, promise) in storing.answers {
                promise.set(Err(error.clone()));
            }
        }
        self.phase = Phase::Failed(error);
    }

    fn apply(
        &mut self,
        operation: Operation,
        ctx: &mut Context<Self>,
    ) -> Future<Result<Applied, RegistrarError>> {
        match &self.phase {
            Phase::Idle => return Future::ready(Err(RegistrarError::NotRecovered)),
            Phase::Failed(error) => return Future::ready(Err(error.clone())),
            Phase::Fetching { .. } | Phase::Ready => {}
        }
        let (promise, future) = Promise::new();
        self.queue.push_back((operation, promise));
        self.update(ctx);
        future
    }

    /// Applies all queued operations and stores the registry, unless a store is in flight.
    fn update(&mut self, ctx: &mut Context<Self>) {
        if self.storing.is_some() || self.queue.is_empty() || !matches!(self.phase, Phase::Ready) {
            return;
        }
        let Some(variable) = self.variable.take() else {
            return;
        };
        let answers = self
            .queue
            .drain(..)
            .map(|(operation, promise)| {
                let result = operation
                    .apply(&mut self.book)
                    .map(|mutation| match mutation {
                        Mutation::Changed => Applied::Stored,
                        Mutation::Unchanged => Applied::Unchanged,
                    })
                    .map_err(RegistrarError::from);
                (result, promise)
            })
            .collect();
        let value = self.book.encode();
        let limit = self.options.store_timeout;
        self.stores += 1;
        let number = self.stores;
        let timer = ctx.delay(limit, move |registrar, _| {
            // The limit may have passed with the answer before it in the queue.
            if registrar.stores == number {
                let limit = mesos_common::duration::format(limit);
                registrar.abort(format!("Failed to perform store within {limit}"));
            }
        });
        self.storing = Some(Storing {
            answers,
            timer,
            value: value.clone(),
        });
        let stored = self.state.store(&variable.mutate(value));
        let stored = self.measures.store.time(stored);
        ctx.on_any(stored, |registrar, outcome, ctx| {
            registrar.on_stored(outcome, ctx);
        });
    }

    // Continues `update`: the storage answered.
    fn on_stored(
        &mut self,
        outcome: Outcome<Result<Option<Variable>, mesos_state::StorageError>>,
        ctx: &mut Context<Self>,
    ) {
        match outcome_of(outcome) {
            Ok(Some(variable)) => {
                let Some(storing) = self.storing.take() else {
                    return;
                };
                storing.timer.cancel();
                self.variable = Some(variable);
                self.stored = Some(storing.value);
                for (result, promise) in storing.answers {
                    promise.set(result);
                }
                self.update(ctx);
            }
            Ok(None) => self.abort("version mismatch".to_owned()),
            Err(reason) => self.abort(reason),
        }
    }

    fn abort(&mut self, reason: String) {
        if self.storing.is_some() {
            self.fail(RegistrarError::Aborted { reason });
        }
    }

    fn read_stored(&self) -> Result<Arc<Registry>, RegistrarError> {
        Registry::decode(self.stored.clone().unwrap_or_default())
            .map(Arc::new)
            .map_err(|error| RegistrarError::Recovery {
                reason: error.to_string(),
            })
    }

    /// Answers `/registrar(1)/registry`: the registry that was stored last.
    fn show(&self, request: &Request) -> Response {
        let registry = self.read_stored().unwrap_or_default();
        let text =
            crate::http::sorted_keys(mesos_proto_codec::to_json(registry.as_ref(), Dialect::V0));
        Response::ok_json(text, request.query.get("jsonp"))
    }
}

fn outcome_of<T>(outcome: Outcome<Result<T, mesos_state::StorageError>>) -> Result<T, String> {
    match outcome {
        Outcome::Ready(Ok(value)) => Ok(value),
        Outcome::Ready(Err(error)) => Err(error.to_string()),
        Outcome::Failed(reason) => Err(reason),
        Outcome::Discarded | Outcome::Abandoned => Err("discarded".to_owned()),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a size in memory is far below 2^53"
)]
fn count(value: usize) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
