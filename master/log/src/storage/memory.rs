//! A storage without a disk, for simulations of the protocol.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use mesos_proto::internal::log::{Action, Metadata};

use super::{Storage, StorageError};
use crate::replica::{Scan, truncates_to};

/// Keeps records in memory; clones share them, so a "restarted" replica finds what it wrote.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    records: Arc<Mutex<Records>>,
}

#[derive(Debug, Default)]
struct Records {
    metadata: Option<Metadata>,
    actions: BTreeMap<u64, Action>,
}

impl MemoryStorage {
    fn with<T>(&self, work: impl FnOnce(&mut Records) -> T) -> T {
        work(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Storage for MemoryStorage {
    fn restore(&mut self) -> Result<Scan, StorageError> {
        Ok(self.with(|records| {
            let mut scan = Scan::default();
            if let Some(metadata) = &records.metadata {
                scan.status = metadata.status();
                scan.promised = metadata.promised();
            }
            for action in records.actions.values() {
                scan.add(action);
            }
            scan
        }))
    }

    fn persist_metadata(&mut self, metadata: &Metadata) -> Result<(), StorageError> {
        self.with(|records| records.metadata = Some(metadata.clone()));
        Ok(())
    }

    fn persist_action(&mut self, action: &Action) -> Result<(), StorageError> {
        self.with(|records| {
            records.actions.insert(action.position(), action.clone());
            if action.learned()
                && let Some(to) = truncates_to(action)
            {
                let keep = to.min(action.position());
                records.actions = records.actions.split_off(&keep);
            }
        });
        Ok(())
    }

    fn read(&mut self, position: u64) -> Result<Action, StorageError> {
        self.with(|records| records.actions.get(&position).cloned())
            .ok_or(StorageError::NotFound { position })
    }
}
