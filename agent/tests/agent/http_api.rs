//! What operators see of an agent.

use libprocess::http::client::ClientRequest;
use mesos_proto::v1::{
    self,
    agent::{Call, Response, call, response},
    executor::event,
};
use prost::Message;

use crate::harness::{AGENT_ID, Cluster, command_task, framework, run_dir};
use crate::recovery;

fn api(cluster: &Cluster, call: &Call) -> (u16, bytes::Bytes) {
    cluster.ask(
        ClientRequest::post("/api/v1", "application/x-protobuf", call.encode_to_vec())
            .with_header("accept", "application/x-protobuf"),
    )
}

fn get(cluster: &Cluster, kind: call::Type) -> Response {
    let (status, body) = api(
        cluster,
        &Call {
            r#type: Some(kind.into()),
            ..Default::default()
        },
    );
    assert_eq!(status, 200);
    Response::decode(body).expect("an answer")
}

fn json(cluster: &Cluster, path: &str) -> serde_json::Value {
    let (status, body) = cluster.ask(ClientRequest::get(path));
    assert_eq!(status, 200, "{path}");
    serde_json::from_slice(&body).expect("JSON")
}

/// Mirrors: SlaveTest.StateEndpoint
#[test]
fn state_shows_agent_and_task() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.wait_for_state(|state| {
        state["frameworks"][0]["executors"][0]["tasks"]
            .as_array()
            .is_some_and(|t| t.len() == 1)
    });

    let state = cluster.state();

    assert_eq!(state["id"], AGENT_ID);
    assert_eq!(state["version"], "1.11.0");
    assert_eq!(state["hostname"], "localhost");
    assert_eq!(state["resources"]["cpus"], 4.0);
    assert_eq!(state["resources"]["ports"], "[31000-32000]");
    assert_eq!(state["unreserved_resources_full"][0]["role"], "*");
    assert_eq!(state["flags"]["launcher"], "posix");
    let executor = &state["frameworks"][0]["executors"][0];
    assert_eq!(executor["id"], "t");
    assert_eq!(
        executor["name"],
        "Command Executor (Task: t) (Command: sh -c 'sleep 1000')"
    );
    assert_eq!(executor["resources"]["mem"], 64.0);
    assert_eq!(executor["tasks"][0]["state"], "TASK_STAGING");
    assert_eq!(executor["tasks"][0]["role"], "*");
}

/// Mirrors: SlaveTest.ContainersEndpointNoExecutor
/// Mirrors: SlaveTest.StatisticsEndpointNoExecutor
#[test]
fn idle_agent_has_no_containers() {
    let cluster = Cluster::registered();

    assert_eq!(json(&cluster, "/containers"), serde_json::json!([]));
    assert_eq!(json(&cluster, "/monitor/statistics"), serde_json::json!([]));
}

/// Mirrors: SlaveTest.StatisticsEndpointRunningExecutor
#[test]
fn running_executor_is_measured() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    let statistics = json(&cluster, "/monitor/statistics");
    let containers = json(&cluster, "/containers");

    assert_eq!(statistics[0]["executor_id"], "t");
    assert_eq!(statistics[0]["statistics"]["mem_limit_bytes"], 64 << 20);
    assert!(
        statistics[0]["statistics"]["mem_rss_bytes"]
            .as_u64()
            .is_some_and(|rss| rss > 0)
    );
    assert_eq!(
        containers[0]["status"]["container_id"]["value"],
        containers[0]["container_id"]
    );
}

/// Mirrors: SlaveTest.MetricsInMetricsEndpoint
#[test]
fn metrics_have_the_keys_of_mesos() {
    let cluster = Cluster::registered();

    let metrics = json(&cluster, "/metrics/snapshot");

    let golden: Vec<&str> = include_str!("metric_keys.txt").lines().collect();
    let missing: Vec<&&str> = golden
        .iter()
        .filter(|key| metrics.get(**key).is_none())
        .collect();
    assert_eq!(missing, Vec::<&&str>::new());
    assert_eq!(metrics["slave/registered"], 1.0);
    assert_eq!(metrics["slave/cpus_total"], 4.0);
}

/// Mirrors: SlaveTest.BrowseExecutorSandboxByVirtualPath
#[test]
fn sandbox_is_browsed_by_ids() {
    let cluster = Cluster::registered();
    cluster.place.command_executor("echo hello; sleep 1000");
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    let path = "/frameworks/master-0000/executors/t/runs/latest";
    cluster.wait_for_state(|_| {
        let file = run_dir(&cluster.place.work_dir(), "t").join("stdout");
        std::fs::read_to_string(file).is_ok_and(|text| text == "hello\n")
    });

    let listed = json(&cluster, &format!("/files/browse?path={path}"));
    let read = json(
        &cluster,
        &format!("/files/read?path={path}/stdout&offset=0"),
    );

    let names: Vec<_> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| &f["path"])
        .collect();
    assert_eq!(
        names,
        [&format!("{path}/stderr"), &format!("{path}/stdout")]
    );
    assert_eq!(read["data"], "hello\n");
}

#[test]
fn api_tells_health() {
    let cluster = Cluster::registered();

    let answer = get(&cluster, call::Type::GetHealth);

    assert_eq!(answer.r#type(), response::Type::GetHealth);
    assert!(answer.get_health().healthy());
}

#[test]
fn api_tells_version_and_flags() {
    let cluster = Cluster::registered();

    let version = get(&cluster, call::Type::GetVersion);
    let flags = get(&cluster, call::Type::GetFlags);

    assert_eq!(version.get_version().version_info().version(), "1.11.0");
    assert!(
        flags
            .get_flags()
            .flags
            .iter()
            .any(|flag| flag.name() == "work_dir")
    );
}

#[test]
fn api_tells_the_agent() {
    let cluster = Cluster::registered();

    let answer = get(&cluster, call::Type::GetAgent);

    assert_eq!(answer.get_agent().agent_info().id().value(), AGENT_ID);
}

#[test]
fn api_tells_frameworks_executors_and_tasks() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    let frameworks = get(&cluster, call::Type::GetFrameworks);
    let executors = get(&cluster, call::Type::GetExecutors);
    let tasks = get(&cluster, call::Type::GetTasks);

    let [framework] = frameworks.get_frameworks().frameworks.as_slice() else {
        panic!("one")
    };
    assert_eq!(framework.framework_info().name(), "test");
    let [executor] = executors.get_executors().executors.as_slice() else {
        panic!("one")
    };
    assert_eq!(executor.executor_info().executor_id().value(), "t");
    assert_eq!(tasks.get_tasks().queued_tasks.len(), 1);
}

#[test]
fn api_tells_containers() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    let answer = get(&cluster, call::Type::GetContainers);

    let [container] = answer.get_containers().containers.as_slice() else {
        panic!("one")
    };
    assert_eq!(container.executor_id().value(), "t");
    assert!(container.container_status().executor_pid() > 1);
}

fn nested(cluster: &Cluster) -> v1::ContainerId {
    let answer = get(cluster, call::Type::GetContainers);
    let parent = answer.get_containers().containers[0].container_id().clone();
    v1::ContainerId {
        value: Some("inner".to_owned()),
        parent: Some(parent.into()),
        ..Default::default()
    }
}

fn launch_nested(cluster: &Cluster, id: &v1::ContainerId, script: &str) -> u16 {
    let launch = call::LaunchNestedContainer {
        container_id: Some(id.clone()),
        command: Some(
            v1::CommandInfo {
                value: Some(script.to_owned()),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    };
    api(
        cluster,
        &Call {
            r#type: Some(call::Type::LaunchNestedContainer.into()),
            launch_nested_container: Some(launch.into()),
            ..Default::default()
        },
    )
    .0
}

/// Mirrors: AgentContainerAPITest.NestedContainerLaunch
#[test]
fn nested_container_runs_and_is_waited_for() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    let id = nested(&cluster);

    let launched = launch_nested(&cluster, &id, "echo inner; exit 7");
    let wait = Call {
        r#type: Some(call::Type::WaitNestedContainer.into()),
        wait_nested_container: Some(call::WaitNestedContainer {
            container_id: Some(id),
            ..Default::default()
        }),
        ..Default::default()
    };
    let (status, body) = api(&cluster, &wait);

    assert_eq!((launched, status), (200, 200));
    let answer = Response::decode(body).expect("an answer");
    assert_eq!(answer.wait_nested_container().exit_status(), 7 << 8);
    let out = run_dir(&cluster.place.work_dir(), "t").join("containers/inner/stdout");
    assert_eq!(std::fs::read_to_string(out).expect("stdout"), "inner\n");
}

/// Mirrors: AgentContainerAPITest.RecoverNestedContainer
#[test]
fn nested_container_outlives_its_agent_and_obeys_the_next() {
    let mut cluster = Cluster::registered();
    recovery::running(&mut cluster);
    let id = nested(&cluster);
    assert_eq!(launch_nested(&cluster, &id, "sleep 1000"), 200);
    let kill = Call {
        r#type: Some(call::Type::KillNestedContainer.into()),
        kill_nested_container: Some(call::KillNestedContainer {
            container_id: Some(id.clone()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let wait = Call {
        r#type: Some(call::Type::WaitNestedContainer.into()),
        wait_nested_container: Some(call::WaitNestedContainer {
            container_id: Some(id),
            ..Default::default()
        }),
        ..Default::default()
    };

    cluster.restart();
    let _executor = cluster.subscribe_when_open("t");
    cluster.reregister();
    let recovered = containers(&cluster);
    let killed = api(&cluster, &kill).0;
    let (status, body) = api(&cluster, &wait);

    assert_eq!(recovered, 2);
    assert_eq!((killed, status), (200, 200));
    let answer = Response::decode(body).expect("an answer");
    assert_eq!(answer.wait_nested_container().exit_status(), 9);
}

/// Mirrors: AgentContainerAPITest.NestedContainerNotFound
#[test]
fn unknown_nested_container_cannot_be_killed() {
    let cluster = Cluster::registered();
    let kill = Call {
        r#type: Some(call::Type::KillNestedContainer.into()),
        kill_nested_container: Some(call::KillNestedContainer {
            container_id: Some(v1::ContainerId {
                value: Some("inner".to_owned()),
                parent: Some(
                    v1::ContainerId {
                        value: Some("none".to_owned()),
                        ..Default::default()
                    }
                    .into(),
                ),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };

    let (status, body) = api(&cluster, &kill);

    assert_eq!(status, 404);
    assert_eq!(
        body,
        "Container 'none.inner' cannot be found (or is already killed)"
    );
}

#[test]
fn call_without_its_message_is_refused() {
    let cluster = Cluster::registered();

    let (status, body) = api(
        &cluster,
        &Call {
            r#type: Some(call::Type::ReadFile.into()),
            ..Default::default()
        },
    );

    assert_eq!(status, 400);
    assert_eq!(
        body,
        "Failed to validate agent::Call: Expecting 'read_file' to be present"
    );
}

#[test]
fn health_and_version_are_for_everybody() {
    let cluster = Cluster::start();

    assert_eq!(cluster.ask(ClientRequest::get("/slave(1)/health")).0, 200);
    assert_eq!(json(&cluster, "/version")["version"], "1.11.0");
    assert_eq!(json(&cluster, "/flags")["flags"]["recover"], "reconnect");
}

/// Mirrors: AgentAPITest.GetOperations
#[test]
fn api_tells_metrics_operations_and_state() {
    let cluster = Cluster::registered();
    let metrics = Call {
        r#type: Some(call::Type::GetMetrics.into()),
        get_metrics: Some(call::GetMetrics::default()),
        ..Default::default()
    };

    let (status, body) = api(&cluster, &metrics);
    let operations = get(&cluster, call::Type::GetOperations);
    let state = get(&cluster, call::Type::GetState);

    assert_eq!(status, 200);
    let answer = Response::decode(body).expect("an answer");
    let mut metrics = answer.get_metrics().metrics.iter();
    assert!(metrics.any(|metric| metric.name() == "slave/uptime_secs"));
    assert!(operations.get_operations().operations.is_empty());
    assert!(state.get_state().get_frameworks().frameworks.is_empty());
}

#[test]
fn api_lists_and_reads_a_sandbox() {
    let cluster = Cluster::registered();
    cluster.place.command_executor("echo hello; sleep 1000");
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    cluster.wait_for_state(|_| {
        let file = run_dir(&cluster.place.work_dir(), "t").join("stdout");
        std::fs::read_to_string(file).is_ok_and(|text| text == "hello\n")
    });
    let path = "/frameworks/master-0000/executors/t/runs/latest";
    let list = Call {
        r#type: Some(call::Type::ListFiles.into()),
        list_files: Some(call::ListFiles {
            path: Some(path.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let read = Call {
        r#type: Some(call::Type::ReadFile.into()),
        read_file: Some(call::ReadFile {
            path: Some(format!("{path}/stdout")),
            offset: Some(1),
            length: Some(2),
            ..Default::default()
        }),
        ..Default::default()
    };

    let listed = Response::decode(api(&cluster, &list).1).expect("an answer");
    let part = Response::decode(api(&cluster, &read).1).expect("an answer");

    assert_eq!(listed.list_files().file_infos.len(), 2);
    assert_eq!(
        (part.read_file().size(), part.read_file().data().as_ref()),
        (6, &b"el"[..])
    );
}

#[test]
fn api_finds_no_unknown_file() {
    let cluster = Cluster::registered();
    let path = Some("/no/such/file".to_owned());
    let list = Call {
        r#type: Some(call::Type::ListFiles.into()),
        list_files: Some(call::ListFiles {
            path: path.clone(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let read = Call {
        r#type: Some(call::Type::ReadFile.into()),
        read_file: Some(call::ReadFile {
            path,
            offset: Some(0),
            ..Default::default()
        }),
        ..Default::default()
    };

    assert_eq!(api(&cluster, &list).0, 404);
    assert_eq!(api(&cluster, &read).0, 404);
}

/// Mirrors: AgentAPITest.DefaultAccept
#[test]
fn answer_is_json_when_anything_will_do() {
    let cluster = Cluster::registered();
    let request = ClientRequest::post("/api/v1", "application/json", r#"{"type":"GET_HEALTH"}"#)
        .with_header("accept", "*/*");

    let response = cluster.open(request);

    assert_eq!(response.header("content-type"), Some("application/json"));
    let body = cluster
        .master
        .runtime
        .block_on(response.bytes())
        .expect("a body");
    assert_eq!(
        body,
        r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#
    );
}

/// Mirrors: AgentContainerAPITest.NestedContainerIdempotentLaunch
#[test]
fn second_launch_of_a_nested_container_is_accepted() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    let id = nested(&cluster);

    assert_eq!(launch_nested(&cluster, &id, "sleep 1000"), 200);
    assert_eq!(launch_nested(&cluster, &id, "sleep 1000"), 202);
}

/// How many containers there are, those below others too.
fn containers(cluster: &Cluster) -> usize {
    let all = Call {
        r#type: Some(call::Type::GetContainers.into()),
        get_containers: Some(call::GetContainers {
            show_nested: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = Response::decode(api(cluster, &all).1).expect("an answer");
    answer.get_containers().containers.len()
}

/// Mirrors: AgentContainerAPITest.TwoLevelNestedContainerLaunch
#[test]
fn containers_nest_twice() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    let first = nested(&cluster);
    let second = v1::ContainerId {
        value: Some("innermost".to_owned()),
        parent: Some(first.clone().into()),
        ..Default::default()
    };

    assert_eq!(launch_nested(&cluster, &first, "sleep 1000"), 200);
    assert_eq!(launch_nested(&cluster, &second, "sleep 1000"), 200);

    assert_eq!(containers(&cluster), 3);
}

#[test]
fn nested_container_of_a_stranger_is_refused() {
    let cluster = Cluster::registered();
    let id = v1::ContainerId {
        value: Some("inner".to_owned()),
        parent: Some(
            v1::ContainerId {
                value: Some("none".to_owned()),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    };

    assert_eq!(launch_nested(&cluster, &id, "exit 0"), 400);
}
