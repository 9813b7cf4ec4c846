//! Entries as nodes of `ZooKeeper`.
//!
//! Mirrors `src/state/zookeeper.cpp`.
//!
//! # Wire
//! The node `<path>/<name>` holds an `Entry`; the node's version guards against who stores at the
//! same time.
//!
//! # Timers
//! What could not be asked for want of a connection is asked again after a second.
//! Mesos never asks again for an expunge; here all calls are alike.

use std::{collections::VecDeque, time::Duration};

use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime};
use mesos_detector::zookeeper::{Failure, GroupOptions, Session, failure_of};
use mesos_proto::internal::state::Entry;
use prost::Message;
use uuid::Uuid;
use zookeeper_client::{Acls, CreateMode, Error};

use crate::storage::{Storage, StorageError, version_of};

const RETRY: Duration = Duration::from_secs(1);
const LARGEST: usize = 1024 * 1024;

/// The handle of a storage in `ZooKeeper`.
#[derive(Debug)]
pub struct ZooKeeperStorage {
    process: Pid<ZooKeeperStorageProcess>,
}

impl ZooKeeperStorage {
    /// Connects; calls wait for that.
    #[must_use]
    pub fn start(runtime: &Runtime, options: GroupOptions) -> Self {
        let process = ZooKeeperStorageProcess {
            options,
            phase: Phase::Connecting,
            queue: VecDeque::new(),
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(Promise<Result<T, StorageError>>) -> Job + Send + 'static,
    ) -> Future<Result<T, StorageError>> {
        self.process.call_future(move |storage, ctx| {
            let (promise, future) = Promise::new();
            storage.queue.push_back(job(promise));
            storage.serve(ctx);
            future
        })
    }
}

impl Drop for ZooKeeperStorage {
    fn drop(&mut self) {
        self.process.terminate();
    }
}

impl Storage for ZooKeeperStorage {
    fn get(&self, name: &str) -> Future<Result<Option<Entry>, StorageError>> {
        let name = name.to_owned();
        self.ask(|promise| Job::Get { name, promise })
    }

    fn set(&self, entry: Entry, version: Uuid) -> Future<Result<bool, StorageError>> {
        self.ask(move |promise| Job::Set {
            entry,
            version,
            promise,
        })
    }

    fn expunge(&self, entry: Entry) -> Future<Result<bool, StorageError>> {
        self.ask(|promise| Job::Expunge { entry, promise })
    }

    fn names(&self) -> Future<Result<Vec<String>, StorageError>> {
        self.ask(|promise| Job::Names { promise })
    }
}

/// The actor behind [`ZooKeeperStorage`], id `zookeeper-storage(N)`.
struct ZooKeeperStorageProcess {
    options: GroupOptions,
    phase: Phase,
    queue: VecDeque<Job>,
}

enum Phase {
    Connecting,
    Ready(Session),
    /// A call runs, or waits for its next attempt.
    Busy,
    Failed(StorageError),
}

enum Job {
    Get {
        name: String,
        promise: Promise<Result<Option<Entry>, StorageError>>,
    },
    Set {
        entry: Entry,
        version: Uuid,
        promise: Promise<Result<bool, StorageError>>,
    },
    Expunge {
        entry: Entry,
        promise: Promise<Result<bool, StorageError>>,
    },
    Names {
        promise: Promise<Result<Vec<String>, StorageError>>,
    },
}

impl Job {
    fn fail(self, error: StorageError) {
        match self {
            Self::Get { promise, .. } => promise.set(Err(error)),
            Self::Set { promise, .. } | Self::Expunge { promise, .. } => promise.set(Err(error)),
            Self::Names { promise } => promise.set(Err(error)),
        }
    }
}

impl ZooKeeperStorageProcess {
    fn connect(&mut self, ctx: &mut Context<Self>) {
        self.phase = Phase::Connecting;
        let connected = Session::connect(self.options.clone());
        ctx.perform(connected, |storage, connected, ctx| match connected {
            Ok(session) => {
                storage.phase = Phase::Ready(session);
                storage.serve(ctx);
            }
            Err((error, _)) if failure_of(&error) == Failure::Retryable => {
                ctx.delay(RETRY, Self::connect);
            }
            Err((error, operation)) => {
                let error = StorageError::ZooKeeper(format!("{operation}: {error}"));
                storage.phase = Phase::Failed(error);
                storage.serve(ctx);
            }
        });
    }

    /// Takes up the next call, when connected and none runs.
    fn serve(&mut self, ctx: &mut Context<Self>) {
        let session = match &self.phase {
            Phase::Connecting | Phase::Busy => return,
            Phase::Ready(session) => session.clone(),
            Phase::Failed(error) => {
                for job in std::mem::take(&mut self.queue) {
                    job.fail(error.clone());
                }
                return;
            }
        };
        let Some(job) = self.queue.pop_front() else {
            return;
        };
        self.phase = Phase::Busy;
        let work = async move {
            let outcome = carry_out(&session, job).await;
            (session, outcome)
        };
        ctx.perform(work, |storage, (session, outcome), ctx| match outcome {
            Ok(()) => {
                storage.phase = Phase::Ready(session);
                storage.serve(ctx);
            }
            Err(job) => {
                storage.queue.push_front(*job);
                ctx.delay(RETRY, Self::connect);
            }
        });
    }
}

impl Process for ZooKeeperStorageProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("zookeeper-storage")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.connect(ctx);
    }
}

/// What a call gave, or why the connection did not carry it.
type Called<T> = Result<Result<T, StorageError>, Error>;

/// Answers a job, or gives it back when it has to be tried again.
async fn carry_out(session: &Session, job: Job) -> Result<(), Box<Job>> {
    match job {
        Job::Get { name, promise } => answer(find(session, &name).await.map(entry_of), promise)
            .map_err(|promise| Box::new(Job::Get { name, promise })),
        Job::Set {
            entry,
            version,
            promise,
        } => answer(set(session, &entry, version).await, promise).map_err(|promise| {
            Box::new(Job::Set {
                entry,
                version,
                promise,
            })
        }),
        Job::Expunge { entry, promise } => answer(expunge(session, &entry).await, promise)
            .map_err(|promise| Box::new(Job::Expunge { entry, promise })),
        Job::Names { promise } => {
            let names = session.client().list_children(session.path()).await;
            answer(names.map(Ok), promise).map_err(|promise| Box::new(Job::Names { promise }))
        }
    }
}

type Answer<T> = Promise<Result<T, StorageError>>;

fn answer<T: Send + 'static>(called: Called<T>, promise: Answer<T>) -> Result<(), Answer<T>> {
    match called {
        Ok(outcome) => promise.set(outcome),
        Err(error) if failure_of(&error) == Failure::Retryable => return Err(promise),
        Err(error) => promise.set(Err(StorageError::ZooKeeper(error.to_string()))),
    }
    Ok(())
}

/// A stored entry and the version of its node.
type Found = Option<(Result<Entry, StorageError>, i32)>;

fn entry_of(found: Found) -> Result<Option<Entry>, StorageError> {
    found.map(|(entry, _)| entry).transpose()
}

fn node(session: &Session, name: &str) -> String {
    format!("{}/{name}", session.path())
}

async fn find(session: &Session, name: &str) -> Result<Found, Error> {
    match session.client().get_data(&node(session, name)).await {
        Ok((data, stat)) => {
            let entry = Entry::decode(data.as_slice());
            let entry = entry.map_err(|error| StorageError::Malformed(error.to_string()));
            Ok(Some((entry, stat.version)))
        }
        Err(Error::NoNode) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn set(session: &Session, entry: &Entry, version: Uuid) -> Called<bool> {
    let data = entry.encode_to_vec();
    if data.len() > LARGEST {
        return Ok(Err(StorageError::TooBig));
    }
    let path = node(session, entry.name());
    let stored = match find(session, entry.name()).await? {
        Some((Err(error), _)) => return Ok(Err(error)),
        Some((Ok(found), _)) if version_of(&found) != Some(version) => return Ok(Ok(false)),
        Some((Ok(_), at)) => {
            let stored = session.client().set_data(&path, &data, Some(at)).await;
            stored.map(|_| true)
        }
        None => {
            let acls = session.acls();
            let options = CreateMode::Persistent.with_acls(Acls::new(&acls));
            let made = session.client().create(&path, &data, &options).await;
            made.map(|_| true)
        }
    };
    lost_race_is_false(stored)
}

async fn expunge(session: &Session, entry: &Entry) -> Called<bool> {
    let at = match find(session, entry.name()).await? {
        Some((Err(error), _)) => return Ok(Err(error)),
        Some((Ok(found), at)) if found.uuid == entry.uuid => at,
        Some((Ok(_), _)) | None => return Ok(Ok(false)),
    };
    let path = node(session, entry.name());
    let deleted = session.client().delete(&path, Some(at)).await;
    lost_race_is_false(deleted.map(|()| true))
}

fn lost_race_is_false(done: Result<bool, Error>) -> Called<bool> {
    match done {
        Err(Error::BadVersion | Error::NodeExists | Error::NoNode) => Ok(Ok(false)),
        other => other.map(Ok),
    }
}
