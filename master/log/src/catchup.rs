//! Fills the positions whose agreed value the local replica does not know.
//!
//! Mirrors `src/log/catchup.cpp`.
//!
//! # Timers
//! Each position has ten seconds; after that the same position is tried again.

use std::{collections::VecDeque, ops::RangeInclusive, time::Duration};

use libprocess::{Context, DiscardHandle, Future, Process, ProcessId, Promise, Runtime, Timer};
use mesos_proto::internal::log::Action;

use crate::{
    consensus::{FillError, fill},
    network::Network,
    positions::Positions,
    replica::Replica,
};

/// How long one position may take before it is tried again.
pub(crate) const POSITION_TIMEOUT: Duration = Duration::from_secs(10);

/// Why positions could not be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CatchUpError {
    /// One position could not be filled.
    #[error("failed to catch-up position {position}")]
    Fill {
        /// The position.
        position: u64,
        /// What went wrong.
        #[source]
        source: FillError,
    },
    /// Somebody gave the catch-up up.
    #[error("the catch-up was given up")]
    Discarded,
}

/// Fills `positions` one after the other, lowest first, beginning with `proposal`.
pub(crate) fn catch_up(
    runtime: &Runtime,
    replica: &Replica,
    network: &Network,
    quorum: usize,
    proposal: u64,
    positions: &Positions,
) -> Future<Result<(), CatchUpError>> {
    let (promise, future) = Promise::new();
    runtime.spawn(BulkCatchUpProcess {
        replica: replica.clone(),
        network: network.clone(),
        quorum,
        proposal,
        ranges: positions.iter().cloned().collect(),
        attempt: 0,
        timer: None,
        filling: None,
        done: Some(promise),
    });
    future
}

/// The actor that walks over the positions, id `log-bulk-catch-up(N)`.
///
/// C++ has an actor for one position and one for a range; one walk serves both.
pub(crate) struct BulkCatchUpProcess {
    replica: Replica,
    network: Network,
    quorum: usize,
    proposal: u64,
    ranges: VecDeque<RangeInclusive<u64>>,
    /// Counts fills, so that the answer of one that was given up is not taken for the next one's.
    attempt: u64,
    timer: Option<Timer>,
    filling: Option<DiscardHandle>,
    done: Option<Promise<Result<(), CatchUpError>>>,
}

impl BulkCatchUpProcess {
    fn current(&self) -> Option<u64> {
        self.ranges.front().map(|range| *range.start())
    }

    fn check_current(&mut self, ctx: &mut Context<Self>) {
        let Some(position) = self.current() else {
            self.finish(Ok(()), ctx);
            return;
        };
        let missing = self.replica.is_missing(position);
        ctx.on_ready(missing, move |walk, missing, ctx| {
            if missing {
                walk.fill_current(position, ctx);
            } else {
                walk.advance();
                walk.check_current(ctx);
            }
        });
    }

    fn advance(&mut self) {
        if let Some(range) = self.ranges.pop_front()
            && range.start() < range.end()
        {
            self.ranges
                .push_front(range.start().saturating_add(1)..=*range.end());
        }
    }

    fn fill_current(&mut self, position: u64, ctx: &mut Context<Self>) {
        self.attempt += 1;
        let attempt = self.attempt;
        let filled = fill(
            ctx.runtime(),
            &self.network,
            self.quorum,
            self.proposal,
            position,
        );
        self.filling = filled.discard_handle();
        ctx.on_ready(filled, move |walk, filled, ctx| {
            walk.on_filled(attempt, position, filled, ctx);
        });
        self.timer = Some(ctx.delay(POSITION_TIMEOUT, move |walk, ctx| {
            if walk.attempt == attempt {
                tracing::info!("Unable to catch-up position {position} in 10secs, retrying");
                walk.stop_filling();
                walk.check_current(ctx);
            }
        }));
    }

    /// From now on the fill that ran, if it still does, has nothing to say.
    fn stop_filling(&mut self) {
        self.attempt += 1;
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        if let Some(filling) = self.filling.take() {
            filling.discard();
        }
    }

    fn on_filled(
        &mut self,
        attempt: u64,
        position: u64,
        filled: Result<Action, FillError>,
        ctx: &mut Context<Self>,
    ) {
        if attempt != self.attempt {
            return;
        }
        self.stop_filling();
        match filled {
            Ok(action) => {
                self.proposal = self.proposal.max(action.promised());
                self.check_current(ctx);
            }
            Err(source) => self.finish(Err(CatchUpError::Fill { position, source }), ctx),
        }
    }

    fn finish(&mut self, outcome: Result<(), CatchUpError>, ctx: &mut Context<Self>) {
        self.stop_filling();
        if let Some(promise) = self.done.take() {
            promise.set(outcome);
        }
        ctx.terminate();
    }
}

impl Process for BulkCatchUpProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-bulk-catch-up")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        if let Some(done) = &self.done {
            done.on_discard(move || {
                pid.dispatch(|walk, ctx| walk.finish(Err(CatchUpError::Discarded), ctx));
            });
        }
        self.check_current(ctx);
    }
}
