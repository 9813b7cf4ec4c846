//! States of tasks and operations: which are final, and what may follow what.
//!
//! Mirrors `isTerminalState` of `src/common/protobuf_utils.cpp` and `Master::updateTask`.
//!
//! # Invariants
//! - A final state never changes.

use mesos_proto::v1::{OperationState, TaskState};

/// Whether a task in this state has ended. An unreachable task has not: it may come back.
#[must_use]
pub fn is_terminal(state: TaskState) -> bool {
    match state {
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskLost
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => true,
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => false,
    }
}

/// Whether a task in this state uses resources of an agent.
#[must_use]
pub fn uses_resources(state: TaskState) -> bool {
    !is_terminal(state) && state != TaskState::TaskUnreachable
}

/// The state of a task after a report: the reported one, unless the task had ended before.
#[must_use]
pub fn after_report(current: TaskState, reported: TaskState) -> TaskState {
    if is_terminal(current) {
        current
    } else {
        reported
    }
}

/// Whether an operation in this state has ended.
#[must_use]
pub fn is_terminal_operation(state: OperationState) -> bool {
    match state {
        OperationState::OperationDropped
        | OperationState::OperationError
        | OperationState::OperationFailed
        | OperationState::OperationFinished
        | OperationState::OperationGoneByOperator => true,
        OperationState::OperationPending
        | OperationState::OperationRecovering
        | OperationState::OperationUnknown
        | OperationState::OperationUnreachable
        | OperationState::OperationUnsupported => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each state with its number on the wire, whether it is final, whether it uses resources.
    const TABLE: [(TaskState, i32, bool, bool); 14] = [
        (TaskState::TaskStarting, 0, false, true),
        (TaskState::TaskRunning, 1, false, true),
        (TaskState::TaskFinished, 2, true, false),
        (TaskState::TaskFailed, 3, true, false),
        (TaskState::TaskKilled, 4, true, false),
        (TaskState::TaskLost, 5, true, false),
        (TaskState::TaskStaging, 6, false, true),
        (TaskState::TaskError, 7, true, false),
        (TaskState::TaskKilling, 8, false, true),
        (TaskState::TaskDropped, 9, true, false),
        (TaskState::TaskUnreachable, 10, false, false),
        (TaskState::TaskGone, 11, true, false),
        (TaskState::TaskGoneByOperator, 12, true, false),
        (TaskState::TaskUnknown, 13, false, true),
    ];

    #[test]
    fn each_state_is_final_or_not() {
        for (state, number, terminal, resources) in TABLE {
            assert_eq!(i32::from(state), number, "number of {state:?}");
            assert_eq!(is_terminal(state), terminal, "{state:?}");
            assert_eq!(uses_resources(state), resources, "{state:?}");
        }
    }

    #[test]
    fn a_final_state_stays_whatever_is_reported() {
        for (current, _, terminal, _) in TABLE {
            for (reported, ..) in TABLE {
                let expected = if terminal { current } else { reported };
                assert_eq!(
                    after_report(current, reported),
                    expected,
                    "{current:?}, {reported:?}"
                );
            }
        }
    }

    #[test]
    fn five_operation_states_are_final() {
        let terminal: Vec<_> = (0..10)
            .filter_map(|number| OperationState::try_from(number).ok())
            .filter(|state| is_terminal_operation(*state))
            .map(|state| state.as_str_name())
            .collect();

        assert_eq!(
            terminal,
            [
                "OPERATION_FINISHED",
                "OPERATION_FAILED",
                "OPERATION_ERROR",
                "OPERATION_DROPPED",
                "OPERATION_GONE_BY_OPERATOR"
            ]
        );
    }
}
