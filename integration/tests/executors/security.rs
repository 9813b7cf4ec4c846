//! Executors that prove who they are, reach the agent by a socket, or run as somebody.

use std::fs;

use serde_json::{Value, json};

use crate::support::Stage;

/// An agent with further flags.
fn stage(flags: &[&str]) -> Stage {
    Stage::start_with(&json!({}), flags)
}

/// Waits until a task is in each of these states, one after the other.
#[track_caller]
fn expect_states(stage: &mut Stage, task: &str, states: &[&str]) -> Value {
    let mut last = Value::Null;
    for state in states {
        last = stage.scheduler.wait_for_update().unwrap_or_else(|error| {
            panic!("{error}\n{}", stage.cluster.logs());
        });
        assert_eq!(last["task_id"]["value"], task, "{last}");
        assert_eq!(last["state"], *state, "{last}");
        stage.scheduler.acknowledge(&last).expect("acknowledged");
    }
    last
}

const TO_THE_END: [&str; 3] = ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"];

/// Mirrors: `ExecutorAuthorizationTest.RunTaskGroup`
#[test]
fn default_executor_runs_its_tasks_by_its_token() {
    let files = tempfile::tempdir().expect("a directory");
    let key = files.path().join("key");
    fs::write(&key, "the key of the agent").expect("written");
    let credentials = files.path().join("credentials");
    let known = r#"{"credentials":[{"principal":"alice","secret":"rabbit"}]}"#;
    fs::write(&credentials, known).expect("written");
    let mut stage = stage(&[
        "--acls={\"permissive\":true}",
        "--authenticate_http_executors",
        "--authenticate_http_readwrite",
        &format!("--jwt_secret_key={}", key.display()),
        &format!("--http_credentials={}", credentials.display()),
    ]);

    // The token is for the executor: its tasks do not see it.
    let command = "test -z \"$MESOS_EXECUTOR_AUTHENTICATION_TOKEN\"";
    stage.launch_group(&[stage.task("t", command, &json!({}))]);

    expect_states(&mut stage, "t", &TO_THE_END);
}

#[test]
fn executor_runs_its_task_by_the_socket_of_the_agent() {
    let mut stage = stage(&["--http_executor_domain_sockets"]);

    // A command task has the environment of its executor.
    stage.launch(stage.task("t", "test -S \"$MESOS_DOMAIN_SOCKET\"", &json!({})));

    expect_states(&mut stage, "t", &TO_THE_END);
}

/// Mirrors: `SlaveTest.CommandTaskWithKillPolicy`
#[test]
fn long_grace_does_not_hold_up_a_task_that_heeds_the_signal() {
    let mut stage = Stage::start();
    // Much longer than an update is waited for here.
    let policy = json!({"grace_period": {"nanoseconds": 600_000_000_000_u64}});
    stage.launch(stage.task("t", "sleep 1000", &json!({"kill_policy": policy})));
    expect_states(&mut stage, "t", &["TASK_STARTING", "TASK_RUNNING"]);

    stage.scheduler.kill("t").expect("the kill is accepted");

    let mut status = stage.scheduler.wait_for_update().expect("an update");
    while status["state"] == "TASK_KILLING" {
        status = stage.scheduler.wait_for_update().expect("an update");
    }
    assert_eq!(status["state"], "TASK_KILLED");
    assert_eq!(status["source"], "SOURCE_EXECUTOR");
}

/// Mirrors: `SlaveTest.ROOT_RunTaskWithCommandInfoWithoutUser`
#[test]
fn needs_root_task_without_a_user_runs_as_that_of_its_framework() {
    let mut stage = stage(&["--switch_user"]);

    stage.launch(stage.task("t", "test `id -un` = root", &json!({})));

    expect_states(&mut stage, "t", &TO_THE_END);
}

/// Mirrors: `SlaveTest.ROOT_UNPRIVILEGED_USER_RunTaskWithCommandInfoWithUser`
#[test]
fn needs_root_task_runs_as_its_user() {
    let mut stage = stage(&["--switch_user"]);
    let mut task = stage.task("t", "test `id -un` = nobody", &json!({}));
    task["command"]["user"] = json!("nobody");

    stage.launch(task);

    expect_states(&mut stage, "t", &TO_THE_END);
}
