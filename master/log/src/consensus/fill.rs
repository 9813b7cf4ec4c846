//! Brings one position to an agreed value, whatever it takes.
//!
//! Mirrors `FillProcess` of `src/log/consensus.cpp`.
//! What to do next is decided by [`next_step`]; the actor carries it out.
//!
//! # Timers
//! A round that lost waits a random time between 100 and 200 ms, so that two proposers do not
//! chase each other for ever.

use std::time::Duration;

use libprocess::{Context, DiscardHandle, Future, Process, ProcessId, Promise, Runtime};
use mesos_proto::internal::log::{Action, action};

use super::{
    explicit_promise::{ExplicitPromise, explicit_promise},
    round::RoundError,
    write::{Written, write},
};
use crate::{network::Network, random::Jitter};

const SHORTEST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_millis(200);

/// Why a position could not be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FillError {
    /// The promise round failed.
    #[error("explicit promise phase failed")]
    Promise(#[source] RoundError),
    /// The write round failed.
    #[error("write phase failed")]
    Write(#[source] RoundError),
}

/// What follows from a promise round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// The value is agreed: tell everybody.
    Learn(Box<Action>),
    /// Nothing is agreed yet: write this.
    Write(Box<Action>),
    /// Lost against this proposal: go above it, later.
    Retry { above: u64 },
}

/// Decides what follows from a promise round held under `proposal` for `position`.
///
/// C++ aborts when a quorum does not vote; here the same proposal is tried again later.
pub(crate) fn next_step(proposal: u64, position: u64, promise: ExplicitPromise) -> Step {
    let under_proposal = |mut action: Box<Action>| {
        action.promised = Some(proposal);
        action.performed = Some(proposal);
        action
    };
    match promise {
        ExplicitPromise::Learned { action } => Step::Learn(under_proposal(action)),
        ExplicitPromise::Accepted {
            action: Some(action),
        } if action.learned() => Step::Learn(under_proposal(action)),
        ExplicitPromise::Accepted {
            action: Some(action),
        } => Step::Write(under_proposal(action)),
        ExplicitPromise::Accepted { action: None } => {
            Step::Write(under_proposal(Box::new(empty_action(position))))
        }
        ExplicitPromise::Rejected { proposal: higher } => Step::Retry { above: higher },
        ExplicitPromise::Ignored => Step::Retry {
            above: proposal.saturating_sub(1),
        },
    }
}

fn empty_action(position: u64) -> Action {
    Action {
        position: Some(position),
        r#type: Some(action::Type::Nop.into()),
        nop: Some(action::Nop::default()),
        ..Action::default()
    }
}

/// The actor that fills one position.
pub(crate) struct FillProcess {
    network: Network,
    quorum: usize,
    proposal: u64,
    position: u64,
    jitter: Jitter,
    round: Option<DiscardHandle>,
    filled: Option<Promise<Result<Action, FillError>>>,
}

/// Fills `position`, beginning with `proposal`; ready with the agreed action once it was sent to
/// all replicas.
pub(crate) fn fill(
    runtime: &Runtime,
    network: &Network,
    quorum: usize,
    proposal: u64,
    position: u64,
) -> Future<Result<Action, FillError>> {
    let (promise, future) = Promise::new();
    runtime.spawn(FillProcess {
        network: network.clone(),
        quorum,
        proposal,
        position,
        jitter: Jitter::from_entropy(),
        round: None,
        filled: Some(promise),
    });
    future
}

impl FillProcess {
    fn run_promise_phase(&mut self, ctx: &mut Context<Self>) {
        let round = explicit_promise(
            ctx.runtime(),
            &self.network,
            self.quorum,
            self.proposal,
            self.position,
        );
        self.round = round.discard_handle();
        ctx.on_ready(round, Self::on_promised);
    }

    fn on_promised(
        &mut self,
        promise: Result<ExplicitPromise, RoundError>,
        ctx: &mut Context<Self>,
    ) {
        match promise {
            Err(error) => self.finish(Err(FillError::Promise(error)), ctx),
            Ok(promise) => match next_step(self.proposal, self.position, promise) {
                Step::Learn(action) => self.learn(*action, ctx),
                Step::Write(action) => self.run_write_phase(*action, ctx),
                Step::Retry { above } => self.retry(above, ctx),
            },
        }
    }

    fn run_write_phase(&mut self, action: Action, ctx: &mut Context<Self>) {
        let round = write(
            ctx.runtime(),
            &self.network,
            self.quorum,
            self.proposal,
            &action,
        );
        self.round = round.discard_handle();
        ctx.on_ready(round, move |fill, written, ctx| {
            fill.on_written(action, written, ctx);
        });
    }

    fn on_written(
        &mut self,
        action: Action,
        written: Result<Written, RoundError>,
        ctx: &mut Context<Self>,
    ) {
        match written {
            Err(error) => self.finish(Err(FillError::Write(error)), ctx),
            Ok(Written::Accepted) => self.learn(action, ctx),
            Ok(Written::Rejected { proposal }) => self.retry(proposal, ctx),
            Ok(Written::Ignored) => self.retry(self.proposal.saturating_sub(1), ctx),
        }
    }

    fn learn(&mut self, mut action: Action, ctx: &mut Context<Self>) {
        action.learned = Some(true);
        let told = self.network.tell_learned(action.clone());
        ctx.on_ready(told, move |fill, (), ctx| fill.finish(Ok(action), ctx));
    }

    fn retry(&mut self, above: u64, ctx: &mut Context<Self>) {
        self.proposal = self.proposal.max(above.saturating_add(1));
        let pause = self.jitter.between(SHORTEST_RETRY, LONGEST_RETRY);
        ctx.delay(pause, Self::run_promise_phase);
    }

    fn finish(&mut self, filled: Result<Action, FillError>, ctx: &mut Context<Self>) {
        if let Some(round) = self.round.take() {
            round.discard();
        }
        if let Some(promise) = self.filled.take() {
            promise.set(filled);
        }
        ctx.terminate();
    }
}

impl Process for FillProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-fill")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        if let Some(filled) = &self.filled {
            filled.on_discard(move || {
                pid.dispatch(|fill, ctx| {
                    fill.finish(Err(FillError::Promise(RoundError::Discarded)), ctx);
                });
            });
        }
        self.run_promise_phase(ctx);
    }
}
