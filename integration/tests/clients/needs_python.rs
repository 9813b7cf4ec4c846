//! pymesos 0.3.15 from the Python index: a client that nobody here wrote.

use std::path::Path;
use std::process::{Command, Stdio};

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::http_client::get_json;
use mesos_integration::leftovers;
use serde_json::Value;

/// The interpreter of the environment that `./test` made, with pymesos in it.
fn python() -> String {
    std::env::var("MESOS_TEST_PYTHON").expect("./test sets MESOS_TEST_PYTHON")
}

#[test]
fn pymesos_runs_twenty_tasks_to_their_end_and_kills_one() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/pymesos_twenty.py");

    let output = Command::new(python())
        .arg(script)
        .arg(cluster.master.address.to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let error = String::from_utf8_lossy(&output.stderr);
    let result: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{error}\n{}", cluster.logs()));
    assert_eq!(
        result["in_time"],
        Value::from(true),
        "{result}\n{error}\n{}",
        cluster.logs()
    );
    assert_eq!(result["errors"], Value::Array(Vec::new()));
    assert_eq!(result["version"], "1.11.0");
    let last = |task: &str| {
        result["states"][task]
            .as_array()
            .and_then(|all| all.last())
            .cloned()
    };
    for number in 0..20 {
        assert_eq!(
            last(&format!("task-{number}")),
            Some("TASK_FINISHED".into()),
            "{result}"
        );
    }
    assert_eq!(last("task-20"), Some("TASK_KILLED".into()), "{result}");
    eventually("the end of the framework", || {
        let state = get_json(cluster.master.address, "/master/state").ok()?;
        (state["completed_frameworks"].as_array()?.len() == 1).then_some(())
    })
    .unwrap();
    eventually("the end of the task that sleeps", || {
        let running = leftovers::processes(cluster.mark(), cluster.folder());
        running
            .iter()
            .all(|process| !process.command.contains("sleep 1000"))
            .then_some(())
    })
    .unwrap();
}
