//! Writes and reads small state files: whole, synced, in Mesos' encoding.
//!
//! Mirrors `slave::state::checkpoint` of `src/slave/state.hpp` and the length prefix of stout's `protobuf.hpp`.
//! A message is stored as its length in four bytes, little endian, and its bytes.
//!
//! # Invariants
//! - A reader sees the old or the new content, never a part: content goes to a temporary file, is synced and renamed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use mesos_proto_codec::{WireError, WireMessage, decode};
use thiserror::Error;
use uuid::Uuid;

/// A state file could not be written.
#[derive(Debug, Error)]
#[error("failed to checkpoint '{}'", path.display())]
pub struct WriteError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl WriteError {
    /// Whether the disk is full or read-only: it may take the same later, and what was there before is whole.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::ReadOnlyFilesystem
        )
    }
}

/// A state file could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The system refused.
    #[error("failed to read '{}'", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file ends in the middle of a record.
    #[error("'{}' ends at byte {at} in the middle of a record", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where the incomplete record begins.
        at: usize,
    },
    /// A record is no such message.
    #[error("'{}' holds a corrupt record at byte {at}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        at: usize,
        /// What the decoder said.
        #[source]
        source: WireError,
    },
}

/// Frames a message as it lies on disk.
///
/// # Errors
/// When the message is larger than four gigabytes.
pub fn frame<M: WireMessage>(message: &M) -> io::Result<Vec<u8>> {
    let length = message.encoded_len();
    let prefix = u32::try_from(length)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut bytes = Vec::with_capacity(length + 4);
    bytes.extend_from_slice(&prefix.to_le_bytes());
    message.encode(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Replaces a file by one message.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn write_message<M: WireMessage>(path: &Path, message: &M) -> Result<(), WriteError> {
    let framed = frame(message);
    framed
        .and_then(|bytes| write_atomically(path, &bytes))
        .map_err(|source| WriteError {
            path: path.to_owned(),
            source,
        })
}

/// Replaces a file by several messages, one after another.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn write_messages<'a, M: WireMessage>(
    path: &Path,
    messages: impl IntoIterator<Item = &'a M>,
) -> Result<(), WriteError> {
    let mut bytes = Vec::new();
    let framed = messages.into_iter().try_for_each(|message| {
        bytes.extend_from_slice(&frame(message)?);
        Ok(())
    });
    framed
        .and_then(|()| write_atomically(path, &bytes))
        .map_err(|source| WriteError {
            path: path.to_owned(),
            source,
        })
}

/// Replaces a file by plain text.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn write_text(path: &Path, text: &str) -> Result<(), WriteError> {
    write_atomically(path, text.as_bytes()).map_err(|source| WriteError {
        path: path.to_owned(),
        source,
    })
}

/// Reads a file that holds at most one message; absent and empty files hold none.
///
/// # Errors
/// [`ReadError`] when the file is unreadable, cut short or not such a message.
pub fn read_message<M: WireMessage>(path: &Path) -> Result<Option<M>, ReadError> {
    let Some(bytes) = read_bytes(path)? else {
        return Ok(None);
    };
    match next_record(&bytes, 0) {
        Record::End => Ok(None),
        Record::Partial => Err(ReadError::Truncated {
            path: path.to_owned(),
            at: 0,
        }),
        Record::Whole { body, .. } => decode(body).map(Some).map_err(|source| ReadError::Corrupt {
            path: path.to_owned(),
            at: 0,
            source,
        }),
    }
}

/// Reads a file as text without surrounding white space; absent and empty files hold none.
///
/// # Errors
/// [`ReadError::Io`] when the file is unreadable or not text.
pub fn read_text(path: &Path) -> Result<Option<String>, ReadError> {
    let Some(bytes) = read_bytes(path)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| ReadError::Io {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Reads a whole file; an absent one is none.
///
/// # Errors
/// [`ReadError::Io`] when the file exists and cannot be read.
pub fn read_bytes(path: &Path) -> Result<Option<Bytes>, ReadError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// One step through a file of records.
#[derive(Debug)]
pub enum Record {
    /// The file ends here.
    End,
    /// The file ends inside this record.
    Partial,
    /// A record and where the next one begins.
    Whole {
        /// The bytes of the message.
        body: Bytes,
        /// The offset behind it.
        next: usize,
    },
}

/// Takes the record that begins at an offset.
pub fn next_record(bytes: &Bytes, at: usize) -> Record {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return Record::End;
    }
    let Some((prefix, body)) = rest.split_first_chunk::<4>() else {
        return Record::Partial;
    };
    let Ok(length) = usize::try_from(u32::from_le_bytes(*prefix)) else {
        return Record::Partial;
    };
    if body.len() < length {
        return Record::Partial;
    }
    let begin = at + 4;
    Record::Whole {
        body: bytes.slice(begin..begin + length),
        next: begin + length,
    }
}

/// Points a symbolic link to a target, replacing one that is there.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn replace_symlink(link: &Path, target: &Path) -> Result<(), WriteError> {
    let replace = || {
        let directory = parent_of(link)?;
        fs::create_dir_all(directory)?;
        let temporary = temporary_beside(link)?;
        std::os::unix::fs::symlink(target, &temporary)?;
        fs::rename(&temporary, link).inspect_err(|_| discard(&temporary))?;
        sync_directory(directory)
    };
    replace().map_err(|source| WriteError {
        path: link.to_owned(),
        source,
    })
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = parent_of(path)?;
    fs::create_dir_all(directory)?;
    let temporary = temporary_beside(path)?;
    let write = || {
        let mut file: File = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| discard(&temporary))?;
    sync_directory(directory)
}

fn discard(temporary: &Path) {
    if let Err(error) = fs::remove_file(temporary) {
        tracing::debug!(%error, path = %temporary.display(), "temporary file stays behind");
    }
}

fn parent_of(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "path has no parent directory"))
}

/// Mesos names its temporary files by six random characters.
fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    let name: String = Uuid::new_v4()
        .simple()
        .to_string()
        .chars()
        .take(6)
        .collect();
    Ok(parent_of(path)?.join(name))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1;

    use super::*;

    fn task_id(value: &str) -> v1::TaskId {
        v1::TaskId {
            value: Some(value.to_owned()),
            ..Default::default()
        }
    }

    #[test]
    fn message_is_stored_behind_its_length() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("a/b/task.id");

        write_message(&path, &task_id("t1")).expect("written");

        assert_eq!(
            fs::read(&path).expect("file"),
            [4, 0, 0, 0, 0x0a, 2, b't', b'1']
        );
        assert_eq!(read_message(&path).expect("readable"), Some(task_id("t1")));
    }

    #[test]
    fn replaced_file_leaves_no_temporary_behind() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("pid");

        write_text(&path, "1").expect("written");
        write_text(&path, "22").expect("written");

        assert_eq!(fs::read_to_string(&path).expect("file"), "22");
        assert_eq!(
            fs::read_dir(directory.path()).expect("directory").count(),
            1
        );
    }

    #[test]
    fn absent_and_empty_files_hold_no_message() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("info");

        assert_eq!(read_message::<v1::TaskId>(&path).expect("absent"), None);
        fs::write(&path, []).expect("written");
        assert_eq!(read_message::<v1::TaskId>(&path).expect("empty"), None);
    }

    #[test]
    fn file_cut_inside_a_record_is_truncated() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("info");
        fs::write(&path, [9, 0, 0, 0, 1]).expect("written");

        let outcome = read_message::<v1::TaskId>(&path);

        assert!(matches!(outcome, Err(ReadError::Truncated { at: 0, .. })));
    }

    #[test]
    fn link_is_replaced() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let link = directory.path().join("latest");

        replace_symlink(&link, Path::new("/one")).expect("linked");
        replace_symlink(&link, Path::new("/two")).expect("linked");

        assert_eq!(fs::read_link(&link).expect("link"), Path::new("/two"));
    }
}
