//! Persistent volumes of a group: the executor's, shared by its tasks, and those of tasks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mesos_integration::eventually::eventually;
use mesos_integration::http_client;
use serde_json::{Value, json};

use crate::support::{Stage, launch_group, scalars};

pub(crate) const ROLE: &str = "keeper";

fn stage() -> Stage {
    let isolation = "--isolation=posix/cpu,posix/mem,volume/sandbox_path";
    Stage::start_with(&json!({"roles": [ROLE]}), &[isolation])
}

pub(crate) fn reservation() -> Value {
    json!({"reservations": [{"type": "DYNAMIC", "role": ROLE}]})
}

/// CPUs, memory and disk that are reserved, as many as for so many tasks.
fn reserved(count: f64) -> Value {
    let mut all = scalars(&reservation());
    for resource in all.as_array_mut().into_iter().flatten() {
        let amount = resource["scalar"]["value"].as_f64().unwrap_or_default();
        resource["scalar"]["value"] = json!(amount * count);
    }
    all
}

/// A persistent volume of one megabyte.
fn volume(container_path: &str) -> Value {
    let mut volume = reservation();
    volume["name"] = json!("disk");
    volume["type"] = json!("SCALAR");
    volume["scalar"] = json!({"value": 1});
    volume["disk"] = json!({
        "persistence": {"id": "id1"},
        "volume": {"mode": "RW", "container_path": container_path},
    });
    volume
}

/// Resources of which one megabyte of disk is that volume.
fn with(volume: &Value) -> Value {
    let mut all = reserved(1.0);
    all[2]["scalar"]["value"] = json!(31);
    all.as_array_mut().expect("a list").push(volume.clone());
    all
}

/// A volume of a task that is one of its executor.
fn of_executor() -> Value {
    json!({
        "type": "MESOS",
        "volumes": [{
            "mode": "RW", "container_path": "task_volume_path",
            "source": {
                "type": "SANDBOX_PATH",
                "sandbox_path": {"type": "PARENT", "path": "executor_volume_path"},
            },
        }],
    })
}

/// What the volume holds on the host.
fn content(stage: &Stage) -> Option<String> {
    let root = stage.cluster.agent_work_dir(0).join("volumes/roles");
    std::fs::read_to_string(root.join(ROLE).join("id1/file")).ok()
}

pub(crate) fn reserve(resources: &Value) -> Value {
    json!({"type": "RESERVE", "reserve": {"resources": resources}})
}

pub(crate) fn create(volume: &Value) -> Value {
    json!({"type": "CREATE", "create": {"volumes": [volume]}})
}

/// Mirrors: `PersistentVolumeDefaultExecutor.ROOT_PersistentResources`
#[test]
fn task_writes_into_the_volume_of_its_executor() {
    let mut stage = stage();
    let volume = volume("executor_volume_path");
    let command = "echo abc > task_volume_path/file";
    let more = json!({"container": of_executor(), "resources": scalars(&json!({}))});
    let task = stage.task("t", command, &more);
    let group = launch_group(&stage.executor(&with(&volume)), &[task]);

    stage.accept(&[reserve(&reserved(1.0)), create(&volume), group]);

    stage.running(None);
    let status = stage.scheduler.wait_for_update().unwrap();
    assert_eq!(status["state"], "TASK_FINISHED", "{status}");
    assert_eq!(content(&stage).as_deref(), Some("abc\n"));
}

/// Mirrors: `PersistentVolumeDefaultExecutor.ROOT_TaskSandboxPersistentVolume`
#[test]
fn volume_of_a_task_is_in_its_sandbox_and_can_be_browsed() {
    let mut stage = stage();
    let volume = volume("task_volume_path");
    let command = "echo abc > task_volume_path/file && sleep 1000";
    let task = stage.task("t", command, &json!({"resources": with(&volume)}));
    let group = launch_group(&stage.executor(&scalars(&json!({}))), &[task]);

    stage.accept(&[reserve(&reserved(1.0)), create(&volume), group]);

    let running = stage.running(None);
    eventually("the file in the volume", || {
        content(&stage).filter(|text| text == "abc\n")
    })
    .unwrap();
    let container = running["container_status"]["container_id"]["parent"]["value"].as_str();
    let below: PathBuf = [
        "slaves",
        stage.offer["agent_id"]["value"].as_str().unwrap(),
        "frameworks",
        &stage.scheduler.framework_id,
        "executors/default/runs",
        container.unwrap(),
        "tasks/t/task_volume_path",
    ]
    .iter()
    .collect();
    let path = stage.cluster.agent_work_dir(0).join(below);
    let agent = stage.cluster.agents.first().unwrap().address;
    let browse = format!("/files/browse?path={}", path.display());
    let listed = http_client::get_json(agent, &browse).unwrap();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let read = format!("/files/read?path={}/file&offset=0", path.display());
    let read = http_client::get_json(agent, &read).unwrap();
    assert_eq!(read, json!({"offset": 0, "data": "abc\n"}));
}

/// A task that writes into the executor's volume, and one that waits for that.
fn producer_and_consumer(stage: &Stage) -> [Value; 2] {
    let more = json!({"container": of_executor(), "resources": reserved(1.0)});
    let wait = "while [ ! -f task_volume_path/file ]; do sleep 0.1; done";
    [
        stage.task("producer", "echo abc > task_volume_path/file", &more),
        stage.task("consumer", wait, &more),
    ]
}

/// Both tasks start, run and finish, each in this order.
fn assert_both_finish(stage: &mut Stage) {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for _ in 0..6 {
        let status = stage.scheduler.wait_for_update().expect("an update");
        let task = status["task_id"]["value"].as_str().unwrap_or_default();
        let states = told.entry(task.to_owned()).or_default();
        states.push(status["state"].clone());
    }
    for task in ["producer", "consumer"] {
        let expected = ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"];
        assert_eq!(told[task], expected, "{task}");
    }
    assert_eq!(content(stage).as_deref(), Some("abc\n"));
}

/// Mirrors: `PersistentVolumeDefaultExecutor.ROOT_TasksSharingViaSandboxVolumes`
#[test]
fn tasks_of_a_group_share_the_volume_of_their_executor() {
    let mut stage = stage();
    let volume = volume("executor_volume_path");
    let tasks = producer_and_consumer(&stage);
    let group = launch_group(&stage.executor(&with(&volume)), &tasks);

    stage.accept(&[reserve(&reserved(3.0)), create(&volume), group]);

    assert_both_finish(&mut stage);
}

/// Mirrors: `PersistentVolumeDefaultExecutor.ROOT_TaskGroupsSharingViaSandboxVolumes`
#[test]
fn groups_share_the_volume_of_their_executor() {
    let mut stage = stage();
    let volume = volume("executor_volume_path");
    let tasks = producer_and_consumer(&stage);
    let executor = stage.executor(&with(&volume));
    let groups = tasks.map(|task| launch_group(&executor, &[task]));

    let [first, second] = groups;
    stage.accept(&[reserve(&reserved(3.0)), create(&volume), first, second]);

    assert_both_finish(&mut stage);
}

/// Mirrors: `PersistentVolumeDefaultExecutor.ROOT_HealthCheckUsingPersistentVolume`
#[test]
fn health_check_reads_from_the_volume_of_its_task() {
    let mut stage = stage();
    let volume = volume("task_volume_path");
    let health = json!({
        "type": "COMMAND", "delay_seconds": 0, "interval_seconds": 0, "grace_period_seconds": 60,
        "command": {"value": "cat task_volume_path/file"},
    });
    let command = "echo abc > task_volume_path/file && sleep 31337";
    let more = json!({"resources": with(&volume), "health_check": health});
    let task = stage.task("t", command, &more);
    let group = launch_group(&stage.executor(&scalars(&json!({}))), &[task]);

    stage.accept(&[reserve(&reserved(1.0)), create(&volume), group]);

    stage.running(None);
    let healthy = stage.health_checked();
    assert_eq!(healthy["healthy"], true, "{healthy}");
    assert_eq!(content(&stage).as_deref(), Some("abc\n"));
}
