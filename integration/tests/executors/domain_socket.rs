//! Executors that reach their agent by a domain socket.

use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use mesos_integration::{binary, leftovers};
use serde_json::json;

use crate::support::Stage;

/// Mirrors: DefaultExecutorTest.DomainSockets
#[test]
fn default_executor_calls_through_the_socket_that_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mark = uuid::Uuid::new_v4().to_string();
    let mut executor = binary::command(&mark)
        .unwrap()
        .arg("default-executor")
        .env("MESOS_DOMAIN_SOCKET", &path)
        .env("MESOS_EXECUTOR_ID", "some_executor")
        .env("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "1ms")
        .env("MESOS_FRAMEWORK_ID", "some_framework")
        .env("MESOS_SANDBOX", folder.path())
        .env("MESOS_SLAVE_PID", "mesos-agent@localhost:5051")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    let (mut connection, _) = listener.accept().unwrap();
    let mut begin = [0; 5];
    connection.read_exact(&mut begin).unwrap();

    assert_eq!(&begin, b"POST ");
    executor.kill().unwrap();
    executor.wait().unwrap();
    leftovers::kill_all(&mark, folder.path());
}

/// Mirrors: CommandExecutorTest.ExecutorDomainSockets
#[test]
fn command_executor_runs_its_task_through_the_socket_of_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("agent.sock");
    let location = format!("--domain_socket_location={}", location.display());
    let mut stage = Stage::start_with(&json!({}), &["--http_executor_domain_sockets", &location]);
    stage.launch(stage.task("t", "test -S $MESOS_DOMAIN_SOCKET", &json!({})));

    let states = [(); 3].map(|()| stage.scheduler.wait_for_update().unwrap()["state"].clone());

    assert_eq!(states, ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]);
}
