//! Tasks of the command executor.

use serde_json::json;

use crate::support::{Stage, command_check, http_check};

/// Mirrors: CommandExecutorCheckTest.CommandCheckStatusChange
#[test]
fn each_change_of_a_check_is_delivered() {
    let mut stage = Stage::start();
    let flapping = command_check("if [ -e flag ]; then rm flag; exit 0; fi; touch flag; exit 1");
    stage.launch(stage.task("t", "sleep 1000", &json!({"check": flapping})));

    stage.running(None);
    let codes = [stage.checked(), stage.checked(), stage.checked()]
        .map(|status| status["check_status"]["command"]["exit_code"].clone());

    assert_eq!(codes, [1, 0, 1]);
}

/// Mirrors: CommandExecutorCheckTest.CommandCheckSeesParentsEnv
#[test]
fn check_sees_the_environment_of_its_task() {
    let mut stage = Stage::start();
    let mut task = stage.task(
        "t",
        "sleep 1000",
        &json!({"check": command_check("exit $MESOS_CHECK_TASK_ENV")}),
    );
    task["command"]["environment"] =
        json!({"variables": [{"name": "MESOS_CHECK_TASK_ENV", "value": "42"}]});
    stage.launch(task);

    stage.running(None);
    let checked = stage.checked();

    assert_eq!(checked["check_status"]["command"]["exit_code"], 42);
}

/// Mirrors: CommandExecutorCheckTest.CommandCheckSharesWorkDirWithTask
#[test]
fn check_runs_in_the_directory_of_its_task() {
    let mut stage = Stage::start();
    let check = command_check("ls nested_inherits_work_dir");
    let command = "touch nested_inherits_work_dir && sleep 1000";
    stage.launch(stage.task("t", command, &json!({"check": check})));

    stage.running(None);
    let mut checked = stage.checked();
    if checked["check_status"]["command"]["exit_code"] != 0 {
        // The first check may come before the file.
        checked = stage.checked();
    }

    assert_eq!(checked["check_status"]["command"]["exit_code"], 0);
}

/// Mirrors: CommandExecutorCheckTest.CommandCheckAndHealthCheckNoShadowing
#[test]
fn check_and_health_check_do_not_hide_each_other() {
    let mut stage = Stage::start();
    let mut check = command_check("exit 1");
    check["interval_seconds"] = json!(1000);
    let health = json!({
        "type": "COMMAND", "delay_seconds": 0, "interval_seconds": 1000,
        "command": {"value": "exit 0"},
    });
    stage.launch(stage.task(
        "t",
        "sleep 1000",
        &json!({"check": check, "health_check": health}),
    ));

    stage.running(None);

    stage.assert_checked_and_healthy();
}

/// Mirrors: CommandExecutorCheckTest.HTTPCheckDelivered
#[test]
fn status_of_an_http_check_is_delivered() {
    let mut stage = Stage::start();
    let check = http_check(stage.port(), "/health");
    stage.launch(stage.task("t", "sleep 1000", &json!({"check": check})));

    let running = stage.running(None);
    let checked = stage.checked();

    assert_eq!(running["check_status"], json!({"type": "HTTP", "http": {}}));
    assert_eq!(
        checked["check_status"],
        json!({"type": "HTTP", "http": {"status_code": 200}})
    );
}

/// Mirrors: HealthCheckTest.HealthyTaskViaHTTP
#[test]
fn task_that_answers_well_by_http_is_healthy() {
    let mut stage = Stage::start();
    let health = json!({
        "type": "HTTP", "delay_seconds": 0, "interval_seconds": 0, "grace_period_seconds": 0,
        "http": {"port": stage.port(), "path": "/health"},
    });
    stage.launch(stage.task("t", "sleep 1000", &json!({"health_check": health})));

    let running = stage.running(None);
    let health = stage.health_checked();

    assert_eq!(running.get("healthy"), None);
    assert_eq!(health["healthy"], true);
}
