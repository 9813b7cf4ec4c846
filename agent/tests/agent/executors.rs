//! What executors may say, and how executors on the driver are served.

use mesos_agent::constants::EXECUTOR_HEARTBEAT_INTERVAL;
use mesos_proto::{
    internal::{
        ExecutorRegisteredMessage, ExecutorToFrameworkMessage, ExitedExecutorMessage,
        KillTaskMessage, RegisterExecutorMessage, RunTaskMessage, ShutdownExecutorMessage,
        StatusUpdate, StatusUpdateAcknowledgementMessage, StatusUpdateMessage,
    },
    v1::{
        self, TaskState,
        executor::{Call, call, event},
        task_status::Reason,
    },
};
use uuid::Uuid;

use crate::harness::{
    Cluster, Peer, agent_id, command_task, executor_call, executor_task, framework, framework_id,
    task_id,
};

/// Registers an executor on the driver.
pub(crate) fn register(cluster: &Cluster, executor: &Peer, id: &str) {
    executor.send(
        &cluster.pid(),
        &RegisterExecutorMessage {
            framework_id: Some(framework_id()),
            executor_id: executor_call(id).executor_id,
            ..Default::default()
        },
    );
}

/// Reports the state of a task of the executor `e` over the driver.
pub(crate) fn driver_update(
    cluster: &Cluster,
    executor: &Peer,
    task: &str,
    state: TaskState,
) -> Uuid {
    let uuid = Uuid::new_v4();
    let status = v1::TaskStatus {
        task_id: Some(task_id(task)),
        agent_id: Some(agent_id()),
        state: Some(state.into()),
        ..Default::default()
    };
    let update = StatusUpdate {
        framework_id: Some(framework_id()),
        executor_id: executor_call("e").executor_id,
        agent_id: Some(agent_id()),
        status: Some(status.into()),
        timestamp: Some(1.0),
        uuid: Some(uuid.as_bytes().to_vec().into()),
        ..Default::default()
    };
    executor.send(
        &cluster.pid(),
        &StatusUpdateMessage {
            update: Some(update.into()),
            pid: Some(executor.pid.to_string()),
            ..Default::default()
        },
    );
    uuid
}

/// Mirrors: ExecutorHttpApiTest.HeartbeatEvents
#[test]
fn executor_on_http_hears_heartbeats() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    let subscribed = executor.expect(&cluster, event::Type::Subscribed);
    assert_eq!(
        subscribed
            .subscribed()
            .executor_info()
            .executor_id()
            .value(),
        "e"
    );
    assert!(subscribed.subscribed().container_id.is_some());
    executor.expect(&cluster, event::Type::Launch);

    cluster.runtime.clock().pause();
    cluster.runtime.clock().settle();
    cluster.runtime.clock().advance(EXECUTOR_HEARTBEAT_INTERVAL);
    let next = executor.next(&cluster).expect("an event");
    cluster.runtime.clock().resume();

    assert_eq!(next.r#type(), event::Type::Heartbeat);
}

#[test]
fn executor_on_the_driver_runs_a_task() {
    let mut cluster = Cluster::registered();
    let mut executor = Peer::start("executor(1)");
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");

    register(&cluster, &executor, "e");
    let (_, registered) = executor.expect::<ExecutorRegisteredMessage>();
    let (_, run) = executor.expect::<RunTaskMessage>();
    let uuid = driver_update(&cluster, &executor, "t", TaskState::TaskRunning);
    let (_, acknowledged) = executor.expect::<StatusUpdateAcknowledgementMessage>();
    let status = cluster.expect_update();
    cluster.kill("t");
    let (_, kill) = executor.expect::<KillTaskMessage>();

    assert_eq!(registered.agent_id().value(), agent_id().value());
    assert_eq!(run.task().task_id().value(), "t");
    assert_eq!((run.pid(), &run.framework_id), ("@0.0.0.0:0", &None));
    assert_eq!(acknowledged.uuid().as_ref(), uuid.as_bytes());
    assert_eq!(status.executor_id().value(), "e");
    assert_eq!(kill.task_id().value(), "t");
    executor.runtime.shutdown();
}

#[test]
fn second_registration_of_an_executor_is_answered_with_shutdown() {
    let cluster = Cluster::registered();
    let mut executor = Peer::start("executor(1)");
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    register(&cluster, &executor, "e");
    executor.expect::<ExecutorRegisteredMessage>();

    register(&cluster, &executor, "e");

    executor.expect::<ShutdownExecutorMessage>();
    executor.runtime.shutdown();
}

#[test]
fn executor_of_an_unknown_framework_is_shut_down() {
    let cluster = Cluster::registered();
    let mut executor = Peer::start("executor(1)");

    register(&cluster, &executor, "e");

    executor.expect::<ShutdownExecutorMessage>();
    executor.runtime.shutdown();
}

/// Mirrors: SlaveTest.KillAllInitialTasksTerminatesExecutor
/// Mirrors: SlaveTest.KillQueuedTaskDuringExecutorRegistration
#[test]
fn executor_whose_only_task_was_killed_is_shut_down_when_it_registers() {
    let mut cluster = Cluster::registered();
    let mut executor = Peer::start("executor(1)");
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    cluster.kill("t");
    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskKilled);
    assert_eq!(status.reason(), Reason::ReasonTaskKilledDuringLaunch);

    register(&cluster, &executor, "e");

    executor.expect::<ShutdownExecutorMessage>();
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    assert!(!executor.has::<RunTaskMessage>());
    executor.runtime.shutdown();
}

#[test]
fn words_go_both_ways() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::Launch);

    cluster.send_words("e", "to the executor");
    let heard = executor.expect(&cluster, event::Type::Message);
    let (status, _) = cluster.call(&Call {
        r#type: Some(call::Type::Message.into()),
        message: Some(call::Message {
            data: Some("to the framework".into()),
            ..Default::default()
        }),
        ..executor_call("e")
    });
    let (_, said) = cluster.master.expect::<ExecutorToFrameworkMessage>();

    assert_eq!(heard.message().data().as_ref(), b"to the executor");
    assert_eq!(status, 202);
    assert_eq!(said.data().as_ref(), b"to the framework");
}

#[test]
fn calls_that_make_no_sense_are_refused_with_the_texts_of_mesos() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    let message = |id: &str| Call {
        r#type: Some(call::Type::Message.into()),
        message: Some(call::Message {
            data: Some("x".into()),
            ..Default::default()
        }),
        ..executor_call(id)
    };
    let stranger = Call {
        framework_id: Some(v1::FrameworkId {
            value: Some("stranger".to_owned()),
            ..Default::default()
        }),
        ..message("t")
    };

    assert_eq!(
        cluster.call(&stranger),
        (400, "Framework cannot be found".to_owned())
    );
    assert_eq!(
        cluster.call(&message("x")),
        (400, "Executor cannot be found".to_owned())
    );
    assert_eq!(
        cluster.call(&message("t")),
        (403, "Executor is not subscribed".to_owned())
    );
    assert_eq!(
        cluster.call(&Call {
            message: None,
            ..message("t")
        }),
        (
            400,
            "Failed to validate Executor::Call: Expecting 'message' to be present".to_owned()
        )
    );
    assert_eq!(
        cluster
            .call(&Call {
                r#type: Some(call::Type::Heartbeat.into()),
                ..executor_call("t")
            })
            .0,
        202
    );
}

/// What an executor says that got its task and reported nothing yet.
fn knowing(task: &str) -> call::Subscribe {
    call::Subscribe {
        unacknowledged_tasks: vec![command_task(task, "sleep 1000")],
        ..Default::default()
    }
}

#[test]
fn executor_that_subscribes_again_takes_over_its_stream() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut first = cluster.subscribe_when_launched("t");
    first.expect(&cluster, event::Type::Launch);

    let mut second = cluster.subscribe_with("t", knowing("t"));

    second.expect(&cluster, event::Type::Subscribed);
    while let Some(event) = first.next(&cluster) {
        assert_ne!(event.r#type(), event::Type::Subscribed);
    }
}

/// Executors on the v1 API may leave out whose agent they talk to, also in updates that were never acknowledged.
#[test]
fn update_that_an_executor_brings_along_is_handled() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut first = cluster.subscribe_when_launched("t");
    first.expect(&cluster, event::Type::Launch);
    let status = v1::TaskStatus {
        task_id: Some(task_id("t")),
        state: Some(TaskState::TaskRunning.into()),
        source: Some(v1::task_status::Source::SourceExecutor.into()),
        uuid: Some(vec![9; 16].into()),
        timestamp: Some(1.0),
        ..Default::default()
    };

    let mut second = cluster.subscribe_with(
        "t",
        call::Subscribe {
            unacknowledged_updates: vec![call::Update {
                status: Some(status.into()),
                ..Default::default()
            }],
            ..knowing("t")
        },
    );

    second.expect(&cluster, event::Type::Acknowledged);
    let update = cluster.expect_update();
    assert_eq!(update.state(), TaskState::TaskRunning);
    assert_eq!(update.agent_id(), &agent_id());
    assert!(update.executor_id.is_none());
}

/// The agent may die between the framework's acknowledgement and its own to the executor.
#[test]
fn update_of_a_task_that_is_done_with_is_acknowledged_once_more() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut first = cluster.subscribe_when_launched("t");
    first.expect(&cluster, event::Type::Launch);
    let uuid = cluster.report("t", "t", TaskState::TaskFinished);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFinished);
    cluster.wait_for_completed("t");
    let status = v1::TaskStatus {
        task_id: Some(task_id("t")),
        state: Some(TaskState::TaskFinished.into()),
        uuid: Some(uuid.as_bytes().to_vec().into()),
        ..Default::default()
    };

    let mut second = cluster.subscribe_with(
        "t",
        call::Subscribe {
            unacknowledged_updates: vec![call::Update {
                status: Some(status.into()),
                ..Default::default()
            }],
            ..Default::default()
        },
    );

    second.expect(&cluster, event::Type::Subscribed);
    let event = second.expect(&cluster, event::Type::Acknowledged);
    assert_eq!(event.acknowledged().uuid().as_ref(), uuid.as_bytes());
}
