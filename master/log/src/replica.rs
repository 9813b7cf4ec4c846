//! One acceptor and learner of the replicated log.
//!
//! Mirrors `ReplicaProcess` of `src/log/replica.cpp`.
//!
//! # Owns
//! The storage, and a [`ReplicaState`] that mirrors it.
//!
//! # Invariants
//! - Requests are served one at a time, in the order in which they came.
//! - An answer leaves only after what it promises is synced; a failed write ends in silence.

mod state;

use std::{collections::VecDeque, path::PathBuf};

use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime, Upid};
use mesos_proto::internal::log::{
    Action, LearnedMessage, PromiseRequest, RecoverRequest, WriteRequest, metadata,
};

pub use self::state::Scan;
use self::state::Verdict;
pub(crate) use self::state::{Change, Found, ReplicaState, truncates_to};
use crate::{
    positions::Positions,
    storage::{Storage, StorageError, StorageHandle},
};

/// Why a range of the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The range ends before it begins.
    #[error("Bad read range (to < from)")]
    Reversed,
    /// The range begins before the log does.
    #[error("Bad read range (truncated position)")]
    TruncatedRange,
    /// The range ends after the log does.
    #[error("Bad read range (past end of log)")]
    PastEnd,
    /// The storage failed.
    #[error("failed to read from storage")]
    Storage(#[source] StorageError),
}

/// The handle of the local replica.
#[derive(Clone, Debug)]
pub struct Replica {
    process: Pid<ReplicaProcess>,
}

impl Replica {
    /// Opens the storage and starts the replica once it has been scanned.
    ///
    /// # Errors
    /// Through the future: a storage that cannot be opened or read. A replica must not run then.
    pub fn start<S: Storage + 'static>(
        runtime: &Runtime,
        path: PathBuf,
        open: impl FnOnce() -> Result<S, StorageError> + Send + 'static,
    ) -> Future<Result<Self, StorageError>> {
        let (storage, scan) = match StorageHandle::start(runtime.clock(), path, open) {
            Ok(started) => started,
            Err(error) => return Future::ready(Err(error)),
        };
        let runtime = runtime.clone();
        scan.map(move |scan| {
            let state = ReplicaState::recovered(&scan?);
            let process = ReplicaProcess {
                storage,
                state,
                queue: VecDeque::new(),
                busy: None,
                broken: None,
                failures: Vec::new(),
            };
            Ok(Self {
                process: runtime.spawn(process),
            })
        })
    }

    /// The id that other replicas send to.
    #[must_use]
    pub fn upid(&self) -> &Upid {
        self.process.upid()
    }

    /// Whether the replica votes.
    pub fn status(&self) -> Future<metadata::Status> {
        self.ask(ReplicaState::status)
    }

    /// The highest proposal promised for all positions.
    pub fn promised(&self) -> Future<u64> {
        self.ask(ReplicaState::promised)
    }

    /// The first position that is not truncated.
    pub fn beginning(&self) -> Future<u64> {
        self.ask(ReplicaState::beginning)
    }

    /// The last position seen.
    pub fn ending(&self) -> Future<u64> {
        self.ask(ReplicaState::ending)
    }

    /// Whether the agreed value of `position` is unknown here.
    pub fn is_missing(&self, position: u64) -> Future<bool> {
        self.ask(move |state| state.is_missing(position))
    }

    /// The positions of `from..=to` whose agreed value is unknown here.
    pub fn missing(&self, from: u64, to: u64) -> Future<Positions> {
        self.ask(move |state| state.missing(from, to))
    }

    /// Answers after everything that was asked before is stored.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&ReplicaState) -> T + Send + 'static,
    ) -> Future<T> {
        self.process.call_future(move |replica, ctx| {
            let (promise, future) = Promise::new();
            let answer = move |state: &ReplicaState| promise.set(question(state));
            replica.enqueue(Job::Ask(Box::new(answer)), ctx);
            future
        })
    }

    /// Stores another status; false when the storage failed.
    pub fn update(&self, status: metadata::Status) -> Future<bool> {
        self.process.call_future(move |replica, ctx| {
            let (promise, future) = Promise::new();
            replica.enqueue(Job::Update { status, promise }, ctx);
            future
        })
    }

    /// Reads the actions of `from..=to`; holes are left out.
    pub fn read(&self, from: u64, to: u64) -> Future<Result<Vec<Action>, ReadError>> {
        self.process.call_future(move |replica, ctx| {
            let (promise, future) = Promise::new();
            replica.enqueue(Job::Read { from, to, promise }, ctx);
            future
        })
    }

    /// Ready with the reason when something could not be stored; the replica is of no more use.
    pub fn failed(&self) -> Future<String> {
        self.process.call_future(|replica, _| {
            if let Some(reason) = &replica.broken {
                return Future::ready(reason.clone());
            }
            let (promise, future) = Promise::new();
            replica.failures.push(promise);
            future
        })
    }

    /// Ends the replica.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// The actor behind [`Replica`], id `log-replica(N)`.
pub(crate) struct ReplicaProcess {
    storage: StorageHandle,
    state: ReplicaState,
    queue: VecDeque<Job>,
    busy: Option<Busy>,
    /// Why the storage takes nothing any more.
    broken: Option<String>,
    failures: Vec<Promise<String>>,
}

/// Marks that a job waits for the storage.
#[derive(Debug)]
struct Busy;

enum Job {
    Promise {
        from: Upid,
        request: PromiseRequest,
    },
    Write {
        from: Upid,
        request: WriteRequest,
    },
    Learned {
        action: Box<Action>,
    },
    Update {
        status: metadata::Status,
        promise: Promise<bool>,
    },
    Read {
        from: u64,
        to: u64,
        promise: Promise<Result<Vec<Action>, ReadError>>,
    },
    Ask(Box<dyn FnOnce(&ReplicaState) + Send>),
}

impl ReplicaProcess {
    fn on_promise_request(
        &mut self,
        from: &Upid,
        request: PromiseRequest,
        ctx: &mut Context<Self>,
    ) {
        self.enqueue(
            Job::Promise {
                from: from.clone(),
                request,
            },
            ctx,
        );
    }

    fn on_write_request(&mut self, from: &Upid, request: WriteRequest, ctx: &mut Context<Self>) {
        self.enqueue(
            Job::Write {
                from: from.clone(),
                request,
            },
            ctx,
        );
    }

    fn on_learned(&mut self, _: &Upid, message: LearnedMessage, ctx: &mut Context<Self>) {
        match message.action {
            Some(action) if action.learned() => {
                self.enqueue(Job::Learned { action }, ctx);
            }
            Some(_) | None => tracing::warn!("ignored a learned message without a learned action"),
        }
    }

    /// Answered at once: it only reports what is stored already.
    fn on_recover_request(&mut self, from: &Upid, _: RecoverRequest, ctx: &mut Context<Self>) {
        ctx.send_protobuf(from, &self.state.recover());
    }

    fn enqueue(&mut self, job: Job, ctx: &mut Context<Self>) {
        self.queue.push_back(job);
        self.serve(ctx);
    }

    fn serve(&mut self, ctx: &mut Context<Self>) {
        while self.busy.is_none()
            && let Some(job) = self.queue.pop_front()
        {
            match job {
                Job::Promise { from, request } => self.serve_promise(from, request, ctx),
                Job::Write { from, request } => self.serve_write(from, request, ctx),
                Job::Learned { action } => {
                    let verdict = Verdict {
                        change: Some(Change::Action(action)),
                        answer: None,
                    };
                    self.carry_out(verdict, |_: &(), _| {}, ctx);
                }
                Job::Read { from, to, promise } => promise.associate(self.read(from, to)),
                Job::Ask(answer) => answer(&self.state),
                Job::Update { status, promise } => self.serve_update(status, promise, ctx),
            }
        }
    }

    fn serve_promise(&mut self, from: Upid, request: PromiseRequest, ctx: &mut Context<Self>) {
        let position = request.position;
        self.find(position, ctx, move |replica, found, ctx| {
            let verdict = replica.state.promise(&request, &found);
            replica.carry_out(
                verdict,
                move |answer, ctx| ctx.send_protobuf(&from, answer),
                ctx,
            );
        });
    }

    fn serve_write(&mut self, from: Upid, request: WriteRequest, ctx: &mut Context<Self>) {
        let position = request.position;
        self.find(position, ctx, move |replica, found, ctx| {
            let verdict = replica.state.write(&request, &found);
            replica.carry_out(
                verdict,
                move |answer, ctx| ctx.send_protobuf(&from, answer),
                ctx,
            );
        });
    }

    fn serve_update(
        &mut self,
        status: metadata::Status,
        promise: Promise<bool>,
        ctx: &mut Context<Self>,
    ) {
        self.busy = Some(Busy);
        let metadata = self.state.metadata_for(status);
        let stored = self.storage.persist_metadata(metadata.clone());
        ctx.on_ready(stored, move |replica, stored, ctx| {
            promise.set(replica.note_stored(&Change::Metadata(metadata), stored));
            replica.resume(ctx);
        });
    }

    /// Looks up what is stored at `position`, then continues; a failed read ends in silence.
    fn find(
        &mut self,
        position: Option<u64>,
        ctx: &mut Context<Self>,
        then: impl FnOnce(&mut Self, Found, &mut Context<Self>) + Send + 'static,
    ) {
        let Some(position) = position else {
            return then(self, Found::Nothing, ctx);
        };
        if position < self.state.beginning() {
            return then(self, Found::Truncated, ctx);
        }
        if self.state.is_blank(position) {
            return then(self, Found::Nothing, ctx);
        }
        self.busy = Some(Busy);
        let read = self.storage.read(position);
        ctx.on_ready(read, move |replica, read, ctx| {
            replica.busy = None;
            match read {
                Ok(action) => then(replica, Found::Action(Box::new(action)), ctx),
                Err(error) => tracing::error!(%error, position, "failed to read from the log"),
            }
            replica.serve(ctx);
        });
    }

    /// Stores what the verdict asks for, then answers.
    fn carry_out<R: Send + 'static>(
        &mut self,
        verdict: Verdict<R>,
        answer: impl FnOnce(&R, &mut Context<Self>) + Send + 'static,
        ctx: &mut Context<Self>,
    ) {
        let Verdict {
            change,
            answer: said,
        } = verdict;
        let Some(change) = change else {
            if let Some(said) = &said {
                answer(said, ctx);
            }
            return;
        };
        self.busy = Some(Busy);
        let stored = match &change {
            Change::Metadata(metadata) => self.storage.persist_metadata(metadata.clone()),
            Change::Action(action) => self.storage.persist_action((**action).clone()),
        };
        ctx.on_ready(stored, move |replica, stored, ctx| {
            if replica.note_stored(&change, stored)
                && let Some(said) = &said
            {
                answer(said, ctx);
            }
            replica.resume(ctx);
        });
    }

    fn note_stored(&mut self, change: &Change, stored: Result<(), StorageError>) -> bool {
        match stored {
            Ok(()) => {
                self.state.stored(change);
                true
            }
            Err(error) => {
                tracing::error!(%error, "failed to write to the log");
                let reason = error.to_string();
                for promise in std::mem::take(&mut self.failures) {
                    promise.set(reason.clone());
                }
                self.broken.get_or_insert(reason);
                false
            }
        }
    }

    fn resume(&mut self, ctx: &mut Context<Self>) {
        self.busy = None;
        self.serve(ctx);
    }

    fn read(&self, from: u64, to: u64) -> Future<Result<Vec<Action>, ReadError>> {
        let state = &self.state;
        let refused = if to < from {
            Some(ReadError::Reversed)
        } else if from < state.beginning() {
            Some(ReadError::TruncatedRange)
        } else if to > state.ending() {
            Some(ReadError::PastEnd)
        } else {
            None
        };
        if let Some(error) = refused {
            return Future::ready(Err(error));
        }
        self.storage
            .read_all(state.stored_between(from, to))
            .map(|read| read.map_err(ReadError::Storage))
    }
}

impl Process for ReplicaProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-replica")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(Self::on_promise_request);
        ctx.install_protobuf(Self::on_write_request);
        ctx.install_protobuf(Self::on_learned);
        ctx.install_protobuf(Self::on_recover_request);
    }
}
