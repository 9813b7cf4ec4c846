//! The one task of a command executor, and what is true of it in each phase.

use libprocess::Timer;
use mesos_proto::v1::{TaskInfo, TaskStatus};

use super::kill::Escalation;
use crate::checker::Checker;
use crate::health_checker::HealthChecker;
use crate::kill_policy::KillCause;
use crate::single_task::Told;

/// The task.
pub(crate) struct Task {
    info: Box<TaskInfo>,
    last_status: Option<TaskStatus>,
    /// Fires when the task has run for its maximal completion time.
    completion_timer: Option<Timer>,
    checker: Option<Checker>,
    health_checker: Option<HealthChecker>,
    pub(super) phase: Phase,
}

/// What the task is doing.
pub(super) enum Phase {
    /// Its process is about to be made.
    Starting,
    /// Its process runs.
    Running { pid: i32 },
    /// Its process was told to end, and `timer` will end it by force.
    Killing {
        pid: i32,
        cause: KillCause,
        escalation: Escalation,
        timer: Timer,
    },
    /// Its process has ended.
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
            last_status: None,
            completion_timer: None,
            checker: None,
            health_checker: None,
            phase: Phase::Starting,
        }
    }

    pub(super) fn last_status(&self) -> Option<&TaskStatus> {
        self.last_status.as_ref()
    }

    pub(super) fn set_last_status(&mut self, status: TaskStatus) {
        self.last_status = Some(status);
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
        if let Some(checker) = &self.checker {
            checker.pause();
        }
        if let Some(checker) = &self.health_checker {
            checker.pause();
        }
    }

    /// Whether results of checks still matter.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }
}
