//! Each example runs to its end on a cluster of this machine.

use std::process::{Command, Output};

use mesos_integration::binary;
use mesos_integration::cluster::Cluster;

/// Runs an example against a master with one agent.
fn run(example: &str) -> Option<Output> {
    if let Err(error) = binary::locate() {
        eprintln!("SKIPPED: {error}");
        return None;
    }
    let mut cluster = Cluster::start().expect("a master starts");
    cluster.add_agent().expect("an agent registers");
    let output = Command::new(example)
        .arg(cluster.master.address.to_string())
        .output()
        .expect("the example starts");
    Some(output)
}

/// Mirrors: SCRIPT.TestHTTPFramework
#[test]
fn hello_framework_runs_its_tasks_to_their_end() {
    let Some(output) = run(env!("CARGO_BIN_EXE_hello_framework")) else {
        return;
    };

    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(text.matches("TASK_FINISHED").count(), 3, "{text}");
}
