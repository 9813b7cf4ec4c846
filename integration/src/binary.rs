//! Finds the built `mesos` binary and runs it.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use thiserror::Error;

use crate::hosts::Place;

/// Environment variable that every process of a test carries, so that leftovers can be found.
pub const MARK: &str = "TEST_MARK";

/// Why there is no binary to run.
#[derive(Debug, Error)]
pub enum BinaryError {
    /// The folder of the running test is unknown.
    #[error("find the folder of the running test")]
    NoFolder {
        /// What the operating system said, when it said something.
        source: Option<io::Error>,
    },
    /// The binary is not built.
    #[error("{path} is missing: build it with `cargo build -p mesos-cli`", path = path.display())]
    NotBuilt {
        /// Where it was expected.
        path: PathBuf,
    },
}

/// Returns the path of the `mesos` binary of the same build as the running test.
///
/// # Errors
/// [`BinaryError::NotBuilt`] names the command that builds it.
pub fn locate() -> Result<PathBuf, BinaryError> {
    let test = std::env::current_exe().map_err(|source| BinaryError::NoFolder {
        source: Some(source),
    })?;
    let deps = test
        .parent()
        .ok_or(BinaryError::NoFolder { source: None })?;
    let folder = match deps.file_name() {
        Some(name) if name == "deps" => deps.parent().unwrap_or(deps),
        _ => deps,
    };
    let path = folder.join("mesos");
    if path.is_file() {
        Ok(path)
    } else {
        Err(BinaryError::NotBuilt { path })
    }
}

/// Makes a command that runs `mesos` with a clean environment and the given mark.
///
/// Variables that would change flags or proxies (`MESOS_*`, `LIBPROCESS_*`, `*_proxy`) are removed.
///
/// # Errors
/// [`BinaryError`] as [`locate`].
pub fn command(mark: &str) -> Result<Command, BinaryError> {
    command_at(mark, &Place::loopback())
}

/// Makes the command of [`command`] for a process that runs at `place`.
///
/// # Errors
/// [`BinaryError`] as [`locate`].
pub fn command_at(mark: &str, place: &Place) -> Result<Command, BinaryError> {
    let mut command = place.command(locate()?);
    for (name, _) in std::env::vars_os() {
        if changes_behaviour(&name) {
            command.env_remove(name);
        }
    }
    command.env(MARK, mark);
    Ok(command)
}

fn changes_behaviour(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    name.starts_with("mesos_") || name.starts_with("libprocess_") || name.ends_with("_proxy")
}
