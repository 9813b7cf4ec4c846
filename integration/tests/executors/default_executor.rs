//! Tasks of the default executor.

use std::collections::BTreeMap;

use mesos_integration::cluster::free_address;
use serde_json::{Value, json};

use crate::support::{Stage, http_check, launch_group, scalars, tcp_check};

/// Mirrors: DefaultExecutorCheckTest.HTTPCheckDelivered
#[test]
fn status_of_an_http_check_is_delivered() {
    let mut stage = Stage::start();
    let check = http_check(stage.port(), "/health");
    stage.launch_group(&[stage.task("t", "sleep 1000", &json!({"check": check}))]);

    let running = stage.running(None);
    let checked = stage.checked();

    assert_eq!(running["check_status"], json!({"type": "HTTP", "http": {}}));
    assert_eq!(
        checked["check_status"],
        json!({"type": "HTTP", "http": {"status_code": 200}})
    );
}

/// Mirrors: DefaultExecutorCheckTest.TCPCheckDelivered
#[test]
fn status_of_a_tcp_check_is_delivered() {
    let mut stage = Stage::start();
    let check = tcp_check(free_address().unwrap().port());
    stage.launch_group(&[stage.task("t", "sleep 1000", &json!({"check": check}))]);

    let running = stage.running(None);
    let checked = stage.checked();

    assert_eq!(running["check_status"], json!({"type": "TCP", "tcp": {}}));
    assert_eq!(
        checked["check_status"],
        json!({"type": "TCP", "tcp": {"succeeded": false}})
    );
}

/// Mirrors: DefaultExecutorCheckTest.MultipleTasksWithChecks
#[test]
fn each_task_of_a_group_has_its_own_check() {
    let mut stage = Stage::start();
    let check = json!({"check": tcp_check(free_address().unwrap().port())});
    stage.launch_group(&[
        stage.task("a", "sleep 1000", &check),
        stage.task("b", "sleep 1000", &check),
    ]);

    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    while told.values().map(Vec::len).sum::<usize>() < 6 {
        let status = stage.scheduler.wait_for_update().unwrap();
        let task = status["task_id"]["value"].as_str().unwrap_or_default();
        let what = json!([status["state"], status["check_status"]["tcp"]]);
        told.entry(task.to_owned()).or_default().push(what);
    }

    for task in ["a", "b"] {
        let expected = [
            json!(["TASK_STARTING", {}]),
            json!(["TASK_RUNNING", {}]),
            json!(["TASK_RUNNING", {"succeeded": false}]),
        ];
        assert_eq!(told[task], expected, "{task}");
    }
}

/// Mirrors: SchedulerTest.TaskGroupRunning
#[test]
fn all_tasks_of_a_group_start_run_and_finish() {
    let mut stage = Stage::start();
    let none = json!({});
    let end = stage.cluster.folder().join("end");
    let wait = format!("while [ ! -e {} ]; do sleep 0.1; done", end.display());
    stage.launch_group(&[stage.task("a", &wait, &none), stage.task("b", &wait, &none)]);

    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        if state == "TASK_FINISHED" {
            // Not before both run.
            std::fs::write(&end, "").unwrap();
        }
        let mut told = [(); 2].map(|()| {
            let status = stage.scheduler.wait_for_update().unwrap();
            (
                status["task_id"]["value"].to_string(),
                status["state"].to_string(),
            )
        });
        told.sort();
        let expected = ["a", "b"].map(|id| (json!(id).to_string(), json!(state).to_string()));
        assert_eq!(told, expected);
    }
}

/// Mirrors: DefaultExecutorTest.TaskUsesExecutor
#[test]
fn task_that_names_its_default_executor_starts() {
    let mut stage = Stage::start();
    let executor = stage.executor(&scalars(&json!({})));
    stage.launch_group(&[stage.task("t", "sleep 1000", &json!({"executor": executor}))]);

    let status = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_STARTING", "{status}");
    assert_eq!(status["task_id"]["value"], "t");
    assert!(status.get("timestamp").is_some());
}

/// Mirrors: DefaultExecutorTest.TaskWithFileURI
#[test]
fn file_of_a_task_lies_in_its_own_sandbox() {
    let mut stage = Stage::start();
    let file = stage.cluster.folder().join("pizza");
    std::fs::write(&file, "pizza").unwrap();
    let mut task = stage.task("t", "test \"$(cat pizza)\" = pizza", &json!({}));
    task["command"]["uris"] = json!([{"value": format!("file://{}", file.display())}]);
    stage.launch_group(&[task]);

    stage.running(None);
    let status = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_FINISHED", "{status}");
}

/// Mirrors: DefaultExecutorTest.ReservedResources
#[test]
fn executor_on_reserved_resources_runs_tasks_on_others() {
    let mut stage = Stage::start_as("reserver");
    let reservation = json!({"reservations": [{"type": "DYNAMIC", "role": "reserver"}]});
    let reserved = scalars(&reservation);
    let reserve = json!({"type": "RESERVE", "reserve": {"resources": reserved}});
    let mut task = stage.task("t", "sleep 1000", &json!({}));
    task["resources"] = scalars(&json!({}));
    let group = launch_group(&stage.executor(&reserved), &[task]);

    stage.accept(&[reserve, group]);

    let status = stage.scheduler.wait_for_update().unwrap();
    assert_eq!(status["state"], "TASK_STARTING", "{status}");
}
