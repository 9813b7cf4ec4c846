//! What the answers to a recover request mean.

use mesos_proto::internal::log::{RecoverResponse, metadata};

use super::Initialization;

/// What a replica that does not vote does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Fetch these positions (both included) from those who vote, then vote.
    CatchUp { begin: u64, end: u64 },
    /// Everybody is as empty as we are: say that we start.
    Start,
    /// Everybody has said so: vote.
    Vote,
    /// All have answered and nothing follows from it.
    Again,
}

/// Counts answers by status.
#[derive(Debug)]
pub(crate) struct RecoverTally {
    quorum: usize,
    status: metadata::Status,
    initialization: Initialization,
    expected: usize,
    answers: usize,
    voting: usize,
    starting: usize,
    empty: usize,
    begin: Option<u64>,
    end: u64,
}

impl RecoverTally {
    pub(crate) fn new(
        quorum: usize,
        status: metadata::Status,
        initialization: Initialization,
    ) -> Self {
        Self {
            quorum,
            status,
            initialization,
            expected: 0,
            answers: 0,
            voting: 0,
            starting: 0,
            empty: 0,
            begin: None,
            end: 0,
        }
    }

    /// Says how many were asked.
    pub(crate) fn expect(&mut self, asked: usize) {
        self.expected = asked;
    }

    /// The size of the whole cluster follows from the quorum.
    fn cluster(&self) -> usize {
        self.quorum.saturating_mul(2).saturating_sub(1)
    }

    /// Takes one answer; something is returned when the round is decided.
    pub(crate) fn count(&mut self, answer: &RecoverResponse) -> Option<Decision> {
        self.answers += 1;
        match answer.status() {
            metadata::Status::Voting => {
                self.voting += 1;
                self.begin = Some(self.begin.unwrap_or(u64::MAX).min(answer.begin()));
                self.end = self.end.max(answer.end());
            }
            metadata::Status::Starting => self.starting += 1,
            metadata::Status::Empty => self.empty += 1,
            metadata::Status::Recovering => {}
        }
        self.decide()
    }

    fn decide(&self) -> Option<Decision> {
        if self.voting >= self.quorum {
            return Some(Decision::CatchUp {
                begin: self.begin.unwrap_or(0),
                end: self.end,
            });
        }
        match (self.initialization, self.status) {
            (Initialization::Automatic, metadata::Status::Empty)
                if self.empty + self.starting >= self.cluster() =>
            {
                return Some(Decision::Start);
            }
            (Initialization::Automatic, metadata::Status::Starting)
                if self.starting + self.voting >= self.cluster() =>
            {
                return Some(Decision::Vote);
            }
            (Initialization::Manual, _) if self.empty >= self.cluster() => tracing::warn!(
                "Replicated log has not been initialized. \
                 Initialize it with `mesos-log initialize`, or allow automatic initialization."
            ),
            (Initialization::Automatic | Initialization::Manual, _) => {}
        }
        (self.answers >= self.expected).then_some(Decision::Again)
    }
}

#[cfg(test)]
mod tests;
