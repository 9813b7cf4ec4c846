//! What a containerizer answers, and what becomes of it.

use libprocess::{Future, http::client::ClientRequest};
use mesos_common::resources::Resources;
use mesos_proto::{
    internal::ExitedExecutorMessage,
    v1::{
        self, TaskState,
        executor::event,
        task_status::{Reason, Source},
    },
};
use serde_json::{Value, json};

use crate::{
    harness::{Cluster, FakeExecutor, command_task, executor_task, framework, group_tasks},
    script::{Asked, Script, failure, later},
};

/// An agent whose containerizer follows a script.
fn scripted() -> (Cluster, Script) {
    let (script, replacements) = Script::new();
    (Cluster::registered_replacing(|_| {}, replacements), script)
}

/// A framework that knows no other end than a lost task.
fn unaware() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        capabilities: Vec::new(),
        ..framework()
    }
}

/// Runs two tasks of one executor.
fn run_two(cluster: &mut Cluster, framework: &v1::FrameworkInfo) -> FakeExecutor {
    cluster.run(framework, executor_task("1", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(cluster, event::Type::Launch);
    cluster.run_on(framework, executor_task("2", "e", "sleep 1000"));
    executor.expect(cluster, event::Type::Launch);
    for task in ["1", "2"] {
        cluster.report("e", task, TaskState::TaskRunning);
        assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    }
    executor
}

/// Ends one task while the containerizer cannot shrink the container; returns how the other one ends.
fn end_one_of_two(framework: &v1::FrameworkInfo) -> (Cluster, v1::TaskStatus) {
    let (mut cluster, script) = scripted();
    let executor = run_two(&mut cluster, framework);
    script.answer_update(failure());

    cluster.report("e", "1", TaskState::TaskKilled);

    let killed = cluster.expect_update();
    assert_eq!(killed.state(), TaskState::TaskKilled);
    assert_eq!(killed.source(), Source::SourceExecutor);
    let other = cluster.expect_update();
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    drop(executor);
    (cluster, other)
}

/// Mirrors: SlaveTest.TerminalTaskContainerizerUpdateFailsWithLost
#[test]
fn container_that_cannot_be_updated_after_a_task_ends_is_destroyed() {
    let (cluster, other) = end_one_of_two(&unaware());

    assert_eq!(other.state(), TaskState::TaskLost);
    assert_eq!(other.source(), Source::SourceAgent);
    assert_eq!(other.reason(), Reason::ReasonContainerUpdateFailed);
    assert_eq!(
        other.message(),
        "Failed to update resources for container: Failed to do as asked: injected failure"
    );
    cluster.check_count("tasks_gone", 0);
    cluster.check_count("tasks_lost", 1);
}

/// Mirrors: SlaveTest.TerminalTaskContainerizerUpdateFailsWithGone
#[test]
fn task_of_a_destroyed_container_is_gone_for_who_knows_the_word() {
    let (cluster, other) = end_one_of_two(&framework());

    assert_eq!(other.state(), TaskState::TaskGone);
    assert_eq!(other.source(), Source::SourceAgent);
    assert_eq!(other.reason(), Reason::ReasonContainerUpdateFailed);
    cluster.check_count("tasks_gone", 1);
    cluster.check_count("tasks_lost", 0);
}

/// Mirrors: SlaveTest.ContainerUpdatedBeforeTaskReachesExecutor
#[test]
fn task_waits_until_its_container_has_its_resources() {
    let (mut cluster, script) = scripted();
    let (updated, answer) = later();
    script.answer_update(answer);
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::Subscribed);
    script.expect_update();

    // What the executor is told next comes before the task.
    cluster.send_words("e", "ping");
    let first = executor.next(&cluster).map(|event| event.r#type());
    updated.set(Ok(()));
    executor.expect(&cluster, event::Type::Launch);

    assert_eq!(first, Some(event::Type::Message));
    cluster.report("e", "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
}

/// Mirrors: SlaveTest.TaskLaunchContainerizerUpdateFails
#[test]
fn container_that_cannot_be_updated_for_a_new_task_is_destroyed() {
    let (mut cluster, script) = scripted();
    script.answer_update(failure());

    cluster.run(&unaware(), executor_task("t", "e", "sleep 1000"));
    let executor = cluster.subscribe_when_launched("e");

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskLost);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonContainerUpdateFailed);
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    drop(executor);
}

/// Mirrors: SlaveTest.RemoveExecutorUponFailedLaunch
#[test]
fn executor_whose_container_cannot_be_launched_is_removed() {
    let (mut cluster, script) = scripted();
    script.answer_launch(failure());

    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonContainerLaunchFailed);
    assert!(
        status
            .message()
            .starts_with("Failed to launch container: Failed to do as asked: injected failure"),
        "{}",
        status.message()
    );
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
}

/// Mirrors: SlaveTest.RemoveExecutorUponFailedTaskGroupLaunch
#[test]
fn every_task_of_a_group_fails_when_its_container_cannot_be_launched() {
    let (mut cluster, script) = scripted();
    script.answer_launch(failure());

    cluster.run_group("e", group_tasks(&["a", "b"]));

    for task in ["a", "b"] {
        let status = cluster.expect_update();
        assert_eq!(status.task_id().value(), task);
        assert_eq!(status.state(), TaskState::TaskFailed);
        assert_eq!(status.reason(), Reason::ReasonContainerLaunchFailed);
    }
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
}

/// Mirrors: SlaveTest.RemoveUnregisteredTerminatedExecutor
#[test]
fn executor_that_ends_before_it_registers_is_removed() {
    let mut cluster = Cluster::registered();
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");

    cluster.kill_container_of("e");

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
}

/// Runs a task on an agent with a script.
fn with_running_task() -> (Cluster, Script, FakeExecutor) {
    let (mut cluster, script) = scripted();
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("e", "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    (cluster, script, executor)
}

/// Mirrors: SlaveTest.ContainerizerUsageFailure
#[test]
fn executor_that_cannot_be_measured_is_there_without_statistics() {
    let (cluster, script, _executor) = with_running_task();
    script.answer_usage(failure());

    let usage = cluster.usage();

    assert_eq!(usage.executors.len(), 1);
    assert_eq!(usage.executors[0].statistics, None);
}

/// Mirrors: SlaveTest.StatisticsEndpointMissingStatistics
#[test]
fn statistics_leave_out_what_cannot_be_measured() {
    let (cluster, script, _executor) = with_running_task();
    script.answer_usage(failure());

    let response = cluster.open(ClientRequest::get("/monitor/statistics"));

    assert_eq!(response.status, 200);
    assert_eq!(response.headers["content-type"], "application/json");
    let body = cluster.master.runtime.block_on(response.bytes());
    assert_eq!(body.expect("a body").as_ref(), b"[]");
}

/// Mirrors: SlaveTest.TotalSlaveResourcesIncludedInUsage
#[test]
fn usage_tells_all_resources_of_the_agent() {
    let text = "cpus:2;gpus:0;mem:1024;disk:1024;ports:[31000-32000]";
    let cluster = Cluster::registered_with(move |flags| flags.resources = Some(text.to_owned()));

    let usage = cluster.usage();

    assert_eq!(
        Resources::from_proto(&usage.total),
        Resources::parse(text).expect("resources")
    );
}

fn get(cluster: &Cluster, path: &str) -> Vec<Value> {
    let (status, body) = cluster.ask(ClientRequest::get(path));
    assert_eq!(status, 200);
    serde_json::from_slice(&body).expect("a list")
}

fn nested_status(child: &str, address: &str) -> v1::ContainerStatus {
    let parsed = json!({
        "container_id": { "parent": { "value": "parent" }, "value": child },
        "cgroup_info": { "net_cls": { "classid": 42 } },
        "network_infos": [{ "ip_addresses": [{ "ip_address": address }] }],
    });
    let text = parsed.to_string();
    mesos_proto_codec::Json::read_json(mesos_proto_codec::Dialect::V1, text.as_bytes())
        .expect("a status")
}

/// Mirrors: SlaveTest.ContainersEndpoint
#[test]
fn containers_are_shown_all_or_one() {
    let (cluster, script) = scripted();
    for (task, executor) in [("1", "executor-1"), ("2", "executor-2")] {
        cluster.run(&framework(), executor_task(task, executor, "sleep 1000"));
        cluster.wait_for_executor(executor);
    }
    let measured = |bytes| {
        Future::ready(Ok(v1::ResourceStatistics {
            timestamp: Some(1.0),
            mem_limit_bytes: Some(bytes),
            ..Default::default()
        }))
    };
    let prepare = |child: &str, address: &str| {
        script.answer_usage(measured(2048));
        script.answer_status(Future::ready(Ok(nested_status(child, address))));
    };
    prepare("child1", "192.168.1.20");
    prepare("child2", "192.168.1.21");

    let all = get(&cluster, "/containers");

    assert_eq!(all.len(), 2);
    for (shown, (child, address)) in all
        .iter()
        .zip([("child1", "192.168.1.20"), ("child2", "192.168.1.21")])
    {
        assert_eq!(shown["executor_name"], "");
        assert_eq!(shown["source"], "");
        assert_eq!(shown["statistics"]["mem_limit_bytes"], 2048);
        let status = &shown["status"];
        assert_eq!(status["container_id"]["value"], child);
        assert_eq!(status["container_id"]["parent"]["value"], "parent");
        assert_eq!(status["cgroup_info"]["net_cls"]["classid"], 42);
        let ip = &status["network_infos"][0]["ip_addresses"][0]["ip_address"];
        assert_eq!(*ip, address);
    }
    let id = all[0]["container_id"].as_str().expect("an id");
    prepare("child1", "192.168.1.20");
    let one = get(&cluster, &format!("/containers?container_id={id}"));
    assert_eq!(one, all[..1]);
}

#[test]
fn destroyed_container_is_asked_for_once_its_executor_misses_its_registration() {
    let (script, replacements) = Script::new();
    let mut cluster = Cluster::registered_replacing(
        |flags| flags.executor_registration_timeout = std::time::Duration::from_millis(200),
        replacements,
    );

    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));

    script.expect_launch();
    while !matches!(script.next(), Asked::Destroy) {}
    let status = cluster.expect_update();
    assert_eq!(status.reason(), Reason::ReasonExecutorRegistrationTimeout);
    assert!(!script.has_launched());
}

/// Mirrors: SlaveTest.DefaultExecutorResources
#[test]
fn container_of_a_default_executor_has_room_for_its_tasks() {
    let (cluster, script) = scripted();
    let mut tasks = group_tasks(&["a", "b"]);
    let executor = tasks[0].executor.as_mut().expect("an executor");
    executor.r#type = Some(v1::executor_info::Type::Default.into());
    executor.command = None;

    cluster.run_group("e", tasks);

    let config = script.expect_launch().config;
    let mut resources = Resources::from_proto(&config.resources);
    resources.unallocate();
    let expected = Resources::parse("cpus:2.1;mem:64").expect("resources");
    assert_eq!(resources, expected);
}

/// Mirrors: SlaveTest.GetExecutorInfoForTaskWithContainer
#[test]
fn container_of_a_command_task_is_that_of_its_executor() {
    let (cluster, script) = scripted();
    let network = v1::NetworkInfo {
        ip_addresses: vec![v1::network_info::IpAddress {
            ip_address: Some("4.3.2.1".to_owned()),
            ..Default::default()
        }],
        groups: vec!["public".to_owned()],
        ..Default::default()
    };
    let container = v1::ContainerInfo {
        r#type: Some(v1::container_info::Type::Mesos.into()),
        network_infos: vec![network.clone()],
        ..Default::default()
    };
    let task = v1::TaskInfo {
        container: Some(container.into()),
        ..command_task("t", "echo hi")
    };

    cluster.run(&framework(), task);

    let config = script.expect_launch().config;
    let executor = config.executor_info.expect("an executor");
    assert!(!executor.command().shell());
    assert_eq!(executor.container().network_infos.first(), Some(&network));
    let container = config.container_info.expect("a container");
    assert_eq!(container.network_infos, [network]);
}
