//! The last status of a task, decided from how its process ended.

use std::io;

use mesos_linux::wait_status::WaitStatus;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::task_status::Reason;

use crate::kill_policy::KillCause;
use crate::updates::Outcome;

/// Decides the outcome. `killed` names why the executor had begun to end the task, if it had.
///
/// A task that was killed is `TASK_KILLED` even when it managed to exit with status 0.
pub(crate) fn outcome(waited: &io::Result<WaitStatus>, killed: Option<KillCause>) -> Outcome {
    let healthy = (killed == Some(KillCause::Unhealthy)).then_some(false);
    let status = match waited {
        Ok(status) => status,
        Err(error) => {
            return Outcome {
                state: TaskState::TaskFailed,
                reason: None,
                message: Some(format!("Failed to get exit status for Command: {error}")),
                healthy,
            };
        }
    };
    let (state, reason) = match killed {
        Some(KillCause::CompletionTimeout) => (
            TaskState::TaskFailed,
            Some(Reason::ReasonMaxCompletionTimeReached),
        ),
        Some(KillCause::Requested | KillCause::Unhealthy) => (TaskState::TaskKilled, None),
        None if status.success() => (TaskState::TaskFinished, None),
        None => (TaskState::TaskFailed, None),
    };
    Outcome {
        state,
        reason,
        message: Some(format!("Command {status}")),
        healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(raw: i32, killed: Option<KillCause>) -> Outcome {
        outcome(&Ok(WaitStatus::from_raw(raw)), killed)
    }

    #[test]
    fn exit_zero_is_finished_without_a_reason() {
        let outcome = ended(0, None);

        assert_eq!(outcome.state, TaskState::TaskFinished);
        assert_eq!(outcome.reason, None);
        assert_eq!(
            outcome.message.as_deref(),
            Some("Command exited with status 0")
        );
    }

    #[test]
    fn other_exits_are_failed_without_a_reason() {
        let (exit, signal) = (ended(3 << 8, None), ended(9, None));

        assert_eq!((exit.state, exit.reason), (TaskState::TaskFailed, None));
        assert_eq!(
            exit.message.as_deref(),
            Some("Command exited with status 3")
        );
        assert_eq!(signal.state, TaskState::TaskFailed);
        assert_eq!(
            signal.message.as_deref(),
            Some("Command terminated with signal Killed")
        );
    }

    #[test]
    fn killed_task_is_killed_even_after_a_clean_exit() {
        let outcome = ended(0, Some(KillCause::Requested));

        assert_eq!(outcome.state, TaskState::TaskKilled);
        assert_eq!(
            outcome.message.as_deref(),
            Some("Command exited with status 0")
        );
        assert_eq!(outcome.healthy, None);
    }

    #[test]
    fn unhealthy_task_is_killed_and_marked() {
        let outcome = ended(15, Some(KillCause::Unhealthy));

        assert_eq!(outcome.state, TaskState::TaskKilled);
        assert_eq!(outcome.healthy, Some(false));
    }

    #[test]
    fn late_task_is_failed_with_its_own_reason() {
        let outcome = ended(9, Some(KillCause::CompletionTimeout));

        assert_eq!(outcome.state, TaskState::TaskFailed);
        assert_eq!(outcome.reason, Some(Reason::ReasonMaxCompletionTimeReached));
    }

    #[test]
    fn unknown_status_is_failed() {
        let outcome = outcome(&Err(io::Error::other("no child")), None);

        assert_eq!(outcome.state, TaskState::TaskFailed);
        assert_eq!(
            outcome.message.as_deref(),
            Some("Failed to get exit status for Command: no child")
        );
    }
}
