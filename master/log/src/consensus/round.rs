//! One round: wait for a quorum of members, ask them all, count the answers.
//!
//! A round that gets neither a quorum of answers nor of refusals stays pending until its user
//! gives it up. What may be asked twice is asked again, of all members, when somebody joins:
//! in C++ a write that lacks a quorum then hangs although there is one.
//! What is still awaited when a round ends is given up with it: a dead member never answers.
//!
//! # Invariants
//! - Answers are counted apart for each time that all members were asked: a replica that comes
//!   back under another id has one voice in each count.

use libprocess::{Context, DiscardHandle, Future, Process, ProcessId, Promise, Runtime};
use mesos_proto_codec::WireMessage;

use crate::network::{Asked, Network, NetworkError, SizeRule};

/// Counts answers until they decide.
pub(crate) trait Tally: Clone + Send + 'static {
    /// What a replica answers.
    type Response: WireMessage;
    /// What a quorum of answers means.
    type Outcome: Send + 'static;

    /// Takes one more answer; something is returned once, when the round is decided.
    fn count(&mut self, response: &Self::Response) -> Option<Self::Outcome>;
}

/// Whether members are asked once more when somebody joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joiners {
    /// They are: a replica that has done what it is asked says so again.
    AskAgain,
    /// They are not: nobody promises one proposal twice. Who lost makes a higher one.
    Ignore,
}

/// How many answered and how many do not vote.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    quorum: usize,
    responses: usize,
    ignores: usize,
}

impl Answers {
    pub(super) fn new(quorum: usize) -> Self {
        Self {
            quorum,
            responses: 0,
            ignores: 0,
        }
    }

    /// Counts a vote; true when it completes the quorum.
    pub(super) fn counted(&mut self) -> bool {
        self.responses += 1;
        self.responses == self.quorum
    }

    /// Counts a refusal to vote; true when it completes a quorum of them.
    pub(super) fn ignored(&mut self) -> bool {
        self.ignores += 1;
        self.ignores == self.quorum
    }
}

/// Why a round could not be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RoundError {
    /// The network is gone.
    #[error("the network of replicas ended")]
    Network(#[source] NetworkError),
    /// Somebody gave the round up.
    #[error("the round was given up")]
    Discarded,
}

/// The actor that holds one round.
pub(super) struct RoundProcess<Q, T: Tally> {
    id: ProcessId,
    network: Network,
    quorum: usize,
    request: Q,
    joiners: Joiners,
    /// A tally that has counted nothing.
    blank: T,
    /// One for each time that all members were asked.
    tallies: Vec<T>,
    awaited: Vec<DiscardHandle>,
    outcome: Option<Promise<Result<T::Outcome, RoundError>>>,
}

impl<Q: WireMessage, T: Tally> RoundProcess<Q, T> {
    /// Holds a round in an actor of its own, which ends with it.
    pub(super) fn start(
        runtime: &Runtime,
        id: ProcessId,
        network: Network,
        quorum: usize,
        (request, joiners): (Q, Joiners),
        blank: T,
    ) -> Future<Result<T::Outcome, RoundError>> {
        let (promise, future) = Promise::new();
        let outcome = Some(promise);
        runtime.spawn(Self {
            id,
            network,
            quorum,
            request,
            joiners,
            blank,
            tallies: Vec::new(),
            awaited: Vec::new(),
            outcome,
        });
        future
    }

    fn on_quorum_present(&mut self, present: Result<usize, NetworkError>, ctx: &mut Context<Self>) {
        if let Err(error) = present {
            self.finish(Err(RoundError::Network(error)), ctx);
            return;
        }
        self.ask(ctx);
    }

    fn ask(&mut self, ctx: &mut Context<Self>) {
        let count = self.tallies.len();
        self.tallies.push(self.blank.clone());
        let asked = self
            .network
            .broadcast::<Q, T::Response>(self.request.clone());
        ctx.on_ready(asked, move |round, asked, ctx| {
            round.on_asked(count, asked, ctx);
        });
    }

    fn on_asked(&mut self, count: usize, asked: Asked<T::Response>, ctx: &mut Context<Self>) {
        let answers = asked.answers;
        self.awaited
            .extend(answers.iter().filter_map(Future::discard_handle));
        for answer in answers {
            ctx.on_ready(answer, move |round, answer, ctx| {
                round.on_answer(count, &answer, ctx);
            });
        }
        match self.joiners {
            Joiners::AskAgain => {
                let joined = self.network.joined(asked.joins);
                self.awaited.extend(joined.discard_handle());
                ctx.on_ready(joined, Self::on_joined);
            }
            Joiners::Ignore => {}
        }
    }

    fn on_joined(&mut self, joined: Result<(), NetworkError>, ctx: &mut Context<Self>) {
        match joined {
            _ if self.outcome.is_none() => {}
            Ok(()) => self.ask(ctx),
            Err(error) => self.finish(Err(RoundError::Network(error)), ctx),
        }
    }

    fn on_answer(&mut self, count: usize, response: &T::Response, ctx: &mut Context<Self>) {
        if self.outcome.is_none() {
            return;
        }
        let tally = self.tallies.get_mut(count);
        if let Some(outcome) = tally.and_then(|tally| tally.count(response)) {
            self.finish(Ok(outcome), ctx);
        }
    }

    fn finish(&mut self, outcome: Result<T::Outcome, RoundError>, ctx: &mut Context<Self>) {
        for awaited in std::mem::take(&mut self.awaited) {
            awaited.discard();
        }
        if let Some(promise) = self.outcome.take() {
            promise.set(outcome);
        }
        ctx.terminate();
    }
}

impl<Q: WireMessage, T: Tally> Process for RoundProcess<Q, T> {
    fn id(&self) -> ProcessId {
        self.id.clone()
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        if let Some(outcome) = &self.outcome {
            outcome.on_discard(move || {
                pid.dispatch(|round, ctx| round.finish(Err(RoundError::Discarded), ctx));
            });
        }
        let present = self.network.watch(SizeRule::AtLeast(self.quorum));
        self.awaited.extend(present.discard_handle());
        ctx.on_ready(present, Self::on_quorum_present);
    }
}
