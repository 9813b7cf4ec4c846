//! Brings a replica that votes, but follows, up to date, so that it can be read.
//!
//! Mirrors `CatchupMissingProcess` of `src/log/recover.cpp`.
//!
//! # Invariants
//! - The last position is left out: filling it would take the leadership from the coordinator.
//!
//! # Timers
//! A round of questions that is undecided is held again, after two seconds at the latest.

use std::time::Duration;

use libprocess::{Context, DiscardHandle, Future, Process, ProcessId, Promise, Runtime};
use mesos_proto::internal::log::{RecoverRequest, RecoverResponse, metadata};

use crate::{
    catchup::{CatchUpError, catch_up},
    log::Parts,
    network::{NetworkError, SizeRule},
    positions::Positions,
    recover::{Decision, Initialization, RecoverTally},
};

const ROUND_TIMEOUT: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_millis(500);

/// Why a follower could not be brought up to date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatchUpMissingError {
    /// The replica does not vote; C++ answers something at random.
    #[error("the replica does not vote")]
    NotVoting,
    /// There is nothing but the last position.
    #[error("Recovered only 1 position, cannot catch-up")]
    OnePosition,
    /// The missed positions could not be filled.
    #[error("failed to catch up: {0}")]
    CatchUp(String),
    /// The network ended.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

type Outcome = Result<u64, CatchUpMissingError>;

/// Fills what the local replica misses; the answer is the last position that is filled.
pub(crate) fn catch_up_missing(runtime: &Runtime, parts: &Parts) -> Future<Outcome> {
    let (promise, future) = Promise::new();
    runtime.spawn(CatchUpMissingProcess {
        parts: parts.clone(),
        round: 0,
        tally: RecoverTally::new(
            parts.quorum,
            metadata::Status::Voting,
            Initialization::Manual,
        ),
        awaited: Vec::new(),
        done: Some(promise),
    });
    future
}

/// The actor behind [`catch_up_missing`], id `log-recover-missing(N)`.
struct CatchUpMissingProcess {
    parts: Parts,
    round: u64,
    tally: RecoverTally,
    awaited: Vec<DiscardHandle>,
    done: Option<Promise<Outcome>>,
}

impl CatchUpMissingProcess {
    fn on_status(&mut self, status: metadata::Status, ctx: &mut Context<Self>) {
        if status == metadata::Status::Voting {
            self.begin_round(ctx);
        } else {
            self.finish(Err(CatchUpMissingError::NotVoting), ctx);
        }
    }

    fn begin_round(&mut self, ctx: &mut Context<Self>) {
        self.end_round();
        let round = self.round;
        let status = metadata::Status::Voting;
        self.tally = RecoverTally::new(self.parts.quorum, status, Initialization::Manual);
        let present = self
            .parts
            .network
            .watch(SizeRule::AtLeast(self.parts.quorum));
        self.awaited.extend(present.discard_handle());
        ctx.on_ready(present, move |walk, present, ctx| match present {
            _ if walk.round != round => {}
            Ok(_) => walk.ask(round, ctx),
            Err(error) => walk.finish(Err(error.into()), ctx),
        });
        ctx.delay(ROUND_TIMEOUT, move |walk, ctx| {
            if walk.round == round {
                walk.begin_round(ctx);
            }
        });
    }

    /// Gives up what the round still awaits.
    fn end_round(&mut self) {
        self.round += 1;
        for awaited in std::mem::take(&mut self.awaited) {
            awaited.discard();
        }
    }

    fn ask(&mut self, round: u64, ctx: &mut Context<Self>) {
        let asked = self
            .parts
            .network
            .broadcast::<RecoverRequest, RecoverResponse>(RecoverRequest::default());
        ctx.on_ready(asked, move |walk, asked, ctx| {
            let answers = asked.answers;
            let awaited = answers.iter().filter_map(Future::discard_handle);
            if walk.round != round {
                awaited.for_each(|late| late.discard());
                return;
            }
            walk.awaited.extend(awaited);
            walk.tally.expect(answers.len());
            for answer in answers {
                ctx.on_ready(answer, move |walk, answer, ctx| {
                    walk.on_answer(round, &answer, ctx);
                });
            }
        });
    }

    fn on_answer(&mut self, round: u64, answer: &RecoverResponse, ctx: &mut Context<Self>) {
        if self.round != round {
            return;
        }
        match self.tally.count(answer) {
            None => {}
            Some(Decision::CatchUp { begin, end }) => {
                self.end_round();
                self.catch_up(begin, end, ctx);
            }
            Some(Decision::Again | Decision::Start | Decision::Vote) => {
                self.end_round();
                ctx.delay(RETRY, Self::begin_round);
            }
        }
    }

    fn catch_up(&mut self, begin: u64, end: u64, ctx: &mut Context<Self>) {
        let Some(last) = end.checked_sub(1).filter(|_| begin < end) else {
            self.finish(Err(CatchUpMissingError::OnePosition), ctx);
            return;
        };
        let own = self.parts.replica.beginning();
        ctx.on_ready(own, move |walk, own, ctx| {
            let mut positions = Positions::default();
            positions.insert(own.min(begin), last);
            let Parts {
                replica,
                network,
                quorum,
                ..
            } = &walk.parts;
            let filled = catch_up(ctx.runtime(), replica, network, *quorum, 0, &positions);
            walk.awaited.extend(filled.discard_handle());
            ctx.on_ready(filled, move |walk, filled, ctx| {
                walk.on_caught_up(last, filled, ctx);
            });
        });
    }

    fn on_caught_up(
        &mut self,
        last: u64,
        filled: Result<(), CatchUpError>,
        ctx: &mut Context<Self>,
    ) {
        let outcome = filled.map(|()| last);
        let failed = |error: CatchUpError| CatchUpMissingError::CatchUp(error.to_string());
        self.finish(outcome.map_err(failed), ctx);
    }

    fn finish(&mut self, outcome: Outcome, ctx: &mut Context<Self>) {
        self.end_round();
        if let Some(promise) = self.done.take() {
            promise.set(outcome);
        }
        ctx.terminate();
    }
}

impl Process for CatchUpMissingProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-recover-missing")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let status = self.parts.replica.status();
        ctx.on_ready(status, Self::on_status);
    }
}
