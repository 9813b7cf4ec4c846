//! Executors that an agent finds when it comes back, in whatever state they were left.

use std::{fs, path::PathBuf, time::Duration};

use mesos_agent::checkpoint::{self, RunCheckpoint, Strictness, TaskCheckpoint, Transport};
use mesos_proto::{
    internal::{
        AgentRegisteredMessage, ExecutorReregisteredMessage, ReconnectExecutorMessage,
        RegisterAgentMessage, ReregisterExecutorMessage, RunTaskMessage, StatusUpdateMessage,
    },
    v1::{
        self, TaskState,
        command_info::Uri,
        executor::event,
        task_status::{Reason, Source},
    },
};

use crate::{
    executors::{driver_update, register},
    harness::{
        AGENT_ID, Cluster, FRAMEWORK_ID, Peer, agent_id, checkpointing, command_task, connection,
        executor_call, executor_task, framework_id, kill_tree, run_dir,
    },
    recovery::running,
};

/// A framework with a checkpoint that sees no partitions.
fn plain() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        capabilities: Vec::new(),
        ..checkpointing()
    }
}

fn meta(cluster: &Cluster) -> PathBuf {
    cluster.place.work_dir().join("meta")
}

/// An executor on the driver whose task runs, with the update acknowledged.
fn driven(cluster: &mut Cluster) -> Peer {
    let mut executor = Peer::start("executor(1)");
    cluster.run(&plain(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    register(cluster, &executor, "e");
    executor.expect::<RunTaskMessage>();
    driver_update(cluster, &executor, "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    executor
}

/// The only run and the only task of a checkpoint.
fn only(cluster: &Cluster) -> (RunCheckpoint, TaskCheckpoint) {
    let found = checkpoint::read(&meta(cluster), Strictness::Strict, None).expect("a checkpoint");
    let agent = found.agent.expect("an agent");
    assert_eq!(agent.id.as_str(), AGENT_ID);
    let framework = &agent.frameworks[0];
    assert_eq!(framework.id.as_str(), FRAMEWORK_ID);
    let executor = &framework.executors[0];
    assert_eq!(executor.id.as_str(), "e");
    let run = executor.runs[0].clone();
    assert_eq!(executor.latest.as_ref(), Some(&run.id));
    let task = run.tasks[0].clone();
    (run, task)
}

/// Mirrors: SlaveRecoveryTest.RecoverSlaveState
#[test]
fn checkpoint_tells_all_of_a_running_task() {
    let mut cluster = Cluster::registered();
    let mut executor = Peer::start("executor(1)");
    let task = executor_task("t", "e", "sleep 1000");
    cluster.master.send(
        &cluster.pid(),
        &RunTaskMessage {
            framework: Some(checkpointing().into()),
            pid: Some("scheduler-1@127.0.0.1:4242".to_owned()),
            task: Some(task.clone().into()),
            launch_executor: Some(true),
            ..Default::default()
        },
    );
    cluster.wait_for_executor("e");
    register(&cluster, &executor, "e");
    executor.expect::<RunTaskMessage>();
    let uuid = driver_update(&cluster, &executor, "t", TaskState::TaskStarting);
    cluster.expect_update();
    cluster.wait_for_state(|_| only(&cluster).1.acknowledged.contains(&uuid));

    let found = checkpoint::read(&meta(&cluster), Strictness::Strict, None).expect("read");
    let (run, recovered) = only(&cluster);

    let framework = &found.agent.expect("an agent").frameworks[0];
    let pid = framework.pid.as_ref().map(ToString::to_string);
    assert_eq!(pid.as_deref(), Some("scheduler-1@127.0.0.1:4242"));
    assert_eq!(run.transport, Transport::Libprocess(executor.pid.clone()));
    assert_eq!(run.forked_pid, cluster.container_pid("e"));
    let staged = v1::Task {
        name: task.name.clone(),
        task_id: task.task_id.clone(),
        framework_id: Some(framework_id()),
        executor_id: executor_call("e").executor_id,
        agent_id: Some(agent_id()),
        state: Some(TaskState::TaskStaging.into()),
        resources: task.resources,
        ..recovered.info.clone()
    };
    assert_eq!(recovered.info, staged);
    assert_eq!(recovered.updates[0].uuid().as_ref(), uuid.as_bytes());
    executor.runtime.shutdown();
}

fn reregister(cluster: &Cluster, executor: &Peer) {
    executor.send(
        &cluster.pid(),
        &ReregisterExecutorMessage {
            framework_id: Some(framework_id()),
            executor_id: executor_call("e").executor_id,
            tasks: vec![executor_task("t", "e", "sleep 1000")],
            ..Default::default()
        },
    );
}

/// Mirrors: SlaveRecoveryTest.ReconnectExecutorRetry
#[test]
fn executor_is_called_until_it_answers() {
    let mut cluster = Cluster::registered();
    let mut executor = driven(&mut cluster);
    let mut silent = Peer::start("executor(2)");
    cluster.run(&plain(), executor_task("t2", "e2", "sleep 1000"));
    cluster.wait_for_executor("e2");
    register(&cluster, &silent, "e2");
    silent.expect::<RunTaskMessage>();

    cluster.stop();
    cluster.change = |flags| {
        flags.executor_reregistration_timeout = Duration::from_secs(15);
        flags.executor_reregistration_retry_interval = Some(Duration::from_millis(50));
    };
    cluster.start_again();
    // The first answer is lost.
    executor.expect::<ReconnectExecutorMessage>();
    executor.expect::<ReconnectExecutorMessage>();
    reregister(&cluster, &executor);
    executor.expect::<ExecutorReregisteredMessage>();
    while executor.has::<ReconnectExecutorMessage>() {
        executor.expect::<ReconnectExecutorMessage>();
    }
    // The other one is called on, by the same clock.
    while silent.has::<ReconnectExecutorMessage>() {
        silent.expect::<ReconnectExecutorMessage>();
    }
    for _ in 0..4 {
        silent.expect::<ReconnectExecutorMessage>();
    }

    assert!(!executor.has::<ReconnectExecutorMessage>());
    executor.runtime.shutdown();
    silent.runtime.shutdown();
}

fn soon(flags: &mut mesos_agent::flags::Flags) {
    flags.executor_reregistration_timeout = Duration::from_millis(200);
}

/// Waits for the update that a task of a missing executor gets.
#[track_caller]
fn expect_lost(cluster: &mut Cluster) {
    let status = cluster.expect_update_to(TaskState::TaskLost);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonExecutorReregistrationTimeout);
    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));
}

/// The executor has ended, but its container has not, as far as anybody can see in time.
///
/// Mirrors: SlaveRecoveryTest.RecoverTerminatedExecutor
#[test]
fn executor_that_ended_meanwhile_on_the_driver_loses_its_task() {
    let mut cluster = Cluster::registered_with(soon);
    let executor = driven(&mut cluster);

    cluster.stop();
    executor.runtime.shutdown();
    cluster.start_again();
    cluster.reregister();

    expect_lost(&mut cluster);
}

/// Mirrors: SlaveRecoveryTest.RecoverUnregisteredExecutor
#[test]
fn executor_that_never_registered_loses_its_task() {
    let mut cluster = Cluster::registered_with(soon);
    cluster.run(&plain(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");

    cluster.restart();
    cluster.reregister();

    expect_lost(&mut cluster);
}

/// Mirrors: SlaveRecoveryTest.KillQueuedTaskDuringExecutorRegistration
#[test]
fn executor_whose_only_task_was_killed_before_it_registered_is_ended() {
    let mut cluster = Cluster::registered_with(soon);
    cluster.run(&plain(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    cluster.kill("t");
    let status = cluster.expect_update();
    // The acknowledgement is written down.
    cluster.wait_for_state(|_| only(&cluster).1.acknowledged.len() == 1);

    cluster.restart();
    cluster.reregister();

    assert_eq!(status.state(), TaskState::TaskKilled);
    assert_eq!(status.reason(), Reason::ReasonTaskKilledDuringLaunch);
    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));
    cluster.check_metric("slave/executors_terminated", 1.0);
    assert_eq!(cluster.container_pid("e"), None);
}

/// Mirrors: SlaveRecoveryTest.RebootWithExecutorPidReused
#[test]
fn process_that_has_an_executors_number_after_a_reboot_is_left_alone() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);
    let pid = cluster.container_pid("t").expect("a process");

    cluster.stop();
    kill_tree(pid);
    fs::write(meta(&cluster).join("boot_id"), "rebooted!").expect("written");
    let file = run_dir(&meta(&cluster), "t").join("pids/forked.pid");
    assert_eq!(
        fs::read_to_string(&file).expect("a number"),
        pid.to_string()
    );
    // This very test would be killed.
    fs::write(file, std::process::id().to_string()).expect("written");
    cluster.start_again();
    cluster.reregister();

    cluster.expect_update_to(TaskState::TaskFailed);
}

/// Mirrors: SlaveRecoveryTest.RebootWithSlaveInfoMismatchAndRestart
#[test]
fn agent_that_changed_with_a_reboot_stays_a_new_one_when_it_starts_once_more() {
    let mut cluster = Cluster::registered();

    cluster.stop();
    fs::write(meta(&cluster).join("boot_id"), "rebooted!").expect("written");
    cluster.change = |flags| flags.resources = Some("cpus:1;mem:64".to_owned());
    cluster.start_again();
    let (_, unanswered) = cluster.master.expect::<RegisterAgentMessage>();
    cluster.stop();
    let latest = meta(&cluster).join("slaves/latest");
    let link = fs::symlink_metadata(&latest);
    cluster.change = |flags| {
        flags.resources = Some("cpus:1;mem:64".to_owned());
        flags.hostname = Some("again".to_owned());
    };
    cluster.start_again();
    // Attempts of the former agent may still be among the messages.
    let (from, message) = loop {
        let (from, message) = cluster.master.expect::<RegisterAgentMessage>();
        if message.agent().hostname() == "again" {
            break (from, message);
        }
    };
    let registered = AgentRegisteredMessage {
        agent_id: Some(v1::AgentId {
            value: Some("master-S1".to_owned()),
            ..Default::default()
        }),
        connection: Some(connection()),
        ..Default::default()
    };
    cluster.master.send(&from, &registered);

    assert_eq!(message.agent().id, None);
    assert_eq!(unanswered.agent().id, None);
    assert!(link.is_err(), "the link to the former agent is there");
    cluster.wait_for_state(|state| state["id"] == "master-S1");
}

/// Mirrors: SlaveRecoveryTest.GCExecutor
#[test]
fn executor_that_cannot_be_recovered_is_collected() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.strict = false;
        flags.gc_delay = Duration::from_millis(300);
    });
    running(&mut cluster);
    let pid = cluster.container_pid("t").expect("a process");
    let below = format!("slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}/executors/t");
    let [work, meta] = ["", "meta"].map(|root| cluster.place.work_dir().join(root).join(&below));
    assert!(work.is_dir() && meta.is_dir());

    cluster.stop();
    kill_tree(pid);
    fs::remove_file(meta.join("runs/latest")).expect("removed");
    cluster.start_again();
    let message = cluster.reregister();

    assert!(message.tasks.is_empty());
    cluster.wait_for_state(|_| !work.is_dir() && !meta.is_dir());
}

/// Mirrors: SlaveRecoveryTest.RestartBeforeContainerizerLaunch
#[test]
fn task_whose_container_never_ran_fails() {
    let mut cluster = Cluster::registered();
    let fetching = cluster.place.directory.path().join("fetching");
    let script = format!(
        "echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000",
        fetching.display()
    );
    fs::remove_file(cluster.place.directory.path().join("libexec/mesos-fetcher")).expect("removed");
    cluster.place.program("mesos-fetcher", &script);
    let uri = Uri {
        value: Some("/an/artifact".to_owned()),
        ..Default::default()
    };
    let mut task = command_task("t", "sleep 1000");
    if let Some(command) = &mut task.command {
        command.uris.push(uri);
    }
    cluster.run(&checkpointing(), task);
    cluster.wait_for_state(|_| fetching.is_file());

    // As if the containerizer had not even begun.
    cluster.stop();
    let fetcher = fs::read_to_string(fetching).expect("a number");
    kill_tree(fetcher.trim().parse().expect("a number"));
    let run = run_dir(&meta(&cluster), "t");
    if let Ok(pid) = fs::read_to_string(run.join("pids/forked.pid")) {
        kill_tree(pid.trim().parse().expect("a number"));
        fs::remove_dir_all(run.join("pids")).expect("removed");
    }
    fs::remove_dir_all(cluster.place.directory.path().join("run")).expect("removed");
    cluster.start_again();
    cluster.reregister();

    let (_, message) = cluster.master.expect::<StatusUpdateMessage>();
    let status = message.update().status();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    cluster.acknowledge(message.update());
}

/// Recovery has no reason to wait for its timer when nobody is missing.
#[test]
fn agent_registers_as_soon_as_its_last_executor_is_back() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.executor_reregistration_timeout = Duration::from_secs(3600);
    });
    running(&mut cluster);

    cluster.restart();
    let mut executor = cluster.subscribe_when_open("t");
    executor.expect(&cluster, event::Type::Subscribed);

    let message = cluster.reregister();
    assert_eq!(message.tasks.len(), 1);
}
