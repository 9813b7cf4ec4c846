//! What the agent does when time passes; the tests hold the clock.

use std::time::Duration;

use mesos_proto::{
    internal::UpdateOperationStatusMessage,
    v1::{OperationState, TaskState, executor::event},
};

use crate::{
    harness::{Cluster, checkpointing, command_task, executor_task, framework},
    operations::{acknowledge, apply, reserve, reserved},
    recovery::running,
};

/// From now on time passes only when the test says so.
fn hold(cluster: &Cluster) {
    cluster.runtime.clock().pause();
}

fn advance(cluster: &Cluster, seconds: u64) {
    cluster
        .runtime
        .clock()
        .advance(Duration::from_secs(seconds));
}

/// Mirrors: ExecutorHttpApiTest.HeartbeatEvents
#[test]
fn executor_hears_from_the_agent_every_half_hour() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    hold(&cluster);
    let mut executor = cluster.subscribe("e");

    for expected in [
        event::Type::Subscribed,
        event::Type::Launch,
        event::Type::Heartbeat,
        event::Type::Heartbeat,
    ] {
        if expected == event::Type::Heartbeat {
            // The agent has planned the heartbeat once it has done what it was at.
            cluster.wait_until_handled();
            advance(&cluster, 30 * 60);
        }
        let event = executor.next(&cluster).expect("an event");
        assert_eq!(event.r#type(), expected);
    }
}

/// Mirrors: AgentOperationFeedbackTest.RetryOperationStatusUpdate
#[test]
fn status_of_an_operation_is_repeated_until_it_is_acknowledged() {
    let mut cluster = Cluster::registered();
    apply(&cluster, reserve(reserved("cpus", 1.0)));
    let (_, first) = cluster.master.expect::<UpdateOperationStatusMessage>();
    assert_eq!(first.status().state(), OperationState::OperationFinished);
    hold(&cluster);
    cluster.runtime.clock().settle();

    advance(&cluster, 10);
    let (_, again) = cluster.master.expect::<UpdateOperationStatusMessage>();
    acknowledge(&cluster, &again);
    cluster.wait_until_handled();

    assert_eq!(again.status().operation_id(), first.status().operation_id());
    assert_eq!(again.status().state(), OperationState::OperationFinished);
    assert_eq!(again.status().uuid, first.status().uuid);
    cluster.runtime.clock().settle();
    advance(&cluster, 10 * 60);
    cluster.wait_until_handled();
    assert!(!cluster.master.has::<UpdateOperationStatusMessage>());
}

/// Mirrors: SlaveTest.ExecutorReregistrationTimeoutFlag
#[test]
fn executor_may_come_back_as_late_as_the_flag_says() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.executor_reregistration_timeout = Duration::from_secs(15);
    });
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    cluster.expect_update_to(TaskState::TaskRunning);
    cluster.restart();
    cluster.wait_until_open("t");
    hold(&cluster);

    // Longer than the two seconds that executors have without the flag.
    advance(&cluster, 4);
    let _executor = cluster.subscribe("t");
    cluster.runtime.clock().resume();
    let message = cluster.reregister();

    assert_eq!(message.tasks.len(), 1);
    assert_eq!(message.tasks[0].state(), TaskState::TaskRunning);
    assert!(cluster.container_pid("t").is_some());
}

#[test]
fn executor_launched_after_recovery_is_not_taken_for_one_that_did_not_come_back() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);
    cluster.restart();
    let _executor = cluster.subscribe_when_open("t");
    cluster.reregister();
    cluster.run(&checkpointing(), command_task("new", "sleep 1000"));
    cluster.wait_for_executor("new");
    hold(&cluster);

    // As long as the executors of before would have had, and shorter than a new one has.
    advance(&cluster, 20);
    cluster.wait_until_handled();
    cluster.runtime.clock().resume();

    let mut executor = cluster.subscribe("new");
    executor.expect(&cluster, event::Type::Launch);
}
