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
