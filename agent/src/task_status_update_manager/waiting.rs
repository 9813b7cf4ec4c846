//! Updates that a full or read-only disk does not take wait until it does.
//!
//! C++ ends the agent then; here the tasks and everything that needs no disk go on.

use std::{collections::VecDeque, path::PathBuf, time::Duration};

use libprocess::{Context, Promise};
use mesos_proto::internal::StatusUpdate;

use super::{TaskStatusUpdateManagerProcess, UpdateError, key_of};

/// How long until updates that wait are tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// An update that nobody has confirmed yet.
pub(super) struct Waiting {
    pub(super) update: StatusUpdate,
    pub(super) file: Option<PathBuf>,
    pub(super) confirm: Promise<Result<(), UpdateError>>,
}

impl TaskStatusUpdateManagerProcess {
    /// Takes an update, now or when the disk does.
    pub(super) fn take(&mut self, waiting: Waiting, ctx: &mut Context<Self>) {
        let key = key_of(&waiting.update);
        if let Some(earlier) = self.waiting.get_mut(&key) {
            return earlier.push_back(waiting);
        }
        if let Some(waiting) = self.attempt(waiting, ctx) {
            tracing::error!(task = %key.1, framework = %key.0, "status update waits for the disk");
            if self.waiting.is_empty() {
                ctx.delay(PAUSE, Self::attempt_all);
            }
            self.waiting.insert(key, VecDeque::from([waiting]));
        }
    }

    /// Writes an update and confirms it; gives it back when the disk does not take it.
    fn attempt(&mut self, waiting: Waiting, ctx: &mut Context<Self>) -> Option<Waiting> {
        let Waiting {
            update,
            file,
            confirm,
        } = waiting;
        match self.update(update.clone(), file.clone(), ctx) {
            Err(UpdateError::Stream(error)) if error.is_passing() => Some(Waiting {
                update,
                file,
                confirm,
            }),
            written => {
                confirm.set(written);
                None
            }
        }
    }

    /// Writes what waits, each task's updates in their order.
    fn attempt_all(&mut self, ctx: &mut Context<Self>) {
        for (key, mut waiting) in std::mem::take(&mut self.waiting) {
            while let Some(next) = waiting.pop_front() {
                if let Some(next) = self.attempt(next, ctx) {
                    waiting.push_front(next);
                    break;
                }
            }
            if !waiting.is_empty() {
                self.waiting.insert(key, waiting);
            }
        }
        if !self.waiting.is_empty() {
            ctx.delay(PAUSE, Self::attempt_all);
        }
    }
}
