//! Asks for a promise for one position: the first half of filling it.
//!
//! Mirrors `ExplicitPromiseProcess` of `src/log/consensus.cpp`.

use libprocess::{Future, ProcessId, Runtime};
use mesos_proto::internal::log::{Action, PromiseRequest, PromiseResponse, promise_response};

use super::{
    implicit_promise::kind_of,
    round::{Answers, Joiners, RoundError, RoundProcess, Tally},
};
use crate::network::Network;

/// How an explicit promise round ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExplicitPromise {
    /// A quorum promised, and this is what must be written if anything was written before.
    Accepted { action: Option<Box<Action>> },
    /// One replica knows the agreed value, which settles the matter.
    Learned { action: Box<Action> },
    /// Somebody promised a higher proposal to another proposer.
    Rejected { proposal: u64 },
    /// A quorum does not vote yet.
    Ignored,
}

/// Counts the answers to an explicit promise request.
#[derive(Clone, Debug)]
pub(crate) struct ExplicitPromiseTally {
    answers: Answers,
    rejected: Option<u64>,
    performed: Option<Box<Action>>,
}

impl ExplicitPromiseTally {
    pub(crate) fn new(quorum: usize) -> Self {
        Self {
            answers: Answers::new(quorum),
            rejected: None,
            performed: None,
        }
    }

    /// Keeps the action that was written under the highest proposal.
    fn accept(&mut self, action: &Action) {
        let Some(performed) = action.performed else {
            return;
        };
        let known = self.performed.as_ref().and_then(|known| known.performed);
        if known.is_none_or(|known| known < performed) {
            self.performed = Some(Box::new(action.clone()));
        }
    }
}

impl Tally for ExplicitPromiseTally {
    type Response = PromiseResponse;
    type Outcome = ExplicitPromise;

    fn count(&mut self, response: &PromiseResponse) -> Option<ExplicitPromise> {
        match kind_of(response) {
            promise_response::Type::Ignored => {
                return self.answers.ignored().then_some(ExplicitPromise::Ignored);
            }
            promise_response::Type::Reject => {
                self.rejected = self.rejected.max(Some(response.proposal()));
            }
            promise_response::Type::Accept => {
                if let Some(action) = response.action.as_deref() {
                    if action.learned() && self.rejected.is_none() {
                        let action = Box::new(action.clone());
                        return Some(ExplicitPromise::Learned { action });
                    }
                    self.accept(action);
                }
            }
        }
        self.answers.counted().then(|| match self.rejected {
            Some(proposal) => ExplicitPromise::Rejected { proposal },
            None => ExplicitPromise::Accepted {
                action: self.performed.take(),
            },
        })
    }
}

/// Asks every replica of the network to promise `proposal` for `position`.
pub(crate) fn explicit_promise(
    runtime: &Runtime,
    network: &Network,
    quorum: usize,
    proposal: u64,
    position: u64,
) -> Future<Result<ExplicitPromise, RoundError>> {
    RoundProcess::start(
        runtime,
        ProcessId::generated("log-explicit-promise"),
        network.clone(),
        quorum,
        (
            PromiseRequest {
                proposal: Some(proposal),
                position: Some(position),
                ..PromiseRequest::default()
            },
            Joiners::Ignore,
        ),
        ExplicitPromiseTally::new(quorum),
    )
}
