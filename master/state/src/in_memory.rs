//! Entries that end with the process.
//!
//! Mirrors `src/state/in_memory.cpp`.

use std::collections::BTreeMap;

use libprocess::{Future, Pid, Process, ProcessId, Runtime};
use mesos_proto::internal::state::Entry;
use uuid::Uuid;

use crate::storage::{Storage, StorageError, version_of};

/// The handle of an in-memory storage.
#[derive(Clone, Debug)]
pub struct InMemoryStorage {
    process: Pid<InMemoryStorageProcess>,
}

impl InMemoryStorage {
    /// Starts an empty storage.
    #[must_use]
    pub fn start(runtime: &Runtime) -> Self {
        Self {
            process: runtime.spawn(InMemoryStorageProcess::default()),
        }
    }
}

impl Storage for InMemoryStorage {
    fn get(&self, name: &str) -> Future<Result<Option<Entry>, StorageError>> {
        let name = name.to_owned();
        self.process
            .call(move |storage, _| Ok(storage.entries.get(&name).cloned()))
    }

    fn set(&self, entry: Entry, version: Uuid) -> Future<Result<bool, StorageError>> {
        self.process
            .call(move |storage, _| Ok(storage.set(entry, version)))
    }

    fn expunge(&self, entry: Entry) -> Future<Result<bool, StorageError>> {
        self.process
            .call(move |storage, _| Ok(storage.expunge(&entry)))
    }

    fn names(&self) -> Future<Result<Vec<String>, StorageError>> {
        self.process
            .call(|storage, _| Ok(storage.entries.keys().cloned().collect()))
    }
}

/// The actor behind [`InMemoryStorage`], id `in-memory-storage(N)`.
#[derive(Debug, Default)]
pub(crate) struct InMemoryStorageProcess {
    entries: BTreeMap<String, Entry>,
}

impl InMemoryStorageProcess {
    fn set(&mut self, entry: Entry, version: Uuid) -> bool {
        let stored = self.entries.get(entry.name());
        if stored.is_some_and(|stored| version_of(stored) != Some(version)) {
            return false;
        }
        self.entries.insert(entry.name().to_owned(), entry);
        true
    }

    fn expunge(&mut self, entry: &Entry) -> bool {
        let same = self
            .entries
            .get(entry.name())
            .is_some_and(|stored| stored.uuid == entry.uuid);
        if same {
            self.entries.remove(entry.name());
        }
        same
    }
}

impl Process for InMemoryStorageProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("in-memory-storage")
    }
}
