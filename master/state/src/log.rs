//! Entries in the replicated log.
//!
//! Mirrors `src/state/log.cpp`.
//!
//! # Owns
//! A cache of the last snapshot of each name, from which all reads are served.
//!
//! # Invariants
//! - Changes run one at a time; each is agreed in the log before the cache shows it.
//! - After a change everything before the oldest snapshot is truncated; a truncation that loses
//!   the leadership makes the next change start the writer again (C++ does not).
//!
//! # Timers
//! A writer that lost its election tries again after a short random pause; C++ spins.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use libprocess::{Context, Future, Outcome, Pid, Process, ProcessId, Promise, Runtime};
use mesos_log::{Elected, Entry as LogEntry, Log, LogReadError, LogReader, LogWriter, WriteError};
use mesos_proto::internal::state::{Entry, Operation, operation};
use prost::Message;
use uuid::Uuid;

use crate::{
    storage::{Storage, StorageError, version_of},
    svndiff,
};

const SHORTEST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_millis(150);

/// How many changes of an entry in a row are written as differences.
///
/// Each saves writing the whole registry; whoever reads the log has to apply them all.
const DIFFERENCES: usize = 50;

/// The handle of a storage in the replicated log.
#[derive(Clone, Debug)]
pub struct LogStorage {
    process: Pid<LogStorageProcess>,
}

impl LogStorage {
    /// Starts a storage in `log`; the log is read and the writer elected at the first use.
    ///
    /// Most changes are written as differences. C++ masters write none, and read them.
    #[must_use]
    pub fn start(runtime: &Runtime, log: &Log) -> Self {
        Self::start_with_differences(runtime, log, DIFFERENCES)
    }

    /// Starts a storage as [`LogStorage::start`] that writes up to so many changes of an entry as
    /// differences before it writes the whole entry again.
    ///
    /// It is also written again when the differences together would be no smaller.
    #[must_use]
    pub fn start_with_differences(runtime: &Runtime, log: &Log, differences: usize) -> Self {
        let process = LogStorageProcess {
            reader: LogReader::start(runtime, log),
            writer: LogWriter::start(runtime, log),
            differences,
            phase: Phase::NotStarted,
            random: fastrand::Rng::new(),
            cache: BTreeMap::new(),
            truncated: None,
            index: None,
            queue: VecDeque::new(),
            waiting: Vec::new(),
        };
        Self {
            process: runtime.spawn(process),
        }
    }
}

impl Storage for LogStorage {
    fn get(&self, name: &str) -> Future<Result<Option<Entry>, StorageError>> {
        let name = name.to_owned();
        self.process.call_future(move |storage, ctx| {
            storage.when_started(ctx, move |storage| {
                storage
                    .cache
                    .get(&name)
                    .map(|snapshot| snapshot.entry.clone())
            })
        })
    }

    fn set(&self, entry: Entry, version: Uuid) -> Future<Result<bool, StorageError>> {
        self.change(Change::Set { entry, version })
    }

    fn expunge(&self, entry: Entry) -> Future<Result<bool, StorageError>> {
        self.change(Change::Expunge { entry })
    }

    fn names(&self) -> Future<Result<Vec<String>, StorageError>> {
        self.process.call_future(|storage, ctx| {
            storage.when_started(ctx, |storage| storage.cache.keys().cloned().collect())
        })
    }
}

impl LogStorage {
    fn change(&self, change: Change) -> Future<Result<bool, StorageError>> {
        self.process.call_future(move |storage, ctx| {
            let (promise, future) = Promise::new();
            storage.queue.push_back(Job::Change { change, promise });
            storage.serve(ctx);
            future
        })
    }
}

/// The actor behind [`LogStorage`], id `log-storage(N)`.
pub(crate) struct LogStorageProcess {
    reader: LogReader,
    writer: LogWriter,
    /// How many changes in a row are written as differences.
    differences: usize,
    phase: Phase,
    random: fastrand::Rng,
    cache: BTreeMap<String, Snapshot>,
    /// Everything before this position is gone from the log.
    truncated: Option<u64>,
    /// The last position that the cache reflects.
    index: Option<u64>,
    queue: VecDeque<Job>,
    waiting: Vec<Waiter>,
}

type Waiter = Box<dyn FnOnce(&LogStorageProcess, Result<(), StorageError>) + Send>;

enum Phase {
    NotStarted,
    Starting,
    Ready,
    /// A change or a truncation runs.
    Busy,
    /// A truncation found that somebody else leads; whoever changes something next is told.
    Lost,
    Failed(StorageError),
}

struct Snapshot {
    /// Where the entry was written whole.
    position: u64,
    entry: Entry,
    /// How many differences follow the whole entry.
    differences: usize,
    /// Bytes of these differences together.
    difference_bytes: usize,
}

/// How a change was written.
#[derive(Clone, Copy)]
enum Form {
    Whole,
    /// As a difference of so many bytes.
    Difference(usize),
}

#[derive(Clone)]
enum Change {
    Set { entry: Entry, version: Uuid },
    Expunge { entry: Entry },
}

enum Job {
    Change {
        change: Change,
        promise: Promise<Result<bool, StorageError>>,
    },
    Truncate,
}

impl LogStorageProcess {
    /// Answers a read once the log has been read; starts that when nobody has.
    fn when_started<T: Send + 'static>(
        &mut self,
        ctx: &mut Context<Self>,
        read: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Future<Result<T, StorageError>> {
        match &self.phase {
            Phase::Ready | Phase::Busy => return Future::ready(Ok(read(self))),
            Phase::Failed(error) => return Future::ready(Err(error.clone())),
            Phase::NotStarted | Phase::Lost => self.start(ctx),
            Phase::Starting => {}
        }
        let (promise, future) = Promise::new();
        self.waiting.push(Box::new(move |storage, started| {
            promise.set(started.map(|()| read(storage)));
        }));
        future
    }

    fn start(&mut self, ctx: &mut Context<Self>) {
        self.phase = Phase::Starting;
        let elected = self.writer.start_writing();
        ctx.on_ready(elected, Self::on_elected);
    }

    fn on_elected(&mut self, elected: Result<Elected, WriteError>, ctx: &mut Context<Self>) {
        match elected {
            Err(error) => self.fail(&StorageError::Log(error.to_string())),
            Ok(None) => {
                let span = (LONGEST_RETRY - SHORTEST_RETRY).mul_f64(self.random.f64());
                ctx.delay(SHORTEST_RETRY + span, Self::start);
            }
            Ok(Some(last)) => {
                let beginning = self.reader.beginning();
                ctx.on_ready(beginning, move |storage, beginning, ctx| match beginning {
                    Ok(beginning) => storage.read_log(beginning, last, ctx),
                    Err(error) => storage.fail(&StorageError::Log(error.to_string())),
                });
            }
        }
    }

    /// Reads what is new; a cache that another writer's truncation left behind is built anew.
    fn read_log(&mut self, beginning: u64, last: u64, ctx: &mut Context<Self>) {
        let from = match self.index {
            Some(index) if index >= beginning => index.saturating_add(1),
            Some(_) | None => {
                self.cache.clear();
                beginning
            }
        };
        self.truncated = Some(beginning);
        if from > last {
            self.on_read(last, Ok(Vec::new()), ctx);
            return;
        }
        let read = self.reader.read(from, last);
        ctx.on_ready(read, move |storage, read, ctx| {
            storage.on_read(last, read, ctx);
        });
    }

    fn on_read(
        &mut self,
        last: u64,
        read: Result<Vec<LogEntry>, LogReadError>,
        ctx: &mut Context<Self>,
    ) {
        let applied = match read {
            Ok(entries) => entries.iter().try_for_each(|entry| self.apply(entry)),
            Err(error) => Err(StorageError::Log(error.to_string())),
        };
        if let Err(error) = applied {
            self.fail(&error);
            return;
        }
        self.index = Some(last);
        self.phase = Phase::Ready;
        for waiter in std::mem::take(&mut self.waiting) {
            waiter(self, Ok(()));
        }
        self.serve(ctx);
    }

    fn apply(&mut self, entry: &LogEntry) -> Result<(), StorageError> {
        let operation = Operation::decode(entry.data.clone())
            .map_err(|error| StorageError::Malformed(error.to_string()))?;
        if operation::Type::try_from(operation.r#type.unwrap_or_default()).is_err() {
            return Err(StorageError::UnknownOperation(
                operation.r#type.unwrap_or_default(),
            ));
        }
        match operation.r#type() {
            operation::Type::Snapshot => {
                let stored = operation.snapshot().entry().clone();
                let snapshot = Snapshot {
                    position: entry.position,
                    entry: stored,
                    differences: 0,
                    difference_bytes: 0,
                };
                self.cache
                    .insert(snapshot.entry.name().to_owned(), snapshot);
            }
            operation::Type::Diff => self.apply_diff(operation.diff().entry())?,
            operation::Type::Expunge => {
                self.cache.remove(operation.expunge().name());
            }
        }
        Ok(())
    }

    fn apply_diff(&mut self, diff: &Entry) -> Result<(), StorageError> {
        let missing = || StorageError::Diff(format!("no snapshot of '{}'", diff.name()));
        let snapshot = self.cache.get_mut(diff.name()).ok_or_else(missing)?;
        let value = svndiff::apply(snapshot.entry.value(), diff.value())
            .map_err(|error| StorageError::Diff(error.to_string()))?;
        snapshot.entry.value = Some(value.into());
        snapshot.entry.uuid.clone_from(&diff.uuid);
        snapshot.differences += 1;
        snapshot.difference_bytes += diff.value().len();
        Ok(())
    }

    fn fail(&mut self, error: &StorageError) {
        tracing::error!(%error, "the state in the log is of no use");
        self.phase = Phase::Failed(error.clone());
        for waiter in std::mem::take(&mut self.waiting) {
            waiter(self, Err(error.clone()));
        }
        for job in std::mem::take(&mut self.queue) {
            if let Job::Change { promise, .. } = job {
                promise.set(Err(error.clone()));
            }
        }
    }

    /// Takes up the next job when none runs.
    fn serve(&mut self, ctx: &mut Context<Self>) {
        match &self.phase {
            Phase::Ready => {}
            Phase::NotStarted => return self.start(ctx),
            Phase::Starting | Phase::Busy => return,
            Phase::Lost => return self.tell_lost(),
            Phase::Failed(error) => {
                let error = error.clone();
                return self.fail(&error);
            }
        }
        while let Some(job) = self.queue.pop_front() {
            match job {
                Job::Truncate => {
                    if self.truncate(ctx) {
                        return;
                    }
                }
                Job::Change { promise, .. } if promise.discard_requested() => promise.discard(),
                Job::Change { change, promise } => {
                    if !self.may_change(&change) {
                        promise.set(Ok(false));
                        continue;
                    }
                    self.append(change, promise, ctx);
                    return;
                }
            }
        }
    }

    /// Refuses what was asked under a leadership that is lost.
    ///
    /// To be elected again for it would take the log away from the new leader.
    fn tell_lost(&mut self) {
        for job in std::mem::take(&mut self.queue) {
            if let Job::Change { promise, .. } = job {
                self.phase = Phase::NotStarted;
                promise.set(Ok(false));
            }
        }
    }

    /// Whether the change was made against what is stored.
    fn may_change(&self, change: &Change) -> bool {
        match change {
            Change::Set { entry, version } => self
                .cache
                .get(entry.name())
                .is_none_or(|stored| version_of(&stored.entry) == Some(*version)),
            Change::Expunge { entry } => self
                .cache
                .get(entry.name())
                .is_some_and(|stored| stored.entry.uuid == entry.uuid),
        }
    }

    fn append(
        &mut self,
        change: Change,
        promise: Promise<Result<bool, StorageError>>,
        ctx: &mut Context<Self>,
    ) {
        self.phase = Phase::Busy;
        let (form, operation) = self.operation_of(&change);
        let appended = self.writer.append(operation.encode_to_vec().into());
        if let Some(appended) = appended.discard_handle() {
            promise.on_discard(move || appended.discard());
        }
        ctx.on_any(appended, move |storage, appended, ctx| match appended {
            Outcome::Ready(Ok(Some(position))) => {
                storage.on_agreed(change, form, position);
                promise.set(Ok(true));
                storage.serve(ctx);
            }
            Outcome::Ready(Ok(None)) => {
                promise.set(Ok(false));
                storage.on_lost(ctx);
            }
            // Nobody waits any more, and nobody knows whether it was done.
            Outcome::Discarded | Outcome::Abandoned => {
                promise.discard();
                storage.on_lost(ctx);
            }
            Outcome::Ready(Err(error)) => storage.on_broken(error.to_string(), promise),
            Outcome::Failed(reason) => storage.on_broken(reason, promise),
        });
    }

    fn on_agreed(&mut self, change: Change, form: Form, position: u64) {
        self.index = Some(position);
        match change {
            Change::Set { entry, .. } => {
                let whole = Snapshot {
                    position,
                    entry,
                    differences: 0,
                    difference_bytes: 0,
                };
                let name = whole.entry.name().to_owned();
                let old = self.cache.get(&name);
                let snapshot = match (form, old) {
                    (Form::Difference(bytes), Some(old)) => Snapshot {
                        position: old.position,
                        differences: old.differences + 1,
                        difference_bytes: old.difference_bytes + bytes,
                        ..whole
                    },
                    (Form::Whole | Form::Difference(_), _) => whole,
                };
                self.cache.insert(name, snapshot);
            }
            Change::Expunge { entry } => {
                self.cache.remove(entry.name());
            }
        }
        self.phase = Phase::Ready;
        self.queue.push_front(Job::Truncate);
    }

    /// The next change needs another election.
    fn on_lost(&mut self, ctx: &mut Context<Self>) {
        self.phase = Phase::NotStarted;
        if !self.queue.is_empty() {
            self.start(ctx);
        }
    }

    fn on_broken(&mut self, reason: String, promise: Promise<Result<bool, StorageError>>) {
        let error = StorageError::Log(reason);
        promise.set(Err(error.clone()));
        self.fail(&error);
    }

    /// What is appended for a change.
    fn operation_of(&self, change: &Change) -> (Form, Operation) {
        match change {
            Change::Set { entry, .. } => self
                .difference_to(entry)
                .unwrap_or_else(|| (Form::Whole, whole(entry))),
            Change::Expunge { entry } => (Form::Whole, expunged(entry)),
        }
    }

    /// The difference between what is stored and `entry`, where it is worth while.
    fn difference_to(&self, entry: &Entry) -> Option<(Form, Operation)> {
        let stored = self.cache.get(entry.name())?;
        if stored.differences >= self.differences {
            return None;
        }
        let difference = svndiff::difference(stored.entry.value(), entry.value());
        let bytes = difference.len();
        (stored.difference_bytes + bytes < entry.value().len())
            .then(|| (Form::Difference(bytes), differing(entry, difference)))
    }

    /// Truncates up to the oldest snapshot; false when there is nothing to do.
    fn truncate(&mut self, ctx: &mut Context<Self>) -> bool {
        let oldest = self.cache.values().map(|snapshot| snapshot.position).min();
        let Some(to) = oldest.filter(|oldest| self.truncated.is_none_or(|done| *oldest > done))
        else {
            return false;
        };
        self.phase = Phase::Busy;
        let truncated = self.writer.truncate(to);
        ctx.on_ready(truncated, move |storage, truncated, ctx| {
            storage.on_truncated(to, truncated, ctx);
        });
        true
    }

    fn on_truncated(
        &mut self,
        to: u64,
        truncated: Result<Option<u64>, WriteError>,
        ctx: &mut Context<Self>,
    ) {
        match truncated {
            Err(error) => self.fail(&StorageError::Log(error.to_string())),
            Ok(None) => self.phase = Phase::Lost,
            Ok(Some(position)) => {
                self.truncated = Some(to);
                self.index = Some(position);
                self.phase = Phase::Ready;
            }
        }
        if !self.queue.is_empty() {
            self.serve(ctx);
        }
    }
}

/// What is appended for an entry, whole.
fn whole(entry: &Entry) -> Operation {
    Operation {
        r#type: Some(operation::Type::Snapshot.into()),
        snapshot: Some(operation::Snapshot {
            entry: Some(entry.clone().into()),
            ..Default::default()
        }),
        ..Operation::default()
    }
}

/// What is appended for an entry as a difference against the one that is stored.
fn differing(entry: &Entry, difference: Vec<u8>) -> Operation {
    let entry = Entry {
        value: Some(difference.into()),
        ..entry.clone()
    };
    Operation {
        r#type: Some(operation::Type::Diff.into()),
        diff: Some(operation::Diff {
            entry: Some(entry.into()),
            ..Default::default()
        }),
        ..Operation::default()
    }
}

fn expunged(entry: &Entry) -> Operation {
    Operation {
        r#type: Some(operation::Type::Expunge.into()),
        expunge: Some(operation::Expunge {
            name: entry.name.clone(),
            ..Default::default()
        }),
        ..Operation::default()
    }
}

impl Process for LogStorageProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-storage")
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.reader.terminate();
        self.writer.terminate();
    }
}
