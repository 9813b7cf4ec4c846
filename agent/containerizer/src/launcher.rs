//! Starts and kills the processes of containers.
//!
//! Mirrors `src/slave/containerizer/mesos/launcher.hpp`.

pub mod posix;

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, PipeWriter},
    os::fd::OwnedFd,
    path::PathBuf,
};

use libprocess::subprocess::SubprocessError;
use mesos_linux::process_tree::ListError;
use thiserror::Error;

use crate::{ContainerId, programs::Program};

/// A launcher refused or failed.
#[derive(Debug, Error)]
pub enum LauncherError {
    /// The container has a process already.
    #[error("Process has already been forked for container {0}")]
    AlreadyForked(ContainerId),
    /// Two recovered containers claim one process.
    #[error("Detected duplicate pid {pid} for container {id}")]
    DuplicatePid {
        /// The claimed process.
        pid: i32,
        /// The second container.
        id: ContainerId,
    },
    /// The helper could not be started.
    #[error("Failed to fork executor")]
    Fork(#[source] SubprocessError),
    /// There is no way to let the helper go on.
    #[error("Failed to create a pipe to the container")]
    Pipe(#[source] io::Error),
    /// The processes could not be found.
    #[error("Failed to kill all processes in the container")]
    Kill(#[source] ListError),
}

/// Where a container's output goes.
#[derive(Debug, Default)]
pub enum Sink {
    /// To the agent's own stream.
    Inherit,
    /// Nowhere.
    #[default]
    Null,
    /// Into a file or pipe.
    File(File),
}

/// Where a container's outputs go.
#[derive(Debug, Default)]
pub struct ContainerOutput {
    /// Standard output.
    pub out: Sink,
    /// Standard error.
    pub err: Sink,
}

/// A helper process to start for a container.
#[derive(Debug)]
pub struct ForkRequest {
    /// The helper program.
    pub program: Program,
    /// Its arguments after its name.
    pub arguments: Vec<String>,
    /// Variables added to the agent's own.
    pub environment: BTreeMap<String, String>,
    /// Where it starts.
    pub directory: Option<PathBuf>,
    /// Its input; nothing comes when there is none.
    pub input: Option<OwnedFd>,
    /// Where its output goes.
    pub output: ContainerOutput,
}

/// The variable that tells a helper which descriptor its byte comes from.
pub const RELEASE_VARIABLE: &str = "MESOS_CONTAINERIZER_PIPE_READ";

/// A started helper that waits for one byte.
#[derive(Debug)]
pub struct Forked {
    /// The container's first process.
    pub pid: i32,
    /// The pipe: one byte lets the container run, closing it ends it.
    pub release: PipeWriter,
}

/// Starts and kills the processes of containers.
pub trait Launcher: Send + fmt::Debug {
    /// Takes up containers of a former agent; returns orphans that only the launcher knows.
    ///
    /// # Errors
    /// [`LauncherError::DuplicatePid`] when two containers claim one process.
    fn recover(
        &mut self,
        containers: &[(ContainerId, i32)],
    ) -> Result<Vec<ContainerId>, LauncherError>;

    /// Starts the helper of a container.
    ///
    /// # Errors
    /// [`LauncherError`] when the container has a process already or the helper does not start.
    fn fork(&mut self, id: &ContainerId, request: ForkRequest) -> Result<Forked, LauncherError>;

    /// Kills everything that runs in a container.
    ///
    /// # Errors
    /// [`LauncherError::Kill`] when its processes cannot be found.
    fn destroy(&mut self, id: &ContainerId) -> Result<(), LauncherError>;

    /// Returns the first process of a container.
    fn pid(&self, id: &ContainerId) -> Option<i32>;
}
