//! Counts which tests of Mesos this repository carries over.
//!
//! # Owns
//! The list of Mesos' tests, the `Mirrors:` lines of our tests, the names that do not apply.
//!
//! # Invariants
//! - Every name that is claimed or excused stands in the list; anything else is a fault.
//! - No name is both mirrored and excused by name.

pub mod catalogue;
pub mod excuses;
pub mod report;
pub mod scan;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use self::catalogue::Catalogue;
use self::excuses::Excuses;
use self::report::Report;
use self::scan::Scan;

/// Why the count could not be made.
#[derive(Debug, Error)]
pub enum ParityError {
    /// A data file or a source file cannot be read.
    #[error("read {path}", path = path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line of a data file has the wrong form.
    #[error("{file}, line {line}: {detail}")]
    Malformed {
        /// Name of the data file.
        file: &'static str,
        /// Line number from 1.
        line: usize,
        /// What was expected.
        detail: &'static str,
    },
}

/// Returns the top folder of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Counts the repository that this crate was built from.
///
/// # Errors
/// [`ParityError`] when a file cannot be read or a data file is malformed.
/// Faulty claims are no error: they stand in the report.
pub fn count() -> Result<Report, ParityError> {
    let root = repository();
    let data = root.join("integration").join("parity");
    let catalogue = Catalogue::parse(&read(&data.join("suites.txt"))?)?;
    let excuses = Excuses::parse(&read(&data.join("not-applicable.txt"))?)?;
    let mut scan = Scan::default();
    for path in rust_sources(&root)? {
        let name = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .display()
            .to_string();
        scan.source(&name, &read(&path)?);
    }
    Ok(Report::new(&catalogue, &excuses, &scan))
}

/// Lists every Rust source file of the repository, without build output.
///
/// # Errors
/// [`ParityError::Read`] when a folder cannot be listed.
pub fn rust_sources(root: &Path) -> Result<Vec<PathBuf>, ParityError> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|source| ParityError::Read {
            path: folder.clone(),
            source,
        })?;
        for entry in entries {
            let entry = entry.map_err(|source| ParityError::Read {
                path: folder.clone(),
                source,
            })?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && !name.starts_with('.') && !name.starts_with("target") {
                folders.push(path);
            } else if !is_folder && path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String, ParityError> {
    fs::read_to_string(path).map_err(|source| ParityError::Read {
        path: path.to_owned(),
        source,
    })
}
