//! What the agent makes of updates that come late or twice.

use std::time::Duration;

use mesos_proto::{
    internal::{RunTaskMessage, StatusUpdateAcknowledgementMessage, StatusUpdateMessage},
    v1::TaskState,
};

use crate::{
    executors::{driver_update, register},
    harness::{Cluster, Peer, checkpointing, executor_task},
};

/// An executor on the driver that was given its task.
fn with_executor() -> (Cluster, Peer) {
    let cluster = Cluster::registered();
    let mut executor = Peer::start("executor(1)");
    cluster.run(&checkpointing(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    register(&cluster, &executor, "e");
    executor.expect::<RunTaskMessage>();
    (cluster, executor)
}

/// Mirrors: TaskStatusUpdateManagerTest.LatestTaskState
#[test]
fn update_that_is_sent_again_tells_the_latest_state() {
    let (mut cluster, mut executor) = with_executor();
    driver_update(&cluster, &executor, "t", TaskState::TaskRunning);
    executor.expect::<StatusUpdateAcknowledgementMessage>();
    cluster.master.expect::<StatusUpdateMessage>();
    cluster.runtime.clock().pause();
    driver_update(&cluster, &executor, "t", TaskState::TaskFinished);
    executor.expect::<StatusUpdateAcknowledgementMessage>();

    cluster.runtime.clock().advance(Duration::from_secs(10));
    let (_, again) = cluster.master.expect::<StatusUpdateMessage>();
    cluster.runtime.clock().resume();

    assert_eq!(again.update().status().state(), TaskState::TaskRunning);
    assert_eq!(again.update().latest_state(), TaskState::TaskFinished);
    executor.runtime.shutdown();
}

/// Mirrors: TaskStatusUpdateManagerTest.DuplicateTerminalUpdateAfterAck
#[test]
fn second_end_of_a_task_is_brought_to_the_master() {
    let (mut cluster, executor) = with_executor();
    driver_update(&cluster, &executor, "t", TaskState::TaskFinished);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFinished);

    cluster.wait_for_completed("t");

    let uuid = driver_update(&cluster, &executor, "t", TaskState::TaskKilled);
    let (_, second) = cluster.master.expect::<StatusUpdateMessage>();
    cluster.acknowledge(second.update());

    assert_eq!(second.update().status().state(), TaskState::TaskKilled);
    assert_eq!(second.update().uuid().as_ref(), uuid.as_bytes());
    executor.runtime.shutdown();
}
