//! LevelDB with every write on disk, and with a refusal wherever rusty-leveldb would guess.

use std::{path::Path, rc::Rc};

use rusty_leveldb::{
    CompressorId, DB, LdbIterator, Options, Status, WriteBatch, compressor::SnappyCompressor,
};

use super::{
    StorageError,
    sync_env::{FailedFile, SyncEnv},
};

/// How much is kept in memory and in the journal before it goes to a table.
///
/// A registry of a hundred thousand agents has eighteen megabytes; with the four that LevelDB has
/// by default every single one would be written to a table, with a dozen syncs.
const WRITE_BUFFER_BYTES: usize = 64 * 1024 * 1024;

/// One thing to write.
#[derive(Clone, Debug)]
pub enum Write {
    /// Stores a value under a key.
    Put(Vec<u8>, Vec<u8>),
    /// Forgets a key.
    Delete(Vec<u8>),
}

/// A LevelDB database; not `Send`, so it stays on the thread that opened it.
///
/// # Wire
/// Files that LevelDB 1.19 can open, and the other way round.
pub struct Database {
    database: DB,
    poisoned: Option<String>,
    failed: FailedFile,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Database")
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens or creates the database in `path`.
    ///
    /// # Errors
    /// When another process holds it, or its files are damaged.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        Self::open_with_buffer(path, WRITE_BUFFER_BYTES)
    }

    /// As [`Database::open`], with another size of what is kept in memory.
    pub(super) fn open_with_buffer(path: &Path, buffer: usize) -> Result<Self, StorageError> {
        let failed = FailedFile::default();
        let options = Options {
            create_if_missing: true,
            reuse_logs: false,
            reuse_manifest: false,
            paranoid_checks: true,
            compressor: SnappyCompressor::ID,
            write_buffer_size: buffer,
            env: Rc::new(Box::new(SyncEnv::new(failed.clone()))),
            ..Options::default()
        };
        let database = DB::open(path, options).map_err(database_error("failed to open the log"))?;
        Ok(Self {
            database,
            poisoned: None,
            failed,
        })
    }

    /// Does all of `writes` or none, synced.
    ///
    /// rusty-leveldb changes its memory before its file, so after a failed write nothing it says
    /// can be trusted any more.
    ///
    /// # Errors
    /// When it is not certain that they are on disk; then no other write is taken any more.
    pub fn write(
        &mut self,
        writes: impl IntoIterator<Item = Write>,
        operation: &'static str,
    ) -> Result<(), StorageError> {
        if let Some(message) = &self.poisoned {
            return Err(StorageError::Poisoned {
                message: message.clone(),
            });
        }
        let mut batch = WriteBatch::default();
        for write in writes {
            match write {
                Write::Put(key, value) => batch.put(&key, &value),
                Write::Delete(key) => batch.delete(&key),
            }
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

    /// The value under a key.
    ///
    /// rusty-leveldb's own `get` takes the first level that has the key, but it may put a newer
    /// table below an older one, and misses the newest value of all when it ends a block.
    /// Its iterators go by the age of each value, so one of them is asked.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let mut iterator = self
            .database
            .new_iter()
            .map_err(database_error("failed to read from the log"))?;
        iterator.seek(key);
        let current = iterator.current().filter(|(found, _)| **found == *key);
        let found = current.map(|(_, value)| value.to_vec());
        self.check_files("failed to read from the log")?;
        Ok(found)
    }

    /// Calls `each` with every key and value, in the order of the keys.
    ///
    /// # Errors
    /// When a file is damaged, or what `each` says.
    pub fn scan(
        &mut self,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut iterator = self
            .database
            .new_iter()
            .map_err(database_error("failed to scan the log"))?;
        while let Some((key, value)) = LdbIterator::next(&mut iterator) {
            each(&key, &value)?;
        }
        self.check_files("failed to scan the log")
    }

    /// The stored keys of `from..to`.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn keys_between(&mut self, from: &[u8], to: &[u8]) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut iterator = self
            .database
            .new_iter()
            .map_err(database_error("failed to scan the log"))?;
        let mut keys = Vec::new();
        iterator.seek(from);
        while let Some((key, _)) = iterator.current() {
            if &*key >= to {
                break;
            }
            keys.push(key.to_vec());
            if !iterator.advance() {
                break;
            }
        }
        self.check_files("failed to scan the log")?;
        Ok(keys)
    }
}

fn database_error(operation: &'static str) -> impl FnOnce(Status) -> StorageError {
    move |status| StorageError::Database {
        operation,
        message: status.to_string(),
    }
}
