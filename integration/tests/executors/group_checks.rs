//! Command checks of tasks in a group, which run in sessions below the containers of the tasks.

use serde_json::{Value, json};

use crate::support::{Stage, command_check};

/// Launches one task in a group and waits until it runs.
fn run(command: &str, more: &Value) -> Stage {
    let mut stage = Stage::start();
    stage.launch_group(&[stage.task("t", command, more)]);
    stage.running(None);
    stage
}

fn exit_code(status: &Value) -> &Value {
    &status["check_status"]["command"]["exit_code"]
}

/// Mirrors: DefaultExecutorCheckTest.CommandCheckSeesParentsEnv
#[test]
fn check_sees_the_environment_of_its_task() {
    let mut stage = Stage::start();
    let check = json!({"check": command_check("exit $MESOS_CHECK_TASK_ENV")});
    let mut task = stage.task("t", "sleep 1000", &check);
    let variable = json!({"name": "MESOS_CHECK_TASK_ENV", "value": "42"});
    task["command"]["environment"] = json!({"variables": [variable]});
    stage.launch_group(&[task]);
    stage.running(None);

    let checked = stage.checked();

    assert_eq!(exit_code(&checked), 42, "{checked}");
}

/// Mirrors: DefaultExecutorCheckTest.CommandCheckSharesWorkDirWithTask
#[test]
fn check_runs_in_the_directory_of_its_task() {
    let check = json!({"check": command_check("ls nested_inherits_work_dir")});
    let mut stage = run("touch nested_inherits_work_dir && sleep 1000", &check);

    let mut checked = stage.checked();
    if exit_code(&checked) != 0 {
        // The first check may come before the file.
        checked = stage.checked();
    }

    assert_eq!(exit_code(&checked), 0, "{checked}");
}

/// Mirrors: DefaultExecutorCheckTest.CommandCheckTimeout
#[test]
fn check_that_takes_too_long_has_no_result() {
    let mut check = command_check("if [ -e late ]; then sleep 1000; fi; touch late; exit 1");
    check["timeout_seconds"] = json!(10);
    let mut stage = run("sleep 1000", &json!({"check": check}));

    let checked = stage.checked();
    let late = stage.checked();

    assert_eq!(exit_code(&checked), 1, "{checked}");
    assert_eq!(
        late["check_status"],
        json!({"type": "COMMAND", "command": {}})
    );
}

/// Mirrors: DefaultExecutorCheckTest.CommandCheckAndHealthCheckNoShadowing
#[test]
fn check_and_health_check_do_not_hide_each_other() {
    let mut check = command_check("exit 1");
    check["interval_seconds"] = json!(1000);
    let health = json!({
        "type": "COMMAND", "delay_seconds": 0, "interval_seconds": 1000,
        "command": {"value": "exit 0"},
    });
    let mut stage = run(
        "sleep 1000",
        &json!({"check": check, "health_check": health}),
    );

    stage.assert_checked_and_healthy();
}

/// Mirrors: HealthCheckTest.DefaultExecutorCommandHealthCheck
#[test]
fn task_of_a_group_is_healthy_by_a_command_with_its_own_variables() {
    let variable = json!({"name": "STATUS", "value": "0"});
    let health = json!({
        "type": "COMMAND", "delay_seconds": 0, "interval_seconds": 0, "grace_period_seconds": 0,
        "command": {"value": "exit $STATUS", "environment": {"variables": [variable]}},
    });
    let mut stage = run("sleep 120", &json!({"health_check": health}));

    let healthy = stage.health_checked();

    assert_eq!(healthy["healthy"], true, "{healthy}");
}
