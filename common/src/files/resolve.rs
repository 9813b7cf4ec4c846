//! Finds, lists and reads real files, off the actor.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use mesos_proto::v1;

use super::{FilePart, FilesError, file_info};

/// The most that one request reads: 16 pages.
const MAX_READ: u64 = 16 * 4096;

/// Follows a path below an attached one, and refuses to leave it.
pub(super) fn resolve(root: &Path, below: &str) -> Result<PathBuf, FilesError> {
    let inaccessible = |path: &Path| {
        FilesError::Invalid(format!(
            "Resolved path '{}' is inaccessible.\n",
            path.display()
        ))
    };
    let root = root.canonicalize().map_err(|_gone| FilesError::NotFound)?;
    if below.is_empty() {
        return Ok(root);
    }
    let path = root
        .join(below)
        .canonicalize()
        .map_err(|_gone| FilesError::NotFound)?;
    if path.starts_with(&root) {
        Ok(path)
    } else {
        Err(inaccessible(&path))
    }
}

/// Lists a directory; what is no directory has no members.
pub(super) fn list(real: &Path, shown: &str) -> Vec<v1::FileInfo> {
    let Ok(entries) = std::fs::read_dir(real) else {
        return Vec::new();
    };
    let mut members: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let metadata = std::fs::metadata(entry.path()).ok()?;
            let path = format!("{}/{name}", shown.trim_end_matches('/'));
            Some(file_info(path, &metadata))
        })
        .collect();
    members.sort_by(|a, b| a.path.cmp(&b.path));
    members
}

/// Reads a piece of a file.
pub(super) fn read_part(
    real: &Path,
    offset: u64,
    length: Option<u64>,
) -> Result<FilePart, FilesError> {
    if real.is_dir() {
        return Err(FilesError::Invalid("Cannot read a directory.\n".to_owned()));
    }
    let failed = |error: std::io::Error| {
        FilesError::Unknown(format!(
            "Failed to open file at '{}': {error}.\n",
            real.display()
        ))
    };
    let mut file = File::open(real).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let length = length
        .unwrap_or(u64::MAX)
        .min(size.saturating_sub(offset))
        .min(MAX_READ);
    let mut data = Vec::new();
    if length > 0 {
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        file.take(length).read_to_end(&mut data).map_err(failed)?;
    }
    Ok(FilePart {
        size,
        data: Bytes::from(data),
    })
}
