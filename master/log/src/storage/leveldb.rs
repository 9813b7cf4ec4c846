//! A replica's records in LevelDB files that C++ Mesos can open, and the other way round.
//!
//! Key `0000000000` holds the metadata, position `p` lies under `p + 1`, ten decimal digits.
//! Positions whose key needs more than ten digits get a leading `A` and twenty digits, so that
//! keys stay in order; C++ Mesos overflows long before.

use std::{path::Path, rc::Rc};

use mesos_proto::internal::log::{Action, Metadata, Record, metadata, record};
use prost::Message;
use rusty_leveldb::{
    CompressorId, DB, LdbIterator, Options, Status, WriteBatch, compressor::SnappyCompressor,
};

use super::{
    Storage, StorageError,
    sync_env::{FailedFile, SyncEnv},
};
use crate::replica::{Scan, truncates_to};

const METADATA_KEY: &str = "0000000000";
const LARGEST_SHORT_KEY: u64 = 9_999_999_999;

/// The files of one replica; not `Send`, so it stays on the thread that opened it.
pub struct LevelDbStorage {
    database: DB,
    /// Lowest position that may still be stored; truncation deletes from here.
    first: Option<u64>,
    poisoned: Option<String>,
    failed: FailedFile,
}

impl std::fmt::Debug for LevelDbStorage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LevelDbStorage")
            .field("first", &self.first)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

impl LevelDbStorage {
    /// Opens or creates the database in `path`.
    ///
    /// # Errors
    /// When another process holds it, or its files are damaged.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let failed = FailedFile::default();
        let options = Options {
            create_if_missing: true,
            reuse_logs: false,
            reuse_manifest: false,
            paranoid_checks: true,
            compressor: SnappyCompressor::ID,
            env: Rc::new(Box::new(SyncEnv::new(failed.clone()))),
            ..Options::default()
        };
        let database = DB::open(path, options).map_err(database_error("failed to open the log"))?;
        Ok(Self {
            database,
            first: None,
            poisoned: None,
            failed,
        })
    }

    fn put(&mut self, key: &str, record: &Record) -> Result<(), StorageError> {
        let mut batch = WriteBatch::default();
        batch.put(key.as_bytes(), &record.encode_to_vec());
        self.write(batch, "failed to write to the log")
    }

    /// rusty-leveldb changes its memory before its file, so after a failed write nothing it says
    /// can be trusted any more.
    fn write(&mut self, batch: WriteBatch, operation: &'static str) -> Result<(), StorageError> {
        if let Some(message) = &self.poisoned {
            return Err(StorageError::Poisoned {
                message: message.clone(),
            });
        }
        let written = self.database.write(batch, true).map_err(|status| {
            self.poisoned = Some(status.to_string());
            database_error(operation)(status)
        });
        written.and_then(|()| self.check_files(operation))
    }

    /// Whether every file is what rusty-leveldb takes it for.
    fn check_files(&mut self, operation: &'static str) -> Result<(), StorageError> {
        match self.failed.message() {
            Some(message) => {
                self.poisoned = Some(message.clone());
                Err(StorageError::Database { operation, message })
            }
            None => Ok(()),
        }
    }

    /// Deletes the positions before `to`; a failure is only noted, the next truncation tries again.
    fn delete_before(&mut self, to: u64) {
        let Some(first) = self.first.filter(|first| *first < to) else {
            return;
        };
        let deleted = self.stored_between(first, to).and_then(|keys| {
            let mut batch = WriteBatch::default();
            for key in keys {
                batch.delete(&key);
            }
            self.write(batch, "failed to delete truncated positions")
        });
        match deleted {
            Ok(()) => self.first = Some(to),
            Err(error) => tracing::warn!(%error, "truncated positions stay stored"),
        }
    }

    /// The keys of `from..to` that are stored: a truncation may leap over any number of positions.
    fn stored_between(&mut self, from: u64, to: u64) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut iterator = self
            .database
            .new_iter()
            .map_err(database_error("failed to look for truncated positions"))?;
        let end = key_of(to);
        let mut keys = Vec::new();
        iterator.seek(key_of(from).as_bytes());
        while let Some((key, _)) = iterator.current() {
            if &*key >= end.as_bytes() {
                break;
            }
            keys.push(key.to_vec());
            if !iterator.advance() {
                break;
            }
        }
        Ok(keys)
    }
}

impl Storage for LevelDbStorage {
    fn restore(&mut self) -> Result<Scan, StorageError> {
        let mut scan = Scan::default();
        let mut iterator = self
            .database
            .new_iter()
            .map_err(database_error("failed to scan the log"))?;
        while let Some((key, value)) = LdbIterator::next(&mut iterator) {
            restore_record(&mut scan, &key, &value)?;
        }
        self.check_files("failed to scan the log")?;
        self.first = scan.first;
        Ok(scan)
    }

    fn persist_metadata(&mut self, metadata: &Metadata) -> Result<(), StorageError> {
        let record = Record {
            r#type: Some(record::Type::Metadata.into()),
            metadata: Some(metadata.clone()),
            ..Record::default()
        };
        self.put(METADATA_KEY, &record)
    }

    fn persist_action(&mut self, action: &Action) -> Result<(), StorageError> {
        let position = action.position();
        let record = Record {
            r#type: Some(record::Type::Action.into()),
            action: Some(action.clone().into()),
            ..Record::default()
        };
        self.put(&key_of(position), &record)?;
        self.first = Some(self.first.map_or(position, |first| first.min(position)));
        if action.learned()
            && let Some(to) = truncates_to(action)
        {
            self.delete_before(to.min(position));
        }
        Ok(())
    }

    fn read(&mut self, position: u64) -> Result<Action, StorageError> {
        let key = key_of(position);
        let snapshot = self.database.get_snapshot();
        let stored = self
            .database
            .get_at(&snapshot, key.as_bytes())
            .map_err(database_error("failed to read from the log"))?
            .ok_or(StorageError::NotFound { position })?;
        let record = decode(key.as_bytes(), &stored)?;
        match record.action {
            Some(action) if action.position() == position => Ok(*action),
            Some(_) | None => Err(StorageError::BadRecord { key }),
        }
    }
}

fn restore_record(scan: &mut Scan, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
    let record = decode(key, value)?;
    let bad = || StorageError::BadRecord {
        key: String::from_utf8_lossy(key).into_owned(),
    };
    match record.r#type() {
        record::Type::Metadata => {
            let metadata = record.metadata.ok_or_else(bad)?;
            scan.status = metadata.status();
            scan.promised = metadata.promised();
        }
        record::Type::Promise => {
            scan.status = metadata::Status::Voting;
            scan.promised = record.promise.ok_or_else(bad)?.proposal();
        }
        record::Type::Action => scan.add(&*record.action.ok_or_else(bad)?),
    }
    Ok(())
}

fn decode(key: &[u8], value: &[u8]) -> Result<Record, StorageError> {
    Record::decode(value).map_err(|source| StorageError::Malformed {
        key: String::from_utf8_lossy(key).into_owned(),
        source,
    })
}

/// The key of a position; keys sort as their positions do.
fn key_of(position: u64) -> String {
    let number = u128::from(position) + 1;
    if number <= u128::from(LARGEST_SHORT_KEY) {
        format!("{number:010}")
    } else {
        format!("A{number:020}")
    }
}

fn database_error(operation: &'static str) -> impl FnOnce(Status) -> StorageError {
    move |status| StorageError::Database {
        operation,
        message: status.to_string(),
    }
}

#[cfg(test)]
mod tests;
