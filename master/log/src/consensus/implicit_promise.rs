//! Asks for a promise that covers every position: how a coordinator is elected.
//!
//! Mirrors `ImplicitPromiseProcess` of `src/log/consensus.cpp`.

use libprocess::{Future, ProcessId, Runtime};
use mesos_proto::internal::log::{PromiseRequest, PromiseResponse, promise_response};

use super::round::{Answers, Joiners, RoundError, RoundProcess, Tally};
use crate::network::Network;

/// How an implicit promise round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImplicitPromise {
    /// A quorum promised; `end` is the last position that any of them has seen.
    Accepted { end: u64 },
    /// Somebody promised a higher proposal to another proposer.
    Rejected { proposal: u64 },
    /// A quorum does not vote yet.
    Ignored,
}

/// Counts the answers to an implicit promise request.
#[derive(Clone, Debug)]
pub(crate) struct ImplicitPromiseTally {
    answers: Answers,
    rejected: Option<u64>,
    end: u64,
}

impl ImplicitPromiseTally {
    pub(crate) fn new(quorum: usize) -> Self {
        Self {
            answers: Answers::new(quorum),
            rejected: None,
            end: 0,
        }
    }
}

impl Tally for ImplicitPromiseTally {
    type Response = PromiseResponse;
    type Outcome = ImplicitPromise;

    fn count(&mut self, response: &PromiseResponse) -> Option<ImplicitPromise> {
        match kind_of(response) {
            promise_response::Type::Ignored => {
                return self.answers.ignored().then_some(ImplicitPromise::Ignored);
            }
            promise_response::Type::Reject => {
                self.rejected = self.rejected.max(Some(response.proposal()));
            }
            promise_response::Type::Accept => self.end = self.end.max(response.position()),
        }
        self.answers.counted().then_some(match self.rejected {
            Some(proposal) => ImplicitPromise::Rejected { proposal },
            None => ImplicitPromise::Accepted { end: self.end },
        })
    }
}

/// The kind of an answer; answers from before 0.26 have only `okay`.
pub(super) fn kind_of(response: &PromiseResponse) -> promise_response::Type {
    match (response.r#type, response.okay()) {
        (Some(_), _) => response.r#type(),
        (None, true) => promise_response::Type::Accept,
        (None, false) => promise_response::Type::Reject,
    }
}

/// Asks every replica of the network to promise `proposal` for all positions.
pub(crate) fn implicit_promise(
    runtime: &Runtime,
    network: &Network,
    quorum: usize,
    proposal: u64,
) -> Future<Result<ImplicitPromise, RoundError>> {
    RoundProcess::start(
        runtime,
        ProcessId::generated("log-implicit-promise"),
        network.clone(),
        quorum,
        (
            PromiseRequest {
                proposal: Some(proposal),
                ..PromiseRequest::default()
            },
            Joiners::Ignore,
        ),
        ImplicitPromiseTally::new(quorum),
    )
}
