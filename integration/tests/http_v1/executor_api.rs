//! The v1 executor API of an agent process: negotiation, refusals, and an executor's life.

use mesos_integration::cluster::Cluster;
use mesos_integration::descriptors;
use mesos_integration::fake_executor::FakeExecutor;
use mesos_integration::fake_scheduler::{FakeScheduler, resources};
use mesos_integration::http_client::{self, Answer, Request};
use mesos_integration::record_stream::RecordStream;
use serde_json::{Value, json};

const PATH: &str = "/slave(1)/api/v1/executor";

fn cluster() -> Cluster {
    let mut cluster = Cluster::start().expect("the master starts");
    cluster.add_agent().expect("the agent registers");
    cluster
}

fn call(kind: &str) -> Value {
    json!({"type": kind, "framework_id": {"value": "dummy_framework_id"},
        "executor_id": {"value": "dummy_executor_id"}})
}

fn send(cluster: &Cluster, request: &Request) -> Answer {
    let agent = cluster.agents.first().expect("an agent was started");
    http_client::send(agent.address, request).expect("the agent answers")
}

#[track_caller]
fn assert_refused(answer: &Answer, start: &str, body: &str) {
    assert_eq!(answer.head.start, start);
    assert_eq!(answer.text(), body);
}

/// Mirrors: ExecutorHttpApiTest.NoContentType
#[test]
fn call_without_content_type_is_refused() {
    let cluster = cluster();

    let answer = send(
        &cluster,
        &Request::new("POST", PATH).body(call("MESSAGE").to_string()),
    );

    assert_refused(
        &answer,
        "HTTP/1.1 400 Bad Request",
        "Expecting 'Content-Type' to be present",
    );
}

/// Mirrors: ExecutorHttpApiTest.ValidJsonButInvalidProtobuf
#[test]
fn json_that_is_no_call_is_refused() {
    let cluster = cluster();

    let answer = send(
        &cluster,
        &Request::post_json(PATH, &json!({"string": "valid_json"})),
    );

    assert_eq!(answer.status(), 400);
    assert!(
        answer
            .text()
            .starts_with("Failed to convert JSON into Call protobuf: Missing required"),
        "{}",
        answer.text()
    );
}

/// Mirrors: ExecutorHttpApiTest.MalformedContent
#[test]
fn bytes_that_are_no_call_are_refused_in_both_encodings() {
    let cluster = cluster();

    for (kind, text) in [
        (
            "application/json",
            "Failed to parse body into JSON: syntax error at line 1 near: ",
        ),
        (
            "application/x-protobuf",
            "Failed to parse body into Call protobuf",
        ),
    ] {
        let request = Request::new("POST", PATH)
            .header("Content-Type", kind)
            .body("MALFORMED");
        let answer = send(&cluster, &request);
        assert_eq!(answer.status(), 400, "{kind}");
        assert!(answer.text().starts_with(text), "{kind}: {}", answer.text());
    }
}

/// Mirrors: ExecutorHttpApiTest.UnsupportedContentMediaType
#[test]
fn unknown_content_type_is_refused() {
    let cluster = cluster();
    let request = Request::new("POST", PATH)
        .header("Content-Type", "application/unknown-media-type")
        .body(call("SUBSCRIBE").to_string());

    let answer = send(&cluster, &request);

    assert_refused(
        &answer,
        "HTTP/1.1 415 Unsupported Media Type",
        "Expecting 'Content-Type' of application/json or application/x-protobuf",
    );
}

/// Mirrors: ExecutorHttpApiTest.MessageFromUnknownFramework
#[test]
fn call_of_an_unknown_framework_is_refused() {
    let cluster = cluster();
    let mut message = call("MESSAGE");
    message["message"] = json!({"data": "aGVsbG8="});

    let answer = send(&cluster, &Request::post_json(PATH, &message));

    assert_refused(
        &answer,
        "HTTP/1.1 400 Bad Request",
        "Framework cannot be found",
    );
}

/// Mirrors: ExecutorHttpApiTest.GetRequest
#[test]
fn get_is_refused_with_what_is_allowed() {
    let cluster = cluster();

    let answer = send(&cluster, &Request::get(PATH));

    assert_eq!(answer.head.header("Allow"), Some("POST"));
    assert_refused(
        &answer,
        "HTTP/1.1 405 Method Not Allowed",
        "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.",
    );
}

/// Mirrors: ExecutorHttpApiTest.NotAcceptable
#[test]
fn answer_that_nobody_accepts_is_refused() {
    let cluster = cluster();
    let mut subscribe = call("SUBSCRIBE");
    subscribe["subscribe"] = json!({});
    let request = Request::new("POST", PATH)
        .header("Content-Type", "application/json")
        .header("Accept", "foo")
        .body(subscribe.to_string());

    let answer = send(&cluster, &request);

    assert_refused(
        &answer,
        "HTTP/1.1 406 Not Acceptable",
        "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    );
}

/// Mirrors: ExecutorHttpApiTest.ValidProtobufInvalidCall
#[test]
fn call_without_its_part_is_refused() {
    let cluster = cluster();

    for (kind, part) in [
        ("SUBSCRIBE", "subscribe"),
        ("UPDATE", "update"),
        ("MESSAGE", "message"),
    ] {
        let answer = send(&cluster, &Request::post_json(PATH, &call(kind)));
        let text = format!("Failed to validate Executor::Call: Expecting '{part}' to be present");
        assert_refused(&answer, "HTTP/1.1 400 Bad Request", &text);
    }
}

/// Mirrors: ExecutorHttpApiTest.StatusUpdateCallFailedValidation
#[test]
fn update_that_cannot_be_is_refused() {
    let cluster = cluster();
    let good = json!({"task_id": {"value": "t"}, "state": "TASK_RUNNING",
        "source": "SOURCE_EXECUTOR", "uuid": "AAAAAAAAAAAAAAAAAAAAAA=="});

    for (key, value) in [
        ("uuid", Value::Null),
        ("executor_id", json!({"value": "incorrect_executor_id"})),
        ("source", json!("SOURCE_MASTER")),
        ("state", json!("TASK_STAGING")),
    ] {
        let mut status = good.clone();
        status[key] = value;
        let mut update = call("UPDATE");
        update["update"] = json!({"status": status});
        let answer = send(&cluster, &Request::post_json(PATH, &update));
        assert_eq!(answer.status(), 400, "{key}");
        assert!(
            answer
                .text()
                .starts_with("Failed to validate Executor::Call: "),
            "{key}: {}",
            answer.text()
        );
    }
}

/// Mirrors: ExecutorHttpApiTest.HeartbeatCalls
#[test]
fn heartbeat_is_taken_from_anybody() {
    let cluster = cluster();

    let answer = send(&cluster, &Request::post_json(PATH, &call("HEARTBEAT")));

    assert_eq!((answer.status(), answer.text().as_str()), (202, ""));
}

/// Launches a task on a custom executor that only idles, so that the test can take its part.
fn with_custom_executor(cluster: &Cluster) -> FakeScheduler {
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer comes");
    let task = json!({
        "name": "t1", "task_id": {"value": "t1"}, "agent_id": offer.get("agent_id"),
        "resources": resources(0.1, 16.0),
        "executor": {"executor_id": {"value": "custom"}, "command": {"value": "exec sleep 4712"}},
    });
    scheduler
        .launch(&offer, &[task])
        .expect("the launch is accepted");
    scheduler
}

/// Subscribes as soon as the agent knows the executor.
fn subscribe(cluster: &Cluster, scheduler: &FakeScheduler) -> FakeExecutor {
    let agent = cluster
        .agents
        .first()
        .expect("an agent was started")
        .address;
    mesos_integration::eventually::eventually("that the agent expects the executor", || {
        FakeExecutor::subscribe(agent, &scheduler.framework_id, "custom").ok()
    })
    .expect("the executor subscribes")
}

/// Mirrors: ExecutorHttpApiTest.Subscribe
#[test]
fn executor_that_subscribes_learns_who_and_where_it_is() {
    let cluster = cluster();
    let scheduler = with_custom_executor(&cluster);

    let executor = subscribe(&cluster, &scheduler);

    let subscribed = executor.subscribed.get("subscribed").unwrap();
    assert_eq!(
        subscribed.pointer("/executor_info/executor_id"),
        Some(&json!({"value": "custom"}))
    );
    assert_eq!(
        subscribed.pointer("/framework_info/id"),
        Some(&json!({"value": scheduler.framework_id}))
    );
    assert_eq!(
        subscribed.pointer("/agent_info/hostname"),
        Some(&json!("localhost"))
    );
    assert!(
        subscribed.pointer("/container_id/value").is_some(),
        "{subscribed}"
    );
}

/// Opens the stream of the executor with these headers and returns the type of its records.
fn content_type(kind: &str, accept: Option<&str>) -> String {
    let cluster = cluster();
    let scheduler = with_custom_executor(&cluster);
    let agent = cluster.agents.first().expect("an agent was started");
    let call = json!({
        "type": "SUBSCRIBE", "framework_id": {"value": scheduler.framework_id},
        "executor_id": {"value": "custom"}, "subscribe": {},
    });
    let body = if kind == "application/json" {
        call.to_string().into_bytes()
    } else {
        descriptors::to_bytes("mesos.v1.executor.Call", &call).expect("a valid call")
    };
    let mut request = Request::new("POST", PATH)
        .header("Content-Type", kind)
        .body(body);
    if let Some(accept) = accept {
        request = request.header("Accept", accept);
    }
    let stream = mesos_integration::eventually::eventually("a stream", || {
        RecordStream::open(agent.address, &request).ok()
    })
    .expect("the agent expects the executor");
    stream
        .head
        .header("Content-Type")
        .unwrap_or_default()
        .to_owned()
}

/// Mirrors: ExecutorHttpApiTest.DefaultAccept
#[test]
fn executor_that_takes_anything_gets_json() {
    for kind in ["application/json", "application/x-protobuf"] {
        assert_eq!(
            content_type(kind, Some("*/*")),
            "application/json",
            "{kind}"
        );
    }
}

/// Mirrors: ExecutorHttpApiTest.NoAcceptHeader
#[test]
fn executor_that_names_no_type_gets_json() {
    for kind in ["application/json", "application/x-protobuf"] {
        assert_eq!(content_type(kind, None), "application/json", "{kind}");
    }
}

/// Mirrors: MasterTest.TaskRunning
#[test]
fn task_of_a_custom_executor_runs_when_the_executor_says_so() {
    let cluster = cluster();
    let mut scheduler = with_custom_executor(&cluster);
    let mut executor = subscribe(&cluster, &scheduler);

    let launch = executor.wait_for("LAUNCH").unwrap();
    let (uuid, answer) = executor.update("t1", "TASK_RUNNING").unwrap();
    let status = scheduler.wait_for_update().unwrap();
    let acknowledged = executor.wait_for("ACKNOWLEDGED").unwrap();

    assert_eq!(
        launch.pointer("/launch/task/task_id/value"),
        Some(&json!("t1"))
    );
    assert_eq!(answer.status(), 202);
    assert_eq!(status["state"], "TASK_RUNNING");
    assert_eq!(status["uuid"], json!(uuid));
    assert_eq!(
        acknowledged.pointer("/acknowledged/uuid"),
        Some(&json!(uuid))
    );
}

/// Mirrors: SchedulerTest.Message
#[test]
fn message_of_the_framework_reaches_the_executor() {
    let cluster = cluster();
    let scheduler = with_custom_executor(&cluster);
    let mut executor = subscribe(&cluster, &scheduler);
    let launch = executor.wait_for("LAUNCH").unwrap();

    scheduler
        .call(
            "MESSAGE",
            json!({"message": {
                "agent_id": launch.pointer("/launch/task/agent_id"),
                "executor_id": {"value": "custom"},
                "data": "aGVsbG8=",
            }}),
        )
        .unwrap();
    let message = executor.wait_for("MESSAGE").unwrap();

    assert_eq!(message.pointer("/message/data"), Some(&json!("aGVsbG8=")));
}

#[test]
fn message_of_the_executor_reaches_the_framework() {
    let cluster = cluster();
    let mut scheduler = with_custom_executor(&cluster);
    let executor = subscribe(&cluster, &scheduler);

    let answer = executor
        .call("MESSAGE", json!({"message": {"data": "aGVsbG8="}}))
        .unwrap();
    let message = scheduler
        .wait_for("MESSAGE")
        .unwrap_or_else(|error| panic!("{error}: {answer:?}\n{}", cluster.logs()));

    assert_eq!(answer.status(), 202);
    assert_eq!(message.pointer("/message/data"), Some(&json!("aGVsbG8=")));
    assert_eq!(
        message.pointer("/message/executor_id/value"),
        Some(&json!("custom"))
    );
}

#[test]
fn executor_is_told_to_shut_down_with_its_framework() {
    let cluster = cluster();
    let scheduler = with_custom_executor(&cluster);
    let mut executor = subscribe(&cluster, &scheduler);

    scheduler.teardown().unwrap();

    assert_eq!(
        executor.wait_for("SHUTDOWN").unwrap(),
        json!({"type": "SHUTDOWN"})
    );
}

/// Mirrors: SchedulerTest.ShutdownExecutor
#[test]
fn executor_that_the_framework_shuts_down_is_told_and_its_end_reported() {
    let cluster = cluster();
    let mut scheduler = with_custom_executor(&cluster);
    let mut executor = subscribe(&cluster, &scheduler);
    let launch = executor.wait_for("LAUNCH").unwrap();
    executor.update("t1", "TASK_FINISHED").unwrap();
    scheduler.wait_for_state("t1", "TASK_FINISHED").unwrap();
    let agent = launch.pointer("/launch/task/agent_id").unwrap();

    scheduler
        .call(
            "SHUTDOWN",
            json!({"shutdown": {"executor_id": {"value": "custom"}, "agent_id": agent}}),
        )
        .unwrap();
    let shutdown = executor.wait_for("SHUTDOWN").unwrap();
    let failure = scheduler.wait_for("FAILURE").unwrap();

    assert_eq!(shutdown, json!({"type": "SHUTDOWN"}));
    assert_eq!(failure["failure"]["executor_id"]["value"], "custom");
    assert_eq!(failure.pointer("/failure/agent_id"), Some(agent));
}
