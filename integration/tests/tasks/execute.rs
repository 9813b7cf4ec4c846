//! The command line tool `mesos-execute` against a cluster of processes.

use std::process::{Output, Stdio};

use mesos_integration::binary;
use mesos_integration::cluster::Cluster;

fn execute(cluster: &Cluster, arguments: &[&str]) -> (Output, String) {
    let output = binary::command(cluster.mark())
        .expect("the binary is built")
        .arg("execute")
        .arg(format!("--master={}", cluster.master.address))
        .args(arguments)
        .current_dir(cluster.folder())
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let text = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output, text)
}

#[test]
fn finished_task_is_success() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();

    let (output, text) = execute(&cluster, &["--name=one", "--command=echo hello"]);

    assert_eq!(output.status.code(), Some(0), "{text}\n{}", cluster.logs());
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        assert!(text.contains(state), "{state} is missing in\n{text}");
    }
}

#[test]
fn exit_status_of_the_task_is_the_exit_status() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();

    let (output, text) = execute(&cluster, &["--name=one", "--command=exit 3"]);

    assert_eq!(output.status.code(), Some(3), "{text}\n{}", cluster.logs());
    assert!(text.contains("TASK_FAILED"), "{text}");
}

#[test]
fn missing_flag_is_named() {
    let cluster = Cluster::start().unwrap();

    let (output, text) = execute(&cluster, &["--command=true"]);

    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("--name"), "{text}");
}

#[test]
fn flags_reach_the_task() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let group = r#"{"tasks": [{"name": "a", "task_id": {"value": "a"}, "agent_id": {"value": ""},
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                      {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}],
        "command": {"value": "test -d ."}}]}"#;
    let group = format!("--task_group={group}");

    let cases: [(&[&str], i32); 4] = [
        // A terminal for input and output.
        (
            &["--name=tty", "--tty", "--command=test -t 0 && test -t 1"],
            0,
        ),
        (
            &["--name=env", r#"--env={"A": "b"}"#, "--command=test $A = b"],
            0,
        ),
        (
            &["--name=late", "--kill_after=1secs", "--command=sleep 1000"],
            128 + 15,
        ),
        (&[&group], 0),
    ];
    for (arguments, expected) in cases {
        let (output, text) = execute(&cluster, arguments);
        let logs = cluster.logs();
        assert_eq!(output.status.code(), Some(expected), "{text}\n{logs}");
    }
}
