//! Variables on top of a storage.

use std::sync::Arc;

use bytes::Bytes;
use libprocess::Future;
use mesos_proto::internal::state::Entry;
use uuid::Uuid;

use crate::storage::{Storage, StorageError, entry, version_of};

/// A value as it was fetched or stored, with the version that guards the next store.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    entry: Entry,
}

impl Variable {
    /// The name it is stored under.
    #[must_use]
    pub fn name(&self) -> &str {
        self.entry.name()
    }

    /// The bytes; empty when nothing was stored yet.
    #[must_use]
    pub fn value(&self) -> &Bytes {
        self.entry.value()
    }

    /// The same variable with another value, to be stored.
    #[must_use]
    pub fn mutate(&self, value: Bytes) -> Self {
        let mut entry = self.entry.clone();
        entry.value = Some(value);
        Self { entry }
    }
}

/// Fetches and stores variables.
#[derive(Clone)]
pub struct State {
    storage: Arc<dyn Storage>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("State").finish_non_exhaustive()
    }
}

impl State {
    /// Builds variables on `storage`.
    #[must_use]
    pub fn new(storage: impl Storage) -> Self {
        Self {
            storage: Arc::new(storage),
        }
    }

    /// Fetches a variable; one that was never stored is empty and is not stored by this.
    ///
    /// # Errors
    /// Through the future: what the storage reports.
    pub fn fetch(&self, name: &str) -> Future<Result<Variable, StorageError>> {
        let wanted = name.to_owned();
        self.storage.get(name).map(move |found| {
            let entry = match found? {
                Some(entry) => entry,
                None => entry(&wanted, Uuid::new_v4(), Bytes::new()),
            };
            Ok(Variable { entry })
        })
    }

    /// Stores a variable under a new version; none when somebody stored since it was fetched.
    ///
    /// # Errors
    /// Through the future: what the storage reports; nobody knows then whether it was stored.
    pub fn store(&self, variable: &Variable) -> Future<Result<Option<Variable>, StorageError>> {
        let version = version_of(&variable.entry).unwrap_or_default();
        let next = entry(variable.name(), Uuid::new_v4(), variable.value().clone());
        self.storage
            .set(next.clone(), version)
            .map(move |stored| Ok(stored?.then_some(Variable { entry: next })))
    }

    /// Removes a variable; false when it is not stored in this version.
    ///
    /// # Errors
    /// Through the future: what the storage reports.
    pub fn expunge(&self, variable: Variable) -> Future<Result<bool, StorageError>> {
        self.storage.expunge(variable.entry)
    }

    /// The names of all variables.
    ///
    /// # Errors
    /// Through the future: what the storage reports.
    pub fn names(&self) -> Future<Result<Vec<String>, StorageError>> {
        self.storage.names()
    }
}
