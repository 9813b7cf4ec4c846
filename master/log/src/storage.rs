//! Where a replica keeps its promises: the storage behind a replica.
//!
//! Mirrors `src/log/storage.hpp` and `src/log/leveldb.cpp`.
//! A storage is slow and blocks, so it lives on a thread of its own; the replica talks to it
//! through a [`StorageHandle`] whose answers are futures.
//!
//! # Invariants
//! - What an answer reports as stored survives a power cut.
//! - A failed write poisons the storage: nothing is accepted after it.

mod checksum;
mod database;
mod journal;
mod leveldb;
mod memory;
mod sync_env;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
};

use libprocess::{Clock, Future, Promise, Working};
use mesos_proto::internal::log::{Action, Metadata};

pub use self::{
    database::{Database, Write},
    leveldb::LevelDbStorage,
    memory::MemoryStorage,
};
use crate::{positions::Positions, replica::Scan};

/// Why a storage could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// LevelDB said no.
    #[error("{operation}: {message}")]
    Database {
        /// What was tried.
        operation: &'static str,
        /// LevelDB's own words.
        message: String,
    },
    /// A stored record is not what the key promises.
    #[error("bad record under key '{key}'")]
    BadRecord {
        /// The key as stored.
        key: String,
    },
    /// A stored record cannot be parsed.
    #[error("failed to deserialize the record under key '{key}'")]
    Malformed {
        /// The key as stored.
        key: String,
        /// What the decoder found.
        #[source]
        source: prost::DecodeError,
    },
    /// The position holds nothing.
    #[error("no action is stored at position {position}")]
    NotFound {
        /// The position asked for.
        position: u64,
    },
    /// An earlier write failed, so that nobody knows what is on disk.
    #[error("an earlier write failed: {message}")]
    Poisoned {
        /// The text of the earlier failure.
        message: String,
    },
    /// The storage's thread could not be started.
    #[error("failed to start the storage of '{path}'")]
    Thread {
        /// Where the storage lies.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// The durable half of a replica.
pub trait Storage {
    /// Reads everything and says what is there.
    ///
    /// # Errors
    /// Any record that is not readable: a replica must not guess.
    fn restore(&mut self) -> Result<Scan, StorageError>;

    /// Stores the metadata, synced.
    ///
    /// # Errors
    /// When it is not certain that the record is on disk.
    fn persist_metadata(&mut self, metadata: &Metadata) -> Result<(), StorageError>;

    /// Stores one action, synced, and forgets what it truncates.
    ///
    /// # Errors
    /// When it is not certain that the record is on disk.
    fn persist_action(&mut self, action: &Action) -> Result<(), StorageError>;

    /// Reads one action.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when the position holds nothing.
    fn read(&mut self, position: u64) -> Result<Action, StorageError>;
}

type Work = Box<dyn FnOnce(&mut dyn Storage) + Send>;

/// Asks a storage that lives on its own thread; requests are served in order.
#[derive(Clone, Debug)]
pub struct StorageHandle {
    thread: Arc<StorageThread>,
    /// Is told of every request, so that whoever settles it waits for the disk too.
    clock: Clock,
}

#[derive(Debug)]
struct StorageThread {
    work: Option<mpsc::Sender<Work>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Waits for the thread, so that whoever opens the files next finds them unlocked.
///
/// When the files cannot be opened, the thread itself says so and may hold the last handle.
impl Drop for StorageThread {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the storage of the log ended by a panic");
        }
    }
}

impl StorageHandle {
    /// Starts a thread, opens the storage there and scans it.
    ///
    /// The thread ends, and the files are closed, when the last handle is dropped.
    ///
    /// # Errors
    /// [`StorageError::Thread`] when no thread can be had.
    /// A failure to open or to scan comes through the future.
    pub fn start<S: Storage + 'static>(
        clock: &Clock,
        path: PathBuf,
        open: impl FnOnce() -> Result<S, StorageError> + Send + 'static,
    ) -> Result<(Self, Future<Result<Scan, StorageError>>), StorageError> {
        let (work, inbox) = mpsc::channel::<Work>();
        let (promise, scan) = Promise::new();
        let opening = clock.working();
        let thread = thread::Builder::new()
            .name("log-storage".to_owned())
            .spawn(move || serve(open, promise, opening, &inbox))
            .map_err(|source| StorageError::Thread { path, source })?;
        let thread = Arc::new(StorageThread {
            work: Some(work),
            thread: Some(thread),
        });
        let clock = clock.clone();
        Ok((Self { thread, clock }, scan))
    }

    /// Stores the metadata; ready when it is synced.
    pub fn persist_metadata(&self, metadata: Metadata) -> Future<Result<(), StorageError>> {
        self.ask(move |storage| storage.persist_metadata(&metadata))
    }

    /// Stores one action; ready when it is synced.
    pub fn persist_action(&self, action: Action) -> Future<Result<(), StorageError>> {
        self.ask(move |storage| storage.persist_action(&action))
    }

    /// Reads one action.
    pub fn read(&self, position: u64) -> Future<Result<Action, StorageError>> {
        self.ask(move |storage| storage.read(position))
    }

    /// Reads the actions of some positions, in the order given.
    pub fn read_all(&self, positions: Positions) -> Future<Result<Vec<Action>, StorageError>> {
        self.ask(move |storage| {
            positions
                .iter()
                .flat_map(|range| range.clone())
                .map(|position| storage.read(position))
                .collect()
        })
    }

    /// A storage thread that is gone leaves the answer abandoned, as a dead actor does.
    fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut dyn Storage) -> T + Send + 'static,
    ) -> Future<T> {
        let (promise, future) = Promise::new();
        let working = self.clock.working();
        let request: Work = Box::new(move |storage| {
            promise.set(request(storage));
            drop(working);
        });
        let sent = self
            .thread
            .work
            .as_ref()
            .is_some_and(|work| work.send(request).is_ok());
        if !sent {
            tracing::error!("the storage of the log has ended; a request to it is lost");
        }
        future
    }
}

fn serve<S: Storage>(
    open: impl FnOnce() -> Result<S, StorageError>,
    scanned: Promise<Result<Scan, StorageError>>,
    opening: Working,
    inbox: &mpsc::Receiver<Work>,
) {
    let (mut storage, scan) =
        match open().and_then(|mut storage| storage.restore().map(|scan| (storage, scan))) {
            Ok(opened) => opened,
            Err(error) => {
                scanned.set(Err(error));
                return;
            }
        };
    scanned.set(Ok(scan));
    drop(opening);
    while let Ok(request) = inbox.recv() {
        request(&mut storage);
    }
}
