//! Performs the file operations that isolators asked for.

use std::{fs, path::Path, process::Command};

use super::HelperError;
use crate::launch_info::{
    ContainerFileOperation, ContainerLaunchInfo, container_file_operation::Operation,
};

pub(super) fn perform(info: &ContainerLaunchInfo) -> Result<(), HelperError> {
    info.file_operations.iter().try_for_each(perform_one)
}

fn perform_one(operation: &ContainerFileOperation) -> Result<(), HelperError> {
    match operation.operation() {
        Operation::Symlink => {
            let link = operation.symlink();
            std::os::unix::fs::symlink(link.source(), link.target()).map_err(HelperError::system(
                format!(
                    "create a symlink from '{}' to '{}'",
                    link.source(),
                    link.target()
                ),
            ))
        }
        Operation::Rename => rename(operation.rename().source(), operation.rename().target()),
        Operation::Mkdir => {
            let directory = operation.mkdir();
            let made = if directory.recursive() {
                fs::create_dir_all(directory.target())
            } else {
                fs::create_dir(directory.target())
            };
            made.map_err(HelperError::system(format!(
                "create directory '{}'",
                directory.target()
            )))
        }
        Operation::Mount => Err(HelperError::Unsupported("a mount")),
    }
}

/// Renames, or moves when source and target lie on different file systems.
fn rename(source: &str, target: &str) -> Result<(), HelperError> {
    if fs::rename(Path::new(source), Path::new(target)).is_ok() {
        return Ok(());
    }
    let what = format!("rename '{source}' to '{target}'");
    let moved = Command::new("mv")
        .args(["-f", source, target])
        .status()
        .map_err(HelperError::system(what.clone()))?;
    if moved.success() {
        Ok(())
    } else {
        Err(HelperError::system(what)(std::io::Error::other(
            "mv failed",
        )))
    }
}
