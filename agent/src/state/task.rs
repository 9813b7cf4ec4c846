//! Tasks as the agent keeps them, and the updates it makes of them.
//!
//! Mirrors the task helpers of `src/common/protobuf_utils.cpp`.

use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_proto::{
    internal::StatusUpdate,
    v1::{
        self, TaskState,
        task_status::{Reason, Source},
    },
};
use uuid::Uuid;

pub use mesos_common::task_state::is_terminal;

/// Makes the task that a description will become.
pub fn create(info: &v1::TaskInfo, state: TaskState, framework: &FrameworkId) -> v1::Task {
    let user = info
        .command
        .as_ref()
        .and_then(|command| command.user.clone())
        .or_else(|| info.executor.as_ref()?.command.as_ref()?.user.clone());
    v1::Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: Some(framework.to_proto()),
        executor_id: info
            .executor
            .as_ref()
            .and_then(|executor| executor.executor_id.clone()),
        agent_id: info.agent_id.clone(),
        state: Some(state.into()),
        resources: info.resources.clone(),
        limits: info.limits.clone(),
        labels: info.labels.clone(),
        discovery: info.discovery.clone(),
        container: info.container.clone(),
        health_check: info.health_check.clone(),
        kill_policy: info.kill_policy.clone(),
        user,
        ..Default::default()
    }
}

/// Records a status: the last one is replaced when its state is the same. Data is not kept.
pub fn record_status(task: &mut v1::Task, status: &v1::TaskStatus) {
    if task
        .statuses
        .last()
        .is_some_and(|last| last.state == status.state)
    {
        task.statuses.pop();
    }
    task.statuses.push(status.clone());
    task.state = status.state;
}

/// Says whether a framework knows the states that came with partition awareness.
pub fn is_partition_aware(framework: &v1::FrameworkInfo) -> bool {
    has_capability(
        framework,
        v1::framework_info::capability::Type::PartitionAware,
    )
}

/// Says whether a framework has a capability.
pub fn has_capability(
    framework: &v1::FrameworkInfo,
    wanted: v1::framework_info::capability::Type,
) -> bool {
    framework
        .capabilities
        .iter()
        .any(|capability| capability.r#type() == wanted)
}

/// Picks the state that a framework understands.
pub fn gate(framework: &v1::FrameworkInfo, aware: TaskState) -> TaskState {
    if is_partition_aware(framework) {
        aware
    } else {
        TaskState::TaskLost
    }
}

/// An update that the agent itself makes of a task.
#[derive(Debug, Clone)]
pub struct AgentUpdate<'a> {
    /// The framework.
    pub framework: &'a FrameworkId,
    /// The task.
    pub task: &'a TaskId,
    /// The executor, where there is one.
    pub executor: Option<&'a ExecutorId>,
    /// The new state.
    pub state: TaskState,
    /// Why.
    pub reason: Option<Reason>,
    /// Why, in words.
    pub message: &'a str,
}

impl AgentUpdate<'_> {
    /// Makes the message, with a UUID of its own.
    pub fn build(&self, agent: &AgentId, now_secs: f64) -> StatusUpdate {
        let uuid: bytes::Bytes = Uuid::new_v4().as_bytes().to_vec().into();
        let executor_id = self.executor.map(|id| id.to_proto());
        let status = v1::TaskStatus {
            task_id: Some(self.task.to_proto()),
            agent_id: Some(agent.to_proto()),
            executor_id: executor_id.clone(),
            state: Some(self.state.into()),
            source: Some(Source::SourceAgent.into()),
            reason: self.reason.map(Into::into),
            message: (!self.message.is_empty()).then(|| self.message.to_owned()),
            uuid: Some(uuid.clone()),
            timestamp: Some(now_secs),
            ..Default::default()
        };
        StatusUpdate {
            framework_id: Some(self.framework.to_proto()),
            executor_id,
            agent_id: Some(agent.to_proto()),
            status: Some(status.into()),
            timestamp: Some(now_secs),
            uuid: Some(uuid),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: TaskState, message: &str) -> v1::TaskStatus {
        v1::TaskStatus {
            state: Some(state.into()),
            message: Some(message.to_owned()),
            ..Default::default()
        }
    }

    #[test]
    fn status_of_the_same_state_replaces_the_last() {
        let mut task = v1::Task::default();

        record_status(&mut task, &status(TaskState::TaskStarting, "a"));
        record_status(&mut task, &status(TaskState::TaskRunning, "b"));
        record_status(&mut task, &status(TaskState::TaskRunning, "c"));

        let messages: Vec<&str> = task.statuses.iter().map(v1::TaskStatus::message).collect();
        assert_eq!(messages, ["a", "c"]);
        assert_eq!(task.state(), TaskState::TaskRunning);
    }

    #[test]
    fn unaware_framework_learns_only_of_lost_tasks() {
        let aware = v1::FrameworkInfo {
            capabilities: vec![v1::framework_info::Capability {
                r#type: Some(v1::framework_info::capability::Type::PartitionAware.into()),
                ..Default::default()
            }],
            ..Default::default()
        };

        assert_eq!(gate(&aware, TaskState::TaskGone), TaskState::TaskGone);
        assert_eq!(
            gate(&v1::FrameworkInfo::default(), TaskState::TaskGone),
            TaskState::TaskLost
        );
    }

    #[test]
    fn unreachable_and_unknown_tasks_have_not_ended() {
        assert!(!is_terminal(TaskState::TaskUnreachable));
        assert!(!is_terminal(TaskState::TaskUnknown));
        assert!(is_terminal(TaskState::TaskDropped));
    }
}
