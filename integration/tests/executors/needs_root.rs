//! Groups of which the executor runs as somebody else.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use mesos_integration::binary;
use serde_json::{Value, json};

use crate::support::Stage;

/// Whom every Linux knows.
const USER: &str = "nobody";

/// A stage whose framework runs as somebody without rights, and whose programs he may read.
fn stage(programs: &tempfile::TempDir) -> Stage {
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(programs.path(), open.clone()).expect("a folder that is ours");
    let program = programs.path().join("mesos");
    fs::copy(binary::locate().expect("it is built"), &program).expect("room for a copy");
    for name in [
        "default-executor",
        "containerizer",
        "executor",
        "fetcher",
        "io-switchboard",
    ] {
        let link = programs.path().join(format!("mesos-{name}"));
        symlink(&program, link).expect("a new name");
    }
    let launcher_dir = format!("--launcher_dir={}", programs.path().display());
    let stage = Stage::start_with(&json!({"user": USER}), &[&launcher_dir]);
    fs::set_permissions(stage.cluster.folder(), open).expect("a folder that is ours");
    stage
}

fn launch_and_run(stage: &mut Stage, command: &str, more: &Value) {
    let task = stage.task("t", command, more);
    stage.launch_group(&[task]);
    stage.running(None);
}

/// Mirrors: `DefaultExecutorTest.ROOT_UNPRIVILEGED_USER_SandboxOwnership`
#[test]
fn needs_root_sandbox_belongs_to_the_user_of_its_task() {
    let programs = tempfile::tempdir().unwrap();
    let mut stage = stage(&programs);
    let command = format!("test `stat -c \"%U\" .` = {USER}");
    launch_and_run(&mut stage, &command, &json!({}));

    let status = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_FINISHED", "{status}");
}

/// Mirrors: `HealthCheckTest.ROOT_UNPRIVILEGED_USER_DefaultExecutorCommandHealthCheck`
#[test]
fn needs_root_health_check_runs_as_the_user_of_its_task() {
    let programs = tempfile::tempdir().unwrap();
    let mut stage = stage(&programs);
    let health = json!({
        "type": "COMMAND", "delay_seconds": 0, "interval_seconds": 0, "grace_period_seconds": 60,
        "command": {"value": "test -e file && echo abc > file"},
    });
    let mut task = stage.task(
        "t",
        "touch file && sleep 120",
        &json!({"health_check": health}),
    );
    task["command"]["user"] = json!("root");
    stage.launch_group(&[task]);
    stage.running(None);

    let healthy = stage.health_checked();

    assert_eq!(healthy["healthy"], true, "{healthy}");
}
