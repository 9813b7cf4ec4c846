//! Writes the output of a container into its sandbox.
//!
//! Mirrors `src/slave/container_loggers/sandbox.cpp`.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use mesos_containerizer::{
    ContainerId,
    container_logger::ContainerLogger,
    launch_info::ContainerConfig,
    launcher::{ContainerOutput, Sink},
};

/// The logger that needs no helper: files `stdout` and `stderr` in the sandbox.
#[derive(Debug, Default)]
pub struct SandboxContainerLogger;

impl ContainerLogger for SandboxContainerLogger {
    fn prepare(&self, _id: &ContainerId, config: &ContainerConfig) -> io::Result<ContainerOutput> {
        let sandbox = Path::new(config.directory());
        let user = config.user.as_deref();
        Ok(ContainerOutput {
            out: Sink::File(open(&sandbox.join("stdout"), user)?),
            err: Sink::File(open(&sandbox.join("stderr"), user)?),
        })
    }
}

/// Opens a file for appending that belongs to the container's user.
fn open(path: &Path, user: Option<&str>) -> io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o644)
        .open(path)?;
    if let Some(name) = user
        && let Some(user) = nix::unistd::User::from_name(name)?
    {
        nix::unistd::chown(path, Some(user.uid), Some(user.gid))?;
    }
    Ok(file)
}
