//! The v1 scheduler API: negotiation, streams and refusals.

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_agent::FakeAgent;
use mesos_integration::fake_scheduler::{FakeScheduler, SchedulerError, command_task};
use mesos_integration::http_client::{self, Answer, Request};
use mesos_integration::record_stream::{RecordStream, StreamError};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/scheduler";

fn subscribe() -> Value {
    json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u", "name": "n"}}})
}

#[track_caller]
fn assert_refused(answer: &Answer, start: &str, body: &str) {
    assert_eq!(answer.head.start, start);
    assert_eq!(answer.text(), body);
}

/// Mirrors: SchedulerHttpApiTest.NoContentType
#[test]
fn call_without_content_type_is_refused() {
    let cluster = Cluster::start().unwrap();
    let request = Request::new("POST", PATH)
        .header("Accept", "application/json")
        .body("unknown");

    let answer = http_client::send(cluster.master.address, &request).unwrap();

    assert_refused(
        &answer,
        "HTTP/1.1 400 Bad Request",
        "Expecting 'Content-Type' to be present",
    );
}

/// Mirrors: SchedulerHttpApiTest.ValidJsonButInvalidProtobuf
#[test]
fn json_that_is_no_call_is_refused() {
    let cluster = Cluster::start().unwrap();

    let request = Request::post_json(PATH, &json!({"string": "valid_json"}));
    let answer = http_client::send(cluster.master.address, &request).unwrap();

    assert_refused(
        &answer,
        "HTTP/1.1 400 Bad Request",
        "Failed to validate scheduler::Call: Expecting 'type' to be present",
    );
}

/// Mirrors: SchedulerHttpApiTest.MalformedContent
#[test]
fn bytes_that_are_no_call_are_refused_in_both_encodings() {
    let cluster = Cluster::start().unwrap();

    for (kind, text) in [
        ("application/json", "Failed to parse body into JSON"),
        (
            "application/x-protobuf",
            "Failed to parse body into Call protobuf",
        ),
    ] {
        let request = Request::new("POST", PATH)
            .header("Content-Type", kind)
            .body("MALFORMED_CONTENT");
        let answer = http_client::send(cluster.master.address, &request).unwrap();
        assert_eq!(answer.status(), 400, "{kind}");
        assert!(answer.text().starts_with(text), "{kind}: {}", answer.text());
    }
}

/// Mirrors: SchedulerHttpApiTest.UnsupportedContentMediaType
#[test]
fn unknown_content_type_is_refused() {
    let cluster = Cluster::start().unwrap();
    let request = Request::new("POST", PATH)
        .header("Content-Type", "application/unknown-content-type")
        .body(subscribe().to_string());

    let answer = http_client::send(cluster.master.address, &request).unwrap();

    assert_refused(
        &answer,
        "HTTP/1.1 415 Unsupported Media Type",
        "Expecting 'Content-Type' of application/json or application/x-protobuf",
    );
}

/// Mirrors: SchedulerHttpApiTest.Subscribe
#[test]
fn subscription_opens_a_stream_with_an_id_and_begins_with_subscribed_and_a_heartbeat() {
    let cluster = Cluster::start().unwrap();

    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let second = scheduler.next_event().unwrap();

    let head = scheduler.head().clone();
    assert_eq!(head.start, "HTTP/1.1 200 OK");
    assert_eq!(head.header("Transfer-Encoding"), Some("chunked"));
    assert_eq!(head.header("Content-Type"), Some("application/json"));
    assert_eq!(scheduler.stream_id.len(), 36, "{}", scheduler.stream_id);
    assert_eq!(
        scheduler
            .subscribed
            .pointer("/subscribed/heartbeat_interval_seconds"),
        Some(&json!(15.0))
    );
    assert_eq!(second, json!({"type": "HEARTBEAT"}));
}

/// Mirrors: SchedulerHttpApiTest.RejectFrameworkWithInvalidRole
#[test]
fn framework_with_a_bad_role_gets_an_error_event() {
    let cluster = Cluster::start().unwrap();
    let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": {
        "user": "u", "name": "n", "roles": ["/test/test1"], "capabilities": [{"type": "MULTI_ROLE"}],
    }}});

    let request = Request::post_json(PATH, &call);
    let mut stream = RecordStream::open(cluster.master.address, &request).unwrap();
    let event = stream.next_json().unwrap();

    assert_eq!(event.get("type"), Some(&json!("ERROR")));
    assert!(
        matches!(stream.next_bytes(), Err(StreamError::Ended)),
        "the stream goes on"
    );
}

/// Mirrors: SchedulerHttpApiTest.SubscribeWithStreamId
#[test]
fn subscription_with_a_stream_id_is_refused() {
    let cluster = Cluster::start().unwrap();
    let request = Request::post_json(PATH, &subscribe())
        .header("Mesos-Stream-Id", "5b1f0b2e-6b0e-4b2e-8c1d-0a1b2c3d4e5f");

    let answer = http_client::send(cluster.master.address, &request).unwrap();

    assert_refused(
        &answer,
        "HTTP/1.1 400 Bad Request",
        "Subscribe calls should not include the 'Mesos-Stream-Id' header",
    );
}

/// Mirrors: SchedulerHttpApiTest.SubscribedOnRetry
/// Mirrors: SchedulerTest.SchedulerFailover
#[test]
fn second_subscription_with_the_same_id_takes_over() {
    let cluster = Cluster::start().unwrap();
    let info = json!({"user": "u", "name": "n", "failover_timeout": 60.0});
    let mut first = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();
    let mut info = info;
    info["id"] = json!({"value": first.framework_id});

    let mut second = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();

    assert_eq!(second.next_event().unwrap(), json!({"type": "HEARTBEAT"}));
    assert_eq!(second.framework_id, first.framework_id);
    assert_ne!(second.stream_id, first.stream_id);
    let error = first.wait_for("ERROR").unwrap();
    assert_eq!(
        error.pointer("/error/message"),
        Some(&json!("Framework failed over"))
    );
}

/// Mirrors: SchedulerHttpApiTest.NotAcceptable
#[test]
fn answer_that_nobody_accepts_is_refused() {
    let cluster = Cluster::start().unwrap();
    let request = Request::new("POST", PATH)
        .header("Content-Type", "application/json")
        .header("Accept", "foo")
        .body(subscribe().to_string());

    let answer = http_client::send(cluster.master.address, &request).unwrap();

    assert_refused(
        &answer,
        "HTTP/1.1 406 Not Acceptable",
        "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    );
}

/// Mirrors: SchedulerHttpApiTest.NoAcceptHeader, SchedulerHttpApiTest.DefaultAccept
#[test]
fn json_is_the_answer_when_the_client_does_not_choose() {
    let cluster = Cluster::start().unwrap();
    let request = Request::new("POST", PATH)
        .header("Content-Type", "application/json")
        .body(subscribe().to_string());

    for request in [request.clone(), request.header("Accept", "*/*")] {
        let mut stream = RecordStream::open(cluster.master.address, &request).unwrap();
        assert_eq!(stream.head.header("Content-Type"), Some("application/json"));
        assert_eq!(
            stream.next_json().unwrap().get("type"),
            Some(&json!("SUBSCRIBED"))
        );
    }
}

/// Mirrors: SchedulerHttpApiTest.GetRequest
#[test]
fn get_is_refused_with_what_is_allowed() {
    let cluster = Cluster::start().unwrap();

    let answer = http_client::send(cluster.master.address, &Request::get(PATH)).unwrap();

    assert_eq!(answer.head.header("Allow"), Some("POST"));
    assert_refused(
        &answer,
        "HTTP/1.1 405 Method Not Allowed",
        "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.",
    );
}

/// Mirrors: SchedulerHttpApiTest.TeardownWithoutStreamId
#[test]
fn call_without_a_stream_id_is_refused() {
    let cluster = Cluster::start().unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let call = json!({"type": "TEARDOWN", "framework_id": {"value": scheduler.framework_id}});

    let answer =
        http_client::send(cluster.master.address, &Request::post_json(PATH, &call)).unwrap();

    assert_refused(
        &answer,
        "HTTP/1.1 400 Bad Request",
        "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
    );
    assert_eq!(
        scheduler.next_event().unwrap(),
        json!({"type": "HEARTBEAT"})
    );
}

/// Mirrors: SchedulerHttpApiTest.TeardownWrongStreamId
#[test]
fn call_with_the_id_of_another_stream_is_refused() {
    let cluster = Cluster::start().unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    scheduler.stream_id = "5b1f0b2e-6b0e-4b2e-8c1d-0a1b2c3d4e5f".to_owned();

    let answer = scheduler.try_call("TEARDOWN", json!({})).unwrap();

    let text = format!(
        "The stream ID '{}' included in this request didn't match the stream ID currently \
         associated with framework ID {}",
        scheduler.stream_id, scheduler.framework_id
    );
    assert_refused(&answer, "HTTP/1.1 400 Bad Request", &text);
}

/// Mirrors: SchedulerHttpApiTest.MalformedUUID
#[test]
fn acknowledgement_with_a_broken_uuid_is_refused() {
    let cluster = Cluster::start().unwrap();
    let scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    let answer = scheduler
        .try_call("ACKNOWLEDGE", json!({"acknowledge": {
            "agent_id": {"value": "agentid"}, "task_id": {"value": "taskid"}, "uuid": "YmFkIHV1aWQ=",
        }}))
        .unwrap();

    assert_eq!(answer.status(), 400);
    assert!(
        answer
            .text()
            .starts_with("Failed to validate scheduler::Call:"),
        "{}",
        answer.text()
    );
}

/// Mirrors: SchedulerTest.Subscribe
#[test]
fn subscribed_event_names_the_master() {
    let cluster = Cluster::start().unwrap();

    let scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    let master = scheduler
        .subscribed
        .pointer("/subscribed/master_info")
        .unwrap();
    assert_eq!(master["port"], json!(cluster.master.address.port()));
    assert_eq!(
        master["pid"],
        json!(format!("master@{}", cluster.master.address))
    );
    assert_eq!(master["version"], json!("1.11.0"));
    assert!(
        scheduler.framework_id.ends_with("-0000"),
        "{}",
        scheduler.framework_id
    );
    assert!(
        scheduler
            .framework_id
            .starts_with(master["id"].as_str().unwrap())
    );
}

/// Mirrors: SchedulerTest.Decline
#[test]
fn declined_offer_comes_back() {
    let cluster = Cluster::start().unwrap();
    let _agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let first = scheduler.wait_for_offer().unwrap();

    scheduler.decline(&first, 0.0).unwrap();
    let second = scheduler.wait_for_offer().unwrap();

    assert_ne!(first["id"], second["id"]);
    assert_eq!(first["resources"], second["resources"]);
}

/// Mirrors: SchedulerTest.Revive
#[test]
fn revive_brings_back_an_offer_that_was_declined_for_long() {
    let cluster = Cluster::start().unwrap();
    let _agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let first = scheduler.wait_for_offer().unwrap();
    scheduler.decline(&first, 3600.0).unwrap();

    scheduler.call("REVIVE", json!({})).unwrap();
    let second = scheduler.wait_for_offer().unwrap();

    assert_ne!(first["id"], second["id"]);
}

/// Mirrors: SchedulerTest.Suppress
#[test]
fn suppressed_framework_gets_offers_only_after_revive() {
    let cluster = Cluster::start().unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    scheduler.call("SUPPRESS", json!({})).unwrap();
    let _agent = FakeAgent::register(cluster.master.address).unwrap();

    scheduler.call("REVIVE", json!({})).unwrap();
    scheduler.wait_for_offer().unwrap();

    let offers = scheduler
        .events
        .iter()
        .filter(|event| event["type"] == "OFFERS")
        .count();
    assert_eq!(offers, 1);
}

/// Mirrors: SchedulerTest.NoOffersWithAllRolesSuppressed
#[test]
fn framework_that_subscribes_suppressed_gets_no_offer_before_revive() {
    let cluster = Cluster::start().unwrap();
    let _agent = FakeAgent::register(cluster.master.address).unwrap();
    let call = json!({"type": "SUBSCRIBE", "subscribe": {
        "framework_info": {"user": "u", "name": "n", "roles": ["a"],
            "capabilities": [{"type": "MULTI_ROLE"}]},
        "suppressed_roles": ["a"],
    }});
    let request = Request::post_json(PATH, &call);
    let mut stream = RecordStream::open(cluster.master.address, &request).unwrap();
    let subscribed = stream.next_json().unwrap();
    let id = subscribed.pointer("/subscribed/framework_id").unwrap();
    let stream_id = stream.head.header("Mesos-Stream-Id").unwrap().to_owned();
    assert_eq!(stream.next_json().unwrap(), json!({"type": "HEARTBEAT"}));

    let revive = Request::post_json(PATH, &json!({"type": "REVIVE", "framework_id": id}))
        .header("Mesos-Stream-Id", &stream_id);
    let answer = http_client::send(cluster.master.address, &revive).unwrap();

    assert_eq!(answer.status(), 202);
    assert_eq!(stream.next_json().unwrap()["type"], json!("OFFERS"));
}

/// Mirrors: SchedulerTest.TaskRunning
#[test]
fn launched_task_reaches_the_agent_and_its_update_the_framework() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let offer = scheduler.wait_for_offer().unwrap();
    let task = command_task("t1", "true", &offer);

    scheduler.launch(&offer, &[task]).unwrap();
    let run = agent.wait_for_task().unwrap();
    let uuid = agent.update(&run, "TASK_RUNNING").unwrap();
    let status = scheduler.wait_for_update().unwrap();
    let acknowledged = agent
        .wait_for("mesos.internal.StatusUpdateAcknowledgementMessage")
        .unwrap();

    assert_eq!(run.pointer("/task/command/value"), Some(&json!("true")));
    assert_eq!(status["state"], json!("TASK_RUNNING"));
    assert_eq!(status["uuid"], json!(uuid));
    assert_eq!(acknowledged["uuid"], json!(uuid));
}

/// Mirrors: SchedulerTest.KillTask
#[test]
fn kill_is_forwarded_to_the_agent() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let offer = scheduler.wait_for_offer().unwrap();
    let task = command_task("t1", "true", &offer);
    scheduler.launch(&offer, &[task]).unwrap();
    agent.wait_for_task().unwrap();

    scheduler.kill("t1").unwrap();
    let kill = agent.wait_for("mesos.internal.KillTaskMessage").unwrap();

    assert_eq!(kill.pointer("/task_id/value"), Some(&json!("t1")));
}

#[test]
fn call_of_an_unknown_framework_is_refused() {
    let cluster = Cluster::start().unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    scheduler.framework_id = "nobody".to_owned();

    let error = scheduler.teardown().unwrap_err();

    let SchedulerError::Refused { answer, .. } = error else {
        panic!("{error}")
    };
    assert_refused(
        &answer,
        "HTTP/1.1 400 Bad Request",
        "Framework cannot be found",
    );
}
