//! Each example runs to its end against `mesos dev`.
#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use mesos_integration::cluster::Cluster;
use mesos_integration::http_client::{self, Request};
use serde_json::json;

/// A master with one agent.
fn cluster() -> Cluster {
    Cluster::dev().expect("it starts")
}

/// Runs an example against a master with one agent, and returns what it printed.
#[track_caller]
fn run(example: &str) -> String {
    run_in(&cluster(), example, &[])
}

#[track_caller]
fn run_in(cluster: &Cluster, example: &str, arguments: &[&str]) -> String {
    let output = Command::new(example)
        .arg(cluster.master.address.to_string())
        .args(arguments)
        .output()
        .expect("the example starts");
    text_of(&output, cluster)
}

#[track_caller]
fn text_of(output: &Output, cluster: &Cluster) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{text}\n{errors}\n{}",
        cluster.logs()
    );
    text
}

/// An example that the test speaks to while it runs.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(cluster: &Cluster, example: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(example)
            .arg(cluster.master.address.to_string())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let lines = BufReader::new(child.stdout.take().expect("it has an output"));
        Self { child, lines }
    }

    /// Reads until a line contains this.
    #[track_caller]
    fn wait_for(&mut self, words: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("readable output") > 0 {
            if line.contains(words) {
                return line.trim_end().to_owned();
            }
            line.clear();
        }
        panic!("the example ended without '{words}'");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Mirrors: SCRIPT.TestHTTPFramework
#[test]
fn hello_framework_runs_its_tasks_to_their_end() {
    let text = run(env!("CARGO_BIN_EXE_hello_framework"));

    assert_eq!(text.matches("TASK_FINISHED").count(), 3, "{text}");
}

/// Mirrors: SCRIPT.TestFramework
#[test]
fn legacy_framework_runs_its_own_executor_and_hears_from_it() {
    // The executor lies beside the framework.
    let text = run(env!("CARGO_BIN_EXE_legacy_framework"));

    assert_eq!(text.matches("TASK_FINISHED").count(), 5, "{text}");
    assert!(
        text.contains("the executor says hello from task 4"),
        "{text}"
    );
}

/// Mirrors: SCRIPT.NoExecutorFramework
#[test]
fn command_tasks_need_no_executor() {
    let text = run(env!("CARGO_BIN_EXE_command_tasks"));

    assert_eq!(text.matches("TASK_FINISHED").count(), 5, "{text}");
}

#[test]
fn services_replace_the_instance_that_is_sick() {
    let text = run(env!("CARGO_BIN_EXE_services"));

    // The first frail instance and its first replacements die; the steady ones stay.
    assert!(
        text.contains("frail-2 is TASK_RUNNING, healthy: Some(false)"),
        "{text}"
    );
    assert!(
        text.contains("frail-2 is TASK_KILLED, healthy: Some(false)"),
        "{text}"
    );
    assert!(text.contains("frail-3 is TASK_RUNNING"), "{text}");
    assert!(!text.contains("steady-0 is TASK_KILLED"), "{text}");
}

#[test]
fn cron_runs_a_job_after_those_that_it_depends_on() {
    let text = run(env!("CARGO_BIN_EXE_cron"));

    // Each report waits for one more extract and prices.
    let job = |line: &str| line.split('-').next().map(str::to_owned);
    let jobs: Vec<_> = text.lines().filter_map(job).collect();
    let first = jobs
        .iter()
        .position(|job| job == "report")
        .expect("a report");
    let parts = jobs.split_at(first);
    for wanted in ["extract", "prices"] {
        assert!(parts.0.iter().any(|job| job == wanted), "{text}");
        assert!(parts.1.iter().any(|job| job == wanted), "{text}");
    }
}

/// Mirrors: SCRIPT.DynamicReservationFramework
/// Mirrors: SCRIPT.PersistentVolumeFramework
#[test]
fn persistent_volume_outlives_the_task_that_wrote_it() {
    let cluster = cluster();

    let text = run_in(&cluster, env!("CARGO_BIN_EXE_persistent_volume"), &[]);

    assert!(text.contains("writer is TASK_FINISHED"), "{text}");
    assert!(text.contains("reader is TASK_FINISHED"), "{text}");
    let agents = http_client::get_json(cluster.master.address, "/master/slaves").expect("agents");
    assert_eq!(
        agents.pointer("/slaves/0/reserved_resources"),
        Some(&json!({}))
    );
}

#[test]
fn task_group_ends_when_the_framework_ends_the_helper() {
    let text = run(env!("CARGO_BIN_EXE_task_group"));

    let line = |words: &str| text.lines().position(|line| line == words);
    assert!(line("application is TASK_FINISHED").is_some(), "{text}");
    assert!(
        line("helper is TASK_KILLED") > line("application is TASK_FINISHED"),
        "{text}"
    );
}

#[test]
fn inverse_offer_makes_the_tenant_leave_before_the_agent_goes() {
    let cluster = cluster();
    let example = env!("CARGO_BIN_EXE_inverse_offers");
    let mut running = Running::start(&cluster, example, &[]);
    running.wait_for("the tenant is TASK_RUNNING");
    let machine = json!({"hostname": "127.0.0.1", "ip": "127.0.0.1"});
    let window = json!({
        "machine_ids": [machine],
        "unavailability": {"start": {"nanoseconds": 4_102_444_800_000_000_000_u64}},
    });
    let schedule = json!({"windows": [window]});
    let post = |path: &str, body| {
        let request = Request::post_json(path, body);
        let answer = http_client::send(cluster.master.address, &request).expect("an answer");
        assert_eq!(answer.status(), 200, "{}", answer.text());
    };

    post("/maintenance/schedule", &schedule);
    running.wait_for("asked to leave");
    running.wait_for("the tenant is TASK_KILLED");
    post("/machine/down", &json!([machine]));

    running.wait_for("is gone");
}

/// Mirrors: SCRIPT.OperationFeedbackFramework
#[test]
fn operations_tell_what_became_of_them() {
    let text = run(env!("CARGO_BIN_EXE_operation_feedback"));

    assert!(text.contains("reserve is OPERATION_FINISHED"), "{text}");
    assert!(text.contains("the task is TASK_FINISHED"), "{text}");
    assert!(text.contains("unreserve is OPERATION_FINISHED"), "{text}");
}

#[test]
fn load_generator_counts_calls_and_answers() {
    let text = run(env!("CARGO_BIN_EXE_load_generator"));

    let count = text
        .split(' ')
        .next()
        .and_then(|number| number.parse::<u64>().ok());
    assert!(count > Some(0), "{text}");
}

#[test]
fn framework_that_was_killed_finds_its_tasks_again() {
    let cluster = cluster();
    let file = cluster.folder().join("state");
    let arguments = [file.to_str().expect("a path that is text")];
    let example = env!("CARGO_BIN_EXE_failover");
    let mut first = Running::start(&cluster, example, &arguments);
    let subscribed = first.wait_for("subscribed as");
    first.wait_for("task-1 is TASK_RUNNING");

    drop(first);
    let text = run_in(&cluster, example, &arguments);

    assert!(text.contains(&subscribed), "{text}");
    assert!(text.contains("task-0 is TASK_FINISHED"), "{text}");
    assert!(text.contains("task-1 is TASK_FINISHED"), "{text}");
}

#[test]
fn grpc_framework_runs_its_task_to_the_end() {
    let text = run(env!("CARGO_BIN_EXE_grpc_framework"));

    assert!(text.contains("hello-grpc is TASK_FINISHED"), "{text}");
}
