//! The last status of a task, decided from what the agent says about its container.

use mesos_linux::wait_status::WaitStatus;
use mesos_proto::WireEnum;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::agent::response::WaitNestedContainer;
use mesos_proto::v1::task_status::Reason;

use super::containers::Phase;
use crate::kill_policy::KillCause;
use crate::updates::Outcome;

/// Decides the outcome; `waited` is missing when the agent does not know the container.
///
/// What the containerizer says about state and reason counts more than the exit status.
pub(super) fn outcome(waited: Option<&WaitNestedContainer>, phase: &Phase) -> Outcome {
    let refusal = match phase {
        Phase::Refused(reason) => Some(reason.clone()),
        Phase::Launching | Phase::Running | Phase::Killing(_) => None,
    };
    let failed = |message: Option<String>, fallback: &str| Outcome {
        state: TaskState::TaskFailed,
        reason: None,
        message: message.or_else(|| Some(fallback.to_owned())),
        healthy: None,
    };
    let Some(waited) = waited else {
        return match phase {
            Phase::Killing(_) => Outcome {
                state: TaskState::TaskKilled,
                reason: None,
                message: None,
                healthy: None,
            },
            Phase::Launching | Phase::Refused(_) | Phase::Running => failed(
                refusal,
                "Unable to retrieve command's termination information",
            ),
        };
    };
    let mut outcome = match waited.exit_status.map(WaitStatus::from_raw) {
        None => failed(refusal, "Command terminated with unknown status"),
        Some(status) => exited(status, phase),
    };
    if let Some(state) = waited.state.and_then(TaskState::from_number) {
        outcome.state = state;
    }
    if let Some(reason) = waited.reason.and_then(Reason::from_number) {
        outcome.reason = Some(reason);
    }
    if let Some(more) = &waited.message {
        let message = outcome.message.get_or_insert_default();
        if !message.is_empty() {
            message.push_str(": ");
        }
        message.push_str(more);
    }
    outcome
}

fn exited(status: WaitStatus, phase: &Phase) -> Outcome {
    let (state, reason) = match phase {
        Phase::Killing(KillCause::CompletionTimeout) => (
            TaskState::TaskFailed,
            Some(Reason::ReasonMaxCompletionTimeReached),
        ),
        Phase::Killing(KillCause::Requested | KillCause::Unhealthy) => {
            (TaskState::TaskKilled, None)
        }
        Phase::Launching | Phase::Refused(_) | Phase::Running if status.success() => {
            (TaskState::TaskFinished, None)
        }
        Phase::Launching | Phase::Refused(_) | Phase::Running => (TaskState::TaskFailed, None),
    };
    Outcome {
        state,
        reason,
        message: Some(format!("Command {status}")),
        healthy: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waited(exit_status: Option<i32>) -> WaitNestedContainer {
        WaitNestedContainer {
            exit_status,
            ..Default::default()
        }
    }

    #[track_caller]
    fn ends(waited: Option<&WaitNestedContainer>, phase: &Phase, state: TaskState, message: &str) {
        let outcome = outcome(waited, phase);
        assert_eq!(outcome.state, state);
        assert_eq!(outcome.message.unwrap_or_default(), message);
    }

    #[test]
    fn exit_status_decides() {
        let phase = Phase::Running;
        let finished = "Command exited with status 0";
        ends(
            Some(&waited(Some(0))),
            &phase,
            TaskState::TaskFinished,
            finished,
        );
        let failed = "Command exited with status 4";
        ends(
            Some(&waited(Some(4 << 8))),
            &phase,
            TaskState::TaskFailed,
            failed,
        );
        let unknown = "Command terminated with unknown status";
        ends(Some(&waited(None)), &phase, TaskState::TaskFailed, unknown);
    }

    #[test]
    fn killed_task_is_killed_whatever_its_exit_status() {
        let phase = Phase::Killing(KillCause::Requested);
        let message = "Command exited with status 0";
        ends(
            Some(&waited(Some(0))),
            &phase,
            TaskState::TaskKilled,
            message,
        );
        ends(None, &phase, TaskState::TaskKilled, "");
    }

    #[test]
    fn late_task_fails_with_its_own_reason() {
        let phase = Phase::Killing(KillCause::CompletionTimeout);

        let outcome = outcome(Some(&waited(Some(9))), &phase);

        assert_eq!(outcome.state, TaskState::TaskFailed);
        assert_eq!(outcome.reason, Some(Reason::ReasonMaxCompletionTimeReached));
    }

    #[test]
    fn unknown_container_fails_with_the_error_of_its_launch() {
        let refused = Phase::Refused("no image".into());
        ends(None, &refused, TaskState::TaskFailed, "no image");
        let unknown = "Unable to retrieve command's termination information";
        ends(None, &Phase::Running, TaskState::TaskFailed, unknown);
    }

    /// Mirrors: DefaultExecutorTest.ResourceLimitation
    #[test]
    fn state_and_reason_of_the_containerizer_override_and_its_message_is_appended() {
        let limited = WaitNestedContainer {
            state: Some(TaskState::TaskFailed.into()),
            reason: Some(Reason::ReasonContainerLimitationMemory.into()),
            message: Some("Memory limit exceeded".into()),
            ..waited(Some(9))
        };

        let outcome = outcome(Some(&limited), &Phase::Killing(KillCause::Requested));

        assert_eq!(outcome.state, TaskState::TaskFailed);
        assert_eq!(
            outcome.reason,
            Some(Reason::ReasonContainerLimitationMemory)
        );
        let message = "Command terminated with signal Killed: Memory limit exceeded";
        assert_eq!(outcome.message.as_deref(), Some(message));
    }
}
