//! Executors on the driver that come back, report twice, or speak to frameworks.

use mesos_proto::{
    internal::{
        ExecutorRegisteredMessage, ExecutorReregisteredMessage, ExecutorToFrameworkMessage,
        PingAgentMessage, ReconnectExecutorMessage, RegisterExecutorMessage,
        ReregisterExecutorMessage, RunTaskMessage, ShutdownExecutorMessage, StatusUpdateMessage,
        UpdateFrameworkMessage,
    },
    v1::{self, TaskState},
};

use crate::{
    executors::{driver_update, register},
    harness::{
        Cluster, Peer, agent_id, checkpointing, executor_call, executor_task, framework,
        framework_id,
    },
    script::{Script, later},
};

/// Runs a task of an executor on the driver.
fn running(cluster: &mut Cluster, framework: &v1::FrameworkInfo) -> Peer {
    let mut executor = Peer::start("executor(1)");
    cluster.run(framework, executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    register(cluster, &executor, "e");
    executor.expect::<ExecutorRegisteredMessage>();
    executor.expect::<RunTaskMessage>();
    driver_update(cluster, &executor, "t", TaskState::TaskRunning);
    executor
}

fn reregister(cluster: &Cluster, executor: &Peer) {
    executor.send(
        &cluster.pid(),
        &ReregisterExecutorMessage {
            framework_id: Some(framework_id()),
            executor_id: executor_call("e").executor_id,
            ..Default::default()
        },
    );
}

/// Mirrors: SlaveTest.ShutdownV0ExecutorIfItReregistersWithoutReconnect
#[test]
fn executor_that_registers_again_unasked_is_shut_down() {
    let mut cluster = Cluster::registered();
    let mut executor = running(&mut cluster, &checkpointing());
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);

    reregister(&cluster, &executor);

    executor.expect::<ShutdownExecutorMessage>();
    executor.runtime.shutdown();
}

/// Mirrors: SlaveTest.IgnoreV0ExecutorIfItReregistersWithoutReconnect
#[test]
fn executor_that_registers_again_is_ignored_where_executors_are_asked_twice() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.executor_reregistration_retry_interval = Some(std::time::Duration::from_secs(1));
    });
    let mut executor = running(&mut cluster, &checkpointing());
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);

    reregister(&cluster, &executor);

    // What the agent is told next reaches the executor first.
    cluster.send_words("e", "later");
    executor.expect::<mesos_proto::internal::FrameworkToExecutorMessage>();
    assert!(!executor.has::<ExecutorReregisteredMessage>());
    assert!(!executor.has::<ShutdownExecutorMessage>());
    executor.runtime.shutdown();
}

/// Mirrors: SlaveTest.AgentFailoverTerminatesExecutorWithNoTask
#[test]
fn executor_whose_only_task_died_with_the_agent_is_shut_down_when_it_is_back() {
    let (script, replacements) = Script::new();
    let mut cluster = Cluster::registered_replacing(|_| {}, replacements);
    let (_never, answer) = later();
    script.answer_update(answer);
    let mut executor = Peer::start("executor(1)");
    cluster.run(&checkpointing(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    register(&cluster, &executor, "e");
    executor.expect::<ExecutorRegisteredMessage>();
    // The task waits for its container when the agent goes.
    script.expect_update();

    cluster.restart();
    let (_, _) = executor.expect::<ReconnectExecutorMessage>();
    reregister(&cluster, &executor);

    executor.expect::<ExecutorReregisteredMessage>();
    executor.expect::<ShutdownExecutorMessage>();
    assert!(!executor.has::<RunTaskMessage>());
    cluster.reregister();
    executor.runtime.shutdown();
}

/// Has the agent send again what is not acknowledged.
fn resend(cluster: &Cluster) {
    cluster.master.send(
        &cluster.pid(),
        &UpdateFrameworkMessage {
            framework_id: Some(framework_id()),
            framework_info: Some(checkpointing().into()),
            pid: Some(String::new()),
            ..Default::default()
        },
    );
}

/// Mirrors: SlaveTest.DuplicateTerminalUpdateBeforeAck
#[test]
fn second_end_of_a_task_is_refused_while_the_first_waits_for_its_acknowledgement() {
    let mut cluster = Cluster::registered();
    let mut executor = running(&mut cluster, &checkpointing());
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    driver_update(&cluster, &executor, "t", TaskState::TaskFinished);
    let (_, first) = cluster.master.expect::<StatusUpdateMessage>();
    assert_eq!(first.update().status().state(), TaskState::TaskFinished);

    driver_update(&cluster, &executor, "t", TaskState::TaskKilled);
    cluster.send_words("e", "later");
    executor.expect::<mesos_proto::internal::FrameworkToExecutorMessage>();
    resend(&cluster);

    let (_, again) = cluster.master.expect::<StatusUpdateMessage>();
    assert_eq!(again.update().status().state(), TaskState::TaskFinished);
    assert_eq!(again.update().uuid(), first.update().uuid());
    cluster.acknowledge(again.update());
    cluster.wait_for_state(|state| {
        let executor = &state["frameworks"][0]["executors"][0];
        executor["completed_tasks"][0]["state"] == "TASK_FINISHED"
    });
    cluster.wait_until_handled();
    assert!(!cluster.master.has::<StatusUpdateMessage>());
    executor.runtime.shutdown();
}

/// Has the agent register once more: the master says that it does not know it.
fn forget(cluster: &Cluster) {
    let ping = PingAgentMessage {
        connected: Some(false),
        ..Default::default()
    };
    cluster.master.send(&cluster.pid(), &ping);
}

/// Mirrors: SlaveTest.ReregisterWithStatusUpdateTaskState
#[test]
fn agent_tells_both_how_a_task_is_and_what_was_last_reported() {
    let mut cluster = Cluster::registered();
    let executor = running(&mut cluster, &framework());
    let (_, reported) = cluster.master.expect::<StatusUpdateMessage>();
    driver_update(&cluster, &executor, "t", TaskState::TaskFinished);
    cluster.wait_for_state(|state| {
        let executor = &state["frameworks"][0]["executors"][0];
        executor["completed_tasks"][0]["state"] == "TASK_FINISHED"
    });

    forget(&cluster);
    let message = cluster.accept_reregistration();

    assert_eq!(reported.update().status().state(), TaskState::TaskRunning);
    assert_eq!(message.tasks.len(), 1);
    let task = &message.tasks[0];
    assert_eq!(task.state(), TaskState::TaskFinished);
    assert_eq!(task.status_update_state(), TaskState::TaskRunning);
    assert_eq!(task.status_update_uuid(), reported.update().uuid());
    executor.runtime.shutdown();
}

fn say(cluster: &Cluster, executor: &Peer) {
    executor.send(
        &cluster.pid(),
        &ExecutorToFrameworkMessage {
            agent_id: Some(agent_id()),
            framework_id: Some(framework_id()),
            executor_id: executor_call("e").executor_id,
            data: Some("message".into()),
            ..Default::default()
        },
    );
}

fn hear(peer: &mut Peer) -> Vec<u8> {
    let (_, message) = peer.expect::<ExecutorToFrameworkMessage>();
    message.data().to_vec()
}

/// Runs a task of a framework that has this address.
fn run_for(cluster: &mut Cluster, framework: v1::FrameworkInfo, pid: &str) -> Peer {
    let mut executor = Peer::start("executor(1)");
    cluster.master.send(
        &cluster.pid(),
        &RunTaskMessage {
            framework: Some(framework.into()),
            task: Some(executor_task("t", "e", "sleep 1000").into()),
            pid: Some(pid.to_owned()),
            launch_executor: Some(true),
            ..Default::default()
        },
    );
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
    executor
}

/// Mirrors: SlaveTest.HTTPScheduler
#[test]
fn words_for_a_framework_without_an_address_go_by_the_master() {
    let mut cluster = Cluster::registered();
    let executor = run_for(&mut cluster, framework(), "");

    say(&cluster, &executor);

    assert_eq!(hear(&mut cluster.master), b"message");
    executor.runtime.shutdown();
}

/// Mirrors: SlaveTest.HTTPSchedulerLiveUpgrade
#[test]
fn words_go_by_the_master_once_a_framework_has_given_up_its_address() {
    let mut cluster = Cluster::registered();
    let mut scheduler = Peer::start("scheduler(1)");
    let address = scheduler.pid.to_string();
    let executor = run_for(&mut cluster, framework(), &address);
    say(&cluster, &executor);
    assert_eq!(hear(&mut scheduler), b"message");
    assert!(!cluster.master.has::<ExecutorToFrameworkMessage>());

    resend(&cluster);
    cluster.wait_until_handled();
    say(&cluster, &executor);

    assert_eq!(hear(&mut cluster.master), b"message");
    assert!(!scheduler.has::<ExecutorToFrameworkMessage>());
    executor.runtime.shutdown();
    scheduler.runtime.shutdown();
}

/// Mirrors: SlaveTest.HTTPSchedulerSlaveRestart
#[test]
fn words_go_by_the_master_also_after_a_restart() {
    let mut cluster = Cluster::registered();
    let mut executor = run_for(&mut cluster, checkpointing(), "");
    driver_update(&cluster, &executor, "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);

    cluster.restart();
    executor.expect::<ReconnectExecutorMessage>();
    executor.send(
        &cluster.pid(),
        &ReregisterExecutorMessage {
            framework_id: Some(framework_id()),
            executor_id: executor_call("e").executor_id,
            tasks: vec![executor_task("t", "e", "sleep 1000")],
            ..Default::default()
        },
    );
    executor.expect::<ExecutorReregisteredMessage>();
    cluster.reregister();
    say(&cluster, &executor);

    assert_eq!(hear(&mut cluster.master), b"message");
    executor.runtime.shutdown();
}
