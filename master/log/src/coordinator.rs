//! The one writer of the log: elected by an implicit promise, writes one position at a time.
//!
//! Mirrors `CoordinatorProcess` of `src/log/coordinator.cpp`.
//!
//! # Invariants
//! - Writes happen only under the proposal that won the election.
//! - Whoever lost, for whatever reason, has to be elected again: C++ stays elected after a
//!   rejected write and would go on under the winner's number.
//!
//! # Timers
//! An election that is undecided after five seconds is lost, so that it is held again.

use std::time::Duration;

use libprocess::{Context, DiscardHandle, Future, Pid, Process, ProcessId, Promise, Runtime};
use mesos_proto::internal::log::{Action, action};

use crate::{
    catchup::{CatchUpError, catch_up},
    consensus::{ImplicitPromise, RoundError, Written, implicit_promise, write},
    network::Network,
    positions::Positions,
    replica::Replica,
};

/// How long an election may stay undecided: with some members lost and others not voting yet, C++
/// waits for ever.
const ELECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a coordinator cannot do what is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoordinatorError {
    /// A write runs.
    #[error("Coordinator is currently writing")]
    Writing,
    /// An election was asked for while a write runs.
    #[error("Coordinator already elected, and is currently writing")]
    ElectedAndWriting,
    /// There is nothing to give up.
    #[error("Coordinator is not elected")]
    NotElected,
    /// An election runs.
    #[error("Coordinator is being elected")]
    Electing,
    /// A round could not be held; nobody knows what it did.
    #[error("a round of the log failed: {0}")]
    Round(String),
}

/// The last position, or that somebody else leads.
pub type Elected = Option<u64>;

/// The handle of a coordinator.
#[derive(Clone, Debug)]
pub struct Coordinator {
    process: Pid<CoordinatorProcess>,
}

impl Coordinator {
    /// Starts a coordinator, not elected yet; its first proposal will be above `floor`.
    pub fn start(
        runtime: &Runtime,
        quorum: usize,
        replica: Replica,
        network: Network,
        floor: u64,
    ) -> Self {
        let process = CoordinatorProcess {
            quorum,
            replica,
            network,
            proposal: floor,
            index: 0,
            state: State::Initial,
            running: None,
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Runs for election; none when somebody else has a higher proposal or too few vote.
    ///
    /// The next election starts above every proposal seen.
    pub fn elect(&self) -> Future<Result<Elected, CoordinatorError>> {
        self.process
            .call_future(|coordinator, ctx| coordinator.elect(ctx))
    }

    /// The highest proposal that this coordinator has made or lost against.
    pub fn proposal(&self) -> Future<u64> {
        self.process.call(|coordinator, _| coordinator.proposal)
    }

    /// Gives the leadership up; the answer is the last position.
    pub fn demote(&self) -> Future<Result<u64, CoordinatorError>> {
        self.process.call(|coordinator, _| coordinator.demote())
    }

    /// Writes `bytes` at the next position; none when the leadership is lost.
    pub fn append(&self, bytes: bytes::Bytes) -> Future<Result<Option<u64>, CoordinatorError>> {
        let value = Action {
            r#type: Some(action::Type::Append.into()),
            append: Some(
                action::Append {
                    bytes: Some(bytes),
                    ..Default::default()
                }
                .into(),
            ),
            ..Action::default()
        };
        self.write(value)
    }

    /// Forgets every position before `to`; none when the leadership is lost.
    pub fn truncate(&self, to: u64) -> Future<Result<Option<u64>, CoordinatorError>> {
        let value = Action {
            r#type: Some(action::Type::Truncate.into()),
            truncate: Some(action::Truncate {
                to: Some(to),
                ..Default::default()
            }),
            ..Action::default()
        };
        self.write(value)
    }

    fn write(&self, value: Action) -> Future<Result<Option<u64>, CoordinatorError>> {
        self.process
            .call_future(move |coordinator, ctx| coordinator.write(value, ctx))
    }

    /// Ends the coordinator.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// The actor behind [`Coordinator`], id `log-coordinator(N)`.
pub(crate) struct CoordinatorProcess {
    quorum: usize,
    replica: Replica,
    network: Network,
    proposal: u64,
    index: u64,
    state: State,
    /// The round or the catch-up that is awaited.
    running: Option<DiscardHandle>,
}

enum State {
    Initial,
    Electing {
        waiting: Vec<Promise<Result<Elected, CoordinatorError>>>,
    },
    Elected,
    Writing {
        promise: Promise<Result<Option<u64>, CoordinatorError>>,
    },
}

impl CoordinatorProcess {
    fn elect(&mut self, ctx: &mut Context<Self>) -> Future<Result<Elected, CoordinatorError>> {
        let (promise, future) = Promise::new();
        match &mut self.state {
            State::Electing { waiting } => waiting.push(promise),
            State::Elected => return Future::ready(Ok(Some(self.index.saturating_sub(1)))),
            State::Writing { .. } => {
                return Future::ready(Err(CoordinatorError::ElectedAndWriting));
            }
            State::Initial => {
                self.state = State::Electing {
                    waiting: vec![promise],
                };
                let promised = self.replica.promised();
                ctx.on_ready(promised, Self::on_local_promise);
            }
        }
        future
    }

    fn on_local_promise(&mut self, promised: u64, ctx: &mut Context<Self>) {
        self.proposal = self.proposal.max(promised).saturating_add(1);
        let round = implicit_promise(ctx.runtime(), &self.network, self.quorum, self.proposal);
        self.running = round.discard_handle();
        if let Some(undecided) = self.running.clone() {
            ctx.delay(ELECTION_TIMEOUT, move |_, _| undecided.discard());
        }
        ctx.on_ready(round, Self::on_promised);
    }

    fn on_promised(
        &mut self,
        promise: Result<ImplicitPromise, RoundError>,
        ctx: &mut Context<Self>,
    ) {
        match promise {
            Err(RoundError::Discarded) | Ok(ImplicitPromise::Ignored) => {
                self.end_election(&Ok(None));
            }
            Err(error) => self.end_election(&Err(round_error(&error))),
            Ok(ImplicitPromise::Rejected { proposal }) => {
                self.proposal = self.proposal.max(proposal);
                self.end_election(&Ok(None));
            }
            Ok(ImplicitPromise::Accepted { end }) => {
                self.index = end;
                let missing = self.replica.missing(0, end);
                ctx.on_ready(missing, |coordinator, missing, ctx| {
                    coordinator.on_missing(&missing, ctx);
                });
            }
        }
    }

    /// The positions were just promised under our proposal, so they are filled under the next.
    fn on_missing(&mut self, missing: &Positions, ctx: &mut Context<Self>) {
        let caught_up = catch_up(
            ctx.runtime(),
            &self.replica,
            &self.network,
            self.quorum,
            self.proposal.saturating_add(1),
            missing,
        );
        self.running = caught_up.discard_handle();
        ctx.on_ready(caught_up, Self::on_caught_up);
    }

    fn on_caught_up(&mut self, outcome: Result<(), CatchUpError>, _: &mut Context<Self>) {
        match outcome {
            Ok(()) => {
                let last = self.index;
                self.index = last.saturating_add(1);
                self.end_election(&Ok(Some(last)));
            }
            Err(error) => self.end_election(&Err(round_error(&error))),
        }
    }

    fn end_election(&mut self, outcome: &Result<Elected, CoordinatorError>) {
        let next = if matches!(outcome, Ok(Some(_))) {
            State::Elected
        } else {
            State::Initial
        };
        if let State::Electing { waiting } = std::mem::replace(&mut self.state, next) {
            for promise in waiting {
                promise.set(outcome.clone());
            }
        }
    }

    fn demote(&mut self) -> Result<u64, CoordinatorError> {
        match self.state {
            State::Elected => {
                self.state = State::Initial;
                Ok(self.index.saturating_sub(1))
            }
            State::Initial => Err(CoordinatorError::NotElected),
            State::Electing { .. } => Err(CoordinatorError::Electing),
            State::Writing { .. } => Err(CoordinatorError::Writing),
        }
    }

    fn write(
        &mut self,
        mut value: Action,
        ctx: &mut Context<Self>,
    ) -> Future<Result<Option<u64>, CoordinatorError>> {
        match self.state {
            State::Initial | State::Electing { .. } => return Future::ready(Ok(None)),
            State::Writing { .. } => return Future::ready(Err(CoordinatorError::Writing)),
            State::Elected => {}
        }
        value.position = Some(self.index);
        value.promised = Some(self.proposal);
        value.performed = Some(self.proposal);
        let (promise, future) = Promise::new();
        let round = write(
            ctx.runtime(),
            &self.network,
            self.quorum,
            self.proposal,
            &value,
        );
        self.running = round.discard_handle();
        if let Some(round) = self.running.clone() {
            promise.on_discard(move || round.discard());
        }
        self.state = State::Writing { promise };
        ctx.on_ready(round, move |coordinator, written, ctx| {
            coordinator.on_written(value, written, ctx);
        });
        future
    }

    fn on_written(
        &mut self,
        value: Action,
        written: Result<Written, RoundError>,
        ctx: &mut Context<Self>,
    ) {
        match written {
            Err(RoundError::Discarded) => self.give_up_write(),
            Err(error) => self.end_write(Err(round_error(&error))),
            Ok(Written::Ignored) => self.end_write(Ok(None)),
            Ok(Written::Rejected { proposal }) => {
                self.proposal = self.proposal.max(proposal);
                self.end_write(Ok(None));
            }
            Ok(Written::Accepted) => {
                let told = self.network.tell_learned(value);
                ctx.on_ready(told, Self::on_learned);
            }
        }
    }

    /// The local learned message is queued before this question, so the replica has seen it.
    fn on_learned(&mut self, (): (), ctx: &mut Context<Self>) {
        let missing = self.replica.is_missing(self.index);
        ctx.on_ready(missing, |coordinator, missing, _| {
            if missing {
                let lost = "the local replica did not store what was agreed".to_owned();
                coordinator.end_write(Err(CoordinatorError::Round(lost)));
            } else {
                let position = coordinator.index;
                coordinator.index = position.saturating_add(1);
                coordinator.end_write(Ok(Some(position)));
            }
        });
    }

    /// Nobody waits for the write any more, and nobody knows whether it was done.
    fn give_up_write(&mut self) {
        if let State::Writing { promise } = std::mem::replace(&mut self.state, State::Initial) {
            promise.discard();
        }
    }

    fn end_write(&mut self, outcome: Result<Option<u64>, CoordinatorError>) {
        let next = if matches!(outcome, Ok(Some(_))) {
            State::Elected
        } else {
            State::Initial
        };
        if let State::Writing { promise } = std::mem::replace(&mut self.state, next) {
            promise.set(outcome);
        }
    }
}

fn round_error(error: &(dyn std::error::Error + 'static)) -> CoordinatorError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    CoordinatorError::Round(text)
}

impl Process for CoordinatorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-coordinator")
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        if let Some(running) = self.running.take() {
            running.discard();
        }
    }
}
