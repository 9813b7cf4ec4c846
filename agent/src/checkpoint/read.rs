//! Reads checkpoints, whole or damaged.
//!
//! The rules per file are in `contract/agent-flows.md`, section 2.1: what is missing or empty is a step that a crash cut
//! off and is left out; what cannot be read ends a strict recovery and is counted by a tolerant one.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use bytes::Bytes;
use libprocess::Upid;
use mesos_common::{
    ids::{AgentId, ExecutorId, FrameworkId, TaskId},
    resources::upgrade_resource,
};
use mesos_containerizer::{
    ContainerId,
    state_file::{ReadError, Record, next_record, read_bytes, read_message, read_text},
};
use mesos_proto::{
    internal::{self, StatusUpdate, StatusUpdateRecord, status_update_record},
    v1,
};
use mesos_proto_codec::{WireMessage, decode};
use thiserror::Error;
use uuid::Uuid;

use super::{
    layout::{
        AgentCheckpoint, Checkpoint, ExecutorCheckpoint, FrameworkCheckpoint, Machine, Origin,
        ResourcesCheckpoint, RunCheckpoint, RunPhase, TaskCheckpoint, Transport,
    },
    write::EMPTY_UPID,
};
use crate::paths::{self, ExecutorPlace};

/// What to do about files that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The recovery fails.
    Strict,
    /// They are counted and passed over.
    Tolerant,
}

/// The checkpoint cannot be read.
#[derive(Debug, Error)]
pub enum ReadFailure {
    /// A link leads nowhere.
    #[error("Failed to find latest {what}: '{}'", path.display())]
    Dangling {
        /// What it should lead to.
        what: &'static str,
        /// The link.
        path: PathBuf,
    },
    /// A directory cannot be listed.
    #[error("failed to list '{}'", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A file holds something else than a number.
    #[error("'{}' should hold a number and holds '{text}'", path.display())]
    NoNumber {
        /// The file.
        path: PathBuf,
        /// What it holds.
        text: String,
    },
    /// A record file could not be cut at its last whole record.
    #[error("failed to truncate '{}'", path.display())]
    Truncate {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A file cannot be read, and the recovery is strict.
    #[error(transparent)]
    File(#[from] ReadError),
}

/// Reads everything below `meta`; `boot_id` is that of the running machine.
///
/// # Errors
/// [`ReadFailure`] for what no recovery survives, and in strict recovery for every unreadable file.
pub fn read(
    meta: &Path,
    strictness: Strictness,
    boot_id: Option<&str>,
) -> Result<Checkpoint, ReadFailure> {
    if !meta.is_dir() {
        return Ok(Checkpoint::default());
    }
    let mut reader = Reader {
        meta,
        strictness,
        machine: Machine::Same,
        errors: 0,
    };
    reader.machine = reader.compare_boot_id(boot_id);
    let resources = reader.resources()?;
    let agent = reader.agent()?;
    Ok(Checkpoint {
        resources,
        agent,
        machine: reader.machine,
        errors: reader.errors,
    })
}

/// The records of one file, cut at its last whole record, and how many errors were passed over.
///
/// # Errors
/// [`ReadFailure`] when the file cannot be cut, and in strict recovery when it cannot be read.
pub(crate) fn read_stream<M: WireMessage>(
    path: &Path,
    strictness: Strictness,
) -> Result<(Vec<M>, u64), ReadFailure> {
    let mut reader = Reader {
        meta: path,
        strictness,
        machine: Machine::Same,
        errors: 0,
    };
    let records = reader.stream(path)?;
    Ok((records, reader.errors))
}

struct Reader<'a> {
    meta: &'a Path,
    strictness: Strictness,
    machine: Machine,
    errors: u64,
}

impl Reader<'_> {
    /// Passes over an unreadable file, if that is allowed.
    fn tolerate<T>(
        &mut self,
        result: Result<Option<T>, ReadError>,
    ) -> Result<Option<T>, ReadFailure> {
        match (result, self.strictness) {
            (Ok(value), _) => Ok(value),
            (Err(error), Strictness::Strict) => Err(error.into()),
            (Err(error), Strictness::Tolerant) => {
                tracing::warn!(error = %error, "checkpoint file is passed over");
                self.errors += 1;
                Ok(None)
            }
        }
    }

    fn compare_boot_id(&self, running: Option<&str>) -> Machine {
        match (read_text(&paths::boot_id_file(self.meta)), running) {
            (Ok(Some(written)), Some(running)) if written != running.trim() => Machine::Rebooted,
            (Ok(_), _) => Machine::Same,
            (Err(error), _) => {
                tracing::warn!(error = %error, "boot id cannot be read");
                Machine::Same
            }
        }
    }

    fn resources(&mut self) -> Result<Option<ResourcesCheckpoint>, ReadFailure> {
        let state = self.resource_state(&paths::resource_state_file(self.meta))?;
        let target = self.resource_state(&paths::resource_state_target_file(self.meta))?;
        if state.is_some() || target.is_some() {
            let state = state.unwrap_or_default();
            let operations = target
                .as_ref()
                .map_or(&state.operations, |target| &target.operations);
            return Ok(Some(ResourcesCheckpoint {
                operations: operations.clone(),
                resources: state.resources,
                target: target.map(|target| target.resources),
            }));
        }
        let Some(resources) = self.plain_resources(&paths::resources_info_file(self.meta))? else {
            return Ok(None);
        };
        let target = self.plain_resources(&paths::resources_target_file(self.meta))?;
        Ok(Some(ResourcesCheckpoint {
            resources,
            target,
            operations: Vec::new(),
        }))
    }

    fn resource_state(
        &mut self,
        path: &Path,
    ) -> Result<Option<internal::agent::ResourceState>, ReadFailure> {
        // A file of an empty message is there although it holds no byte of the message.
        let state = self.tolerate(read_message::<internal::agent::ResourceState>(path))?;
        Ok(state.map(|mut state| {
            state.resources.iter_mut().for_each(upgrade_resource);
            state
        }))
    }

    fn plain_resources(&mut self, path: &Path) -> Result<Option<Vec<v1::Resource>>, ReadFailure> {
        let Some(bytes) = self.tolerate(read_bytes(path))? else {
            return Ok(None);
        };
        let records = self.records::<v1::Resource>(path, &bytes)?;
        Ok(Some(
            records
                .messages
                .into_iter()
                .map(|mut resource| {
                    upgrade_resource(&mut resource);
                    resource
                })
                .collect(),
        ))
    }

    /// Reads records up to the end, the first incomplete or the first corrupt one.
    /// Reads a file of records and cuts it at the last whole one; nothing when there is no file.
    fn stream<M: WireMessage>(&mut self, path: &Path) -> Result<Vec<M>, ReadFailure> {
        let content = read_bytes(path);
        let is_unreadable = content.is_err();
        let Some(bytes) = self.tolerate(content)? else {
            if is_unreadable {
                set_aside(path);
            }
            return Ok(Vec::new());
        };
        let records = self.records(path, &bytes)?;
        if records.end < bytes.len() {
            truncate(path, records.end)?;
        }
        Ok(records.messages)
    }

    fn records<M: WireMessage>(
        &mut self,
        path: &Path,
        bytes: &Bytes,
    ) -> Result<Records<M>, ReadFailure> {
        let mut messages = Vec::new();
        let mut at = 0;
        while let Record::Whole { body, next } = next_record(bytes, at) {
            let decoded = decode::<M>(body).map_err(|source| ReadError::Corrupt {
                path: path.to_owned(),
                at,
                source,
            });
            let Some(message) = self.tolerate(decoded.map(Some))? else {
                break;
            };
            messages.push(message);
            at = next;
        }
        Ok(Records { messages, end: at })
    }

    fn agent(&mut self) -> Result<Option<AgentCheckpoint>, ReadFailure> {
        let Some(id) = latest(&paths::latest_agent(self.meta), "agent")? else {
            return Ok(None);
        };
        let id = AgentId::new(id);
        let info_path = paths::agent_info_file(self.meta, &id);
        let info = self.tolerate(read_message::<v1::AgentInfo>(&info_path))?;
        let drain_path = paths::drain_config_file(self.meta, &id);
        let drain = read_message(&drain_path).unwrap_or_else(|error| {
            tracing::warn!(error = %error, "drain configuration is ignored");
            self.errors += 1;
            None
        });
        let Some(mut info) = info else {
            tracing::warn!(agent = %id, "agent has no description: it registers anew");
            return Ok(Some(AgentCheckpoint {
                id,
                info: None,
                frameworks: Vec::new(),
                drain,
            }));
        };
        info.resources.iter_mut().for_each(upgrade_resource);
        let mut frameworks = Vec::new();
        for name in self.members(&paths::frameworks_dir(self.meta, &id))? {
            frameworks.push(self.framework(&id, FrameworkId::new(name))?);
        }
        Ok(Some(AgentCheckpoint {
            id,
            info: Some(info),
            frameworks,
            drain,
        }))
    }

    fn members(&self, directory: &Path) -> Result<Vec<String>, ReadFailure> {
        paths::members(directory).map_err(|source| ReadFailure::List {
            path: directory.to_owned(),
            source,
        })
    }

    fn framework(
        &mut self,
        agent: &AgentId,
        id: FrameworkId,
    ) -> Result<FrameworkCheckpoint, ReadFailure> {
        let info_path = paths::framework_info_file(self.meta, agent, &id);
        let info = self.tolerate(read_message::<v1::FrameworkInfo>(&info_path))?;
        let pid_path = paths::framework_pid_file(self.meta, agent, &id);
        let pid = self.tolerate(read_text(&pid_path))?;
        let (Some(info), Some(pid)) = (info, pid) else {
            tracing::warn!(framework = %id, "framework is not recovered: its checkpoint is incomplete");
            return Ok(FrameworkCheckpoint {
                id,
                info: None,
                pid: None,
                executors: Vec::new(),
            });
        };
        let pid = upid(&pid);
        let mut executors = Vec::new();
        for name in self.members(&paths::executors_dir(self.meta, agent, &id))? {
            executors.push(self.executor(agent, &id, ExecutorId::new(name))?);
        }
        Ok(FrameworkCheckpoint {
            id,
            info: Some(info),
            pid: Some(pid),
            executors,
        })
    }

    fn executor(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        id: ExecutorId,
    ) -> Result<ExecutorCheckpoint, ReadFailure> {
        let place = ExecutorPlace {
            root: self.meta,
            agent,
            framework,
            executor: &id,
        };
        let latest = latest(&place.latest_run(), "run")?.map(ContainerId::root_from);
        let mut recovered = ExecutorCheckpoint {
            id: id.clone(),
            info: None,
            latest: latest.clone(),
            runs: Vec::new(),
            origin: Origin::Framework,
        };
        if latest.is_none() {
            tracing::warn!(executor = %id, "executor is not recovered: it has no latest run");
            return Ok(recovered);
        }
        let info = self.tolerate(read_message::<v1::ExecutorInfo>(&place.info_file()))?;
        let Some(mut info) = info else {
            tracing::warn!(executor = %id, "executor is not recovered: it has no description");
            return Ok(recovered);
        };
        info.resources.iter_mut().for_each(upgrade_resource);
        recovered.origin = origin(&place.generated_file(), &info)?;
        recovered.info = Some(info);
        for name in self.members(&place.runs_dir())? {
            recovered
                .runs
                .push(self.run(place, ContainerId::root_from(name))?);
        }
        Ok(recovered)
    }

    fn run(
        &mut self,
        place: ExecutorPlace<'_>,
        id: ContainerId,
    ) -> Result<RunCheckpoint, ReadFailure> {
        let phase = if place.sentinel(&id).is_file() {
            RunPhase::Completed
        } else {
            RunPhase::Live
        };
        let mut tasks = Vec::new();
        for name in self.members(&place.tasks_dir(&id))? {
            if let Some(task) = self.task(place, &id, TaskId::new(name))? {
                tasks.push(task);
            }
        }
        let pid_path = place.forked_pid_file(&id);
        if self.machine == Machine::Rebooted {
            // The number may belong to somebody else by now.
            if let Err(error) = fs::remove_file(&pid_path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, path = %pid_path.display(), "pid of a former boot stays behind");
            }
            let transport = Transport::Unknown;
            return Ok(RunCheckpoint {
                id,
                forked_pid: None,
                transport,
                phase,
                tasks,
            });
        }
        let Some(text) = self.tolerate(read_text(&pid_path))? else {
            let transport = Transport::Unknown;
            return Ok(RunCheckpoint {
                id,
                forked_pid: None,
                transport,
                phase,
                tasks,
            });
        };
        let forked_pid = text.parse().map_err(|_unreadable| ReadFailure::NoNumber {
            path: pid_path,
            text,
        })?;
        let transport = self.transport(place, &id)?;
        Ok(RunCheckpoint {
            id,
            forked_pid: Some(forked_pid),
            transport,
            phase,
            tasks,
        })
    }

    fn transport(
        &mut self,
        place: ExecutorPlace<'_>,
        id: &ContainerId,
    ) -> Result<Transport, ReadFailure> {
        let path = place.libprocess_pid_file(id);
        if path.is_file() {
            let text = self.tolerate(read_text(&path))?;
            return Ok(text.map_or(Transport::Unknown, |text| {
                Transport::Libprocess(upid(&text))
            }));
        }
        if place.http_marker(id).is_file() {
            Ok(Transport::Http)
        } else {
            Ok(Transport::Unknown)
        }
    }

    fn task(
        &mut self,
        place: ExecutorPlace<'_>,
        container: &ContainerId,
        id: TaskId,
    ) -> Result<Option<TaskCheckpoint>, ReadFailure> {
        let info_path = place.task_info_file(container, &id);
        let Some(mut info) = self.tolerate(read_message::<v1::Task>(&info_path))? else {
            tracing::warn!(task = %id, "task is not recovered: it has no description");
            return Ok(None);
        };
        info.resources.iter_mut().for_each(upgrade_resource);
        let mut task = TaskCheckpoint {
            id,
            info,
            updates: Vec::new(),
            acknowledged: BTreeSet::new(),
        };
        let path = place.task_updates_file(container, &task.id);
        for record in self.stream::<StatusUpdateRecord>(&path)? {
            sort_record(record, &mut task.updates, &mut task.acknowledged);
        }
        Ok(Some(task))
    }
}

struct Records<M> {
    messages: Vec<M>,
    end: usize,
}

fn sort_record(
    record: StatusUpdateRecord,
    updates: &mut Vec<StatusUpdate>,
    acknowledged: &mut BTreeSet<Uuid>,
) {
    match record.r#type() {
        status_update_record::Type::Update => updates.extend(record.update.map(|update| *update)),
        status_update_record::Type::Ack => {
            acknowledged.extend(Uuid::from_slice(record.uuid()).ok());
        }
    }
}

/// Makes room for a new file where one cannot be read; what it was stays for whoever can.
fn set_aside(path: &Path) {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".unreadable");
    if let Err(error) = fs::rename(path, &aside) {
        tracing::warn!(%error, path = %path.display(), "unreadable file cannot be set aside");
    }
}

fn truncate(path: &Path, end: usize) -> Result<(), ReadFailure> {
    let cut = || {
        let length = u64::try_from(end).map_err(io::Error::other)?;
        let file = fs::OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    };
    cut().map_err(|source| ReadFailure::Truncate {
        path: path.to_owned(),
        source,
    })
}

/// Follows a link to the latest; none when there is no link.
fn latest(link: &Path, what: &'static str) -> Result<Option<String>, ReadFailure> {
    if fs::symlink_metadata(link).is_err() {
        return Ok(None);
    }
    let target = fs::canonicalize(link).map_err(|_missing| ReadFailure::Dangling {
        what,
        path: link.to_owned(),
    })?;
    Ok(target
        .file_name()
        .and_then(|name| name.to_str())
        .map(str::to_owned))
}

/// Reads whose idea an executor was; agents before 1.7 did not write it, so it is guessed then.
fn origin(path: &Path, info: &v1::ExecutorInfo) -> Result<Origin, ReadFailure> {
    match read_text(path)?.as_deref() {
        Some("1") => Ok(Origin::CommandTask),
        Some("0") => Ok(Origin::Framework),
        Some(text) => Err(ReadFailure::NoNumber {
            path: path.to_owned(),
            text: text.to_owned(),
        }),
        None => {
            let generated = info.command().value().ends_with("mesos-executor")
                && info.name().starts_with("Command Executor");
            Ok(if generated {
                Origin::CommandTask
            } else {
                Origin::Framework
            })
        }
    }
}

/// Reads an address; what is none becomes an empty one, as in libprocess.
fn upid(text: &str) -> Upid {
    if text == EMPTY_UPID {
        return Upid::default();
    }
    Upid::from_str(text).unwrap_or_default()
}
