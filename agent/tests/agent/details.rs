//! What tasks and executors bring along is kept and shown.

use mesos_proto::{
    internal::{KillTaskMessage, RunTaskMessage},
    v1::{
        self, DurationInfo, Label, Labels, TaskState,
        executor::{Call, call, event},
    },
};
use uuid::Uuid;

use crate::harness::{
    Cluster, checkpointing, command_task, executor_call, executor_task, framework, framework_id,
    run_dir, sandbox_file, task_id,
};

fn labels(key: &str) -> Labels {
    let label = Label {
        key: Some(key.to_owned()),
        value: Some("value".to_owned()),
        ..Default::default()
    };
    Labels {
        labels: vec![label],
        ..Default::default()
    }
}

fn running_task(cluster: &Cluster) -> serde_json::Value {
    let task =
        |state: &serde_json::Value| state["frameworks"][0]["executors"][0]["tasks"][0].clone();
    cluster.wait_for_state(|state| task(state).is_object());
    task(&cluster.state())
}

/// Mirrors: SlaveTest.TaskLabels
#[test]
fn labels_of_a_task_are_shown() {
    let cluster = Cluster::registered();
    let task = v1::TaskInfo {
        labels: Some(labels("task")),
        ..command_task("t", "sleep 1000")
    };

    cluster.run(&framework(), task);
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);

    let expected = serde_json::json!([{"key": "task", "value": "value"}]);
    assert_eq!(running_task(&cluster)["labels"], expected);
}

/// Mirrors: SlaveTest.ExecutorLabels
#[test]
fn labels_of_an_executor_are_shown() {
    let cluster = Cluster::registered();
    let mut task = executor_task("t", "e", "sleep 1000");
    task.executor.as_mut().expect("an executor").labels = Some(labels("executor"));

    cluster.run(&framework(), task);
    cluster.wait_for_executor("e");

    let expected = serde_json::json!([{"key": "executor", "value": "value"}]);
    assert_eq!(
        cluster.state()["frameworks"][0]["executors"][0]["labels"],
        expected
    );
}

/// Mirrors: SlaveTest.DiscoveryInfoAndPorts
#[test]
fn discovery_of_a_task_is_shown() {
    let cluster = Cluster::registered();
    let discovery = v1::DiscoveryInfo {
        visibility: Some(v1::discovery_info::Visibility::External.into()),
        name: Some("service".to_owned()),
        ..Default::default()
    };
    let task = v1::TaskInfo {
        discovery: Some(discovery.into()),
        ..command_task("t", "sleep 1000")
    };

    cluster.run(&framework(), task);
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);

    assert_eq!(running_task(&cluster)["discovery"]["name"], "service");
    assert_eq!(
        running_task(&cluster)["discovery"]["visibility"],
        "EXTERNAL"
    );
}

/// Mirrors: SlaveTest.TaskStatusLabels
#[test]
fn labels_of_a_status_are_shown() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    let status = v1::TaskStatus {
        task_id: Some(task_id("t")),
        state: Some(TaskState::TaskRunning.into()),
        source: Some(v1::task_status::Source::SourceExecutor.into()),
        uuid: Some(Uuid::new_v4().as_bytes().to_vec().into()),
        labels: Some(labels("status")),
        ..Default::default()
    };

    cluster.call(&Call {
        r#type: Some(call::Type::Update.into()),
        update: Some(call::Update {
            status: Some(status.into()),
            ..Default::default()
        }),
        ..executor_call("t")
    });

    assert_eq!(cluster.expect_update().labels(), &labels("status"));
    let expected = serde_json::json!([{"key": "status", "value": "value"}]);
    assert_eq!(running_task(&cluster)["statuses"][0]["labels"], expected);
}

/// Mirrors: SlaveTest.CommandTaskWithArguments
#[test]
fn arguments_of_a_command_reach_its_executor() {
    let cluster = Cluster::registered();
    let mut task = command_task("t", "");
    let command = v1::CommandInfo {
        shell: Some(false),
        value: Some("/bin/echo".to_owned()),
        arguments: vec!["echo".to_owned(), "hello".to_owned()],
        ..Default::default()
    };
    task.command = Some(command.clone().into());

    cluster.run(&framework(), task);
    let mut executor = cluster.subscribe_when_launched("t");
    let launch = executor.expect(&cluster, event::Type::Launch);

    assert_eq!(launch.launch().task().command(), &command);
}

/// Mirrors: SlaveTest.ExecutorShutdownGracePeriod
#[test]
fn executor_is_told_its_own_grace_period() {
    let cluster = Cluster::registered();
    let mut task = executor_task(
        "t",
        "e",
        "echo $MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD; sleep 1000",
    );
    task.executor
        .as_mut()
        .expect("an executor")
        .shutdown_grace_period = Some(DurationInfo {
        nanoseconds: Some(42_000_000_000),
        ..Default::default()
    });

    cluster.run(&framework(), task);
    cluster.wait_for_executor("e");

    cluster.wait_for_state(|_| {
        let file = run_dir(&cluster.place.work_dir(), "e").join("stdout");
        std::fs::read_to_string(file).is_ok_and(|text| text == "42secs\n")
    });
    cluster.kill_container_of("e");
}

/// Mirrors: SlaveTest.MaxCompletedExecutorsPerFrameworkFlag
#[test]
fn only_the_latest_executors_are_remembered() {
    let mut cluster =
        Cluster::registered_with(|flags| flags.max_completed_executors_per_framework = 1);
    cluster.run(&framework(), executor_task("stays", "stays", "sleep 1000"));
    cluster.wait_for_executor("stays");
    for id in ["one", "two"] {
        cluster.run(&framework(), executor_task(id, id, "exit 0"));
        assert_eq!(cluster.expect_update().state(), TaskState::TaskFailed);
    }

    cluster.wait_for_state(|state| {
        state["frameworks"][0]["executors"]
            .as_array()
            .is_some_and(|all| all.len() == 1)
    });
    let state = cluster.state();
    let completed = state["frameworks"][0]["completed_executors"]
        .as_array()
        .expect("a list");
    assert_eq!(completed.len(), 1);
    assert_eq!(completed[0]["id"], "two");
}

/// A task for an executor `e` of the default kind, which writes how it was called to `args`.
fn default_executor_task(cluster: &Cluster) -> v1::TaskInfo {
    let script = "echo \"$0 $@\" > new; mv new args; sleep 1000";
    cluster.place.program("mesos-default-executor", script);
    let mut task = executor_task("t", "e", "");
    let executor = task.executor.as_mut().expect("an executor");
    executor.r#type = Some(v1::executor_info::Type::Default.into());
    executor.command = None;
    task
}

/// Mirrors: SlaveTest.DefaultExecutorCommandInfo
#[test]
fn default_executor_gets_its_command_from_the_agent() {
    let cluster = Cluster::registered();

    cluster.run(&framework(), default_executor_task(&cluster));

    cluster.wait_for_file("e", "args");
    let called = sandbox_file(&cluster.place, "e", "args");
    let (program, arguments) = called.split_once(' ').expect("two words");
    assert!(program.ends_with("/mesos-default-executor"), "{called}");
    assert!(arguments.starts_with("--launcher_dir="), "{called}");
}

#[test]
fn command_of_a_default_executor_is_told_to_nobody() {
    let cluster = Cluster::registered();

    cluster.run(&framework(), default_executor_task(&cluster));
    let mut executor = cluster.subscribe_when_launched("e");
    let subscribed = executor.expect(&cluster, event::Type::Subscribed);

    assert_eq!(subscribed.subscribed().executor_info().command, None);
}

/// Mirrors: SlaveRecoveryTest.DISABLED_KillTaskWithHTTPExecutor
#[test]
fn task_can_be_killed_after_a_restart() {
    let mut cluster = Cluster::registered();
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    let mut first = cluster.subscribe_when_launched("t");
    first.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    cluster.expect_update();

    cluster.restart();
    let mut executor = cluster.subscribe_when_open("t");
    cluster.reregister();
    cluster.master.send(
        &cluster.pid(),
        &KillTaskMessage {
            framework_id: Some(framework_id()),
            task_id: Some(task_id("t")),
            ..Default::default()
        },
    );

    assert_eq!(
        executor
            .expect(&cluster, event::Type::Kill)
            .kill()
            .task_id()
            .value(),
        "t"
    );
}

/// Mirrors: SlaveTest.AgentFailoverTerminatesHTTPExecutorWithNoTask
#[test]
fn executor_that_never_got_its_task_is_shut_down_after_a_restart() {
    let mut cluster = Cluster::registered();
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    cluster.restart();
    let mut executor = cluster.subscribe_when_open("t");

    assert_eq!(
        executor.next(&cluster).map(|event| event.r#type()),
        Some(event::Type::Shutdown)
    );
    cluster.reregister();
    assert_eq!(cluster.expect_update().state(), TaskState::TaskDropped);
}

/// Mirrors: SlaveRecoveryTest.RecoverCompletedExecutor
#[test]
fn executor_that_completed_is_not_taken_up() {
    let mut cluster = Cluster::registered();
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskFinished);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFinished);
    cluster.kill_container_of("t");
    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));

    cluster.restart();
    let message = cluster.reregister();

    assert!(message.frameworks.is_empty() && message.tasks.is_empty());
}

#[test]
fn task_with_neither_command_nor_executor_is_ignored() {
    let mut cluster = Cluster::registered();
    let bare = v1::TaskInfo {
        command: None,
        ..command_task("bare", "")
    };

    cluster.master.send(
        &cluster.pid(),
        &RunTaskMessage {
            framework: Some(framework().into()),
            task: Some(bare.into()),
            ..Default::default()
        },
    );
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    cluster.kill("t");

    // Messages keep their order, so the first would have been answered first.
    assert_eq!(cluster.expect_update().task_id().value(), "t");
}
