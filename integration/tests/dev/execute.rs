//! `mesos dev --execute` runs one command as a task and leaves nothing behind.

use std::net::TcpListener;
use std::process::{Output, Stdio};

use mesos_integration::cluster::free_address;
use mesos_integration::{binary, leftovers};

/// What a run of `mesos dev` printed, and what it left behind.
struct Run {
    output: Output,
    processes: Vec<leftovers::Process>,
    files: Vec<String>,
}

impl Run {
    fn text(&self) -> String {
        let stdout = String::from_utf8_lossy(&self.output.stdout);
        format!("{stdout}\n{}", String::from_utf8_lossy(&self.output.stderr))
    }
}

fn dev(arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mark = uuid::Uuid::new_v4().to_string();
    let output = binary::command(&mark)
        .expect("the binary is built")
        .arg("dev")
        .args(arguments)
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let processes = leftovers::processes(&mark, folder.path());
    leftovers::kill_all(&mark, folder.path());
    let files = std::fs::read_dir(folder.path())
        .expect("the folder is still there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    Run {
        output,
        processes,
        files,
    }
}

fn port() -> String {
    format!("--port={}", free_address().expect("a port is free").port())
}

#[test]
fn command_runs_as_a_task_and_its_output_is_shown() {
    let run = dev(&[&port(), "--execute", "echo hello from a task"]);

    assert_eq!(run.output.status.code(), Some(0), "{}", run.text());
    let stdout = String::from_utf8_lossy(&run.output.stdout);
    assert!(
        stdout.lines().any(|line| line == "hello from a task"),
        "{}",
        run.text()
    );
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        assert!(
            run.text().contains(state),
            "{state} is missing in\n{}",
            run.text()
        );
    }
}

#[test]
fn exit_status_of_the_command_is_the_exit_status() {
    let run = dev(&[&port(), "--execute", "exit 7"]);

    assert_eq!(run.output.status.code(), Some(7), "{}", run.text());
    assert!(run.text().contains("TASK_FAILED"), "{}", run.text());
}

#[test]
fn nothing_is_left_behind() {
    let run = dev(&[&port(), "--execute", "sleep 1000 & echo started"]);

    assert_eq!(run.output.status.code(), Some(0), "{}", run.text());
    assert_eq!(run.processes, [], "{}", run.text());
    assert_eq!(run.files, Vec::<String>::new());
}

#[test]
fn error_output_of_the_command_is_shown() {
    let run = dev(&[&port(), "--execute", "echo oops >&2"]);

    assert!(
        run.text().lines().any(|line| line == "oops"),
        "{}",
        run.text()
    );
}

#[test]
fn several_agents_take_part() {
    let run = dev(&[&port(), "--agents=3", "--execute", "true"]);

    assert_eq!(run.output.status.code(), Some(0), "{}", run.text());
}

#[test]
fn busy_port_is_named_with_the_flag_that_changes_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();

    let run = dev(&[&format!("--port={port}"), "--execute", "true"]);

    assert_eq!(run.output.status.code(), Some(1), "{}", run.text());
    let error = String::from_utf8_lossy(&run.output.stderr);
    assert!(
        error.contains(&port.to_string()) && error.contains("--port"),
        "{error}"
    );
}

#[test]
fn unknown_flag_is_one_clear_line() {
    let run = dev(&["--no-such-thing"]);

    assert_eq!(run.output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&run.output.stderr);
    assert!(
        error.contains("such-thing") || error.contains("no-such-thing"),
        "{error}"
    );
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
}
