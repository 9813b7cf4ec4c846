//! Tasks run, are killed, and end.

use mesos_proto::{
    internal::{
        ExitedExecutorMessage, KillTaskMessage, ShutdownFrameworkMessage, StatusUpdateMessage,
    },
    v1::{
        self, TaskState,
        executor::event,
        task_status::{Reason, Source},
    },
};

use crate::harness::{
    Cluster, checkpointing, command_task, executor_task, framework, framework_id, group_tasks,
    run_dir, sandbox_file, task_id,
};

/// Mirrors: SlaveTest.TaskStatusContainerStatus
#[test]
fn command_task_reaches_its_executor_and_its_updates_the_master() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "exit 0"));
    let mut executor = cluster.subscribe_when_launched("t");

    let subscribed = executor.expect(&cluster, event::Type::Subscribed);
    let launch = executor.expect(&cluster, event::Type::Launch);
    let uuid = cluster.report("t", "t", TaskState::TaskRunning);
    let acknowledged = executor.expect(&cluster, event::Type::Acknowledged);
    let status = cluster.expect_update();

    assert_eq!(subscribed.subscribed().framework_info().name(), "test");
    assert!(subscribed.subscribed().container_id.is_some());
    assert_eq!(launch.launch().task().task_id().value(), "t");
    assert_eq!(acknowledged.acknowledged().uuid().as_ref(), uuid.as_bytes());
    assert_eq!(
        (status.state(), status.source()),
        (TaskState::TaskRunning, Source::SourceExecutor)
    );
    let addresses = &status.container_status().network_infos[0].ip_addresses;
    assert_eq!(addresses[0].ip_address(), "127.0.0.1");
}

#[test]
fn kill_of_a_running_task_goes_to_its_executor() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    cluster.expect_update();
    let policy = v1::KillPolicy {
        grace_period: Some(v1::DurationInfo {
            nanoseconds: Some(7),
            ..Default::default()
        }),
        ..Default::default()
    };

    cluster.master.send(
        &cluster.pid(),
        &KillTaskMessage {
            framework_id: Some(framework_id()),
            task_id: Some(task_id("t")),
            kill_policy: Some(policy.clone()),
            ..Default::default()
        },
    );

    let kill = executor.expect(&cluster, event::Type::Kill);
    assert_eq!(kill.kill().task_id().value(), "t");
    assert_eq!(kill.kill().kill_policy.as_ref(), Some(&policy));
}

/// Mirrors: SlaveTest.KillTaskUnregisteredHTTPExecutor
/// Mirrors: SlaveTest.KillAllInitialTasksTerminatesHTTPExecutor
#[test]
fn task_killed_before_its_executor_registers_was_never_delivered() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    cluster.kill("t");

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskKilled);
    assert_eq!(status.reason(), Reason::ReasonTaskKilledDuringLaunch);
    assert_eq!(status.message(), "Killed before delivery to the executor");
    let mut executor = cluster.subscribe("t");
    assert_eq!(
        executor.next(&cluster).map(|event| event.r#type()),
        Some(event::Type::Shutdown)
    );
}

#[test]
fn kill_of_an_unknown_task_finds_no_executor() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    cluster.kill("other");

    let status = cluster.expect_update();
    assert_eq!(
        (status.state(), status.message()),
        (TaskState::TaskDropped, "Cannot find executor")
    );
    assert_eq!(status.source(), Source::SourceAgent);
}

#[test]
fn executor_that_cannot_start_fails_its_task() {
    let mut cluster = Cluster::registered();
    cluster
        .place
        .command_executor("echo out; echo err >&2; exit 3");

    cluster.run(&framework(), command_task("t", "exit 0"));

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    assert_eq!(status.message(), "Executor terminated");
    assert_eq!(sandbox_file(&cluster.place, "t", "stdout"), "out\n");
    assert_eq!(sandbox_file(&cluster.place, "t", "stderr"), "err\n");
}

#[test]
fn executor_that_does_not_register_in_time_is_killed() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.executor_registration_timeout = std::time::Duration::from_millis(200);
    });

    cluster.run(&framework(), command_task("t", "exit 0"));

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ReasonExecutorRegistrationTimeout);
    assert_eq!(status.message(), "Executor did not register within 200ms");
}

#[test]
fn executor_that_dies_takes_its_running_task_along() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("e", "t", TaskState::TaskRunning);
    cluster.expect_update();

    cluster.kill_container_of("e");

    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!((exited.executor_id().value(), exited.status()), ("e", 9));
    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));
    assert_eq!(
        cluster.state()["completed_frameworks"][0]["completed_executors"][0]["id"],
        "e"
    );
}

#[test]
fn finished_task_leaves_framework_and_executor_completed() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "exit 0"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskFinished);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFinished);

    cluster.kill_container_of("t");

    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));
    let state = cluster.state();
    let done = &state["completed_frameworks"][0]["completed_executors"][0]["completed_tasks"][0];
    assert_eq!(done["state"], "TASK_FINISHED");
    cluster.check_metric("slave/tasks_finished", 1.0);
}

/// Mirrors: SlaveTest.RunTaskGroup
#[test]
fn group_is_delivered_whole() {
    let cluster = Cluster::registered();
    cluster.run_group("e", group_tasks(&["a", "b"]));
    let mut executor = cluster.subscribe_when_launched("e");

    let event = executor.expect(&cluster, event::Type::LaunchGroup);

    let ids: Vec<&str> = event
        .launch_group()
        .task_group()
        .tasks
        .iter()
        .map(|task| task.task_id().value())
        .collect();
    assert_eq!(ids, ["a", "b"]);
}

/// Mirrors: SlaveTest.KillQueuedTaskGroup
#[test]
fn kill_of_one_queued_member_kills_the_group() {
    let mut cluster = Cluster::registered();
    cluster.run_group("e", group_tasks(&["a", "b"]));
    cluster.wait_for_executor("e");

    cluster.kill("a");

    for _ in 0..2 {
        let status = cluster.expect_update();
        assert_eq!(status.state(), TaskState::TaskKilled);
        assert_eq!(
            status.message(),
            "A task within the task group was killed before delivery to the executor"
        );
    }
}

#[test]
fn master_that_expects_an_executor_that_is_gone_is_told() {
    let mut cluster = Cluster::registered();
    let task = executor_task("t", "e", "sleep 1000");

    cluster.master.send(
        &cluster.pid(),
        &mesos_proto::internal::RunTaskMessage {
            framework: Some(framework().into()),
            task: Some(task.into()),
            launch_executor: Some(false),
            ..Default::default()
        },
    );

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    assert_eq!(
        status.message(),
        "No executor is expected to launch and there is none running"
    );
}

#[test]
fn limits_that_nobody_can_keep_are_refused() {
    let mut cluster = Cluster::registered();
    let mut task = command_task("t", "exit 0");
    let limit = v1::value::Scalar {
        value: Some(2.0),
        ..Default::default()
    };
    task.limits.insert("cpus".to_owned(), limit);

    cluster.run(&framework(), task);

    let status = cluster.expect_update();
    assert_eq!(
        (status.state(), status.reason()),
        (TaskState::TaskDropped, Reason::ReasonGcError)
    );
    assert!(status.message().starts_with("CPU limits can only be set"));
}

/// Mirrors: SlaveTest.ShutdownUnregisteredExecutor
#[test]
fn executor_that_never_registered_is_killed_when_its_framework_is_shut_down() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    cluster.master.send(
        &cluster.pid(),
        &ShutdownFrameworkMessage {
            framework_id: Some(framework_id()),
            ..Default::default()
        },
    );

    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));
}

/// Mirrors: SlaveTest.RunTaskResourceVersions
#[test]
fn task_that_assumes_other_resources_is_dropped() {
    let mut cluster = Cluster::registered();
    let version = mesos_proto::internal::ResourceVersionUuid {
        uuid: Some(v1::Uuid {
            value: Some(vec![7; 16].into()),
            ..Default::default()
        }),
        ..Default::default()
    };

    cluster.master.send(
        &cluster.pid(),
        &mesos_proto::internal::RunTaskMessage {
            framework: Some(framework().into()),
            task: Some(command_task("t", "exit 0").into()),
            resource_version_uuids: vec![version],
            launch_executor: Some(true),
            ..Default::default()
        },
    );

    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    let status = cluster.expect_update();
    assert_eq!(exited.executor_id().value(), "t");
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(status.reason(), Reason::ReasonInvalidOffers);
    assert_eq!(status.message(), "Task assumes outdated resource state");
}

/// Mirrors: SlaveTest.ExecutorEnvironmentVariables
#[test]
fn executor_finds_the_variables_of_the_flag() {
    let cluster = Cluster::registered_with(|flags| {
        let mut context = mesos_common::flags::LoadContext::default();
        let variables = <mesos_common::flags::JsonObject as mesos_common::flags::FlagType>::parse(
            r#"{"GREETING":"hello"}"#,
            &mut context,
        );
        flags.executor_environment_variables = Some(variables.expect("JSON"));
    });
    cluster
        .place
        .command_executor("echo $GREETING $MESOS_EXECUTOR_ID $LIBPROCESS_PORT; sleep 1000");

    cluster.run(&framework(), command_task("t", "sleep 1000"));

    cluster.wait_for_state(|_| {
        let path = run_dir(&cluster.place.work_dir(), "t").join("stdout");
        std::fs::read_to_string(path).is_ok_and(|text| text == "hello t 0\n")
    });
}

/// Mirrors: SlaveTest.DrainAgentKillsRunningTask
#[test]
fn drained_agent_kills_what_runs() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    cluster.expect_update();

    cluster.drain(v1::DrainConfig {
        max_grace_period: Some(v1::DurationInfo {
            nanoseconds: Some(5),
            ..Default::default()
        }),
        ..Default::default()
    });

    let kill = executor.expect(&cluster, event::Type::Kill);
    assert_eq!(kill.kill().kill_policy().grace_period().nanoseconds(), 5);
    cluster.report("t", "t", TaskState::TaskKilled);
    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskKilled);
    assert_eq!(status.reason(), Reason::ReasonAgentDraining);
}

/// Mirrors: SlaveTest.DrainAgentKillsQueuedTask
#[test]
fn drained_agent_kills_what_waits() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    cluster.drain(v1::DrainConfig {
        mark_gone: Some(true),
        ..Default::default()
    });

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskGoneByOperator);
    assert_eq!(status.reason(), Reason::ReasonAgentDraining);
}

/// Mirrors: SlaveTest.DrainingAgentRejectLaunch
#[test]
fn draining_agent_takes_no_more_tasks() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.drain(v1::DrainConfig::default());
    executor.expect(&cluster, event::Type::Kill);

    cluster.run(&framework(), command_task("late", "sleep 1000"));

    let status = cluster.expect_update();
    assert_eq!(status.task_id().value(), "late");
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(
        status.message(),
        "Task was received while agent was already draining"
    );
}

/// Mirrors: SlaveTest.Shutdown
#[test]
fn agent_that_is_shut_down_by_its_master_ends() {
    let mut cluster = Cluster::registered();
    let exited = cluster.agent.exited().expect("not taken");

    cluster.master.send(
        &cluster.pid(),
        &mesos_proto::internal::ShutdownMessage::default(),
    );

    let outcome = cluster.master.runtime.block_on(exited.into_future());
    assert_eq!(outcome.ready(), Some(mesos_agent::AgentExit::ShutDown));
}

/// Mirrors: SlaveTest.IgnoreNonLeaderStatusUpdateAcknowledgement
#[test]
fn acknowledgement_of_another_master_is_ignored() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskStarting);
    let (_, first) = cluster.master.expect::<StatusUpdateMessage>();
    let other = crate::harness::Peer::start("master");

    other.send(
        &cluster.pid(),
        &mesos_proto::internal::StatusUpdateAcknowledgementMessage {
            agent_id: Some(crate::harness::agent_id()),
            framework_id: Some(framework_id()),
            task_id: Some(task_id("t")),
            uuid: first.update().uuid.clone(),
            ..Default::default()
        },
    );
    cluster.report("t", "t", TaskState::TaskRunning);
    executor.expect(&cluster, event::Type::Acknowledged);
    // The first update is still the one under way, so only its own acknowledgement brings the next.
    cluster.acknowledge(first.update());

    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    other.runtime.shutdown();
}

#[test]
fn framework_that_is_shut_down_ends_its_executors() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);

    cluster.master.send(
        &cluster.pid(),
        &ShutdownFrameworkMessage {
            framework_id: Some(framework_id()),
            ..Default::default()
        },
    );

    executor.expect(&cluster, event::Type::Shutdown);
    // The process does not care, so it is killed after its grace period.
    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn unacknowledged_update_blocks_the_next() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);

    cluster.report("t", "t", TaskState::TaskStarting);
    cluster.report("t", "t", TaskState::TaskRunning);
    let (_, first) = cluster.master.expect::<StatusUpdateMessage>();
    assert_eq!(first.update().status().state(), TaskState::TaskStarting);
    cluster.acknowledge(first.update());

    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
}

#[test]
fn checkpointed_task_is_written_down() {
    let mut cluster = Cluster::registered();
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    cluster.expect_update();

    let run = run_dir(&cluster.place.work_dir().join("meta"), "t");

    for file in [
        "pids/forked.pid",
        "http.marker",
        "tasks/t/task.info",
        "tasks/t/task.updates",
    ] {
        assert!(run.join(file).is_file(), "{file}");
    }
    let generated = run.join("../../executor_generated_for_command_task");
    assert_eq!(std::fs::read_to_string(generated).expect("file"), "1");
}
