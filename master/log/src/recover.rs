//! How a replica that does not vote comes to vote.
//!
//! Mirrors `src/log/recover.cpp`.
//! What the answers mean is decided by [`RecoverTally`]; the actor asks, waits and stores.
//!
//! # Timers
//! One round of questions has two seconds (C++: ten): a member that was not up yet when it was asked
//! never answers, and asking again costs nothing. An undecided round is repeated after a random time
//! between 500 ms and 1 s.

mod tally;

use std::time::Duration;

use libprocess::{Context, DiscardHandle, Future, Process, ProcessId, Promise, Runtime, Timer};
use mesos_proto::internal::log::{RecoverRequest, RecoverResponse, metadata};

pub(crate) use self::tally::{Decision, RecoverTally};
use crate::{
    catchup::{CatchUpError, catch_up},
    network::{Network, NetworkError, SizeRule},
    positions::Positions,
    random::Jitter,
    replica::Replica,
};

const ROUND_TIMEOUT: Duration = Duration::from_secs(2);
const SHORTEST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(1);

/// Whether an empty cluster may start itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initialization {
    /// When all replicas are empty they begin to vote on their own.
    Automatic,
    /// An operator runs `mesos-log initialize` first.
    Manual,
}

/// Why a replica could not be recovered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// The new status could not be stored.
    #[error("Failed to update replica status")]
    Status,
    /// The missed positions could not be filled.
    #[error("failed to catch up: {0}")]
    CatchUp(String),
    /// The network ended.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Brings the local replica to the status VOTING.
pub(crate) fn recover(
    runtime: &Runtime,
    quorum: usize,
    replica: &Replica,
    network: &Network,
    initialization: Initialization,
) -> Future<Result<(), RecoverError>> {
    let (process, recovered) = RecoverProcess::new(quorum, replica, network, initialization);
    runtime.spawn(process);
    recovered
}

/// The actor behind [`recover`], id `log-recover(N)`.
///
/// C++ runs each round of questions in an actor of its own (`RecoverProtocolProcess`); here a
/// round is a number, and an answer to an old one is dropped.
pub(crate) struct RecoverProcess {
    quorum: usize,
    replica: Replica,
    network: Network,
    initialization: Initialization,
    jitter: Jitter,
    round: u64,
    tally: Option<RecoverTally>,
    timer: Option<Timer>,
    awaited: Vec<DiscardHandle>,
    done: Option<Promise<Result<(), RecoverError>>>,
}

impl RecoverProcess {
    fn new(
        quorum: usize,
        replica: &Replica,
        network: &Network,
        initialization: Initialization,
    ) -> (Self, Future<Result<(), RecoverError>>) {
        let (promise, recovered) = Promise::new();
        let process = Self {
            quorum,
            replica: replica.clone(),
            network: network.clone(),
            initialization,
            jitter: Jitter::from_entropy(),
            round: 0,
            tally: None,
            timer: None,
            awaited: Vec::new(),
            done: Some(promise),
        };
        (process, recovered)
    }

    fn begin_round(&mut self, ctx: &mut Context<Self>) {
        self.end_round();
        let round = self.round;
        let status = self.replica.status();
        ctx.on_ready(status, move |recover, status, ctx| {
            recover.on_status(round, status, ctx);
        });
        self.timer = Some(ctx.delay(ROUND_TIMEOUT, move |recover, ctx| {
            if recover.round == round {
                recover.begin_round(ctx);
            }
        }));
    }

    /// Gives up what the round still awaits: a dead member never answers.
    fn end_round(&mut self) {
        self.round += 1;
        self.tally = None;
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        for awaited in std::mem::take(&mut self.awaited) {
            awaited.discard();
        }
    }

    fn on_status(&mut self, round: u64, status: metadata::Status, ctx: &mut Context<Self>) {
        if self.round != round {
            return;
        }
        if status == metadata::Status::Voting {
            self.finish(Ok(()), ctx);
            return;
        }
        self.tally = Some(RecoverTally::new(self.quorum, status, self.initialization));
        let present = self.network.watch(SizeRule::AtLeast(self.quorum));
        self.awaited.extend(present.discard_handle());
        ctx.on_ready(present, move |recover, present, ctx| match present {
            Ok(_) => recover.ask(round, ctx),
            Err(error) => recover.finish(Err(error.into()), ctx),
        });
    }

    fn ask(&mut self, round: u64, ctx: &mut Context<Self>) {
        if self.round != round {
            return;
        }
        let asked = self
            .network
            .broadcast::<RecoverRequest, RecoverResponse>(RecoverRequest::default());
        ctx.on_ready(asked, move |recover, asked, ctx| {
            recover.on_asked(round, asked.answers, ctx);
        });
    }

    fn on_asked(
        &mut self,
        round: u64,
        answers: Vec<Future<RecoverResponse>>,
        ctx: &mut Context<Self>,
    ) {
        let awaited = answers.iter().filter_map(Future::discard_handle);
        if self.round != round {
            awaited.for_each(|late| late.discard());
            return;
        }
        self.awaited.extend(awaited);
        if let Some(tally) = &mut self.tally {
            tally.expect(answers.len());
        }
        for answer in answers {
            ctx.on_ready(answer, move |recover, answer, ctx| {
                recover.on_answer(round, &answer, ctx);
            });
        }
    }

    fn on_answer(&mut self, round: u64, answer: &RecoverResponse, ctx: &mut Context<Self>) {
        if self.round != round {
            return;
        }
        let Some(tally) = &mut self.tally else { return };
        let Some(decision) = tally.count(answer) else {
            return;
        };
        self.end_round();
        match decision {
            Decision::Again => {
                let pause = self.jitter.between(SHORTEST_RETRY, LONGEST_RETRY);
                ctx.delay(pause, Self::begin_round);
            }
            Decision::Start => self.store(metadata::Status::Starting, ctx, Self::begin_round),
            Decision::Vote => self.vote(ctx),
            Decision::CatchUp { begin, end } => {
                self.store(metadata::Status::Recovering, ctx, move |recover, ctx| {
                    recover.catch_up(begin, end, ctx);
                });
            }
        }
    }

    fn vote(&mut self, ctx: &mut Context<Self>) {
        self.store(metadata::Status::Voting, ctx, |recover, ctx| {
            recover.finish(Ok(()), ctx);
        });
    }

    fn store(
        &mut self,
        status: metadata::Status,
        ctx: &mut Context<Self>,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + Send + 'static,
    ) {
        let stored = self.replica.update(status);
        ctx.on_ready(stored, move |recover, stored, ctx| {
            if stored {
                then(recover, ctx);
            } else {
                recover.finish(Err(RecoverError::Status), ctx);
            }
        });
    }

    fn catch_up(&mut self, begin: u64, end: u64, ctx: &mut Context<Self>) {
        let mut positions = Positions::default();
        positions.insert(begin, end);
        let caught_up = catch_up(
            ctx.runtime(),
            &self.replica,
            &self.network,
            self.quorum,
            0,
            &positions,
        );
        ctx.on_ready(caught_up, Self::on_caught_up);
    }

    fn on_caught_up(&mut self, outcome: Result<(), CatchUpError>, ctx: &mut Context<Self>) {
        match outcome {
            Ok(()) => self.vote(ctx),
            Err(error) => self.finish(Err(RecoverError::CatchUp(error.to_string())), ctx),
        }
    }

    fn finish(&mut self, outcome: Result<(), RecoverError>, ctx: &mut Context<Self>) {
        self.end_round();
        if let Some(promise) = self.done.take() {
            promise.set(outcome);
        }
        ctx.terminate();
    }
}

impl Process for RecoverProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-recover")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.begin_round(ctx);
    }
}

#[cfg(test)]
mod tests;
