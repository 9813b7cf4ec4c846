//! Appends to the log, as its only writer.
//!
//! Mirrors `LogWriterProcess` of `src/log/log.cpp`.
//!
//! # Invariants
//! - One write at a time; after a failure nothing is written until the writer is started again.

use bytes::Bytes;
use libprocess::{Context, Future, Outcome, Pid, Process, ProcessId, Promise, Runtime};

use crate::{
    coordinator::{Coordinator, CoordinatorError, Elected},
    log::{Log, LogError, Parts},
};

/// Why the writer cannot write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Nobody has started the writer.
    #[error("No election has been performed")]
    NotStarted,
    /// The log is of no use.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The election failed.
    #[error("Failed to start: {0}")]
    Start(CoordinatorError),
    /// An append failed; nobody knows whether the value is in the log.
    #[error("Failed to append: {0}")]
    Append(CoordinatorError),
    /// A truncation failed.
    #[error("Failed to truncate: {0}")]
    Truncate(CoordinatorError),
}

/// The handle of a writer.
#[derive(Clone, Debug)]
pub struct LogWriter {
    process: Pid<LogWriterProcess>,
}

impl LogWriter {
    /// Makes a writer of `log`; [`LogWriter::start_writing`] must come before the first write.
    pub fn start(runtime: &Runtime, log: &Log) -> Self {
        let process = LogWriterProcess {
            log: log.clone(),
            state: State::NotStarted,
            election: 0,
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Runs for election; the answer is the last position, or none when somebody else leads.
    ///
    /// A writer that lost goes above every proposal it has seen when it is started again.
    pub fn start_writing(&self) -> Future<Result<Elected, WriteError>> {
        self.process.call_future(LogWriterProcess::start_writing)
    }

    /// Appends `data`; the answer is its position, or none when the leadership is lost.
    ///
    /// Whoever gives the append up gives the leadership up too.
    pub fn append(&self, data: Bytes) -> Future<Result<Option<u64>, WriteError>> {
        self.process.call_future(move |writer, ctx| {
            writer.write(WriteError::Append, ctx, |coordinator| {
                coordinator.append(data)
            })
        })
    }

    /// Forgets every position before `to`.
    pub fn truncate(&self, to: u64) -> Future<Result<Option<u64>, WriteError>> {
        self.process.call_future(move |writer, ctx| {
            writer.write(WriteError::Truncate, ctx, |coordinator| {
                coordinator.truncate(to)
            })
        })
    }

    /// Ends the writer.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// The actor behind [`LogWriter`], id `log-writer(N)`.
pub(crate) struct LogWriterProcess {
    log: Log,
    state: State,
    /// Which election the coordinator in `state` comes from.
    election: u64,
}

enum State {
    NotStarted,
    Started {
        coordinator: Coordinator,
    },
    Failed {
        coordinator: Option<Coordinator>,
        error: WriteError,
    },
}

impl LogWriterProcess {
    fn start_writing(&mut self, ctx: &mut Context<Self>) -> Future<Result<Elected, WriteError>> {
        let (promise, future) = Promise::new();
        let parts = self.log.parts();
        ctx.on_ready(parts, move |writer, parts, ctx| {
            writer.on_parts(parts, promise, ctx);
        });
        future
    }

    /// Every start has a coordinator of its own, which begins above what the last one has seen.
    fn on_parts(
        &mut self,
        parts: Result<Parts, LogError>,
        promise: Promise<Result<Elected, WriteError>>,
        ctx: &mut Context<Self>,
    ) {
        let parts = match parts {
            Ok(parts) => parts,
            Err(error) => {
                let error = WriteError::Log(error);
                self.state = State::Failed {
                    coordinator: None,
                    error: error.clone(),
                };
                promise.set(Err(error));
                return;
            }
        };
        match std::mem::replace(&mut self.state, State::NotStarted) {
            State::Started { coordinator: old }
            | State::Failed {
                coordinator: Some(old),
                ..
            } => {
                let floor = old.proposal();
                ctx.on_ready(floor, move |writer, floor, ctx| {
                    old.terminate();
                    writer.elect(&parts, floor, promise, ctx);
                });
            }
            State::NotStarted
            | State::Failed {
                coordinator: None, ..
            } => {
                self.elect(&parts, 0, promise, ctx);
            }
        }
    }

    fn elect(
        &mut self,
        parts: &Parts,
        floor: u64,
        promise: Promise<Result<Elected, WriteError>>,
        ctx: &mut Context<Self>,
    ) {
        let (replica, network) = (parts.replica.clone(), parts.network.clone());
        let coordinator = Coordinator::start(&parts.runtime, parts.quorum, replica, network, floor);
        let elected = coordinator.elect();
        self.state = State::Started { coordinator };
        self.election += 1;
        let election = self.election;
        ctx.on_ready(elected, move |writer, elected, _| {
            let outcome = elected.map_err(WriteError::Start);
            writer.note(election, outcome.as_ref().err());
            promise.set(outcome);
        });
    }

    fn write(
        &mut self,
        wrap: fn(CoordinatorError) -> WriteError,
        ctx: &mut Context<Self>,
        ask: impl FnOnce(&Coordinator) -> Future<Result<Option<u64>, CoordinatorError>>,
    ) -> Future<Result<Option<u64>, WriteError>> {
        match &self.state {
            State::NotStarted => Future::ready(Err(WriteError::NotStarted)),
            State::Failed { error, .. } => Future::ready(Err(error.clone())),
            State::Started { coordinator } => {
                let asked = ask(coordinator);
                let election = self.election;
                let (promise, future) = Promise::new();
                if let Some(asked) = asked.discard_handle() {
                    promise.on_discard(move || asked.discard());
                }
                ctx.on_any(asked, move |writer, written, _| match written {
                    Outcome::Ready(written) => {
                        let outcome = written.map_err(wrap);
                        writer.note(election, outcome.as_ref().err());
                        promise.set(outcome);
                    }
                    Outcome::Failed(reason) => promise.fail(reason),
                    Outcome::Discarded | Outcome::Abandoned => promise.discard(),
                });
                future
            }
        }
    }

    /// Remembers the first error of the present coordinator; one of an older coordinator came too
    /// late.
    fn note(&mut self, election: u64, error: Option<&WriteError>) {
        let Some(error) = error else { return };
        if self.election != election {
            return;
        }
        if let State::Started { coordinator } = &self.state {
            self.state = State::Failed {
                coordinator: Some(coordinator.clone()),
                error: error.clone(),
            };
        }
    }
}

impl Process for LogWriterProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-writer")
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        if let State::Started { coordinator }
        | State::Failed {
            coordinator: Some(coordinator),
            ..
        } = &self.state
        {
            coordinator.terminate();
        }
    }
}

#[cfg(test)]
mod tests;
