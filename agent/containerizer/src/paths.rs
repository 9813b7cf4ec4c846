//! Says where a container's runtime files lie.
//!
//! Mirrors `src/slave/containerizer/mesos/paths.cpp`.
//!
//! ```text
//! <runtime_dir>/containers/<id>/
//!     config  launch_info  pid  status  termination
//!     force_destroy_on_recovery  standalone.marker
//!     io_switchboard/{pid,socket}
//!     containers/<nested id>/...
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::ContainerId;

const CONTAINERS: &str = "containers";

/// Returns the runtime directory of a container.
pub fn runtime_path(runtime_dir: &Path, id: &ContainerId) -> PathBuf {
    nested_path(runtime_dir, id)
}

/// Returns the sandbox of a container nested in a root whose sandbox is known.
pub fn nested_sandbox_path(root_sandbox: &Path, id: &ContainerId) -> PathBuf {
    let mut path = root_sandbox.to_owned();
    for value in id.chain().into_iter().skip(1) {
        path.push(CONTAINERS);
        path.push(value);
    }
    path
}

/// Returns the sandbox of a standalone container.
pub fn standalone_sandbox_path(work_dir: &Path, id: &ContainerId) -> PathBuf {
    nested_path(work_dir, id)
}

fn nested_path(root: &Path, id: &ContainerId) -> PathBuf {
    let mut path = root.to_owned();
    for value in id.chain() {
        path.push(CONTAINERS);
        path.push(value);
    }
    path
}

/// The pid of the container's first process, in decimal.
pub fn pid_file(runtime: &Path) -> PathBuf {
    runtime.join("pid")
}

/// The `ContainerConfig` the container was launched with.
pub fn config_file(runtime: &Path) -> PathBuf {
    runtime.join("config")
}

/// The merged `ContainerLaunchInfo`.
pub fn launch_info_file(runtime: &Path) -> PathBuf {
    runtime.join("launch_info")
}

/// The wait status of the container's command, in decimal.
pub fn status_file(runtime: &Path) -> PathBuf {
    runtime.join("status")
}

/// The `ContainerTermination` of a nested container.
pub fn termination_file(runtime: &Path) -> PathBuf {
    runtime.join("termination")
}

/// Present when recovery has to destroy the container.
pub fn force_destroy_file(runtime: &Path) -> PathBuf {
    runtime.join("force_destroy_on_recovery")
}

/// Present when the container was launched by an operator.
pub fn standalone_marker(runtime: &Path) -> PathBuf {
    runtime.join("standalone.marker")
}

/// The directory of the I/O switchboard.
pub fn io_switchboard_dir(runtime: &Path) -> PathBuf {
    runtime.join("io_switchboard")
}

/// The pid of the I/O switchboard's server, in decimal.
pub fn io_switchboard_pid_file(runtime: &Path) -> PathBuf {
    io_switchboard_dir(runtime).join("pid")
}

/// The path of the socket on which the I/O switchboard's server listens.
pub fn io_switchboard_socket_file(runtime: &Path) -> PathBuf {
    io_switchboard_dir(runtime).join("socket")
}

/// Lists every container that has a runtime directory, parents before children.
///
/// # Errors
/// When a directory exists and cannot be read.
pub fn container_ids(runtime_dir: &Path) -> io::Result<Vec<ContainerId>> {
    let mut found = Vec::new();
    collect(runtime_dir, None, &mut found)?;
    Ok(found)
}

fn collect(
    directory: &Path,
    parent: Option<&ContainerId>,
    found: &mut Vec<ContainerId>,
) -> io::Result<()> {
    let entries = match fs::read_dir(directory.join(CONTAINERS)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let id = match parent {
            Some(parent) => parent.child(name),
            None => ContainerId::root_from(name),
        };
        found.push(id.clone());
        collect(&entry.path(), Some(&id), found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: MesosContainerizerPathsTest.BuildPathPrefixMode
    #[test]
    fn nested_container_lies_inside_its_parent() {
        let id = ContainerId::root_from("a").child("b");

        assert_eq!(
            runtime_path(Path::new("/run"), &id),
            Path::new("/run/containers/a/containers/b")
        );
        assert_eq!(
            nested_sandbox_path(Path::new("/box"), &id),
            Path::new("/box/containers/b")
        );
    }

    #[test]
    fn listing_names_parents_before_children() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let root = ContainerId::root_from("a");
        let nested = root.child("b");
        fs::create_dir_all(runtime_path(directory.path(), &nested)).expect("created");

        assert_eq!(
            container_ids(directory.path()).expect("listed"),
            [root, nested]
        );
    }
}
