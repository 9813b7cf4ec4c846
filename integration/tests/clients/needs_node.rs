//! mesos-framework 0.5.3 from the npm registry: a client that nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::http_client::get_json;
use serde_json::{Value, json};

#[test]
fn mesos_framework_runs_three_tasks_and_kills_them() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let modules = PathBuf::from(std::env::var("MESOS_TEST_NODE").expect("./test sets it"));
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/mesos_framework_tasks.js");
    // The client writes a log below the folder where it runs.
    std::fs::create_dir(cluster.folder().join("logs")).unwrap();

    let output = Command::new("node")
        .arg(script)
        .arg(cluster.master.address.ip().to_string())
        .arg(cluster.master.address.port().to_string())
        .env("NODE_PATH", modules.join("node_modules"))
        .current_dir(cluster.folder())
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let error = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    let result: Value = text
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("{text}\n{error}\n{}", cluster.logs()));
    assert_eq!(
        result["inTime"],
        json!(true),
        "{result}\n{error}\n{}",
        cluster.logs()
    );
    assert_eq!(result["errors"], json!([]));
    assert!(result["heartbeats"].as_u64() > Some(0), "{result}");
    let states = result["states"].as_object().unwrap();
    assert_eq!(states.len(), 3, "{result}");
    for (task, states) in states {
        let states = states.as_array().unwrap();
        assert!(states.contains(&json!("TASK_RUNNING")), "{task}: {result}");
        assert_eq!(
            states.last(),
            Some(&json!("TASK_KILLED")),
            "{task}: {result}"
        );
    }
    eventually("the end of the framework", || {
        let state = get_json(cluster.master.address, "/master/state").ok()?;
        (state["completed_frameworks"].as_array()?.len() == 1).then_some(())
    })
    .unwrap();
}
