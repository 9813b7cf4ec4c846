//! A replica's records in LevelDB files that C++ Mesos can open, and the other way round.
//!
//! Key `0000000000` holds the metadata, position `p` lies under `p + 1`, ten decimal digits.
//! Positions whose key needs more than ten digits get a leading `A` and twenty digits, so that
//! keys stay in order; C++ Mesos overflows long before.

use std::path::Path;

use mesos_proto::internal::log::{Action, Metadata, Record, metadata, record};
use prost::Message;

use super::{
    Storage, StorageError,
    database::{Database, Write},
};
use crate::replica::{Scan, truncates_to};

const METADATA_KEY: &str = "0000000000";
const LARGEST_SHORT_KEY: u64 = 9_999_999_999;

/// The files of one replica; not `Send`, so it stays on the thread that opened it.
#[derive(Debug)]
pub struct LevelDbStorage {
    database: Database,
    /// Lowest position that may still be stored; truncation deletes from here.
    first: Option<u64>,
}

impl LevelDbStorage {
    /// Opens or creates the database in `path`.
    ///
    /// # Errors
    /// When another process holds it, or its files are damaged.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        Ok(Self {
            database: Database::open(path)?,
            first: None,
        })
    }

    fn put(&mut self, key: &str, record: &Record) -> Result<(), StorageError> {
        let put = Write::Put(key.as_bytes().to_vec(), record.encode_to_vec());
        self.database.write([put], "failed to write to the log")
    }

    /// Deletes the positions before `to`; a failure is only noted, the next truncation tries again.
    fn delete_before(&mut self, to: u64) {
        let Some(first) = self.first.filter(|first| *first < to) else {
            return;
        };
        // A truncation may leap over any number of positions; only what is stored costs time.
        let (from, end) = (key_of(first), key_of(to));
        let deleted = self
            .database
            .keys_between(from.as_bytes(), end.as_bytes())
            .and_then(|keys| {
                let deletes = keys.into_iter().map(Write::Delete);
                self.database
                    .write(deletes, "failed to delete truncated positions")
            });
        match deleted {
            Ok(()) => self.first = Some(to),
            Err(error) => tracing::warn!(%error, "truncated positions stay stored"),
        }
    }
}

impl Storage for LevelDbStorage {
    fn restore(&mut self) -> Result<Scan, StorageError> {
        let mut scan = Scan::default();
        self.database
            .scan(|key, value| restore_record(&mut scan, key, value))?;
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
        let stored = self
            .database
            .get(key.as_bytes())?
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

#[cfg(test)]
mod tests;
