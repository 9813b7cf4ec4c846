//! Entries in LevelDB files of one's own.
//!
//! Mirrors `src/state/leveldb.cpp`.
//! LevelDB blocks, so the database lives on a thread of its own and is asked in order.
//!
//! # Wire
//! The key is the name, the value an `Entry`; every change is synced.

use std::{
    path::Path,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use libprocess::{Future, Promise};
use mesos_log::{Database, Write};
use mesos_proto::internal::state::Entry;
use prost::Message;
use uuid::Uuid;

use crate::storage::{Storage, StorageError, version_of};

type Work = Box<dyn FnOnce(&Result<(), StorageError>, Option<&mut Database>) + Send>;

/// A storage in LevelDB; the files are closed when it is dropped.
#[derive(Debug)]
pub struct LevelDbStorage {
    work: Mutex<Option<mpsc::Sender<Work>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl LevelDbStorage {
    /// Opens or creates the database in `path`.
    ///
    /// Files that cannot be opened fail every call, as in Mesos.
    #[must_use]
    pub fn start(path: &Path) -> Self {
        let (work, inbox) = mpsc::channel::<Work>();
        let path = path.to_owned();
        let thread = thread::Builder::new()
            .name("state-storage".to_owned())
            .spawn(move || serve(&path, &inbox));
        if let Err(error) = &thread {
            tracing::error!(%error, "failed to start the storage of the state");
        }
        Self {
            work: Mutex::new(Some(work)),
            thread: thread.ok(),
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Database) -> Result<T, StorageError> + Send + 'static,
    ) -> Future<Result<T, StorageError>> {
        let (promise, future) = Promise::new();
        let request: Work = Box::new(move |opened, database| {
            promise.set(match (opened, database) {
                (Ok(()), Some(database)) => request(database),
                (Err(error), _) => Err(error.clone()),
                (Ok(()), None) => Err(closed()),
            });
        });
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        match work.as_ref().map(|work| work.send(request)) {
            Some(Ok(())) => future,
            Some(Err(_)) | None => Future::ready(Err(closed())),
        }
    }
}

fn closed() -> StorageError {
    StorageError::Database("the database is closed".to_owned())
}

fn serve(path: &Path, inbox: &mpsc::Receiver<Work>) {
    let (opened, mut database) = match Database::open(path) {
        Ok(database) => (Ok(()), Some(database)),
        Err(error) => (Err(StorageError::Database(error.to_string())), None),
    };
    while let Ok(request) = inbox.recv() {
        request(&opened, database.as_mut());
    }
}

/// Waits for the thread, so that whoever opens the files next finds them unlocked.
impl Drop for LevelDbStorage {
    fn drop(&mut self) {
        drop(
            self.work
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the storage of the state ended by a panic");
        }
    }
}

fn stored(database: &mut Database, name: &str) -> Result<Option<Entry>, StorageError> {
    let Some(value) = database
        .get(name.as_bytes())
        .map_err(|error| failed(&error))?
    else {
        return Ok(None);
    };
    let entry = Entry::decode(value.as_slice());
    entry
        .map(Some)
        .map_err(|error| StorageError::Malformed(error.to_string()))
}

fn failed(error: &mesos_log::StorageError) -> StorageError {
    StorageError::Database(error.to_string())
}

impl Storage for LevelDbStorage {
    fn get(&self, name: &str) -> Future<Result<Option<Entry>, StorageError>> {
        let name = name.to_owned();
        self.ask(move |database| stored(database, &name))
    }

    fn set(&self, entry: Entry, version: Uuid) -> Future<Result<bool, StorageError>> {
        self.ask(move |database| {
            let found = stored(database, entry.name())?;
            if found.is_some_and(|found| version_of(&found) != Some(version)) {
                return Ok(false);
            }
            let put = Write::Put(entry.name().as_bytes().to_vec(), entry.encode_to_vec());
            database
                .write([put], "failed to store")
                .map_err(|error| failed(&error))?;
            Ok(true)
        })
    }

    fn expunge(&self, entry: Entry) -> Future<Result<bool, StorageError>> {
        self.ask(move |database| {
            let found = stored(database, entry.name())?;
            if found.is_none_or(|found| found.uuid != entry.uuid) {
                return Ok(false);
            }
            let delete = Write::Delete(entry.name().as_bytes().to_vec());
            database
                .write([delete], "failed to expunge")
                .map_err(|error| failed(&error))?;
            Ok(true)
        })
    }

    fn names(&self) -> Future<Result<Vec<String>, StorageError>> {
        self.ask(|database| {
            let mut names = Vec::new();
            database
                .scan(|key, _| {
                    names.push(String::from_utf8_lossy(key).into_owned());
                    Ok(())
                })
                .map_err(|error| failed(&error))?;
            Ok(names)
        })
    }
}
