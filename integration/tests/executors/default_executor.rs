//! Tasks of the default executor.

use std::collections::BTreeMap;

use mesos_integration::cluster::free_address;
use serde_json::{Value, json};

use crate::support::{Stage, http_check, tcp_check};

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
