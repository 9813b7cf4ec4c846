//! Tests of the task's state machine.

use super::*;

fn task(state: TaskState) -> Task {
    Task::reported(v1::Task {
        name: Some("t".to_owned()),
        state: Some(state.into()),
        ..Default::default()
    })
}

fn status(state: TaskState) -> v1::TaskStatus {
    v1::TaskStatus {
        state: Some(state.into()),
        data: Some(b"big".to_vec().into()),
        ..Default::default()
    }
}

#[test]
fn terminal_state_never_changes() {
    for before in [
        TaskState::TaskFinished,
        TaskState::TaskFailed,
        TaskState::TaskKilled,
        TaskState::TaskError,
        TaskState::TaskLost,
        TaskState::TaskDropped,
        TaskState::TaskGone,
        TaskState::TaskGoneByOperator,
    ] {
        let mut task = task(before);

        let change = task.update(&status(TaskState::TaskRunning), None);

        assert_eq!(change.after, before);
        assert!(!change.released_resources());
    }
}

#[test]
fn repeated_state_replaces_the_last_status() {
    let mut task = task(TaskState::TaskStaging);
    task.update(&status(TaskState::TaskRunning), None);

    let change = task.update(&status(TaskState::TaskRunning), None);

    assert_eq!(change.visible, Visibility::Silent);
    assert_eq!(task.info().statuses.len(), 1);
}

#[test]
fn stored_status_has_no_data() {
    let mut task = task(TaskState::TaskStaging);

    task.update(&status(TaskState::TaskRunning), None);

    assert!(task.last_status().is_some_and(|last| last.data.is_none()));
}

#[test]
fn latest_state_frees_resources_before_the_terminal_status_came() {
    let mut task = task(TaskState::TaskStaging);

    let change = task.update(
        &status(TaskState::TaskRunning),
        Some(TaskState::TaskFinished),
    );

    assert_eq!(task.state(), TaskState::TaskFinished);
    assert!(change.released_resources());
}

#[test]
fn unreachable_task_frees_its_resources_and_may_return() {
    let mut task = task(TaskState::TaskRunning);

    let gone = task.update(&status(TaskState::TaskUnreachable), None);
    let back = task.update(&status(TaskState::TaskRunning), None);

    assert!(gone.released_resources());
    assert_eq!(back.after, TaskState::TaskRunning);
}

#[test]
fn health_check_update_is_announced_though_the_state_stays() {
    let mut task = task(TaskState::TaskStaging);
    task.update(&status(TaskState::TaskRunning), None);
    let mut healthy = status(TaskState::TaskRunning);
    healthy.reason = Some(Reason::ReasonTaskHealthCheckStatusUpdated.into());

    let change = task.update(&healthy, None);

    assert_eq!(change.visible, Visibility::Announced);
}
