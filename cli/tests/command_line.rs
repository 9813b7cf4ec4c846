//! The program from outside: names, versions, help and errors.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

const MESOS: &str = env!("CARGO_BIN_EXE_mesos");

/// Runs the program under a name, in an environment without flags.
fn run_as(name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(MESOS);
    for (variable, _) in std::env::vars_os() {
        let text = variable.to_string_lossy().to_lowercase();
        if text.starts_with("mesos_") || text.starts_with("libprocess_") {
            command.env_remove(variable);
        }
    }
    command
        .arg0(name)
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn mesos(arguments: &[&str]) -> Output {
    run_as("mesos", arguments)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_daemon_prints_the_version_of_mesos() {
    for name in ["mesos-master", "mesos-agent", "mesos"] {
        let output = run_as(name, &["--version"]);

        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(stdout(&output), "mesos 1.11.0\n", "{name}");
    }
}

#[test]
fn help_of_a_daemon_lists_its_flags_and_their_state() {
    let output = mesos(&["master", "--help"]);

    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert!(
        text.starts_with("Usage: mesos-master [options]\n\n  --acls=VALUE "),
        "{text}"
    );
    assert!(text.contains("  --port=VALUE "), "{text}");
    assert!(text.contains("(accepted, no effect yet)"), "{text}");
}

#[test]
fn an_unknown_flag_is_one_clear_line_and_a_hint() {
    let output = run_as("mesos-master", &["--prot=1"]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "Failed to load unknown flag 'prot'\n\n\
         See `mesos-master --help` for a list of supported flags.\n"
    );
}

#[test]
fn a_bad_value_is_named() {
    let output = run_as("mesos-agent", &["--work_dir=/w", "--gc_delay", "3"]);

    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.starts_with(
            "Failed to load flag 'gc_delay': Failed to load value '3': Invalid duration '3'\n"
        ),
        "{text}"
    );
}

#[test]
fn a_missing_master_is_named() {
    let output = run_as("mesos-agent", &["--work_dir=/w"]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "Missing required option `--master` or `--master_detector`\n"
    );
}

#[test]
fn an_unknown_command_lists_the_known_ones() {
    let output = mesos(&["mastr"]);

    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    let start = "mesos: 'mastr' is not a command; there are: master, agent, dev, ";
    assert!(text.starts_with(start), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn a_program_that_is_not_built_says_so() {
    let output = run_as("mesos-scp", &["file"]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "mesos-scp is not built yet\n");
}

#[test]
fn a_taken_port_names_the_flag_to_change() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("bound").port();
    let flag = format!("--port={port}");

    let output = mesos(&[
        "master",
        "--registry=in_memory",
        "--ip=127.0.0.1",
        "--quiet",
        &flag,
    ]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!(
            "failed to listen on 127.0.0.1:{port}: Address already in use (os error 98); \
             choose another port with --port\n"
        )
    );
}

#[test]
fn a_plain_address_resolves_to_itself() {
    let output = mesos(&["resolve", "127.0.0.1:5050"]);

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "127.0.0.1:5050\n");
}

#[test]
fn resolving_takes_one_argument() {
    let output = mesos(&["resolve"]);

    assert_eq!(output.status.code(), Some(1));
    let start = "There must be only one argument: <master>\n\nUsage: mesos-resolve <master>\n";
    assert!(stderr(&output).starts_with(start), "{}", stderr(&output));
}

#[test]
fn a_tcp_check_tells_open_from_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = format!("--port={}", listener.local_addr().expect("bound").port());

    let open = run_as("mesos-tcp-connect", &["--ip=127.0.0.1", &port]);
    drop(listener);
    let closed = run_as("mesos-tcp-connect", &["--ip=127.0.0.1", &port]);

    assert_eq!(open.status.code(), Some(0));
    assert!(stdout(&open).ends_with("Successfully established TCP connection\n"));
    assert_eq!(closed.status.code(), Some(1));
}
