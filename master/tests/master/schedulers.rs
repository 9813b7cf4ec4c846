//! The API of frameworks: subscriptions, calls and their errors.

use mesos_proto::internal::ExecutorToFrameworkMessage;
use mesos_proto::v1;
use mesos_proto::v1::scheduler::{Call, call, event};
use serde_json::json;

use crate::support::{Agent, Connection, Scheduler, Stage, framework};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PATH: &str = "/api/v1/scheduler";

#[track_caller]
fn refused(stage: &Stage, headers: &[(&str, &str)], body: &str, status: u16, text: &str) {
    let answer = stage.http("POST", PATH, headers, body.as_bytes());
    assert_eq!((answer.status, answer.text().as_str()), (status, text));
}

/// Mirrors: SchedulerHttpApiTest.Subscribe
#[test]
fn subscriber_hears_subscribed_heartbeat_and_offers() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024;ports:[31000-32000]");

    let mut scheduler = Scheduler::open(&stage, framework("eng"));

    let subscribed = scheduler.expect(event::Type::Subscribed);
    assert!(
        subscribed
            .subscribed()
            .framework_id()
            .value()
            .ends_with("-0000")
    );
    assert!((subscribed.subscribed().heartbeat_interval_seconds() - 15.0).abs() < 1e-9);
    assert_eq!(
        subscribed.subscribed().master_info().id(),
        stage.master.info().id()
    );
    assert_eq!(
        scheduler.next().expect("an event").r#type(),
        event::Type::Heartbeat
    );
    let offer = scheduler.offers()[0].clone();
    assert_eq!(offer.agent_id().value(), agent.id);
    assert_eq!(offer.allocation_info().role(), "eng");
    assert_eq!(offer.url().path(), format!("/{}", agent.peer.upid().id));
}

#[test]
fn heartbeats_come_every_fifteen_seconds() {
    let stage = Stage::start();
    let mut scheduler = stage.subscribe(framework("eng"));
    scheduler.expect(event::Type::Heartbeat);

    stage.advance(std::time::Duration::from_secs(15));

    scheduler.expect(event::Type::Heartbeat);
}

/// Mirrors: SchedulerHttpApiTest.GetRequest
/// Mirrors: SchedulerHttpApiTest.UnsupportedContentMediaType
/// Mirrors: SchedulerHttpApiTest.MalformedContent
/// Mirrors: SchedulerHttpApiTest.NotAcceptable
/// Mirrors: SchedulerHttpApiTest.TeardownWithoutStreamId
#[test]
fn bad_requests_are_answered_as_recorded() {
    let stage = Stage::start();

    refused(
        &stage,
        &[JSON],
        r#"{"type":"SUBSCRIBE"}"#,
        400,
        "Failed to validate scheduler::Call: Expecting 'subscribe' to be present",
    );
    refused(
        &stage,
        &[("Content-Type", "text/plain")],
        "x",
        415,
        "Expecting 'Content-Type' of application/json or application/x-protobuf",
    );
    refused(
        &stage,
        &[JSON],
        "{bad",
        400,
        "Failed to parse body into JSON: syntax error at line 1 near: bad",
    );
    refused(
        &stage,
        &[("Content-Type", "application/x-protobuf")],
        "bad",
        400,
        "Failed to parse body into Call protobuf",
    );
    refused(
        &stage,
        &[JSON],
        r#"{"type":"TEARDOWN","framework_id":{"value":"x"}}"#,
        400,
        "Framework cannot be found",
    );
    refused(
        &stage,
        &[JSON, ("Mesos-Stream-Id", "zz")],
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#,
        400,
        "Subscribe calls should not include the 'Mesos-Stream-Id' header",
    );
    refused(
        &stage,
        &[JSON],
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u"}}}"#,
        400,
        "Failed to convert JSON into Call protobuf: Missing required fields: \
         subscribe.framework_info.name",
    );
    refused(
        &stage,
        &[JSON, ("Accept", "text/html")],
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#,
        406,
        "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    );
    let answer = stage.http("GET", PATH, &[], b"");
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("Allow"), Some("POST"));
    assert_eq!(
        answer.text(),
        "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."
    );
}

#[test]
fn newer_subscription_takes_over() {
    let stage = Stage::start();
    let mut first = stage.subscribe(framework("eng"));
    let mut info = framework("eng");
    info.id = Some(first.id.clone());

    let second = stage.subscribe(info);

    assert_eq!(second.id, first.id);
    let error = first.expect(event::Type::Error);
    assert_eq!(error.error().message(), "Framework failed over");
    assert!(first.next().is_none());
    let stale = first.call(Call {
        r#type: Some(call::Type::Revive.into()),
        ..Default::default()
    });
    assert_eq!(stale.status, 400);
    assert!(
        stale.text().starts_with("The stream ID '"),
        "{}",
        stale.text()
    );
}

/// Mirrors: SchedulerHttpApiTest.TeardownWrongStreamId
#[test]
fn call_without_stream_id_is_refused() {
    let stage = Stage::start();
    let scheduler = stage.subscribe(framework("eng"));
    let body = format!(
        r#"{{"type":"REVIVE","framework_id":{{"value":"{}"}}}}"#,
        scheduler.id.value()
    );

    refused(
        &stage,
        &[JSON],
        &body,
        400,
        "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
    );
}

#[test]
fn teardown_ends_the_stream() {
    let stage = Stage::start();
    let mut scheduler = stage.subscribe(framework("eng"));

    let answer = scheduler.call(Call {
        r#type: Some(call::Type::Teardown.into()),
        ..Default::default()
    });

    assert_eq!(answer.status, 202);
    while scheduler.next().is_some() {}
    let mut info = framework("eng");
    info.id = Some(scheduler.id.clone());
    let mut again = Scheduler::open(&stage, info);
    let error = again.expect(event::Type::Error);
    assert_eq!(error.error().message(), "Framework has been removed");
    assert!(again.next().is_none());
}

#[test]
fn invalid_framework_hears_why_and_the_stream_ends() {
    let stage = Stage::start();
    let mut info = framework("eng");
    info.role = Some("eng".to_owned());

    let mut scheduler = Scheduler::open(&stage, info);

    let error = scheduler.expect(event::Type::Error);
    assert_eq!(
        error.error().message(),
        "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
    );
    assert!(scheduler.next().is_none());
}

#[test]
fn framework_without_failover_timeout_goes_when_it_hangs_up() {
    let stage = Stage::start();
    let mut info = framework("eng");
    info.failover_timeout = Some(0.0);
    let scheduler = stage.subscribe(info);

    drop(scheduler);

    stage.until("the end of the framework", || {
        stage.advance(std::time::Duration::from_millis(1));
        stage.get("/frameworks")["frameworks"]
            .as_array()
            .is_some_and(Vec::is_empty)
    });
}

/// Mirrors: UpdateFrameworkTest.UserChangeFails
#[test]
fn update_framework_changes_what_may_change() {
    let stage = Stage::start();
    let scheduler = stage.subscribe(framework("eng"));
    let update = |user: &str, name: &str| {
        let mut info = framework("eng");
        info.id = Some(scheduler.id.clone());
        info.user = Some(user.to_owned());
        info.name = Some(name.to_owned());
        Call {
            r#type: Some(call::Type::UpdateFramework.into()),
            update_framework: Some(
                call::UpdateFramework {
                    framework_info: Some(info.into()),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        }
    };

    let good = scheduler.call(update("user", "renamed"));
    let bad = scheduler.call(update("other", "renamed"));

    assert_eq!(good.status, 200);
    assert_eq!(stage.get("/frameworks")["frameworks"][0]["name"], "renamed");
    assert_eq!(bad.status, 400);
    assert_eq!(
        bad.text(),
        "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; \
         attempted to update from 'user' to 'other'"
    );
}

#[test]
fn answer_is_chunked_even_when_the_client_wants_to_close() {
    let stage = Stage::start();
    let mut connection = Connection::open(&stage.runtime);
    let body = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#;

    connection.request(
        "POST",
        PATH,
        &[JSON, ("Connection", "close")],
        body.as_bytes(),
    );

    let head = connection.head();
    assert_eq!(head.header("Transfer-Encoding"), Some("chunked"));
    let first = connection.chunk().expect("a record");
    assert!(String::from_utf8_lossy(&first).contains(r#""type":"SUBSCRIBED""#));
}

#[test]
fn suppressed_framework_gets_no_offers_until_it_revives() {
    let stage = Stage::start();
    let mut scheduler = stage.subscribe(framework("eng"));
    scheduler.call(Call {
        r#type: Some(call::Type::Suppress.into()),
        ..Default::default()
    });
    let _agent = stage.agent("cpus:2;mem:1024");
    stage.settle();
    let outstanding = stage.metric("master/outstanding_offers");

    scheduler.call(Call {
        r#type: Some(call::Type::Revive.into()),
        ..Default::default()
    });

    assert!(outstanding.abs() < 1e-9);
    assert_eq!(scheduler.offers().len(), 1);
}

/// Sends a framework more than it may leave unread.
fn flood(stage: &Stage, agent: &Agent, framework_id: &v1::FrameworkId) {
    let message = ExecutorToFrameworkMessage {
        agent_id: agent.info.id.clone(),
        framework_id: Some(framework_id.clone()),
        executor_id: Some(crate::support::from_json(&json!({"value": "e"}))),
        data: Some(vec![0; 1024 * 1024].into()),
        ..Default::default()
    };
    for _ in 0..80 {
        stage.send(&agent.peer, &message);
    }
    stage.settle();
}

#[test]
fn subscribers_that_do_not_read_are_cut_counted_and_others_notice_nothing() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let slow = [
        stage.subscribe(framework("eng")),
        stage.subscribe(framework("eng")),
    ];
    let mut other = stage.subscribe(framework("ops"));

    for scheduler in &slow {
        flood(&stage, &agent, &scheduler.id);
    }
    stage.advance(std::time::Duration::from_secs(15));

    stage.counts("event_streams_unread", 2.0);
    let frameworks = stage.get("/frameworks")["frameworks"].clone();
    let connected = frameworks
        .as_array()
        .expect("a list")
        .iter()
        .filter(|known| known["connected"] == true)
        .count();
    assert_eq!(connected, 1, "{frameworks}");
    other.expect(event::Type::Heartbeat);
}
