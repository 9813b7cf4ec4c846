//! Undocumented behaviour that real clients break without, one test each.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use mesos_integration::binary;
use mesos_integration::cluster::{Cluster, free_address};
use mesos_integration::eventually::Stopwatch;
use mesos_integration::fake_agent::FakeAgent;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::http_client::{self, Connection, Request, get_json};
use mesos_integration::record_stream::RecordStream;
use mesos_integration::stage::Stage;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/scheduler";

fn subscribe() -> Value {
    json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u", "name": "n"}}})
}

/// pymesos reads each part of the version as an integer.
#[test]
fn version_is_integers_between_dots() {
    let cluster = Cluster::start().unwrap();

    let version = get_json(cluster.master.address, "/version").unwrap();

    let text = version["version"].as_str().unwrap();
    assert!(
        text.split('.').all(|part| part.parse::<u32>().is_ok()),
        "{text}"
    );
}

/// pymesos refuses a stream that is not chunked.
#[test]
fn stream_is_chunked_even_when_the_client_wants_to_close() {
    let cluster = Cluster::start().unwrap();
    let request = Request::post_json(PATH, &subscribe()).header("Connection", "close");

    let mut stream = RecordStream::open(cluster.master.address, &request).unwrap();

    assert_eq!(stream.head.header("Transfer-Encoding"), Some("chunked"));
    assert_eq!(stream.next_json().unwrap()["type"], "SUBSCRIBED");
    assert_eq!(stream.next_json().unwrap()["type"], "HEARTBEAT");
}

/// The npm client counts line ends in a chunk.
#[test]
fn each_record_is_one_chunk() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    let call = |body: &Value| {
        http_client::send(cluster.master.address, &Request::post_json(PATH, body)).unwrap()
    };
    let mut stream = RecordStream::open(
        cluster.master.address,
        &Request::post_json(PATH, &subscribe()),
    )
    .unwrap();
    let watch = json!({"type": "SUBSCRIBE"});
    let watch = Request::post_json("/api/v1", &watch);
    let mut operator = RecordStream::open(cluster.master.address, &watch).unwrap();
    let mut records = [stream.next_bytes().unwrap(), stream.next_bytes().unwrap()].to_vec();
    let subscribed: Value = serde_json::from_slice(&records[0]).unwrap();
    let framework = subscribed.pointer("/subscribed/framework_id").unwrap();
    let message = json!({"slave_id": {"value": agent.agent_id}, "framework_id": framework,
        "executor_id": {"value": "e"}, "data": "YQpi"});
    let name = "mesos.internal.ExecutorToFrameworkMessage";
    agent.send(name, &message).unwrap();
    let take_over = json!({"type": "SUBSCRIBE", "framework_id": framework, "subscribe": {
        "framework_info": {"user": "u", "name": "n\nn", "id": framework}}});

    // The last record is the one that tells of the end.
    let _next = RecordStream::open(
        cluster.master.address,
        &Request::post_json(PATH, &take_over),
    )
    .unwrap();
    loop {
        let record = stream.next_bytes().unwrap();
        let event: Value = serde_json::from_slice(&record).unwrap();
        records.push(record);
        if event["type"] == "ERROR" {
            break;
        }
    }
    let refused = call(&json!({"type": "REVIVE", "framework_id": framework}));
    let watched: Vec<Vec<u8>> = (0..3).map(|_| operator.next_bytes().unwrap()).collect();

    assert_eq!(refused.status(), 400, "{}", refused.text());
    assert!(stream.next_bytes().is_err(), "something after the last");
    let kinds: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_slice::<Value>(record).unwrap()["type"].clone())
        .collect();
    for kind in ["SUBSCRIBED", "HEARTBEAT", "OFFERS", "MESSAGE", "ERROR"] {
        assert!(kinds.contains(&json!(kind)), "{kinds:?}");
    }
    for (records, stream) in [(records, stream), (watched, operator)] {
        let framed = |record: &Vec<u8>| record.len().to_string().len() + 1 + record.len();
        let lengths: Vec<usize> = stream.chunk_lengths().collect();
        assert_eq!(lengths, records.iter().map(framed).collect::<Vec<usize>>());
        for record in records {
            let text = String::from_utf8_lossy(&record);
            assert!(!text.contains('\n'), "a line end inside {text}");
        }
    }
}

/// Every event that a framework can get, made to happen on one stream.
fn one_event_of_each_type(cluster: &Cluster) -> Vec<Value> {
    let master = cluster.master.address;
    let mut agent = FakeAgent::register(master).expect("an agent");
    let mut scheduler = FakeScheduler::subscribe(master).expect("a framework");
    let offer = scheduler.wait_for_offer().expect("an offer");
    let mut task = command_task("t1", "true", &offer);
    let command = task["command"].take();
    let executor = json!({"executor_id": {"value": "e"}, "command": command});
    task["executor"] = executor;
    let bad = json!({"type": "RESERVE", "id": {"value": "o1"}});
    let launch = json!({"type": "LAUNCH", "launch": {"task_infos": [task]}});
    let accepted = scheduler.accept(&offer, &[bad, launch]);
    accepted.expect("an accepted call");
    scheduler.wait_for("UPDATE_OPERATION_STATUS").expect("it");
    let run = agent.wait_for_task().expect("a task");
    agent.update(&run, "TASK_RUNNING").expect("an update");
    scheduler.wait_for_update().expect("the update");
    let ids = json!({"slave_id": {"value": agent.agent_id}, "data": "eA==", "status": 1,
        "framework_id": {"value": scheduler.framework_id}, "executor_id": {"value": "e"}});
    for (name, field) in [
        ("ExecutorToFramework", "status"),
        ("ExitedExecutor", "data"),
    ] {
        let mut message = ids.clone();
        message.as_object_mut().expect("an object").remove(field);
        let name = format!("mesos.internal.{name}Message");
        agent.send(&name, &message).expect("a message");
    }
    scheduler.wait_for("MESSAGE").expect("the message");
    scheduler.wait_for("FAILURE").expect("the failure");
    scheduler.wait_for_offer().expect("what the task left");
    let machine = json!([{"hostname": "localhost", "ip": "127.0.0.1"}]);
    let window = json!({"machine_ids": machine,
        "unavailability": {"start": {"nanoseconds": 1_900_000_000_000_000_000_u64}}});
    for windows in [json!([window]), json!([])] {
        let schedule = Request::post_json("/maintenance/schedule", &json!({"windows": windows}));
        let answer = http_client::send(master, &schedule).expect("an answer");
        assert_eq!(answer.status(), 200, "{}", answer.text());
        if windows != json!([]) {
            scheduler.wait_for("RESCIND").expect("what was offered");
            scheduler.wait_for("INVERSE_OFFERS").expect("one of them");
        }
    }
    scheduler.wait_for("RESCIND_INVERSE_OFFER").expect("it");
    let info = json!({"user": "root", "name": "test", "roles": ["*"],
        "id": {"value": scheduler.framework_id}, "capabilities": [{"type": "MULTI_ROLE"}]});
    let _next = FakeScheduler::subscribe_as(master, &info).expect("a successor");
    scheduler.wait_for("ERROR").expect("the end");
    scheduler.events
}

/// Strict readers refuse an event with keys that Mesos does not have.
#[test]
fn events_have_no_new_keys() {
    let cluster = Cluster::start().unwrap();

    let events = one_event_of_each_type(&cluster);

    let kinds: BTreeSet<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(kinds.len(), 11, "{kinds:?}");
    for event in &events {
        let bytes = mesos_integration::descriptors::to_bytes("mesos.v1.scheduler.Event", event);
        assert!(bytes.is_ok(), "{event}: {bytes:?}");
    }
}

/// Frameworks on HTTP have no pid, and mesos-dns fails on an empty one.
#[test]
fn framework_on_http_has_no_pid_in_the_state() {
    let cluster = Cluster::start().unwrap();
    let _scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    let state = get_json(cluster.master.address, "/master/state").unwrap();

    assert_eq!(state["frameworks"].as_array().unwrap().len(), 1);
    assert_eq!(state.pointer("/frameworks/0/pid"), None);
}

/// mesos-dns and the exporters read flat resources.
#[test]
fn resources_in_the_state_are_flat_and_ports_are_text() {
    let cluster = Cluster::start().unwrap();
    let ports = json!({"name": "ports", "type": "RANGES", "role": "*",
        "ranges": {"range": [{"begin": 31000, "end": 32000}]}});
    let cpus = mesos_integration::fake_agent::scalar("cpus", 2.5);
    let _agent = FakeAgent::register_with(cluster.master.address, &json!([cpus, ports])).unwrap();

    let state = get_json(cluster.master.address, "/master/state").unwrap();

    let resources = state.pointer("/slaves/0/resources").unwrap();
    assert_eq!(resources["ports"], "[31000-32000]");
    assert_eq!(resources["cpus"], 2.5);
    assert_eq!(resources["gpus"].as_f64(), Some(0.0));
}

/// One endpoint has many spellings; pymesos' operator posts to `/api/v1/operator`.
#[test]
fn longest_prefix_and_trailing_slash_lead_to_the_same_endpoint() {
    let cluster = Cluster::start().unwrap();

    for path in [
        "/state",
        "/state/",
        "/master/state",
        "/master/state/",
        "/master/state/more/of/it",
    ] {
        let state = get_json(cluster.master.address, path).unwrap();
        assert!(state.get("activated_slaves").is_some(), "{path}");
    }
    for (path, list) in [
        ("/slaves/", "slaves"),
        ("/slaves/some-agent", "slaves"),
        ("/tasks/", "tasks"),
        ("/frameworks/", "frameworks"),
    ] {
        let answer = get_json(cluster.master.address, path).unwrap();
        assert!(answer[list].is_array(), "{path}");
    }
    let call = Request::post_json("/api/v1/operator", &json!({"type": "GET_VERSION"}));
    let answer = http_client::send(cluster.master.address, &call).unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let answer: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(answer["get_version"]["version_info"]["version"], "1.11.0");
}

/// mesos-compose posts to read endpoints.
#[test]
fn read_endpoints_do_not_ask_for_the_method() {
    let cluster = Cluster::start().unwrap();

    for path in ["/slaves", "/frameworks", "/tasks", "/state"] {
        let answer =
            http_client::send(cluster.master.address, &Request::new("POST", path)).unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}

/// The web UI wraps answers in a function.
#[test]
fn jsonp_wraps_the_answer() {
    let cluster = Cluster::start().unwrap();

    let answer = http_client::send(
        cluster.master.address,
        &Request::get("/master/state?jsonp=f"),
    )
    .unwrap();

    assert_eq!(answer.head.header("Content-Type"), Some("text/javascript"));
    assert!(
        answer.text().starts_with("f({"),
        "{}",
        answer.text().get(..20).unwrap_or_default()
    );
    assert!(answer.text().ends_with("})"));
}

/// Toil sends one role as plain text; Go and Python clients send keys that nobody knows.
#[test]
fn calls_are_read_leniently() {
    let cluster = Cluster::start().unwrap();
    let call = json!({"type": "SUBSCRIBE", "requests": [1], "subscribe": {
        "framework_info": {
            "user": "u", "name": "n", "roles": "x", "checkpoint": "true", "failover_timeout": "1.5",
            "hostname": null, "unknown": {"a": 1},
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "FROM_THE_FUTURE"}],
        },
    }});

    let mut stream =
        RecordStream::open(cluster.master.address, &Request::post_json(PATH, &call)).unwrap();

    assert_eq!(stream.next_json().unwrap()["type"], "SUBSCRIBED");
    let state = get_json(cluster.master.address, "/master/state").unwrap();
    let framework = state.pointer("/frameworks/0").unwrap();
    assert_eq!(framework["roles"], json!(["x"]));
    assert_eq!(framework["checkpoint"], true);
}

/// Clients take anything but 202 with an empty body for a failure.
#[test]
fn accepted_call_is_answered_with_202_and_nothing() {
    let mut stage = Stage::start().unwrap();
    let run = stage.run("t1").unwrap();
    let offer = stage.scheduler.wait_for_offer().unwrap();
    let (agent, task) = (&offer["agent_id"], &run["task"]["task_id"]);
    let executor = json!({"value": "e"});
    let uuid = "AAECAwQFRgeICQoLDA0ODw==";
    let calls = [
        ("REQUEST", json!({"requests": []})),
        (
            "ACCEPT",
            json!({"offer_ids": [offer["id"]], "operations": []}),
        ),
        ("DECLINE", json!({"offer_ids": [offer["id"]]})),
        ("DECLINE", json!({"offer_ids": [{"value": "unknown"}]})),
        (
            "ACCEPT_INVERSE_OFFERS",
            json!({"inverse_offer_ids": [{"value": "unknown"}]}),
        ),
        (
            "DECLINE_INVERSE_OFFERS",
            json!({"inverse_offer_ids": [{"value": "unknown"}]}),
        ),
        ("KILL", json!({"task_id": task})),
        ("KILL", json!({"task_id": {"value": "unknown"}})),
        (
            "ACKNOWLEDGE",
            json!({"agent_id": agent, "task_id": task, "uuid": uuid}),
        ),
        (
            "ACKNOWLEDGE_OPERATION_STATUS",
            json!({"agent_id": agent, "operation_id": {"value": "unknown"}, "uuid": uuid}),
        ),
        (
            "MESSAGE",
            json!({"agent_id": agent, "executor_id": executor, "data": "eA=="}),
        ),
        (
            "SHUTDOWN",
            json!({"agent_id": agent, "executor_id": executor}),
        ),
        ("RECONCILE", json!({"tasks": []})),
        ("RECONCILE_OPERATIONS", json!({"operations": []})),
        ("SUPPRESS", json!({})),
        ("REVIVE", json!({})),
        ("TEARDOWN", Value::Null),
    ];

    for (kind, body) in calls {
        let body = if body.is_null() {
            json!({})
        } else {
            json!({kind.to_lowercase(): body})
        };
        let answer = stage.scheduler.try_call(kind, body).unwrap();
        assert_eq!(
            (answer.status(), answer.text().as_str()),
            (202, ""),
            "{kind}"
        );
        assert_eq!(answer.head.header("Content-Length"), Some("0"), "{kind}");
    }
}

/// Several clients keep one connection for all calls.
#[test]
fn calls_may_share_one_connection() {
    let cluster = Cluster::start().unwrap();
    let scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let call = json!({"type": "REVIVE", "framework_id": {"value": scheduler.framework_id}});
    let request = Request::post_json(PATH, &call).header("Mesos-Stream-Id", &scheduler.stream_id);
    let mut connection = Connection::open(cluster.master.address).unwrap();

    for _ in 0..20 {
        assert_eq!(connection.send(&request).unwrap().status(), 202);
    }
}

/// A task whose id nobody knows is lost, or unknown to those who see partitions.
#[test]
fn unknown_task_is_lost_or_unknown() {
    let cluster = Cluster::start().unwrap();
    let tasks = json!({"reconcile": {"tasks": [{"task_id": {"value": "nobody"}}]}});

    for (capability, state) in [
        ("MULTI_ROLE", "TASK_LOST"),
        ("PARTITION_AWARE", "TASK_UNKNOWN"),
    ] {
        let info = json!({"user": "u", "name": "n", "roles": ["*"],
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": capability}]});
        let mut scheduler = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();
        scheduler.call("RECONCILE", tasks.clone()).unwrap();
        let event = scheduler.wait_for("UPDATE").unwrap();
        let status = &event["update"]["status"];
        assert_eq!(status["state"], state);
        assert_eq!(status["reason"], "REASON_RECONCILIATION");
        assert_eq!(
            status.get("uuid"),
            None,
            "an answer to RECONCILE needs no acknowledgement"
        );
        assert_eq!(status.get("executor_id"), None, "{status}");
    }
}

/// An answer to RECONCILE about a task that runs is not to be acknowledged either.
#[test]
fn known_task_is_reconciled_without_uuid() {
    let mut stage = Stage::start().unwrap();
    stage.run("t1").unwrap();

    for tasks in [json!([]), json!([{"task_id": {"value": "t1"}}])] {
        let call = json!({"reconcile": {"tasks": tasks}});
        stage.scheduler.call("RECONCILE", call).unwrap();
        let event = stage.scheduler.wait_for("UPDATE").unwrap();
        let status = &event["update"]["status"];
        assert_eq!(status["state"], "TASK_RUNNING");
        assert_eq!(status["reason"], "REASON_RECONCILIATION");
        assert_eq!(status.get("uuid"), None, "{status}");
    }
}

/// mesos-dns and the web UI read these keys of a task.
#[test]
fn task_in_the_state_has_the_keys_that_readers_need() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let offer = scheduler.wait_for_offer().unwrap();
    let mut task = command_task("t1", "true", &offer);
    task["labels"] = json!({"labels": [{"key": "a", "value": "b"}]});
    task["discovery"] = json!({"visibility": "CLUSTER", "name": "web",
        "ports": {"ports": [{"number": 80, "name": "http", "protocol": "tcp"}]}});
    scheduler.launch(&offer, &[task]).unwrap();
    let run = agent.wait_for_task().unwrap();
    agent.update(&run, "TASK_RUNNING").unwrap();
    scheduler.wait_for_update().unwrap();

    let state = get_json(cluster.master.address, "/master/state").unwrap();

    let task = state.pointer("/frameworks/0/tasks/0").unwrap();
    assert_eq!(task["id"], "t1");
    assert_eq!(task["slave_id"], agent.agent_id);
    assert_eq!(task["executor_id"], "");
    assert_eq!(task["labels"], json!([{"key": "a", "value": "b"}]));
    assert_eq!(task.pointer("/discovery/name"), Some(&json!("web")));
    assert_eq!(
        task.pointer("/discovery/ports/ports/0/number")
            .and_then(Value::as_u64),
        Some(80)
    );
    assert_eq!(
        task.pointer("/statuses/0/state"),
        Some(&json!("TASK_RUNNING"))
    );
}

/// Readers that wait for the length of the next record see SUBSCRIBED only then.
#[test]
fn heartbeat_follows_subscribed_at_once_and_then_every_fifteen_seconds() {
    let cluster = Cluster::start().unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let watch = Stopwatch::start();

    let first = scheduler.next_event().unwrap();
    let at_once = watch.elapsed();
    let second = scheduler.next_event().unwrap();
    let later = watch.elapsed();

    assert_eq!(first["type"], "HEARTBEAT");
    assert!(at_once < later - at_once, "{at_once:?} of {later:?}");
    assert_eq!(second["type"], "HEARTBEAT");
    assert!(later > Duration::from_secs(10), "{later:?}");
    assert_eq!(
        scheduler
            .subscribed
            .pointer("/subscribed/heartbeat_interval_seconds"),
        Some(&json!(15.0))
    );
}

/// clusterd-cli reads numbers; C++ prints 64-bit integers as numbers too.
#[test]
fn integers_in_the_operator_api_are_numbers() {
    let cluster = Cluster::start().unwrap();
    let ports = json!({"name": "ports", "type": "RANGES", "role": "*",
        "ranges": {"range": [{"begin": 31000, "end": 32000}]}});
    let _agent = FakeAgent::register_with(cluster.master.address, &json!([ports])).unwrap();
    let call = Request::post_json("/api/v1", &json!({"type": "GET_AGENTS"}));

    let answer = http_client::send(cluster.master.address, &call).unwrap();

    let answer = answer.json().unwrap();
    let agent = answer.pointer("/get_agents/agents/0").unwrap();
    let range = agent
        .pointer("/total_resources/0/ranges/range/0")
        .unwrap_or_else(|| panic!("{agent}"));
    assert_eq!(range, &json!({"begin": 31000, "end": 32000}));
    assert!(
        agent
            .pointer("/registered_time/nanoseconds")
            .is_some_and(Value::is_u64),
        "{agent}"
    );
}

/// mesoshttp puts `slave_id` into tasks, Go clients send what newer versions know.
#[test]
fn unknown_members_of_a_task_are_ignored() {
    let mut stage = Stage::start().unwrap();
    let unknown = json!({
        "slave_id": {"value": "nobody"},
        "slave_ids": 7,
        "from_the_future": [{"a": null}, "b", 1.5],
    });

    let run = stage.launch_with("t1", &unknown).unwrap();

    assert_eq!(run.pointer("/task/task_id/value"), Some(&json!("t1")));
    assert_eq!(
        run.pointer("/task/slave_id/value"),
        Some(&json!(stage.agent.agent_id))
    );
}

/// Toil, Singularity and Cook have the number of the port in their code.
#[test]
fn dev_listens_on_port_5050_unless_told_otherwise() {
    // Either this test or somebody else holds the port, so that the cluster cannot start.
    let _holder = TcpListener::bind(("127.0.0.1", 5050));

    let output = binary::command("contract-20")
        .unwrap()
        .args(["dev", "--execute", "true"])
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("5050"), "{error}");
}

/// The same libraries expect the agent on the port after the master's: 5051 after 5050.
#[test]
fn agent_of_dev_listens_on_the_port_after_the_masters() {
    let port = loop {
        let port = free_address().unwrap().port();
        let next = port.checked_add(1);
        if next.is_some_and(|next| TcpListener::bind(("127.0.0.1", next)).is_ok()) {
            break port;
        }
    };

    let output = binary::command("contract-20-agent")
        .unwrap()
        .args(["dev", &format!("--port={port}"), "--execute"])
        .arg("echo agent at $MESOS_AGENT_ENDPOINT")
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let text = String::from_utf8_lossy(&output.stdout);
    let expected = format!("agent at 127.0.0.1:{}", port + 1);
    assert!(text.lines().any(|line| line == expected), "{text}");
}
