//! Asks for a value to be accepted at one position, and tells everybody when it is.
//!
//! Mirrors `WriteProcess` and the learn phase of `src/log/consensus.cpp`.

use libprocess::{Future, ProcessId, Runtime};
use mesos_proto::internal::log::{Action, WriteRequest, WriteResponse, write_response};

use super::round::{Answers, Joiners, RoundError, RoundProcess, Tally};
use crate::network::Network;

/// How a write round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// A quorum has the value: it is agreed.
    Accepted,
    /// Somebody promised a higher proposal to another proposer.
    Rejected { proposal: u64 },
    /// A quorum does not vote yet.
    Ignored,
}

/// Counts the answers to a write request.
#[derive(Clone, Debug)]
pub(crate) struct WriteTally {
    answers: Answers,
    rejected: Option<u64>,
}

impl WriteTally {
    pub(crate) fn new(quorum: usize) -> Self {
        Self {
            answers: Answers::new(quorum),
            rejected: None,
        }
    }
}

impl Tally for WriteTally {
    type Response = WriteResponse;
    type Outcome = Written;

    fn count(&mut self, response: &WriteResponse) -> Option<Written> {
        match kind_of(response) {
            write_response::Type::Ignored => {
                return self.answers.ignored().then_some(Written::Ignored);
            }
            write_response::Type::Reject => {
                self.rejected = self.rejected.max(Some(response.proposal()));
            }
            write_response::Type::Accept => {}
        }
        self.answers.counted().then_some(match self.rejected {
            Some(proposal) => Written::Rejected { proposal },
            None => Written::Accepted,
        })
    }
}

/// The kind of an answer; answers from before 0.26 have only `okay`.
fn kind_of(response: &WriteResponse) -> write_response::Type {
    match (response.r#type, response.okay()) {
        (Some(_), _) => response.r#type(),
        (None, true) => write_response::Type::Accept,
        (None, false) => write_response::Type::Reject,
    }
}

/// The request that writes `action` under `proposal`.
pub(crate) fn write_request(proposal: u64, action: &Action) -> WriteRequest {
    WriteRequest {
        proposal: Some(proposal),
        position: action.position,
        learned: action.learned,
        r#type: action.r#type,
        nop: action.nop.clone(),
        append: action.append.clone(),
        truncate: action.truncate.clone(),
        ..WriteRequest::default()
    }
}

/// Asks every replica of the network to accept `action` under `proposal`.
///
/// Undecided, it asks again whenever a replica joins.
pub(crate) fn write(
    runtime: &Runtime,
    network: &Network,
    quorum: usize,
    proposal: u64,
    action: &Action,
) -> Future<Result<Written, RoundError>> {
    RoundProcess::start(
        runtime,
        ProcessId::generated("log-write"),
        network.clone(),
        quorum,
        (write_request(proposal, action), Joiners::AskAgain),
        WriteTally::new(quorum),
    )
}
