//! Documents and metrics beside those that a genuine master was recorded with.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use mesos_proto::v1::TaskState;
use serde_json::Value;

use crate::support::{Stage, framework, run_one};

/// A file of the recording of one master with one agent.
#[expect(clippy::panic, reason = "a test fails so")]
fn recorded(name: &str) -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../integration/golden/standalone.tar.gz");
    let file = std::fs::File::open(path).expect("the recording");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        if entry.path().expect("a path").ends_with(name) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            return content;
        }
    }
    panic!("{name} was not recorded")
}

fn golden(name: &str) -> Value {
    serde_json::from_slice(&recorded(name)).expect("JSON")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "double",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Keys whose members depend on the scene and not on the program.
const FREE: [&str; 9] = [
    "flags",
    "attributes",
    "git_sha",
    "git_tag",
    "limits",
    "consumed",
    "allocated",
    "offered",
    "capabilities",
];

/// Every path and kind of a document; the elements of a list count as one.
fn shape(value: &Value, path: &str, into: &mut BTreeMap<String, &'static str>) {
    into.insert(path.to_owned(), kind(value));
    match value {
        Value::Array(items) => {
            for item in items {
                shape(item, &format!("{path}[]"), into);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let path = format!("{path}.{name}");
                if FREE.contains(&name.as_str()) {
                    into.insert(path, kind(member));
                } else {
                    shape(member, &path, into);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The same paths and kinds; paths that start with one of `skip` do not count.
#[track_caller]
fn same_shape(name: &str, ours: &Value, skip: &[&str]) {
    let (mut expected, mut got) = (BTreeMap::new(), BTreeMap::new());
    shape(&golden(name), "", &mut expected);
    shape(ours, "", &mut got);
    let counts = |path: &str| !skip.iter().any(|prefix| path.contains(prefix));
    let list = |map: BTreeMap<String, &'static str>| -> Vec<String> {
        map.into_iter()
            .filter(|(path, _)| counts(path))
            .map(|(path, kind)| format!("{path}: {kind}"))
            .collect()
    };
    assert_eq!(list(got), list(expected), "{name}");
}

/// A stage as it was when the recording was made: one agent, one running task.
fn running() -> (Stage, crate::support::Agent, crate::support::Scheduler) {
    let stage = Stage::start_with(|flags| flags.hostname = Some("localhost".to_owned()));
    let agent = stage.agent("cpus:4;mem:8192;disk:10240;ports:[31000-32000]");
    let mut info = framework("*");
    info.capabilities
        .retain(|one| one.r#type() != mesos_proto::v1::framework_info::capability::Type::MultiRole);
    info.roles.clear();
    info.role = Some("*".to_owned());
    let mut scheduler = stage.subscribe(info);
    let run = run_one(&mut scheduler, &agent, "long", "cpus:1;mem:128");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    scheduler.acknowledge(&status);
    stage.settle();
    (stage, agent, scheduler)
}

/// What only executors or earlier frameworks of the recording put there.
const SCENE: [&str; 4] = [
    "completed_frameworks[]",
    "container_status",
    "completed_tasks[]",
    "offers[]",
];

#[test]
fn state_has_the_keys_and_kinds_of_the_recording() {
    let (stage, _agent, _scheduler) = running();
    let mut skip = SCENE.to_vec();
    skip.extend(["git_", "offers"]);

    same_shape("02-running/master-state.json", &stage.get("/state"), &skip);
}

#[test]
fn summary_has_the_keys_and_kinds_of_the_recording() {
    let (stage, _agent, _scheduler) = running();

    same_shape(
        "02-running/master-state-summary.json",
        &stage.get("/state-summary"),
        &[],
    );
}

#[test]
fn agents_have_the_keys_and_kinds_of_the_recording() {
    let (stage, _agent, _scheduler) = running();

    same_shape(
        "02-running/master-slaves.json",
        &stage.get("/slaves"),
        &["offered_resources_full[]"],
    );
}

#[test]
fn roles_have_the_keys_and_kinds_of_the_recording() {
    let (stage, _agent, _scheduler) = running();

    same_shape(
        "02-running/master-roles.json",
        &stage.get("/roles"),
        &[".resources"],
    );
}

#[test]
fn documents_of_an_empty_master_equal_the_recording() {
    let stage = Stage::start();

    for (path, name) in [
        ("/quota", "00-empty/master-quota.json"),
        ("/weights", "00-empty/master-weights.json"),
        (
            "/maintenance/schedule",
            "00-empty/master-maintenance-schedule.json",
        ),
        (
            "/maintenance/status",
            "00-empty/master-maintenance-status.json",
        ),
        ("/tasks", "00-empty/master-tasks.json"),
        ("/frameworks", "00-empty/master-frameworks.json"),
    ] {
        assert_eq!(stage.get(path), golden(name), "{path}");
    }
}

#[test]
fn operator_answers_have_the_keys_and_kinds_of_the_recording() {
    let (stage, _agent, _scheduler) = running();

    for kind in [
        "GET_AGENTS",
        "GET_FRAMEWORKS",
        "GET_TASKS",
        "GET_STATE",
        "GET_ROLES",
        "GET_QUOTA",
    ] {
        let answer = stage.call(&format!(r#"{{"type":"{kind}"}}"#)).json();
        let skip = [
            "completed_",
            "executor_id",
            "container_status",
            "offered_resources",
            "attributes",
            "offers",
            "executors[]",
            "role.resources",
        ];
        same_shape(&format!("02-running/v1-master-{kind}.json"), &answer, &skip);
    }
}

#[test]
fn metrics_of_the_recording_are_there_from_the_start() {
    let stage = Stage::start();
    let snapshot = stage.runtime.metrics().snapshot(None);
    let ours = stage.runtime.block_on(snapshot).ready().expect("metrics");
    let recorded = golden("http/master-metrics-snapshot.json");
    let reasons = "master/task_";

    let missing: Vec<&String> = recorded
        .as_object()
        .expect("an object")
        .keys()
        .filter(|key| key.starts_with("master/") || key.starts_with("registrar/"))
        .filter(|key| !key.starts_with(reasons) && !key.starts_with("master/frameworks/"))
        .filter(|key| !key.starts_with("registrar/log/"))
        .filter(|key| !key.contains("_ms"))
        .filter(|key| !ours.contains_key(*key))
        .collect();

    assert_eq!(missing, Vec::<&String>::new());
}

/// Mirrors: MasterTest.MasterInfo
#[test]
fn redirect_leads_to_the_leader() {
    let stage = Stage::start_with(|flags| flags.hostname = Some("localhost".to_owned()));
    let port = stage.runtime.address().port;

    for path in ["/redirect", "/master/redirect"] {
        let answer = stage.http("GET", path, &[], b"");
        assert_eq!(answer.status, 307);
        assert_eq!(
            answer.header("Location"),
            Some(format!("//localhost:{port}").as_str())
        );
    }
    assert_eq!(stage.http("GET", "/redirect/x", &[], b"").status, 404);
}

/// Mirrors: MasterTest.SlavesEndpointQuerySlave
/// Mirrors: MasterTest.TasksEndpoint
#[test]
fn read_endpoints_answer_to_any_method_and_below_their_path() {
    let (stage, agent, _scheduler) = running();

    let one = stage.http("POST", &format!("/slaves?slave_id={}", agent.id), &[], b"");
    assert_eq!(one.json()["slaves"].as_array().expect("a list").len(), 1);
    let none = stage.http("POST", "/slaves?slave_id=x", &[], b"");
    assert_eq!(none.json()["slaves"].as_array().expect("a list").len(), 0);
    assert_eq!(stage.http("GET", "/slaves/", &[], b"").status, 200);
    assert_eq!(
        stage.http("POST", "/tasks/?task_id=long", &[], b"").status,
        200
    );
    let all = stage.get("/tasks?limit=-1&order=asc");
    assert_eq!(all["tasks"].as_array().expect("a list").len(), 1);
}

#[test]
fn jsonp_wraps_the_document() {
    let stage = Stage::start();

    let answer = stage.http("GET", "/state?jsonp=f", &[], b"");

    assert!(answer.text().starts_with("f({"), "{}", answer.text());
    assert_eq!(answer.header("Content-Type"), Some("text/javascript"));
}

#[test]
fn registry_is_shown() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");

    let registry = stage.get("/registrar(1)/registry");

    assert_eq!(
        registry["slaves"]["slaves"][0]["info"]["id"]["value"],
        agent.id.as_str()
    );
    assert_eq!(
        registry["slaves"]["slaves"][0]["info"]["resources"][0]["role"],
        "*"
    );
    assert_eq!(registry["master"]["info"]["id"], stage.master.info().id());
}
