//! Finds the helper programs of the agent.
//!
//! A program is a file of its own in `--launcher_dir`, as in Mesos, or a name of the multi-call binary `mesos`.
//! Without such a directory it is a file beside the running program, or a name of that.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// A helper program is nowhere.
#[derive(Debug, Error)]
#[error("failed to find {name}")]
pub struct MissingProgram {
    /// The program's name.
    pub name: String,
    /// Why this process' own program cannot stand in.
    #[source]
    pub source: io::Error,
}

/// A program file and the name under which it is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The file to execute.
    pub path: PathBuf,
    /// The first element of its argument vector.
    pub name: String,
}

/// Finds a program: `<launcher_dir>/<name>`, else `<launcher_dir>/mesos`, else the file of that name beside the
/// running program, else the running program.
///
/// # Errors
/// [`MissingProgram`] when neither exists and the running program's path is unknown.
pub fn resolve(launcher_dir: &Path, name: &str) -> Result<Program, MissingProgram> {
    let own = launcher_dir.join(name);
    let multi = launcher_dir.join("mesos");
    let path = if own.is_file() {
        own
    } else if multi.is_file() {
        multi
    } else {
        let running = std::env::current_exe().map_err(|source| MissingProgram {
            name: name.to_owned(),
            source,
        })?;
        beside(&running, name)
    };
    Ok(Program {
        path,
        name: name.to_owned(),
    })
}

/// The file of this name beside the running program, else the running program.
fn beside(running: &Path, name: &str) -> PathBuf {
    let own = running.with_file_name(name);
    if own.is_file() {
        own
    } else {
        running.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn own_file_is_preferred_to_the_multi_call_binary() {
        let directory = tempfile::tempdir().expect("temporary directory");
        fs::write(directory.path().join("mesos"), "").expect("written");

        let shared = resolve(directory.path(), "mesos-executor").expect("found");
        fs::write(directory.path().join("mesos-executor"), "").expect("written");
        let own = resolve(directory.path(), "mesos-executor").expect("found");

        assert_eq!(shared.path, directory.path().join("mesos"));
        assert_eq!(shared.name, "mesos-executor");
        assert_eq!(own.path, directory.path().join("mesos-executor"));
    }

    #[test]
    fn file_beside_the_running_program_is_preferred_to_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let running = directory.path().join("mesos");

        let shared = beside(&running, "mesos-executor");
        fs::write(directory.path().join("mesos-executor"), "").expect("written");
        let own = beside(&running, "mesos-executor");

        assert_eq!(shared, running);
        assert_eq!(own, directory.path().join("mesos-executor"));
    }
}
