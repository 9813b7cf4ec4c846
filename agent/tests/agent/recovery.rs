//! Tasks live through the end of their agent.

use std::fs;

use mesos_proto::{
    internal::{
        ExecutorReregisteredMessage, ReconnectExecutorMessage, RegisterExecutorMessage,
        ReregisterExecutorMessage, RunTaskMessage, StatusUpdateMessage,
    },
    v1::{
        TaskInfo, TaskState,
        executor::{call, event},
        task_status::Reason,
    },
};

use crate::harness::{
    AGENT_ID, Cluster, Peer, agent_id, checkpointing, command_task, executor_call, executor_task,
    framework, framework_id, task_id,
};

/// A task that runs, written down, with its first update acknowledged.
pub(crate) fn running(cluster: &mut Cluster) {
    checkpointed(cluster, command_task("t", "sleep 1000"));
}

/// As [`running`], for a task `t` of another kind.
pub(crate) fn checkpointed(cluster: &mut Cluster, task: TaskInfo) {
    cluster.run(&checkpointing(), task);
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
}

/// Mirrors: SlaveRecoveryTest.DISABLED_ReconnectHTTPExecutor
#[test]
fn running_task_survives_its_agent() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);

    cluster.restart();
    let mut executor = cluster.subscribe_when_open("t");
    executor.expect(&cluster, event::Type::Subscribed);
    let message = cluster.reregister();
    cluster.report("t", "t", TaskState::TaskFinished);

    assert_eq!(message.agent().id().value(), AGENT_ID);
    assert_eq!(message.frameworks.len(), 1);
    let [task] = message.tasks.as_slice() else {
        panic!("one task")
    };
    assert_eq!(
        (task.task_id().value(), task.state()),
        ("t", TaskState::TaskRunning)
    );
    assert!(message.executor_infos.is_empty());
    cluster.expect_update_to(TaskState::TaskFinished);
}

/// Mirrors: SlaveRecoveryTest.RecoverTaskStatusUpdateManager
#[test]
fn unacknowledged_update_is_sent_by_the_next_agent() {
    let mut cluster = Cluster::registered();
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    let uuid = cluster.report("t", "t", TaskState::TaskRunning);
    cluster.master.expect::<StatusUpdateMessage>();

    cluster.restart();
    let _executor = cluster.subscribe_when_open("t");
    cluster.reregister();

    let (_, again) = cluster.master.expect::<StatusUpdateMessage>();
    assert_eq!(again.update().uuid().as_ref(), uuid.as_bytes());
    cluster.acknowledge(again.update());
}

/// Mirrors: SlaveRecoveryTest.ReconnectExecutor
#[test]
fn executor_on_the_driver_is_called_back() {
    let mut cluster = Cluster::registered();
    let mut executor = Peer::start("executor(1)");
    cluster.run(&checkpointing(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    executor.send(
        &cluster.pid(),
        &RegisterExecutorMessage {
            framework_id: Some(framework_id()),
            executor_id: executor_call("e").executor_id,
            ..Default::default()
        },
    );
    executor.expect::<RunTaskMessage>();

    cluster.restart();
    let (agent, message) = executor.expect::<ReconnectExecutorMessage>();
    executor.send(
        &agent,
        &ReregisterExecutorMessage {
            framework_id: Some(framework_id()),
            executor_id: executor_call("e").executor_id,
            tasks: vec![executor_task("t", "e", "sleep 1000")],
            ..Default::default()
        },
    );
    executor.expect::<ExecutorReregisteredMessage>();
    let reregistration = cluster.reregister();

    assert_eq!(message.agent_id().value(), agent_id().value());
    assert_eq!(reregistration.executor_infos.len(), 1);
    assert_eq!(reregistration.tasks.len(), 1);
    executor.runtime.shutdown();
}

/// Mirrors: SlaveRecoveryTest.DISABLED_RecoverUnregisteredHTTPExecutor
#[test]
fn executor_that_does_not_come_back_is_killed() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.executor_reregistration_timeout = std::time::Duration::from_millis(200);
    });
    running(&mut cluster);

    cluster.restart();
    cluster.reregister();

    let status = cluster.expect_update_to(TaskState::TaskGone);
    assert_eq!(status.reason(), Reason::ReasonExecutorReregistrationTimeout);
    assert_eq!(status.message(), "Executor did not reregister within 200ms");
}

/// Mirrors: SlaveRecoveryTest.RecoverTerminatedHTTPExecutor
#[test]
fn executor_that_ended_meanwhile_fails_its_task() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);
    let pid = cluster.container_pid("t").expect("a process");

    cluster.stop();
    crate::harness::kill_tree(pid);
    cluster.start_again();
    cluster.reregister();

    let status = cluster.expect_update_to(TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
}

/// Mirrors: SlaveRecoveryTest.Reboot
#[test]
fn reboot_ends_the_tasks_and_keeps_the_agent() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);
    let pid = cluster.container_pid("t").expect("a process");

    cluster.stop();
    crate::harness::kill_tree(pid);
    let meta = cluster.place.work_dir().join("meta");
    fs::write(meta.join("boot_id"), "the boot before").expect("written");
    fs::remove_dir_all(cluster.place.directory.path().join("run")).expect("emptied");
    cluster.start_again();
    let message = cluster.reregister();

    let status = cluster.expect_update_to(TaskState::TaskFailed);
    assert_eq!(message.agent().id().value(), AGENT_ID);
    assert_eq!(
        status.message(),
        "Abnormal executor termination: unknown container"
    );
    assert_ne!(
        fs::read_to_string(meta.join("boot_id")).expect("file"),
        "the boot before"
    );
}

/// Mirrors: SlaveRecoveryTest.RebootWithSlaveInfoMismatch
#[test]
fn agent_that_changed_with_a_reboot_is_a_new_one() {
    let mut cluster = Cluster::registered();

    cluster.stop();
    let meta = cluster.place.work_dir().join("meta");
    fs::write(meta.join("boot_id"), "the boot before").expect("written");
    cluster.change = |flags| flags.resources = Some("cpus:1;mem:64".to_owned());
    cluster.start_again();

    let (_, message) = cluster
        .master
        .expect::<mesos_proto::internal::RegisterAgentMessage>();
    assert_eq!(message.agent().id, None);
}

/// Mirrors: SlaveTest.ReconfigurationPolicy
#[test]
fn agent_that_changed_without_a_reboot_does_not_start() {
    let mut cluster = Cluster::registered();

    cluster.stop();
    cluster.change = |flags| flags.resources = Some("cpus:1;mem:64".to_owned());
    cluster.start_again();

    let exited = cluster.agent.exited().expect("not taken");
    let outcome = cluster.master.runtime.block_on(exited.into_future());
    let Some(mesos_agent::AgentExit::Failed(text)) = outcome.ready() else {
        panic!("a failure")
    };
    assert!(text.contains("Incompatible agent info detected"), "{text}");
    assert!(text.contains("meta/slaves/latest"), "{text}");
}

/// Mirrors: SlaveRecoveryTest.NonCheckpointingFramework
#[test]
fn framework_without_checkpoint_leaves_nothing_behind() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);

    cluster.restart();
    let message = cluster.reregister();

    assert!(message.frameworks.is_empty());
    assert!(message.tasks.is_empty());
}

/// Mirrors: SlaveRecoveryTest.DISABLED_CleanupHTTPExecutor
#[test]
fn cleanup_shuts_executors_down_and_ends_the_agent() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);

    cluster.stop();
    cluster.change = |flags| flags.recover = "cleanup".to_owned();
    cluster.start_again();

    let exited = cluster.agent.exited().expect("not taken");
    let outcome = cluster.master.runtime.block_on(exited.into_future());
    assert_eq!(outcome.ready(), Some(mesos_agent::AgentExit::ShutDown));
}

/// Mirrors: SlaveTest.CheckpointedDrainInfo
#[test]
fn draining_goes_on_after_a_restart() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);
    cluster.drain(mesos_proto::v1::DrainConfig::default());
    let path = cluster
        .place
        .work_dir()
        .join(format!("meta/slaves/{AGENT_ID}/drain.config"));
    cluster.wait_for_state(|state| state["drain_config"].is_object());
    assert!(path.is_file());

    cluster.restart();
    let mut executor = cluster.subscribe_when_open("t");

    executor.expect(&cluster, event::Type::Kill);
    cluster.reregister();
    cluster.report("t", "t", TaskState::TaskKilled);
    let status = cluster.expect_update_to(TaskState::TaskKilled);
    assert_eq!(status.reason(), Reason::ReasonAgentDraining);
}

#[test]
fn task_that_was_never_delivered_is_dropped_when_its_executor_comes() {
    let mut cluster = Cluster::registered();
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    cluster.restart();
    let _executor = cluster.subscribe_when_open_with("t", call::Subscribe::default());
    cluster.reregister();

    let status = cluster.expect_update();
    assert_eq!(status.task_id(), &task_id("t"));
    assert_eq!(status.reason(), Reason::ReasonAgentRestarted);
    assert_eq!(status.message(), "Task launched during agent restart");
}

/// Mesos answers 503 here, and executors on the v1 API do not repeat an update that is refused.
#[test]
fn update_reaches_an_agent_that_still_waits_for_other_executors() {
    let mut cluster = Cluster::registered();
    cluster.run(
        &checkpointing(),
        executor_task("late", "late", "sleep 1000"),
    );
    let mut late = cluster.subscribe_when_launched("late");
    late.expect(&cluster, event::Type::Launch);
    cluster.report("late", "late", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    running(&mut cluster);

    cluster.restart();
    let mut executor = cluster.subscribe_when_open("t");
    executor.expect(&cluster, event::Type::Subscribed);
    cluster.report("t", "t", TaskState::TaskFinished);
    executor.expect(&cluster, event::Type::Acknowledged);
    let mut late = cluster.subscribe("late");
    late.expect(&cluster, event::Type::Subscribed);
    let message = cluster.reregister();

    let state = |id: &str| {
        let task = message
            .tasks
            .iter()
            .find(|task| task.task_id().value() == id);
        task.map(mesos_proto::v1::Task::state)
    };
    assert_eq!(state("t"), Some(TaskState::TaskFinished));
}
