//! The API of operators.

use mesos_proto::internal::{ApplyOperationMessage, DrainAgentMessage, ShutdownMessage};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::event;

use crate::support::{Connection, Stage, framework, run_one};

#[track_caller]
pub(crate) fn ok(stage: &Stage, json: &str) {
    let answer = stage.call(json);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[track_caller]
pub(crate) fn refused(stage: &Stage, json: &str, status: u16, text: &str) {
    let answer = stage.call(json);
    assert_eq!((answer.status, answer.text().as_str()), (status, text));
}

fn reserve(agent_id: &str, cpus: f64) -> String {
    format!(
        r#"{{"type":"RESERVE_RESOURCES","reserve_resources":{{"agent_id":{{"value":"{agent_id}"}},
        "resources":[{{"name":"cpus","type":"SCALAR","scalar":{{"value":{cpus}}},
        "reservations":[{{"type":"DYNAMIC","role":"eng","principal":"ops"}}]}}]}}}}"#
    )
}

/// Mirrors: ReservationEndpointsTest.AvailableResources
#[test]
fn operator_reserves_free_resources() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");

    let answer = stage.call(&reserve(&agent.id, 1.0));

    assert_eq!(answer.status, 202, "{}", answer.text());
    let apply: ApplyOperationMessage = agent.peer.expect();
    assert_eq!(apply.operation_info().reserve().resources.len(), 1);
    assert!(apply.framework_id.is_none());
    let slaves = stage.get("/slaves");
    let reserved = &slaves["slaves"][0]["reserved_resources"]["eng"]["cpus"];
    assert!((reserved.as_f64().expect("a number") - 1.0).abs() < 1e-9);
}

/// Mirrors: ReservationEndpointsTest.InsufficientResources
#[test]
fn operator_cannot_reserve_more_than_there_is() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");

    let answer = stage.call(&reserve(&agent.id, 9.0));

    assert_eq!(answer.status, 409);
    assert!(
        answer.text().contains("does not contain"),
        "{}",
        answer.text()
    );
    refused(
        &stage,
        &reserve("nope", 1.0),
        400,
        "No agent found with specified ID",
    );
}

/// Mirrors: ReservationEndpointsTest.ReserveOfferedResources
#[test]
fn operator_takes_offered_resources_back() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offers = scheduler.offers();

    let answer = stage.call(&reserve(&agent.id, 1.0));

    assert_eq!(answer.status, 202);
    assert_eq!(
        scheduler.expect(event::Type::Rescind).rescind().offer_id(),
        offers[0].id()
    );
}

pub(crate) fn on_agent(call: &str, agent_id: &str) -> String {
    let field = call.to_lowercase();
    format!(r#"{{"type":"{call}","{field}":{{"agent_id":{{"value":"{agent_id}"}}}}}}"#)
}

#[test]
fn gone_agent_is_shut_down_and_stays_away() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");

    ok(&stage, &on_agent("MARK_AGENT_GONE", &agent.id));

    let shutdown: ShutdownMessage = agent.peer.expect();
    assert_eq!(shutdown.message(), "Agent has been marked gone");
    assert_eq!(scheduler.update().state(), TaskState::TaskGoneByOperator);
    stage.send(&agent.peer, &agent.reregistration(&[]));
    let again: ShutdownMessage = agent.peer.expect();
    assert_eq!(again.message(), "Agent has been marked gone");
    ok(&stage, &on_agent("MARK_AGENT_GONE", &agent.id));
    refused(
        &stage,
        &on_agent("MARK_AGENT_GONE", "x"),
        404,
        "Agent 'x' not found",
    );
}

#[test]
fn idle_agent_is_drained_at_once() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    scheduler.offers();

    ok(&stage, &on_agent("DRAIN_AGENT", &agent.id));

    let _drain: DrainAgentMessage = agent.peer.expect();
    scheduler.expect(event::Type::Rescind);
    stage.settle();
    let slaves = stage.get("/slaves");
    assert_eq!(slaves["slaves"][0]["drain_info"]["state"], "DRAINED");
    assert_eq!(slaves["slaves"][0]["deactivated"], true);
    ok(&stage, &on_agent("REACTIVATE_AGENT", &agent.id));
    assert_eq!(stage.get("/slaves")["slaves"][0]["active"], true);
}

#[test]
fn busy_agent_drains_until_its_task_is_acknowledged() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");

    ok(&stage, &on_agent("DRAIN_AGENT", &agent.id));
    refused(
        &stage,
        &on_agent("REACTIVATE_AGENT", &agent.id),
        400,
        "Agent is still in the DRAINING state",
    );
    agent.update(&stage, &run, TaskState::TaskKilled, 3);
    let killed = scheduler.update();
    scheduler.acknowledge(&killed);
    stage.settle();

    let slaves = stage.get("/slaves");
    assert_eq!(slaves["slaves"][0]["drain_info"]["state"], "DRAINED");
}

#[test]
fn deactivated_agent_is_not_offered() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    ok(&stage, &on_agent("DEACTIVATE_AGENT", &agent.id));
    let _scheduler = stage.subscribe(framework("eng"));
    stage.settle();

    assert!(stage.metric("master/outstanding_offers").abs() < 1e-9);
    refused(
        &stage,
        &on_agent("DEACTIVATE_AGENT", "x"),
        400,
        "Unknown agent",
    );
    refused(
        &stage,
        &on_agent("REACTIVATE_AGENT", "x"),
        400,
        "Agent is not deactivated",
    );
}

#[test]
fn machine_goes_down_with_its_agent() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let machine = r#"{"hostname":"host","ip":"127.0.0.1"}"#;
    let schedule = format!(
        r#"{{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{{"schedule":
        {{"windows":[{{"machine_ids":[{machine}],"unavailability":{{"start":{{"nanoseconds":1}}}}
        }}]}}}}}}"#
    );
    ok(&stage, &schedule);
    refused(
        &stage,
        &on_agent("DRAIN_AGENT", &agent.id),
        400,
        &format!(
            "Agent {} is part of a maintenance schedule under Machine host (127.0.0.1)",
            agent.id
        ),
    );

    let down =
        format!(r#"{{"type":"START_MAINTENANCE","start_maintenance":{{"machines":[{machine}]}}}}"#);
    ok(&stage, &down);

    let shutdown: ShutdownMessage = agent.peer.expect();
    assert_eq!(shutdown.message(), "Operator initiated 'Machine DOWN'");
    stage.settle();
    assert_eq!(
        stage.get("/maintenance/status")["down_machines"][0]["hostname"],
        "host"
    );
    let up =
        format!(r#"{{"type":"STOP_MAINTENANCE","stop_maintenance":{{"machines":[{machine}]}}}}"#);
    ok(&stage, &up);
    assert_eq!(stage.get("/maintenance/status"), serde_json::json!({}));
}

#[test]
fn removing_a_quota_that_is_not_there_is_an_error() {
    let stage = Stage::start();

    refused(
        &stage,
        r#"{"type":"REMOVE_QUOTA","remove_quota":{"role":"x"}}"#,
        400,
        "Failed to remove quota: Role 'x' has no quota set",
    );
}

#[test]
fn weights_are_stored_and_shown() {
    let stage = Stage::start();

    ok(
        &stage,
        r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":2.5}]}}"#,
    );

    assert_eq!(
        stage.get("/weights"),
        serde_json::json!([{"role": "eng", "weight": 2.5}])
    );
    let bad = stage.http("PUT", "/weights", &[], br#"[{"role":"a"}]"#);
    assert_eq!(
        (bad.status, bad.text().as_str()),
        (
            400,
            "Failed to convert weights JSON array to protobuf '[{\"role\":\"a\"}]': Missing \
             required fields: weight"
        )
    );
}

#[test]
fn operator_follows_what_happens() {
    let stage = Stage::start();
    let mut connection = Connection::open(&stage.runtime);
    connection.request(
        "POST",
        "/api/v1",
        &[("Content-Type", "application/json")],
        br#"{"type":"SUBSCRIBE"}"#,
    );
    assert_eq!(connection.head().status, 200);
    let mut kinds = Vec::new();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    scheduler.update();

    while kinds.len() < 6 {
        let chunk = connection.chunk().expect("an event");
        let text = String::from_utf8(chunk).expect("text");
        let (_, json) = text.split_once('\n').expect("a record");
        let event: serde_json::Value = serde_json::from_str(json).expect("JSON");
        kinds.push(event["type"].as_str().expect("a type").to_owned());
    }

    assert_eq!(
        kinds,
        [
            "SUBSCRIBED",
            "HEARTBEAT",
            "AGENT_ADDED",
            "FRAMEWORK_ADDED",
            "TASK_ADDED",
            "TASK_UPDATED"
        ]
    );
}

#[test]
fn bad_calls_are_answered_as_recorded() {
    let stage = Stage::start();

    refused(
        &stage,
        r#"{"type":"NOPE"}"#,
        400,
        "Failed to validate master::Call: Expecting 'type' to be present",
    );
    refused(
        &stage,
        r#"{"type":"TEARDOWN","teardown":{"framework_id":{"value":"x"}}}"#,
        400,
        "No framework found with specified ID",
    );
    let post = |path: &str, body: &str| {
        let answer = stage.http("POST", path, &[], body.as_bytes());
        (answer.status, answer.text())
    };
    assert_eq!(
        post("/master/teardown", "frameworkId=nope"),
        (400, "No framework found with specified ID".to_owned())
    );
    assert_eq!(
        post("/master/reserve", "slaveId=x"),
        (
            400,
            "Missing 'resources' query parameter in the request body".to_owned()
        )
    );
    assert_eq!(
        post("/master/quota", "{}"),
        (
            400,
            "Failed to validate set quota request: QuotaInfo with invalid role: Role names cannot \
             be the empty string"
                .to_owned()
        )
    );
    assert_eq!(
        post("/master/maintenance/schedule", r#"{"windows":[{}]}"#),
        (
            400,
            "Missing required fields: windows[0].unavailability".to_owned()
        )
    );
}
