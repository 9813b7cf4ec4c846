//! Reads what is agreed, from the local replica.
//!
//! Mirrors `LogReaderProcess` of `src/log/log.cpp`.

use bytes::Bytes;
use libprocess::{Context, Future, Pid, Process, ProcessId, Runtime};
use mesos_proto::internal::log::{Action, action};

use crate::{
    catchup_missing::{CatchUpMissingError, catch_up_missing},
    log::{Log, LogError, Parts},
    replica::ReadError,
};

/// One appended value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The position in the log.
    pub position: u64,
    /// The value.
    pub data: Bytes,
}

/// Why a range could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogReadError {
    /// The log is of no use.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The local replica refused or failed.
    #[error(transparent)]
    Replica(#[from] ReadError),
    /// A position of the range is not agreed, as far as this replica knows.
    #[error("Bad read range (includes pending entries)")]
    Pending,
    /// A position of the range is not stored here.
    #[error("Bad read range (includes missing entries)")]
    Missing,
}

/// Why a follower could not be brought up to date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogCatchUpError {
    /// The log is of no use.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The catch-up failed.
    #[error(transparent)]
    CatchUp(#[from] CatchUpMissingError),
}

/// The handle of a reader.
#[derive(Clone, Debug)]
pub struct LogReader {
    process: Pid<LogReaderProcess>,
}

impl LogReader {
    /// Starts a reader of `log`.
    pub fn start(runtime: &Runtime, log: &Log) -> Self {
        Self {
            process: runtime.spawn(LogReaderProcess { log: log.clone() }),
        }
    }

    /// The first position that is not truncated, as the local replica sees it.
    pub fn beginning(&self) -> Future<Result<u64, LogError>> {
        self.with_parts(|parts| parts.replica.beginning())
    }

    /// The last position, as the local replica sees it.
    pub fn ending(&self) -> Future<Result<u64, LogError>> {
        self.with_parts(|parts| parts.replica.ending())
    }

    /// The appended values of `from..=to`.
    pub fn read(&self, from: u64, to: u64) -> Future<Result<Vec<Entry>, LogReadError>> {
        self.with_parts(move |parts| parts.replica.read(from, to))
            .map(move |read| {
                let actions = read??;
                entries(from, to, actions)
            })
    }

    /// Fills what this replica misses, so that a follower can be read; the answer is the last
    /// position that can be read then. The very last of the log is left to its writer.
    ///
    /// # Errors
    /// Through the future: the replica does not vote, or there is only one position.
    pub fn catch_up(&self) -> Future<Result<u64, LogCatchUpError>> {
        self.with_parts(|parts| catch_up_missing(&parts.runtime, parts))
            .map(|caught_up| Ok(caught_up??))
    }

    fn with_parts<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Parts) -> Future<T> + Send + 'static,
    ) -> Future<Result<T, LogError>> {
        self.process.call_future(move |reader, _| {
            reader.log.parts().then(move |parts| match parts {
                Ok(parts) => ask(&parts).map(Ok),
                Err(error) => Future::ready(Err(error)),
            })
        })
    }

    /// Ends the reader.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// Picks the appended values out of agreed actions.
fn entries(from: u64, to: u64, actions: Vec<Action>) -> Result<Vec<Entry>, LogReadError> {
    let mut expected = from;
    let mut found = Vec::new();
    for action in actions {
        if action.performed.is_none() || !action.learned() {
            return Err(LogReadError::Pending);
        }
        if action.position() != expected {
            return Err(LogReadError::Missing);
        }
        expected = expected.saturating_add(1);
        if action.r#type() == action::Type::Append {
            let data = action.append().bytes().clone();
            found.push(Entry {
                position: action.position(),
                data,
            });
        }
    }
    if expected == to.saturating_add(1) {
        Ok(found)
    } else {
        Err(LogReadError::Missing)
    }
}

/// The actor behind [`LogReader`], id `log-reader(N)`.
pub(crate) struct LogReaderProcess {
    log: Log,
}

impl Process for LogReaderProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-reader")
    }

    fn initialize(&mut self, _: &mut Context<Self>) {}
}
