//! The updates of one task, in order, each sent until it is acknowledged.

use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
};

use libprocess::Timer;
use mesos_common::ids::TaskId;
use mesos_containerizer::state_file::WriteError;
use mesos_proto::internal::{StatusUpdate, StatusUpdateRecord, status_update_record};
use thiserror::Error;
use uuid::Uuid;

use super::Acknowledged;
use crate::{checkpoint::write::RecordFile, state::task::is_terminal};

/// A stream refused an update or an acknowledgement.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The update was acknowledged before.
    #[error("Duplicate task status acknowledgement (UUID: {uuid}) of task {task}")]
    DuplicateAcknowledgement {
        /// The update.
        uuid: Uuid,
        /// The task.
        task: TaskId,
    },
    /// The acknowledged update is not the one under way.
    #[error("Unexpected task status update acknowledgment (UUID: {uuid}) of task {task}")]
    UnexpectedAcknowledgement {
        /// The update.
        uuid: Uuid,
        /// The task.
        task: TaskId,
    },
    /// Updates of one task are written down and not written down.
    #[error("Mismatched checkpoint value for the task status updates of task {0}")]
    Mismatch(TaskId),
    /// The stream's file could not be written earlier.
    #[error("the status updates of task {task} cannot be written any more: {first}")]
    Broken {
        /// The task.
        task: TaskId,
        /// What happened first.
        first: String,
    },
    /// The stream's file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl StreamError {
    /// Whether the same may succeed later, when the disk takes it.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Write(error) => error.is_passing(),
            Self::DuplicateAcknowledgement { .. }
            | Self::UnexpectedAcknowledgement { .. }
            | Self::Mismatch(_)
            | Self::Broken { .. } => false,
        }
    }
}

/// The updates of one task.
#[derive(Debug)]
pub(super) struct Stream {
    task: TaskId,
    path: Option<PathBuf>,
    file: Option<RecordFile>,
    pending: VecDeque<(Uuid, StatusUpdate)>,
    received: BTreeSet<Uuid>,
    acknowledged: BTreeSet<Uuid>,
    broken: Option<String>,
    retry: Option<Timer>,
}

impl Stream {
    /// A stream without updates.
    pub(super) fn open(task: TaskId, path: Option<PathBuf>) -> Result<Self, StreamError> {
        let file = path.as_deref().map(RecordFile::open).transpose()?;
        Ok(Self {
            task,
            path,
            file,
            pending: VecDeque::new(),
            received: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            broken: None,
            retry: None,
        })
    }

    /// A stream as it was written down; none when the end of its task was acknowledged.
    pub(super) fn replay(
        task: TaskId,
        path: PathBuf,
        updates: &[StatusUpdate],
        acknowledged: &BTreeSet<Uuid>,
    ) -> Result<Option<Self>, StreamError> {
        let mut stream = Self::open(task, Some(path))?;
        for update in updates {
            let Ok(uuid) = Uuid::from_slice(update.uuid()) else {
                continue;
            };
            stream.received.insert(uuid);
            if acknowledged.contains(&uuid) {
                stream.acknowledged.insert(uuid);
                if is_terminal(update.status().state()) {
                    return Ok(None);
                }
            } else {
                stream.pending.push_back((uuid, update.clone()));
            }
        }
        Ok(Some(stream))
    }

    /// Checks that all updates of a task are written to the same place, or none.
    pub(super) fn check_place(&self, path: Option<&Path>) -> Result<(), StreamError> {
        if self.path.as_deref() == path {
            Ok(())
        } else {
            Err(StreamError::Mismatch(self.task.clone()))
        }
    }

    /// Takes an update; false when it was taken before.
    pub(super) fn receive(
        &mut self,
        uuid: Uuid,
        update: StatusUpdate,
    ) -> Result<bool, StreamError> {
        self.check_broken()?;
        if self.acknowledged.contains(&uuid) || self.received.contains(&uuid) {
            tracing::warn!(task = %self.task, %uuid, "ignoring duplicate status update");
            return Ok(false);
        }
        self.write(StatusUpdateRecord {
            r#type: Some(status_update_record::Type::Update.into()),
            update: Some(update.clone().into()),
            ..Default::default()
        })?;
        self.received.insert(uuid);
        self.pending.push_back((uuid, update));
        Ok(true)
    }

    /// Takes the acknowledgement of the first update.
    pub(super) fn acknowledge(&mut self, uuid: Uuid) -> Result<Acknowledged, StreamError> {
        self.check_broken()?;
        if self.acknowledged.contains(&uuid) {
            return Err(StreamError::DuplicateAcknowledgement {
                uuid,
                task: self.task.clone(),
            });
        }
        let Some((_, head)) = self.pending.front().filter(|(head, _)| *head == uuid) else {
            return Err(StreamError::UnexpectedAcknowledgement {
                uuid,
                task: self.task.clone(),
            });
        };
        let terminal = is_terminal(head.status().state());
        self.write(StatusUpdateRecord {
            r#type: Some(status_update_record::Type::Ack.into()),
            uuid: Some(uuid.as_bytes().to_vec().into()),
            ..Default::default()
        })?;
        self.acknowledged.insert(uuid);
        self.pending.pop_front();
        if terminal {
            if !self.pending.is_empty() {
                tracing::warn!(task = %self.task, "status updates behind the terminal one are dropped");
            }
            return Ok(Acknowledged::StreamClosed);
        }
        Ok(Acknowledged::StreamOpen)
    }

    /// How many updates are not acknowledged.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The update under way.
    pub(super) fn head(&self) -> Option<&StatusUpdate> {
        self.pending.front().map(|(_, update)| update)
    }

    /// Remembers the timer that sends again.
    pub(super) fn retry_by(&mut self, timer: Timer) {
        self.retry = Some(timer);
    }

    /// Stops sending again.
    pub(super) fn cancel_retry(&mut self) {
        if let Some(timer) = self.retry.take() {
            timer.cancel();
        }
    }

    fn check_broken(&self) -> Result<(), StreamError> {
        match &self.broken {
            Some(first) => Err(StreamError::Broken {
                task: self.task.clone(),
                first: first.clone(),
            }),
            None => Ok(()),
        }
    }

    fn write(&mut self, record: StatusUpdateRecord) -> Result<(), StreamError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.append(&record).map_err(|error| {
            if !error.is_passing() {
                self.broken = Some(error.to_string());
            }
            error.into()
        })
    }
}
