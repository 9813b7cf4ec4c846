//! The containers of the tasks, by task.

use libprocess::Timer;
use mesos_proto::v1::{ContainerId, ContainerStatus, TaskId, TaskInfo, TaskStatus};

use crate::checker::Checker;
use crate::health_checker::HealthChecker;
use crate::kill_policy::KillCause;

/// One task in its container.
pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) task: Box<TaskInfo>,
    /// The ids of all tasks that were launched together.
    pub(super) group: Vec<TaskId>,
    pub(super) acknowledged: bool,
    pub(super) last_status: Option<TaskStatus>,
    pub(super) phase: Phase,
    /// Whether the rest of the group is being killed because of a member.
    pub(super) cascade: Cascade,
    pub(super) completion_timer: Option<Timer>,
    pub(super) checker: Option<Checker>,
    pub(super) health_checker: Option<HealthChecker>,
}

/// How far a container has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The agent was asked to make it.
    Launching,
    /// The agent could not make it; the wait will say so, too.
    Refused(String),
    /// It runs.
    Running,
    /// It was told to end.
    Killing(KillCause),
}

/// Whether the end of a task still has to take its group along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cascade {
    Pending,
    Done,
}

impl Container {
    pub(super) fn new(id: ContainerId, task: TaskInfo, group: Vec<TaskId>) -> Self {
        Self {
            id,
            task: Box::new(task),
            group,
            acknowledged: false,
            last_status: None,
            phase: Phase::Launching,
            cascade: Cascade::Pending,
            completion_timer: None,
            checker: None,
            health_checker: None,
        }
    }

    pub(super) fn status(&self) -> ContainerStatus {
        super::container_status(&self.id)
    }

    pub(super) fn pause_checks(&self) {
        if let Some(checker) = &self.checker {
            checker.pause();
        }
        if let Some(checker) = &self.health_checker {
            checker.pause();
        }
    }

    pub(super) fn resume_checks(&self) {
        if let Some(checker) = &self.checker {
            checker.resume();
        }
        if let Some(checker) = &self.health_checker {
            checker.resume();
        }
    }

    /// Stops checks and timers for good.
    pub(super) fn let_go(&mut self) {
        self.checker = None;
        self.health_checker = None;
        if let Some(timer) = self.completion_timer.take() {
            timer.cancel();
        }
    }
}

/// All containers, oldest first.
#[derive(Default)]
pub(super) struct Containers {
    containers: Vec<Container>,
}

impl Containers {
    pub(super) fn insert(&mut self, container: Container) {
        self.containers.push(container);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Container> {
        self.containers.iter()
    }

    pub(super) fn get(&self, task_id: &TaskId) -> Option<&Container> {
        self.containers
            .iter()
            .find(|container| container.task.task_id() == task_id)
    }

    pub(super) fn get_mut(&mut self, task_id: &TaskId) -> Option<&mut Container> {
        self.containers
            .iter_mut()
            .find(|container| container.task.task_id() == task_id)
    }

    pub(super) fn remove(&mut self, task_id: &TaskId) -> Option<Container> {
        let known = |container: &Container| container.task.task_id() == task_id;
        let position = self.containers.iter().position(known)?;
        Some(self.containers.remove(position))
    }

    /// The tasks of all containers.
    pub(super) fn task_ids(&self) -> Vec<TaskId> {
        self.containers
            .iter()
            .map(|container| container.task.task_id().clone())
            .collect()
    }

    /// The tasks whose containers the agent has answered for.
    pub(super) fn launched(&self) -> Vec<TaskId> {
        let answered = self
            .containers
            .iter()
            .filter(|it| it.phase != Phase::Launching);
        answered
            .map(|container| container.task.task_id().clone())
            .collect()
    }

    /// Launched tasks of which the agent has not acknowledged any update.
    pub(super) fn unacknowledged_tasks(&self) -> Vec<TaskInfo> {
        let unknown = |it: &&Container| !it.acknowledged && it.phase != Phase::Launching;
        self.containers
            .iter()
            .filter(unknown)
            .map(|it| (*it.task).clone())
            .collect()
    }
}
