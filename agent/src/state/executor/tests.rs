//! Tasks go through the stages of an executor.

use uuid::Uuid;

use super::*;

fn executor() -> Executor {
    Executor::new(ExecutorSpec {
        info: v1::ExecutorInfo {
            executor_id: Some(ExecutorId::from("e1").to_proto()),
            ..Default::default()
        },
        framework: FrameworkId::from("f1"),
        container: ContainerId::root_from("c1"),
        directory: PathBuf::from("/sandbox"),
        user: None,
        durability: Durability::Volatile,
        origin: Origin::Framework,
    })
}

fn task(id: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: Some(id.to_owned()),
        task_id: Some(TaskId::from(id).to_proto()),
        ..Default::default()
    }
}

fn status(id: &str, state: TaskState) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: Some(TaskId::from(id).to_proto()),
        state: Some(state.into()),
        source: Some(Source::SourceExecutor.into()),
        uuid: Some(Uuid::new_v4().as_bytes().to_vec().into()),
        ..Default::default()
    }
}

fn launch(executor: &mut Executor, id: &str) {
    executor.enqueue(task(id));
    let info = executor.dequeue(&TaskId::from(id)).expect("queued");
    executor.add_launched(&info);
}

#[test]
fn transitions_follow_the_table() {
    use ExecutorState::{Registering, Running, Terminated, Terminating};
    let allowed = [
        (Registering, Running),
        (Registering, Terminating),
        (Registering, Terminated),
        (Running, Running),
        (Running, Terminating),
        (Running, Terminated),
        (Terminating, Terminating),
        (Terminating, Terminated),
    ];

    for from in ExecutorState::ALL {
        for to in ExecutorState::ALL {
            assert_eq!(
                from.may_become(to),
                allowed.contains(&(from, to)),
                "{from:?} to {to:?}"
            );
        }
    }
}

#[test]
fn group_leaves_the_queue_with_its_last_member() {
    let mut executor = executor();
    executor.enqueue_group(v1::TaskGroupInfo {
        tasks: vec![task("a"), task("b")],
        ..Default::default()
    });

    executor.dequeue(&TaskId::from("a"));
    assert!(executor.queued_group_of(&TaskId::from("b")).is_some());
    executor.dequeue(&TaskId::from("b"));

    assert!(executor.queued_groups().is_empty());
}

#[test]
fn queued_task_takes_only_terminal_updates() {
    let mut executor = executor();
    executor.enqueue(task("t"));

    let running = executor.update_task(&status("t", TaskState::TaskRunning));
    let killed = executor.update_task(&status("t", TaskState::TaskKilled));

    assert_eq!(running, Err(TaskUpdateError::NotLaunched));
    assert_eq!(killed, Ok(()));
    assert_eq!(executor.terminated().len(), 1);
}

#[test]
fn second_terminal_update_is_refused_while_the_first_is_pending() {
    let mut executor = executor();
    launch(&mut executor, "t");
    let (first, second) = (
        status("t", TaskState::TaskFinished),
        status("t", TaskState::TaskFailed),
    );
    executor.add_pending_status(&first);
    executor.add_pending_status(&second);

    let late = executor.update_task(&second);

    assert_eq!(late, Err(TaskUpdateError::SecondTerminal("TASK_FINISHED")));
    assert_eq!(executor.update_task(&first), Ok(()));
    assert_eq!(
        executor.update_task(&second),
        Err(TaskUpdateError::AlreadyTerminated("TASK_FINISHED"))
    );
}

#[test]
fn acknowledged_task_is_only_remembered() {
    let mut executor = executor();
    launch(&mut executor, "t");
    executor
        .update_task(&status("t", TaskState::TaskFinished))
        .expect("updated");

    assert!(executor.has_incomplete_tasks());
    assert!(executor.complete(&TaskId::from("t")));

    assert!(!executor.has_incomplete_tasks());
    assert!(executor.was_ever_sent_a_task());
    assert_eq!(executor.completed().count(), 1);
}

#[test]
fn task_killed_before_delivery_was_never_sent() {
    let mut executor = executor();
    executor.enqueue(task("t"));
    let mut killed = status("t", TaskState::TaskKilled);
    killed.source = Some(Source::SourceAgent.into());

    executor.update_task(&killed).expect("updated");

    assert!(!executor.was_ever_sent_a_task());
}
