//! What a storage of entries must do.

use bytes::Bytes;
use libprocess::Future;
use mesos_proto::internal::state::Entry;
use uuid::Uuid;

/// Why a storage did not answer a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The log below failed.
    #[error("{0}")]
    Log(String),
    /// The database below failed.
    #[error("{0}")]
    Database(String),
    /// `ZooKeeper` refused.
    #[error("{0}")]
    ZooKeeper(String),
    /// `ZooKeeper` takes no more than a megabyte.
    #[error("Serialized data is too big (> 1 MB)")]
    TooBig,
    /// A stored operation cannot be parsed.
    #[error("Failed to deserialize Operation: {0}")]
    Malformed(String),
    /// A stored operation is of a kind that this version does not know.
    #[error("Unknown operation: {0}")]
    UnknownOperation(i32),
    /// A stored difference does not fit what it changes.
    #[error("Failed to apply the diff: {0}")]
    Diff(String),
}

/// A store of entries by name, each with a version (a UUID).
///
/// `set` and `expunge` compare the version with the stored one and answer false when it differs.
pub trait Storage: Send + Sync + 'static {
    /// The entry stored under a name.
    fn get(&self, name: &str) -> Future<Result<Option<Entry>, StorageError>>;

    /// Stores `entry` if nothing is stored under its name or the stored version is `version`.
    fn set(&self, entry: Entry, version: Uuid) -> Future<Result<bool, StorageError>>;

    /// Removes `entry` if it is stored with the same version.
    fn expunge(&self, entry: Entry) -> Future<Result<bool, StorageError>>;

    /// All names.
    fn names(&self) -> Future<Result<Vec<String>, StorageError>>;
}

/// The version of an entry; an entry with anything else than sixteen bytes has none.
pub(crate) fn version_of(entry: &Entry) -> Option<Uuid> {
    Uuid::from_slice(entry.uuid()).ok()
}

/// Makes an entry.
pub(crate) fn entry(name: &str, version: Uuid, value: Bytes) -> Entry {
    Entry {
        name: Some(name.to_owned()),
        uuid: Some(Bytes::copy_from_slice(version.as_bytes())),
        value: Some(value),
        ..Entry::default()
    }
}
