//! A task as the master knows it.
//!
//! # Invariants
//! - A terminal state never changes again.
//! - No stored status carries `data`.

use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_common::resources::Resources;
use mesos_common::task_state::{is_terminal, uses_resources};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::task_status::Reason;

/// What an update did to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskChange {
    /// The state before.
    pub before: TaskState,
    /// The state now.
    pub after: TaskState,
    /// Whether operators who subscribed are told.
    pub visible: Visibility,
}

/// Whether subscribed operators are told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// They are.
    Announced,
    /// The same state was reported again.
    Silent,
}

impl TaskChange {
    /// Whether the task gave back its resources by this update.
    #[must_use]
    pub fn released_resources(&self) -> bool {
        uses_resources(self.before) && !uses_resources(self.after)
    }
}

/// A task with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    id: TaskId,
    agent_id: AgentId,
    framework_id: FrameworkId,
    executor_id: Option<ExecutorId>,
    resources: Resources,
    info: v1::Task,
}

impl Task {
    /// A task that is being launched.
    #[must_use]
    pub fn staging(task: &v1::TaskInfo, framework_id: &FrameworkId) -> Self {
        let user = task
            .command()
            .user
            .clone()
            .or_else(|| task.executor().command().user.clone());
        Self::reported(v1::Task {
            name: Some(task.name().to_owned()),
            task_id: task.task_id.clone(),
            framework_id: Some(framework_id.to_proto()),
            executor_id: task
                .executor
                .as_ref()
                .and_then(|executor| executor.executor_id.clone()),
            agent_id: task.agent_id.clone(),
            state: Some(TaskState::TaskStaging.into()),
            resources: task.resources.clone(),
            limits: task.limits.clone(),
            labels: task.labels.clone(),
            discovery: task.discovery.clone(),
            container: task.container.clone(),
            health_check: task.health_check.clone(),
            kill_policy: task.kill_policy.clone(),
            user,
            ..Default::default()
        })
    }

    /// A task that an agent reported; its resources are in the new spelling.
    #[must_use]
    pub fn reported(info: v1::Task) -> Self {
        Self {
            id: TaskId::from(info.task_id()),
            agent_id: AgentId::from(info.agent_id()),
            framework_id: FrameworkId::from(info.framework_id()),
            executor_id: info
                .executor_id
                .as_ref()
                .map(|_| ExecutorId::from(info.executor_id())),
            resources: Resources::from_proto(&info.resources),
            info,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// The agent that runs it.
    #[must_use]
    pub fn agent_id(&self) -> &AgentId {
        &self.agent_id
    }

    /// The framework that launched it.
    #[must_use]
    pub fn framework_id(&self) -> &FrameworkId {
        &self.framework_id
    }

    /// Its executor, unless it is a command task.
    #[must_use]
    pub fn executor_id(&self) -> Option<&ExecutorId> {
        self.executor_id.as_ref()
    }

    /// The resources it was launched on.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Its latest state.
    #[must_use]
    pub fn state(&self) -> TaskState {
        self.info.state()
    }

    /// The whole message, as the APIs show it.
    #[must_use]
    pub fn info(&self) -> &v1::Task {
        &self.info
    }

    /// The state that reconciliation reports: the one last forwarded, else the latest.
    #[must_use]
    pub fn forwarded_state(&self) -> TaskState {
        match self.info.status_update_state {
            Some(_) => self.info.status_update_state(),
            None => self.info.state(),
        }
    }

    /// The uuid of the update that was forwarded last.
    #[must_use]
    pub fn forwarded_uuid(&self) -> Option<&[u8]> {
        self.info.status_update_uuid.as_deref()
    }

    /// The newest stored status.
    #[must_use]
    pub fn last_status(&self) -> Option<&v1::TaskStatus> {
        self.info.statuses.last()
    }

    /// Remembers that an update went to the framework and waits for its acknowledgement.
    pub fn note_forwarded(&mut self, state: TaskState, uuid: &[u8]) {
        self.info.status_update_state = Some(state.into());
        self.info.status_update_uuid = Some(uuid.to_vec().into());
    }

    /// Takes a status into the history.
    ///
    /// `latest` is the newest state that the agent knows; a terminal task keeps its state.
    pub fn update(&mut self, status: &v1::TaskStatus, latest: Option<TaskState>) -> TaskChange {
        let before = self.state();
        if !is_terminal(before) {
            self.info.state = Some(latest.unwrap_or_else(|| status.state()).into());
        }
        let repeats = self
            .last_status()
            .is_some_and(|last| last.state() == status.state());
        if repeats {
            self.info.statuses.pop();
        }
        let mut stored = status.clone();
        stored.data = None;
        self.info.statuses.push(stored);
        let from_check = matches!(
            status.reason.map(|_| status.reason()),
            Some(Reason::ReasonTaskCheckStatusUpdated | Reason::ReasonTaskHealthCheckStatusUpdated)
        );
        let visible = if repeats && !from_check {
            Visibility::Silent
        } else {
            Visibility::Announced
        };
        TaskChange {
            before,
            after: self.state(),
            visible,
        }
    }
}

#[cfg(test)]
mod tests;
