//! Brings the status of every operation to the master until it is acknowledged.
//!
//! Mirrors `src/status_update_manager/status_update_manager_process.hpp` for the operations on the agent's own resources.
//!
//! # Owns
//! One stream per operation, and its file.
//!
//! # Timers
//! One per stream: again after 10 seconds, then after twice as long each time, at most 10 minutes.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use libprocess::{Context, Future, Outcome, Pid, Process, ProcessId, Runtime, Timer};
use mesos_containerizer::state_file::WriteError;
use mesos_proto::internal::{
    UpdateOperationStatusMessage, UpdateOperationStatusRecord, update_operation_status_record,
};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    agent::register::uuid_message,
    checkpoint::{ReadFailure, Strictness, read::read_stream, write::RecordFile},
    constants::{STATUS_UPDATE_RETRY_MAX, STATUS_UPDATE_RETRY_MIN},
    state::operation::is_terminal,
    task_status_update_manager::Acknowledged,
};

/// A request to the manager failed.
#[derive(Debug, Error)]
pub enum OperationUpdateError {
    /// An update or acknowledgement without a UUID of 16 bytes.
    #[error("operation status update has no valid UUID")]
    InvalidUuid,
    /// An acknowledgement for an operation without updates.
    #[error("Cannot find the operation status update stream for operation {0}")]
    UnknownStream(Uuid),
    /// The acknowledged update is not the one under way.
    #[error(
        "Unexpected operation status update acknowledgment (UUID: {status}) of operation {operation}"
    )]
    Unexpected {
        /// The operation.
        operation: Uuid,
        /// The update.
        status: Uuid,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFailure),
    /// The manager has ended.
    #[error("the operation status update manager has ended")]
    Ended,
}

/// Sends an update on its way; called in the manager's turn.
pub type Forward = Arc<dyn Fn(UpdateOperationStatusMessage) + Send + Sync>;

/// What the file of a stream held.
#[derive(Debug, Clone, PartialEq)]
pub enum Recovered {
    /// The agent went down before the first update was written.
    Nothing {
        /// How many errors were passed over.
        errors: u64,
    },
    /// Updates; those that are not acknowledged are sent again.
    Stream {
        /// All of them, in order.
        updates: Vec<UpdateOperationStatusMessage>,
        /// Whether the last update is acknowledged.
        end: Acknowledged,
        /// How many errors were passed over.
        errors: u64,
    },
}

/// Whether updates are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Paused,
    Open,
}

#[derive(Debug)]
struct Stream {
    file: RecordFile,
    pending: VecDeque<(Uuid, UpdateOperationStatusMessage)>,
    received: Vec<Uuid>,
    retry: Option<Timer>,
}

/// The actor that owns the streams.
pub struct OperationStatusUpdateManagerProcess {
    forward: Forward,
    flow: Flow,
    streams: BTreeMap<Uuid, Stream>,
}

impl fmt::Debug for OperationStatusUpdateManagerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationStatusUpdateManagerProcess")
            .field("streams", &self.streams.len())
            .finish_non_exhaustive()
    }
}

impl Process for OperationStatusUpdateManagerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("operation-status-update-manager")
    }
}

impl OperationStatusUpdateManagerProcess {
    fn update(
        &mut self,
        update: UpdateOperationStatusMessage,
        path: &Path,
        ctx: &mut Context<Self>,
    ) -> Result<(), OperationUpdateError> {
        let operation = uuid_of(update.operation_uuid().value())?;
        let status = uuid_of(update.status().uuid().value())?;
        let stream = match self.streams.entry(operation) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(vacant) => vacant.insert(Stream {
                file: RecordFile::open(path)?,
                pending: VecDeque::new(),
                received: Vec::new(),
                retry: None,
            }),
        };
        if stream.received.contains(&status) {
            return Ok(());
        }
        stream.file.append(&UpdateOperationStatusRecord {
            r#type: Some(update_operation_status_record::Type::Update.into()),
            update: Some(update.clone().into()),
            ..Default::default()
        })?;
        stream.received.push(status);
        stream.pending.push_back((status, update));
        if stream.pending.len() == 1 {
            self.send_head(&operation, STATUS_UPDATE_RETRY_MIN, ctx);
        }
        Ok(())
    }

    fn acknowledge(
        &mut self,
        operation: Uuid,
        status: Uuid,
        ctx: &mut Context<Self>,
    ) -> Result<Acknowledged, OperationUpdateError> {
        let stream = self
            .streams
            .get_mut(&operation)
            .ok_or(OperationUpdateError::UnknownStream(operation))?;
        let Some((_, head)) = stream.pending.front().filter(|(head, _)| *head == status) else {
            return Err(OperationUpdateError::Unexpected { operation, status });
        };
        let terminal = is_terminal(head.status().state());
        stream.file.append(&UpdateOperationStatusRecord {
            r#type: Some(update_operation_status_record::Type::Ack.into()),
            uuid: Some(uuid_message(status)),
            ..Default::default()
        })?;
        stream.pending.pop_front();
        if terminal {
            if let Some(timer) = stream.retry.take() {
                timer.cancel();
            }
            self.streams.remove(&operation);
            return Ok(Acknowledged::StreamClosed);
        }
        self.send_head(&operation, STATUS_UPDATE_RETRY_MIN, ctx);
        Ok(Acknowledged::StreamOpen)
    }

    /// Takes up the stream of an operation from its file.
    fn recover(
        &mut self,
        operation: Uuid,
        path: &Path,
        strictness: Strictness,
        ctx: &mut Context<Self>,
    ) -> Result<Recovered, OperationUpdateError> {
        let (records, errors) = read_stream::<UpdateOperationStatusRecord>(path, strictness)?;
        let (updates, acknowledged) = sort(records)?;
        if updates.is_empty() {
            return Ok(Recovered::Nothing { errors });
        }
        let mut stream = Stream {
            file: RecordFile::open(path)?,
            pending: VecDeque::new(),
            received: Vec::new(),
            retry: None,
        };
        let mut end = Acknowledged::StreamOpen;
        for (status, update) in &updates {
            stream.received.push(*status);
            if !acknowledged.contains(status) {
                stream.pending.push_back((*status, update.clone()));
            } else if is_terminal(update.status().state()) {
                end = Acknowledged::StreamClosed;
            }
        }
        if end == Acknowledged::StreamOpen {
            self.streams.insert(operation, stream);
            self.send_head(&operation, STATUS_UPDATE_RETRY_MIN, ctx);
        }
        Ok(Recovered::Stream {
            updates: updates.into_iter().map(|(_, update)| update).collect(),
            end,
            errors,
        })
    }

    fn send_head(&mut self, operation: &Uuid, interval: Duration, ctx: &mut Context<Self>) {
        if self.flow == Flow::Paused {
            return;
        }
        let Some(stream) = self.streams.get_mut(operation) else {
            return;
        };
        if let Some(timer) = stream.retry.take() {
            timer.cancel();
        }
        let latest = stream
            .pending
            .back()
            .and_then(|(_, update)| update.status.clone());
        let Some((_, head)) = stream.pending.front() else {
            return;
        };
        let mut update = head.clone();
        update.latest_status = latest;
        (self.forward)(update);
        let again = *operation;
        stream.retry = Some(ctx.delay(interval, move |manager, ctx| {
            manager.send_head(&again, (interval * 2).min(STATUS_UPDATE_RETRY_MAX), ctx);
        }));
    }

    fn resume(&mut self, ctx: &mut Context<Self>) {
        self.flow = Flow::Open;
        let operations: Vec<Uuid> = self.streams.keys().copied().collect();
        for operation in operations {
            self.send_head(&operation, STATUS_UPDATE_RETRY_MIN, ctx);
        }
    }

    fn pause(&mut self) {
        self.flow = Flow::Paused;
        for stream in self.streams.values_mut() {
            if let Some(timer) = stream.retry.take() {
                timer.cancel();
            }
        }
    }
}

fn uuid_of(bytes: &[u8]) -> Result<Uuid, OperationUpdateError> {
    Uuid::from_slice(bytes).map_err(|_not_16| OperationUpdateError::InvalidUuid)
}

type Sorted = (Vec<(Uuid, UpdateOperationStatusMessage)>, Vec<Uuid>);

/// Parts the records of a stream into updates and acknowledgements.
fn sort(records: Vec<UpdateOperationStatusRecord>) -> Result<Sorted, OperationUpdateError> {
    let (mut updates, mut acknowledged) = (Vec::new(), Vec::new());
    for record in records {
        match record.r#type() {
            update_operation_status_record::Type::Update => {
                let update = record.update().clone();
                updates.push((uuid_of(update.status().uuid().value())?, update));
            }
            update_operation_status_record::Type::Ack => {
                acknowledged.push(uuid_of(record.uuid().value())?);
            }
        }
    }
    Ok((updates, acknowledged))
}

/// The handle of the [`OperationStatusUpdateManagerProcess`].
#[derive(Clone)]
pub struct OperationStatusUpdateManager {
    pid: Pid<OperationStatusUpdateManagerProcess>,
}

impl fmt::Debug for OperationStatusUpdateManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OperationStatusUpdateManager")
            .field(self.pid.upid())
            .finish()
    }
}

impl OperationStatusUpdateManager {
    /// Starts the actor, paused.
    pub fn spawn(runtime: &Runtime, forward: Forward) -> Self {
        let process = OperationStatusUpdateManagerProcess {
            forward,
            flow: Flow::Paused,
            streams: BTreeMap::new(),
        };
        Self {
            pid: runtime.spawn(process),
        }
    }

    /// Takes an update; the answer comes when it is written down.
    pub fn update(
        &self,
        update: UpdateOperationStatusMessage,
        path: PathBuf,
    ) -> Future<Result<(), OperationUpdateError>> {
        self.pid
            .call(move |manager, ctx| manager.update(update, &path, ctx))
    }

    /// Takes an acknowledgement.
    pub fn acknowledge(
        &self,
        operation: Uuid,
        status: Uuid,
    ) -> Future<Result<Acknowledged, OperationUpdateError>> {
        self.pid
            .call(move |manager, ctx| manager.acknowledge(operation, status, ctx))
    }

    /// Takes up the stream of an operation that a checkpoint names.
    pub fn recover(
        &self,
        operation: Uuid,
        path: PathBuf,
        strictness: Strictness,
    ) -> Future<Result<Recovered, OperationUpdateError>> {
        self.pid
            .call(move |manager, ctx| manager.recover(operation, &path, strictness, ctx))
    }

    /// Stops sending: there is no master.
    pub fn pause(&self) {
        self.pid.dispatch(|manager, _| manager.pause());
    }

    /// Sends the first update of every stream at once.
    pub fn resume(&self) {
        self.pid
            .dispatch(OperationStatusUpdateManagerProcess::resume);
    }
}

/// Turns the outcome of a request into its result.
///
/// # Errors
/// The request's own error, or [`OperationUpdateError::Ended`].
pub fn settle<T>(
    outcome: Outcome<Result<T, OperationUpdateError>>,
) -> Result<T, OperationUpdateError> {
    match outcome {
        Outcome::Ready(result) => result,
        Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
            Err(OperationUpdateError::Ended)
        }
    }
}

#[cfg(test)]
mod tests;
