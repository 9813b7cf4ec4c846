//! Tests whose program is to be aborted by a panic: they run themselves again and look how that ends.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use thiserror::Error;

/// Set in the program that is to be aborted.
const VARIABLE: &str = "TEST_IS_TO_ABORT";

/// The signal of an abortion.
const SIGABRT: i32 = 6;

/// Why nothing was aborted.
#[derive(Debug, Error)]
pub enum AbortError {
    /// The program cannot be started.
    #[error("start the test once more")]
    Start(#[from] io::Error),
    /// It ended in another way.
    #[error("the program ended with {status}: {errors}")]
    NotAborted {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its standard error.
        errors: String,
    },
}

/// Runs the test of this name as a program of its own, in which only `program` runs, and returns what it wrote to its
/// standard error before it was aborted.
///
/// # Errors
/// [`AbortError::NotAborted`] tells how it ended instead.
pub fn last_words(name: &str, program: impl FnOnce()) -> Result<String, AbortError> {
    if std::env::var_os(VARIABLE).is_some() {
        program();
        return Ok(String::new());
    }
    let output = Command::new(std::env::current_exe()?)
        .args(["--exact", name, "--nocapture"])
        .env(VARIABLE, "yes")
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.signal() == Some(SIGABRT) {
        return Ok(errors);
    }
    Err(AbortError::NotAborted {
        status: output.status,
        errors,
    })
}
