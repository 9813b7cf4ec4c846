//! Command tasks: states, messages, sandbox.

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use serde_json::{Value, json};

fn cluster() -> Cluster {
    let mut cluster = Cluster::start().expect("the master starts");
    cluster.add_agent().expect("the agent registers");
    cluster
}

/// Runs one command and returns its statuses up to the last.
fn run(cluster: &Cluster, command: &str) -> Vec<Value> {
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer comes");
    scheduler
        .launch(&offer, &[command_task("t1", command, &offer)])
        .expect("it is accepted");
    let mut statuses = Vec::new();
    loop {
        let status = scheduler.wait_for_update().expect("an update comes");
        let is_last = !matches!(
            status.get("state").and_then(Value::as_str),
            Some("TASK_STAGING" | "TASK_STARTING" | "TASK_RUNNING" | "TASK_KILLING")
        );
        statuses.push(status);
        if is_last {
            return statuses;
        }
    }
}

fn states(statuses: &[Value]) -> Vec<&str> {
    statuses
        .iter()
        .filter_map(|status| status["state"].as_str())
        .collect()
}

#[test]
fn task_that_ends_well_starts_runs_and_finishes() {
    let cluster = cluster();

    let statuses = run(&cluster, "true");

    assert_eq!(
        states(&statuses),
        ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    );
    let last = statuses.last().unwrap();
    assert_eq!(last["message"], "Command exited with status 0");
    assert_eq!(last["source"], "SOURCE_EXECUTOR");
    assert_eq!(last.pointer("/task_id/value"), Some(&json!("t1")));
    assert!(
        last.pointer("/container_status/container_id/value")
            .is_some(),
        "{last}"
    );
    assert_eq!(
        last.pointer("/container_status/network_infos/0/ip_addresses/0/ip_address"),
        Some(&json!("127.0.0.1"))
    );
}

#[test]
fn exit_status_makes_a_task_fail_without_a_reason() {
    let cluster = cluster();

    let statuses = run(&cluster, "exit 3");

    let last = statuses.last().unwrap();
    assert_eq!(
        states(&statuses),
        ["TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"]
    );
    assert_eq!(last["message"], "Command exited with status 3");
    assert_eq!(last.get("reason"), None);
}

#[test]
fn signal_makes_a_task_fail() {
    let cluster = cluster();

    let statuses = run(&cluster, "kill -9 $$");

    let last = statuses.last().unwrap();
    assert_eq!(last["state"], "TASK_FAILED");
    assert_eq!(last["message"], "Command terminated with signal Killed");
}

#[test]
fn output_lies_in_the_sandbox() {
    let cluster = cluster();

    run(&cluster, "echo to stdout; echo to stderr >&2; pwd");

    let sandbox = find_sandbox(&cluster);
    let read = |name: &str| std::fs::read_to_string(sandbox.join(name)).unwrap();
    assert!(read("stdout").contains("to stdout\n"), "{}", read("stdout"));
    assert!(read("stderr").contains("to stderr\n"), "{}", read("stderr"));
    let folder = std::fs::canonicalize(&sandbox).unwrap();
    assert!(
        read("stdout").contains(folder.to_str().unwrap()),
        "{}",
        read("stdout")
    );
}

#[test]
fn environment_of_a_task_names_its_sandbox_and_framework() {
    let cluster = cluster();

    run(&cluster, "env");

    let text = std::fs::read_to_string(find_sandbox(&cluster).join("stdout")).unwrap();
    for name in [
        "MESOS_SANDBOX=",
        "MESOS_FRAMEWORK_ID=",
        "MESOS_SLAVE_ID=",
        "MESOS_EXECUTOR_ID=",
    ] {
        assert!(
            text.lines().any(|line| line.starts_with(name)),
            "{name} is missing in\n{text}"
        );
    }
}

/// The folder `runs/latest` of the only executor.
fn find_sandbox(cluster: &Cluster) -> std::path::PathBuf {
    let mut folder = cluster.agent_work_dir(0).join("slaves/latest/frameworks");
    for next in ["executors", "runs/latest"] {
        let mut entries = std::fs::read_dir(&folder)
            .expect("the folder exists")
            .flatten();
        folder = entries.next().expect("something ran").path().join(next);
    }
    folder
}

/// The executor turns them off for itself, and children inherit that.
#[test]
fn task_has_huge_pages_as_the_system_has_them() {
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = own.lines().find(|line| line.starts_with("THP_enabled:"));
    let expected = line.unwrap_or("no such line").to_owned();
    let cluster = cluster();

    let command = format!("grep -F '{expected}' /proc/self/status || ! grep THP /proc/self/status");
    let statuses = run(&cluster, &command);

    assert_eq!(statuses.last().unwrap()["state"], "TASK_FINISHED");
}
