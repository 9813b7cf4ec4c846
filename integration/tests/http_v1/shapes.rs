//! Read endpoints have the recorded keys and types.

use std::collections::BTreeSet;

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::golden::Golden;
use mesos_integration::http_client;
use serde_json::{Value, json};

/// Objects whose keys are data: resources, attributes, flags, roles.
const MAPS: [&str; 12] = [
    "attributes",
    "flags",
    "offer_constraints",
    "resources",
    "used_resources",
    "offered_resources",
    "unreserved_resources",
    "reserved_resources",
    "reserved_resources_full",
    "reserved_resources_allocated",
    "unreserved_resources_allocated",
    "allocated",
];

/// The paths of a document with the kind of value at each; list elements are one path.
fn shape(value: &Value) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    walk(value, "", &mut paths);
    paths
}

fn walk(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(items) => {
            items
                .iter()
                .for_each(|item| walk(item, &format!("{path}[]"), paths));
            "list"
        }
        Value::Object(fields) => {
            let name = path.rsplit('.').next().unwrap_or(path);
            if !MAPS.contains(&name) {
                for (key, field) in fields {
                    walk(field, &format!("{path}.{key}"), paths);
                }
            }
            "object"
        }
    };
    paths.insert(format!("{path}: {kind}"));
}

/// Compares shapes; `absent` and `extra` are the beginnings of paths that may differ, with reason.
#[track_caller]
fn assert_shape(file: &str, live: &Value, absent: &[&str], extra: &[&str]) {
    let golden = Golden::open("standalone").expect("the recording is there");
    let recorded = shape(&golden.json(file).expect("the recording is JSON"));
    let live = shape(live);
    let excused = |path: &str, list: &[&str]| list.iter().any(|start| path.starts_with(start));

    let missing: Vec<&String> = recorded
        .difference(&live)
        .filter(|path| !excused(path, absent))
        .collect();
    let new: Vec<&String> = live
        .difference(&recorded)
        .filter(|path| !excused(path, extra))
        .collect();

    assert!(
        missing.is_empty() && new.is_empty(),
        "{file}: missing {missing:#?}, new {new:#?}"
    );
}

/// Build facts that depend on how the genuine program was built.
const BUILD: [&str; 4] = [".git_sha", ".git_branch", ".git_tag", ".build_user"];

#[test]
fn master_without_frameworks_answers_in_the_recorded_shape() {
    let mut cluster = Cluster::start().unwrap();
    cluster
        .add_agent_with(&[
            "--resources=cpus:4;mem:8192;disk:10240;ports:[31000-32000]",
            "--attributes=rack:r1;zone:z1;level:10",
        ])
        .unwrap();

    for (file, target) in [
        ("state", "/master/state"),
        ("state-summary", "/master/state-summary"),
        ("slaves", "/master/slaves"),
        ("frameworks", "/master/frameworks"),
        ("tasks", "/master/tasks"),
    ] {
        let live = http_client::get_json(cluster.master.address, target).unwrap();
        assert_shape(
            &format!("http/00-empty/master-{file}.json"),
            &live,
            &BUILD,
            &[],
        );
    }
}

#[test]
fn master_with_a_running_task_answers_in_the_recorded_shape() {
    let (cluster, _scheduler) = with_running_task();

    for (file, target) in [
        ("state", "/master/state"),
        ("state-summary", "/master/state-summary"),
        ("slaves", "/master/slaves"),
        ("tasks", "/master/tasks"),
    ] {
        let live = http_client::get_json(cluster.master.address, target).unwrap();
        // The recording has frameworks, reservations and tasks that ended before.
        let absent = [
            &BUILD[..],
            &[
                ".tasks[].statuses[].container_status.container_id.parent",
                ".completed_frameworks",
                ".tasks[].statuses[].container_status.container_id.parent",
                ".frameworks[].completed_tasks",
                ".frameworks[].executors",
                ".slaves[].reserved_resources",
                ".slaves[].reregistered_time",
                ".slaves[].unreserved_resources_full",
                ".slaves[].used_resources_full",
            ],
        ]
        .concat();
        assert_shape(
            &format!("http/02-running/master-{file}.json"),
            &live,
            &absent,
            // Ours holds an offer at the same time.
            &[
                ".frameworks[].offers[]",
                ".slaves[].offered_resources_full[]",
            ],
        );
    }
}

#[test]
fn agent_with_a_running_task_answers_in_the_recorded_shape() {
    let (cluster, _scheduler) = with_running_task();

    let live = http_client::get_json(cluster.agents[0].address, "/state").unwrap();

    let absent = [
        &BUILD[..],
        &[
            ".completed_frameworks",
            ".frameworks[].completed_executors",
            ".reserved_resources",
            ".unreserved_resources_full",
        ],
    ]
    .concat();
    assert_shape("http/02-running/agent-state.json", &live, &absent, &[]);
}

/// A cluster with one checkpointed v1 task that runs, as in the recording.
fn with_running_task() -> (Cluster, FakeScheduler) {
    let mut cluster = Cluster::start().expect("the master starts");
    cluster
        .add_agent_with(&[
            "--resources=cpus:4;mem:8192;disk:10240;ports:[31000-32000]",
            "--attributes=rack:r1;zone:z1;level:10",
        ])
        .expect("the agent starts");
    let info = json!({
        "user": "root", "name": "mesos-execute instance", "checkpoint": true, "role": "*",
        "failover_timeout": 600.0,
        "capabilities": [{"type": "RESERVATION_REFINEMENT"}, {"type": "PARTITION_AWARE"}],
    });
    let mut scheduler =
        FakeScheduler::subscribe_as(cluster.master.address, &info).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer comes");
    let task = command_task("long", "sleep 1000", &offer);
    scheduler
        .launch(&offer, &[task])
        .expect("the launch is accepted");
    scheduler
        .wait_for_state("long", "TASK_RUNNING")
        .expect("the task runs");
    eventually("the task in the state of the master", || {
        let state = http_client::get_json(cluster.master.address, "/master/state").ok()?;
        let task = state.pointer("/frameworks/0/tasks/0/state")?;
        (task == "TASK_RUNNING").then_some(())
    })
    .expect("the master knows the task");
    (cluster, scheduler)
}
