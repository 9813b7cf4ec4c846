//! The exit status of a job: that of its task.
//!
//! Mesos' own program exits with 0 whatever becomes of the task; a script that runs a command on
//! the cluster wants to know what the command did.

use mesos_linux::wait_status::SignalName;
use mesos_proto::v1::{TaskState, TaskStatus};

/// The exit status for a task that ended like this, as a shell would report it.
///
/// 0 for `TASK_FINISHED`; the command's own status when it failed; 128 plus the number of the signal
/// that ended it; 1 for everything else.
pub(crate) fn exit_code(last: &TaskStatus) -> u8 {
    if last.state() == TaskState::TaskFinished {
        return 0;
    }
    let message = last.message();
    if let Some(code) = tail(message, "exited with status ") {
        return match code.parse() {
            // A killed task has failed, even when it managed to exit well.
            Ok(0) | Err(_) => 1,
            Ok(code) => code,
        };
    }
    let signal = tail(message, "terminated with signal ")
        .map(|name| name.trim_end_matches(" (core dumped)"))
        .and_then(SignalName::from_description)
        .and_then(|signal| u8::try_from(signal).ok());
    signal.map_or(1, |signal| signal.saturating_add(128))
}

fn tail<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    message.strip_prefix("Command ")?.strip_prefix(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn exits(state: TaskState, message: &str, code: u8) {
        let status = TaskStatus {
            state: Some(state.into()),
            message: Some(message.into()),
            ..Default::default()
        };
        assert_eq!(exit_code(&status), code);
    }

    #[test]
    fn exit_status_is_that_of_the_command() {
        exits(TaskState::TaskFinished, "Command exited with status 0", 0);
        exits(TaskState::TaskFailed, "Command exited with status 3", 3);
        exits(
            TaskState::TaskFailed,
            "Command terminated with signal Killed",
            137,
        );
        exits(
            TaskState::TaskFailed,
            "Command terminated with signal Segmentation fault (core dumped)",
            139,
        );
    }

    #[test]
    fn anything_else_is_a_failure() {
        exits(TaskState::TaskKilled, "Command exited with status 0", 1);
        exits(TaskState::TaskLost, "", 1);
        exits(TaskState::TaskError, "Task uses no resources", 1);
    }
}
