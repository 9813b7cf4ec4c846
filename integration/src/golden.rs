//! Reads the recordings of genuine Mesos that lie in `integration/golden`.
//!
//! # Invariants
//! - An archive is read into memory and never written to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use thiserror::Error;

/// Why a recording could not be read.
#[derive(Debug, Error)]
pub enum GoldenError {
    /// The archive is missing or damaged.
    #[error("read the archive {path}", path = path.display())]
    Archive {
        /// Where the archive was expected.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The archive has no such file.
    #[error("the set {set} has no file {file}")]
    NoSuchFile {
        /// Name of the set.
        set: String,
        /// Path inside the set.
        file: String,
    },
    /// A file is not what its name promises.
    #[error("the file {file} does not parse: {detail}")]
    Malformed {
        /// Path inside the set.
        file: String,
        /// What was wrong.
        detail: String,
    },
}

/// One set of recordings, unpacked in memory.
#[derive(Debug, Clone)]
pub struct Golden {
    set: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Golden {
    /// Reads the set called `set`, for example `standalone`.
    ///
    /// # Errors
    /// [`GoldenError::Archive`] when the archive is missing or damaged.
    pub fn open(set: &str) -> Result<Self, GoldenError> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("golden")
            .join(format!("{set}.tar.gz"));
        let files = unpack(&path).map_err(|source| GoldenError::Archive {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            set: set.to_owned(),
            files,
        })
    }

    /// Returns the bytes of the file at `path` inside the set.
    ///
    /// # Errors
    /// [`GoldenError::NoSuchFile`] when the set does not hold it.
    pub fn bytes(&self, path: &str) -> Result<&[u8], GoldenError> {
        self.files
            .get(&format!("{}/{path}", self.set))
            .map(Vec::as_slice)
            .ok_or_else(|| GoldenError::NoSuchFile {
                set: self.set.clone(),
                file: path.to_owned(),
            })
    }

    /// Returns the file at `path` inside the set as text.
    ///
    /// # Errors
    /// [`GoldenError::NoSuchFile`], or [`GoldenError::Malformed`] when it is not UTF-8.
    pub fn text(&self, path: &str) -> Result<&str, GoldenError> {
        std::str::from_utf8(self.bytes(path)?).map_err(|error| malformed(path, &error))
    }

    /// Returns the file at `path` inside the set as JSON.
    ///
    /// # Errors
    /// [`GoldenError::NoSuchFile`], or [`GoldenError::Malformed`] when it is not JSON.
    pub fn json(&self, path: &str) -> Result<serde_json::Value, GoldenError> {
        serde_json::from_slice(self.bytes(path)?).map_err(|error| malformed(path, &error))
    }

    /// Lists the paths inside the set that begin with `prefix`, in order.
    pub fn paths<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let root = format!("{}/", self.set);
        self.files
            .keys()
            .filter_map(move |path| path.get(root.len()..))
            .filter(move |path| path.starts_with(prefix))
    }
}

fn malformed(path: &str, error: &impl ToString) -> GoldenError {
    GoldenError::Malformed {
        file: path.to_owned(),
        detail: error.to_string(),
    }
}

fn unpack(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path)?));
    let mut files = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::Golden;

    #[test]
    fn standalone_set_holds_traffic_and_answers() {
        let golden = Golden::open("standalone").unwrap();

        let lines = golden.text("wire.jsonl").unwrap().lines().count();
        let stages = golden.paths("http/02-running/").count();

        assert_eq!(lines, 981);
        assert!(stages > 20, "{stages} files");
    }

    #[test]
    fn missing_file_is_named() {
        let golden = Golden::open("standalone").unwrap();

        let error = golden.bytes("nope").unwrap_err();

        assert_eq!(error.to_string(), "the set standalone has no file nope");
    }
}
