//! Writes checkpoints.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use libprocess::Upid;
use mesos_common::{
    ids::{AgentId, FrameworkId, TaskId},
    resources::downgrade_resource,
};
use mesos_containerizer::{
    ContainerId,
    state_file::{WriteError, frame, replace_symlink, write_message, write_messages, write_text},
};
use mesos_proto::{internal, v1};
use mesos_proto_codec::WireMessage;

use super::layout::Origin;
use crate::paths::{self, ExecutorPlace};

/// Writes the agent's description and points `latest` to it.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn agent_info(meta: &Path, id: &AgentId, info: &v1::AgentInfo) -> Result<(), WriteError> {
    let mut info = info.clone();
    downgrade_all(&mut info.resources);
    write_message(&paths::agent_info_file(meta, id), &info)
}

/// Points `latest` to an agent, in the sandbox or the `meta` tree, and makes the agent's directory.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn latest_agent(root: &Path, id: &AgentId) -> Result<(), WriteError> {
    let directory = paths::agent_dir(root, id);
    fs::create_dir_all(&directory).map_err(|source| WriteError {
        path: directory.clone(),
        source,
    })?;
    replace_symlink(&paths::latest_agent(root), &directory)
}

/// Writes a framework's description and address.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn framework(
    meta: &Path,
    agent: &AgentId,
    info: &v1::FrameworkInfo,
    pid: Option<&Upid>,
) -> Result<(), WriteError> {
    let id = FrameworkId::from(info.id());
    write_message(&paths::framework_info_file(meta, agent, &id), info)?;
    // An empty address says that the framework speaks HTTP.
    let text = pid.map_or_else(|| EMPTY_UPID.to_owned(), ToString::to_string);
    write_text(&paths::framework_pid_file(meta, agent, &id), &text)
}

/// How libprocess prints an address that is none.
pub(super) const EMPTY_UPID: &str = "@0.0.0.0:0";

/// Writes an executor's description, its origin and the link to its run.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn executor(
    place: ExecutorPlace<'_>,
    info: &v1::ExecutorInfo,
    origin: Origin,
    container: &ContainerId,
) -> Result<(), WriteError> {
    let mut info = info.clone();
    downgrade_all(&mut info.resources);
    write_message(&place.info_file(), &info)?;
    let generated = match origin {
        Origin::Framework => "0",
        Origin::CommandTask => "1",
    };
    write_text(&place.generated_file(), generated)?;
    let run = place.run_dir(container);
    fs::create_dir_all(&run).map_err(|source| WriteError {
        path: run.clone(),
        source,
    })?;
    replace_symlink(&place.latest_run(), &run)
}

/// Writes a task.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn task(
    place: ExecutorPlace<'_>,
    container: &ContainerId,
    task: &v1::Task,
) -> Result<(), WriteError> {
    let id = TaskId::from(task.task_id());
    let mut task = task.clone();
    downgrade_all(&mut task.resources);
    write_message(&place.task_info_file(container, &id), &task)
}

/// Makes an empty file that means something by being there.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn marker(path: &Path) -> Result<(), WriteError> {
    write_text(path, "")
}

/// The two steps of changing resources on disk: first where they go, then that they are there.
#[derive(Debug)]
pub struct ResourcesCommit {
    meta: PathBuf,
    renames: Vec<(PathBuf, PathBuf)>,
}

/// Writes where the agent's resources and operations are heading.
///
/// # Errors
/// [`WriteError`] with the system's answer.
pub fn resources_target(
    meta: &Path,
    resources: &[v1::Resource],
    operations: &[v1::Operation],
) -> Result<ResourcesCommit, WriteError> {
    let state = internal::agent::ResourceState {
        operations: operations.to_vec(),
        resources: resources.to_vec(),
        ..Default::default()
    };
    write_message(&paths::resource_state_target_file(meta), &state)?;
    let mut plain = resources.to_vec();
    downgrade_all(&mut plain);
    write_messages(&paths::resources_target_file(meta), &plain)?;
    Ok(ResourcesCommit::recovered(meta))
}

impl ResourcesCommit {
    /// The commit that a crash left out.
    pub fn recovered(meta: &Path) -> Self {
        Self {
            meta: meta.to_owned(),
            renames: vec![
                (
                    paths::resources_target_file(meta),
                    paths::resources_info_file(meta),
                ),
                (
                    paths::resource_state_target_file(meta),
                    paths::resource_state_file(meta),
                ),
            ],
        }
    }

    /// Makes the target the truth, once the volumes on disk agree with it.
    ///
    /// # Errors
    /// [`WriteError`] with the system's answer.
    pub fn commit(self) -> Result<(), WriteError> {
        for (target, file) in self.renames {
            match fs::rename(&target, &file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(WriteError {
                        path: file,
                        source: error,
                    });
                }
                Ok(()) | Err(_) => {}
            }
        }
        let directory = self.meta.join("resources");
        File::open(&directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| WriteError {
                path: directory.clone(),
                source,
            })
    }
}

/// Old agents cannot read reservation stacks: resources that need none are written without.
fn downgrade_all(resources: &mut [v1::Resource]) {
    let mut downgraded = resources.to_vec();
    if downgraded
        .iter_mut()
        .all(|resource| downgrade_resource(resource).is_ok())
    {
        resources.clone_from_slice(&downgraded);
    }
}

/// A file to which records are added.
///
/// # Invariants
/// - A record follows the last whole one: a part of one that could not be added is cut off before.
#[derive(Debug)]
pub struct RecordFile {
    path: PathBuf,
    file: File,
    /// Where the last whole record ends.
    end: u64,
    tail: Tail,
}

/// What lies behind the last whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    Clean,
    /// Perhaps a part of a record that could not be added.
    Torn,
}

impl RecordFile {
    /// Opens a file for appending, making it and its directory when they are missing.
    ///
    /// # Errors
    /// [`WriteError`] with the system's answer.
    pub fn open(path: &Path) -> Result<Self, WriteError> {
        let open = || {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o644)
                .open(path)
        };
        let failed = |source| WriteError {
            path: path.to_owned(),
            source,
        };
        let file = open().map_err(failed)?;
        let end = file.metadata().map_err(failed)?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            end,
            tail: Tail::Clean,
        })
    }

    /// Adds a record and waits until it is on the disk.
    ///
    /// # Errors
    /// [`WriteError`] with the system's answer.
    pub fn append<M: WireMessage>(&mut self, record: &M) -> Result<(), WriteError> {
        let added = frame(record).and_then(|bytes| self.add(&bytes));
        added.map_err(|source| WriteError {
            path: self.path.clone(),
            source,
        })
    }

    fn add(&mut self, record: &[u8]) -> io::Result<()> {
        if self.tail == Tail::Torn {
            self.file.set_len(self.end)?;
        }
        self.tail = Tail::Torn;
        self.file.write_all(record)?;
        self.file.sync_data()?;
        self.tail = Tail::Clean;
        // No record is longer than four gigabytes.
        let length = u64::try_from(record.len()).unwrap_or(u64::MAX);
        self.end = self.end.saturating_add(length);
        Ok(())
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
