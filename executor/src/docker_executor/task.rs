//! The one task of a Docker executor, and what is true of it in each phase.

use std::io;

use libprocess::Timer;
use mesos_linux::wait_status::WaitStatus;
use mesos_proto::v1::{NetworkInfo, TaskInfo};
use tokio::sync::oneshot;

use super::kill::Wanted;
use crate::checker::Checker;
use crate::health_checker::HealthChecker;
use crate::kill_policy::KillCause;
use crate::single_task::Told;

/// How `docker run` ended; none when only the container is known to be gone.
pub(super) type RunEnd = io::Result<Option<WaitStatus>>;

/// The task.
pub(crate) struct Task {
    info: Box<TaskInfo>,
    completion_timer: Option<Timer>,
    checker: Option<Checker>,
    health_checker: Option<HealthChecker>,
    /// The network of the container, once it is known.
    pub(super) network: Option<NetworkInfo>,
    pub(super) inspection: Inspecting,
    /// Why the task was told to end, once Docker was told.
    pub(super) killed: Option<KillCause>,
    /// The kill that waits for Docker to tell about the container.
    pub(super) wanted: Option<Wanted>,
    pub(super) stop: Stop,
    pub(super) phase: Phase,
}

/// Whether Docker has told about the container.
pub(super) enum Inspecting {
    /// It is asked; dropping `cancel` ends the question.
    Pending { cancel: Option<oneshot::Sender<()>> },
    /// It has told, or is not asked any more.
    Over,
}

/// The `docker stop` that is under way, and the number of the last one.
#[derive(Default)]
pub(super) struct Stop {
    pub(super) number: u64,
    /// Dropping it ends `docker stop`.
    pub(super) cancel: Option<oneshot::Sender<()>>,
}

/// What the task is doing.
pub(super) enum Phase {
    /// `docker run` runs.
    Running,
    /// `docker run` has ended, but the container was never seen.
    Ending(RunEnd),
    /// The terminal update is sent.
    Terminated,
}

impl Told for Task {
    fn info(&self) -> &TaskInfo {
        &self.info
    }
}

impl Task {
    pub(super) fn new(info: Box<TaskInfo>) -> Self {
        Self {
            info,
            completion_timer: None,
            checker: None,
            health_checker: None,
            network: None,
            inspection: Inspecting::Pending { cancel: None },
            killed: None,
            wanted: None,
            stop: Stop::default(),
            phase: Phase::Running,
        }
    }

    pub(super) fn watch_completion(&mut self, timer: Timer) {
        self.completion_timer = Some(timer);
    }

    pub(super) fn forget_completion(&mut self) {
        if let Some(timer) = self.completion_timer.take() {
            timer.cancel();
        }
    }

    pub(super) fn check_by(&mut self, checker: Option<Checker>, health: Option<HealthChecker>) {
        self.checker = checker;
        self.health_checker = health;
    }

    /// Stops checking for good: the task is about to end, or has ended.
    pub(super) fn stop_checking(&mut self) {
        self.checker = None;
        self.health_checker = None;
    }

    /// Whether results of checks still matter.
    pub(super) fn is_running(&self) -> bool {
        self.killed.is_none() && matches!(self.phase, Phase::Running)
    }

    pub(super) fn is_inspected(&self) -> bool {
        matches!(self.inspection, Inspecting::Over)
    }
}
