//! Status updates of tasks, and which of them the agent has not acknowledged.

use bytes::Bytes;
use libprocess::Time;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::executor::call::Update;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{CheckStatusInfo, ExecutorId, TaskInfo, TaskState, TaskStatus};
use uuid::Uuid;

use crate::checker::empty_check_status;

/// State, reason, message and health of a task that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) state: TaskState,
    pub(crate) reason: Option<Reason>,
    pub(crate) message: Option<String>,
    /// Set to false when the task was killed because it was unhealthy.
    pub(crate) healthy: Option<bool>,
}

/// Makes the statuses of an executor's tasks.
#[derive(Clone, Debug)]
pub(crate) struct StatusFactory {
    executor_id: ExecutorId,
}

impl StatusFactory {
    pub(crate) fn new(executor_id: ExecutorId) -> Self {
        Self { executor_id }
    }

    /// A status without anything from earlier ones.
    ///
    /// When the task has a check, every status carries at least the check's type.
    pub(crate) fn fresh(&self, task: &TaskInfo, state: TaskState, now: Time) -> TaskStatus {
        TaskStatus {
            task_id: task.task_id.clone(),
            state: Some(state.into()),
            uuid: Some(random_uuid()),
            timestamp: Some(now.as_secs_f64()),
            source: Some(Source::SourceExecutor.into()),
            executor_id: Some(self.executor_id.clone()),
            check_status: task
                .check
                .as_deref()
                .map(|check| empty_check_status(check.r#type()).into()),
            ..Default::default()
        }
    }

    /// The last status of the task.
    pub(crate) fn last(&self, task: &TaskInfo, outcome: Outcome, now: Time) -> TaskStatus {
        TaskStatus {
            message: outcome.message,
            reason: outcome.reason.map(Into::into),
            healthy: outcome.healthy,
            ..self.fresh(task, outcome.state, now)
        }
    }
}

/// Repeats `last` with a new check result.
pub(crate) fn checked(last: &TaskStatus, check: CheckStatusInfo, now: Time) -> TaskStatus {
    TaskStatus {
        check_status: Some(check.into()),
        ..repeated(last, Reason::ReasonTaskCheckStatusUpdated, now)
    }
}

/// Repeats `last` with a new health.
pub(crate) fn health_checked(last: &TaskStatus, healthy: Option<bool>, now: Time) -> TaskStatus {
    TaskStatus {
        healthy,
        ..repeated(last, Reason::ReasonTaskHealthCheckStatusUpdated, now)
    }
}

fn repeated(last: &TaskStatus, reason: Reason, now: Time) -> TaskStatus {
    TaskStatus {
        uuid: Some(random_uuid()),
        timestamp: Some(now.as_secs_f64()),
        reason: Some(reason.into()),
        ..last.clone()
    }
}

fn random_uuid() -> Bytes {
    Bytes::copy_from_slice(Uuid::new_v4().as_bytes())
}

/// Updates that the agent has not acknowledged, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Unacknowledged {
    updates: Vec<Update>,
    /// How many of them are older than the connection to the agent: its first SUBSCRIBE told them.
    told: usize,
}

/// What an acknowledgement was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// An update that was not waiting.
    Unknown,
    /// The task goes on.
    Ongoing,
    /// The last update of a task.
    Terminal,
}

impl Unacknowledged {
    pub(crate) fn push(&mut self, status: TaskStatus) {
        self.updates.push(Update {
            status: Some(status.into()),
            ..Default::default()
        });
    }

    pub(crate) fn updates(&self) -> &[Update] {
        &self.updates
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.updates.is_empty()
    }

    /// A connection begins.
    pub(crate) fn connect(&mut self) {
        self.told = self.updates.len();
    }

    /// Updates that were made between the connection and the subscription, when nothing but SUBSCRIBE can be sent.
    pub(crate) fn untold(&self) -> impl Iterator<Item = &Update> {
        self.updates.iter().skip(self.told)
    }

    pub(crate) fn acknowledge(&mut self, uuid: &Bytes) -> Acknowledged {
        let position = self
            .updates
            .iter()
            .position(|update| update.status().uuid() == uuid);
        let Some(position) = position else {
            return Acknowledged::Unknown;
        };
        let update = self.updates.remove(position);
        if position < self.told {
            self.told -= 1;
        }
        if is_terminal(update.status().state()) {
            Acknowledged::Terminal
        } else {
            Acknowledged::Ongoing
        }
    }
}

#[cfg(test)]
mod tests {
    use libprocess::Clock;
    use mesos_proto::v1::{CheckInfo, TaskId, check_info};

    use super::*;

    fn factory() -> StatusFactory {
        StatusFactory::new(ExecutorId {
            value: Some("t".into()),
            ..Default::default()
        })
    }

    fn task() -> TaskInfo {
        let id = TaskId {
            value: Some("t".into()),
            ..Default::default()
        };
        TaskInfo {
            task_id: Some(id),
            ..Default::default()
        }
    }

    #[test]
    fn every_status_names_its_executor_source_and_uuid() {
        let status = factory().fresh(&task(), TaskState::TaskRunning, Clock::paused().now());

        assert_eq!(status.executor_id().value(), "t");
        assert_eq!(status.source(), Source::SourceExecutor);
        assert_eq!(status.uuid().len(), 16);
        assert!(status.check_status.is_none());
    }

    #[test]
    fn status_of_a_checked_task_carries_the_type_of_its_check() {
        let check = CheckInfo {
            r#type: Some(check_info::Type::Http.into()),
            ..Default::default()
        };
        let task = TaskInfo {
            check: Some(check.into()),
            ..task()
        };

        let status = factory().fresh(&task, TaskState::TaskStarting, Clock::paused().now());

        assert_eq!(status.check_status().r#type(), check_info::Type::Http);
        assert!(status.check_status().http.is_some());
        assert_eq!(status.check_status().http().status_code, None);
    }

    #[test]
    fn check_result_keeps_everything_of_the_last_status_but_uuid_time_and_reason() {
        let now = Clock::paused().now();
        let last = TaskStatus {
            healthy: Some(true),
            ..factory().fresh(&task(), TaskState::TaskRunning, now)
        };

        let status = checked(&last, CheckStatusInfo::default(), now);

        assert_eq!(status.healthy, Some(true));
        assert_eq!(status.reason(), Reason::ReasonTaskCheckStatusUpdated);
        assert_ne!(status.uuid, last.uuid);
    }

    #[test]
    fn acknowledgement_removes_its_update_only() {
        let now = Clock::paused().now();
        let mut waiting = Unacknowledged::default();
        let running = factory().fresh(&task(), TaskState::TaskRunning, now);
        let finished = factory().fresh(&task(), TaskState::TaskFinished, now);
        waiting.push(running.clone());
        waiting.push(finished.clone());

        assert_eq!(waiting.acknowledge(running.uuid()), Acknowledged::Ongoing);
        assert_eq!(waiting.acknowledge(running.uuid()), Acknowledged::Unknown);
        assert_eq!(waiting.acknowledge(finished.uuid()), Acknowledged::Terminal);
        assert!(waiting.is_empty());
    }

    #[test]
    fn updates_made_while_nothing_can_be_sent_are_told_later() {
        let now = Clock::paused().now();
        let mut unacknowledged = Unacknowledged::default();
        let starting = factory().fresh(&task(), TaskState::TaskStarting, now);
        let running = factory().fresh(&task(), TaskState::TaskRunning, now);
        let finished = factory().fresh(&task(), TaskState::TaskFinished, now);
        unacknowledged.push(starting.clone());
        unacknowledged.push(running);
        unacknowledged.connect();

        unacknowledged.push(finished.clone());
        let acknowledged = unacknowledged.acknowledge(starting.uuid());

        assert_eq!(acknowledged, Acknowledged::Ongoing);
        let untold: Vec<_> = unacknowledged.untold().map(Update::status).collect();
        assert_eq!(untold, [&finished]);
    }
}
