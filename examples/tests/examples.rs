//! Each example runs to its end on a cluster of this machine.

use std::process::{Command, Output};

use mesos_integration::cluster::Cluster;

/// Runs an example against a master with one agent.
fn run(example: &str) -> Output {
    let mut cluster = Cluster::start().expect("a master starts");
    cluster.add_agent().expect("an agent registers");
    Command::new(example)
        .arg(cluster.master.address.to_string())
        .output()
        .expect("the example starts")
}

/// Mirrors: SCRIPT.TestHTTPFramework
#[test]
fn hello_framework_runs_its_tasks_to_their_end() {
    let output = run(env!("CARGO_BIN_EXE_hello_framework"));

    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert_eq!(text.matches("TASK_FINISHED").count(), 3, "{text}");
}
