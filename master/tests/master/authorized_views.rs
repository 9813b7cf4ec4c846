//! What principals may see under `--acls`.

use mesos_proto::v1;
use serde_json::Value;

use crate::authorization::{asking, under};
use crate::support::{ALICE, BOB, Scheduler, Stage, framework, launch, task};

/// What alice may see and bob may not.
const FOR_ALICE: &str = r#"{
    "view_frameworks": [
        {"principals": {"values": ["alice"]}, "users": {"type": "ANY"}},
        {"principals": {"values": ["bob"]}, "users": {"values": ["user"]}},
        {"principals": {"type": "ANY"}, "users": {"type": "NONE"}}],
    "view_tasks": [
        {"principals": {"values": ["alice"]}, "users": {"type": "ANY"}},
        {"principals": {"type": "ANY"}, "users": {"type": "NONE"}}],
    "view_executors": [
        {"principals": {"values": ["alice"]}, "users": {"type": "ANY"}},
        {"principals": {"type": "ANY"}, "users": {"type": "NONE"}}],
    "view_flags": [
        {"principals": {"values": ["alice"]}, "flags": {"type": "ANY"}},
        {"principals": {"type": "ANY"}, "flags": {"type": "NONE"}}],
    "view_roles": [
        {"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}},
        {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}]}"#;

/// A task with an executor of its own, of user `user`, and a second framework of user `other`.
fn with_a_task(stage: &Stage) -> (Scheduler, Scheduler, crate::support::Agent) {
    let agent = stage.agent("cpus:4;mem:1024;cpus(eng):1");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offers = scheduler.offers();
    let offer = offers.first().expect("an offer");
    let mut info = task("t", offer, "cpus:1;mem:32");
    info.command = None;
    info.executor = Some(
        v1::ExecutorInfo {
            executor_id: Some(v1::ExecutorId {
                value: Some("e".to_owned()),
                ..Default::default()
            }),
            command: Some(
                v1::CommandInfo {
                    value: Some("true".to_owned()),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        }
        .into(),
    );
    scheduler.accept(offer, vec![launch(vec![info])]);
    let run: mesos_proto::internal::RunTaskMessage = agent.peer.expect();
    assert_eq!(run.task().task_id().value(), "t");
    let mut other = framework("ops");
    other.user = Some("other".to_owned());
    let other = stage.subscribe(other);
    (scheduler, other, agent)
}

fn seen_by(stage: &Stage, who: (&str, &str), path: &str) -> Value {
    let answer = stage.http_as(who, "GET", path, b"");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

pub(crate) fn count(document: &Value, pointer: &str) -> usize {
    document
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(0, Vec::len)
}

/// Mirrors: MasterAuthorizerTest.FilterStateEndpoint
/// Mirrors: MasterAuthorizerTest.FilterFrameworksEndpoint
#[test]
fn frameworks_tasks_and_executors_are_shown_to_whom_they_may_be_shown() {
    let (stage, _file) = asking(FOR_ALICE);
    let _running = with_a_task(&stage);

    for path in ["/master/state", "/master/frameworks"] {
        let alice = seen_by(&stage, ALICE, path);
        let mine = alice["frameworks"].as_array().expect("a list");
        let mine = mine.iter().find(|one| one["user"] == "user").expect("mine");
        assert_eq!(count(&alice, "/frameworks"), 2, "{path}");
        assert_eq!(
            (count(mine, "/tasks"), count(mine, "/executors")),
            (1, 1),
            "{path}"
        );

        let bob = seen_by(&stage, BOB, path);
        assert_eq!(count(&bob, "/frameworks"), 1, "{path}");
        assert_eq!(count(&bob, "/frameworks/0/tasks"), 0, "{path}");
        assert_eq!(count(&bob, "/frameworks/0/executors"), 0, "{path}");
    }
}

/// Mirrors: MasterAuthorizerTest.FilterStateSummaryEndpoint
/// Mirrors: MasterAuthorizerTest.FilterTasksEndpoint
#[test]
fn summary_and_tasks_are_filtered() {
    let (stage, _file) = asking(FOR_ALICE);
    let _running = with_a_task(&stage);

    let of = |who, path: &str, list: &str| count(&seen_by(&stage, who, path), list);
    assert_eq!(of(ALICE, "/master/state-summary", "/frameworks"), 2);
    assert_eq!(of(BOB, "/master/state-summary", "/frameworks"), 1);
    assert_eq!(of(ALICE, "/master/tasks", "/tasks"), 1);
    assert_eq!(of(BOB, "/master/tasks", "/tasks"), 0);
}

/// Mirrors: MasterAuthorizerTest.ViewFlags
/// Mirrors: MasterAuthorizerTest.FilterRolesEndpoint
#[test]
fn flags_and_roles_are_for_those_who_may_see_them() {
    let (stage, _file) = asking(FOR_ALICE);
    let _running = with_a_task(&stage);

    assert!(
        seen_by(&stage, ALICE, "/master/state")
            .get("flags")
            .is_some()
    );
    assert!(seen_by(&stage, BOB, "/master/state").get("flags").is_none());
    assert_eq!(stage.http_as(BOB, "GET", "/master/flags", b"").status, 403);
    assert_eq!(
        stage.http_as(ALICE, "GET", "/master/flags", b"").status,
        200
    );
    assert_eq!(count(&seen_by(&stage, ALICE, "/master/roles"), "/roles"), 2);
    assert_eq!(count(&seen_by(&stage, BOB, "/master/roles"), "/roles"), 0);
    let agents = seen_by(&stage, BOB, "/master/slaves");
    assert_eq!(
        agents["slaves"][0]["reserved_resources"],
        serde_json::json!({})
    );
    let agents = seen_by(&stage, ALICE, "/master/slaves");
    assert!(
        agents["slaves"][0]["reserved_resources"]
            .get("eng")
            .is_some()
    );
}

#[test]
fn subscriber_hears_only_of_what_he_may_see() {
    let (stage, _file) = asking(FOR_ALICE);
    let mut connection = crate::support::Connection::open(&stage.runtime);
    let headers = [BOB, ("Content-Type", "application/json")];
    connection.request("POST", "/api/v1", &headers, br#"{"type":"SUBSCRIBE"}"#);
    assert_eq!(connection.head().status, 200);

    let (_scheduler, other, _agent) = with_a_task(&stage);
    let body = format!("frameworkId={}", other.id.value());
    stage.http_as(ALICE, "POST", "/master/teardown", body.as_bytes());
    let body = format!("frameworkId={}", _scheduler.id.value());
    stage.http_as(ALICE, "POST", "/master/teardown", body.as_bytes());

    let mut heard = Vec::new();
    while heard.last().map(String::as_str) != Some("FRAMEWORK_REMOVED") {
        let record = connection.chunk().expect("an event");
        let text = String::from_utf8(record).expect("a text");
        let event: Value =
            serde_json::from_str(text.split_once('\n').expect("a record").1).expect("JSON");
        heard.push(event["type"].as_str().expect("a type").to_owned());
    }
    assert_eq!(
        heard,
        [
            "SUBSCRIBED",
            "HEARTBEAT",
            "AGENT_ADDED",
            "FRAMEWORK_ADDED",
            "FRAMEWORK_REMOVED"
        ]
    );
}

#[test]
fn calls_of_the_operator_api_are_filtered_too() {
    let (stage, _file) = asking(FOR_ALICE);
    let _running = with_a_task(&stage);
    let of = |who, call: &str, list: &str| {
        let body = format!(r#"{{"type":"{call}"}}"#);
        count(
            &stage
                .http_as(who, "POST", "/api/v1", body.as_bytes())
                .json(),
            list,
        )
    };

    for (call, list, alice, bob) in [
        ("GET_FRAMEWORKS", "/get_frameworks/frameworks", 2, 1),
        ("GET_TASKS", "/get_tasks/tasks", 1, 0),
        ("GET_EXECUTORS", "/get_executors/executors", 1, 0),
        ("GET_ROLES", "/get_roles/roles", 2, 0),
        ("GET_STATE", "/get_state/get_tasks/tasks", 1, 0),
    ] {
        assert_eq!(of(ALICE, call, list), alice, "{call}");
        assert_eq!(of(BOB, call, list), bob, "{call}");
    }
}

#[test]
fn routes_of_libprocess_are_closed_unless_a_rule_opens_them() {
    let stage = under(
        r#"{"get_endpoints": [
            {"principals": {"type": "ANY"}, "paths": {"values": ["/metrics/snapshot"]}},
            {"principals": {"type": "ANY"}, "paths": {"type": "NONE"}}]}"#,
    );
    let status = |path| stage.http("GET", path, &[], b"").status;

    assert_eq!(status("/logging/toggle"), 403);
    assert_eq!(status("/files/debug"), 403);
}

#[test]
fn constraints_of_a_framework_are_shown_to_those_who_may_see_it() {
    let (stage, _file) = asking(FOR_ALICE);
    let _running = with_a_task(&stage);
    let path = "/allocator/offer_constraints_debug";

    let shown = |who| {
        let page = seen_by(&stage, who, path);
        page["frameworks"].as_object().map(serde_json::Map::len)
    };

    assert_eq!(shown(ALICE), Some(2));
    assert_eq!(shown(BOB), Some(1));
    assert_eq!(stage.http("GET", path, &[], b"").status, 401);
}
