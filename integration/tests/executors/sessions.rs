//! Sessions inside the containers of tasks.

use std::fs;
use std::net::SocketAddr;

use mesos_integration::eventually::eventually;
use mesos_integration::http_client::{Connection, Request};
use mesos_integration::record_stream::{RecordStream, StreamError};
use serde_json::{Value, json};

use crate::support::Stage;

/// Starts `sh` below a container; the stream of what it writes.
fn shell(agent: SocketAddr, container: &Value) -> RecordStream {
    let call = json!({
        "type": "LAUNCH_NESTED_CONTAINER_SESSION",
        "launch_nested_container_session": {
            "container_id": container, "command": {"value": "sh"},
        },
    });
    let request = Request::post_json("/api/v1", &call)
        .header("Accept", "application/recordio")
        .header("Message-Accept", "application/json");
    RecordStream::open(agent, &request).expect("the session starts")
}

/// A chunk of one record with a part of the input.
fn chunk(input: &Value) -> Vec<u8> {
    let call = json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": input});
    let call = call.to_string();
    let record = format!("{}\n{call}", call.len());
    format!("{:x}\r\n{record}\r\n", record.len()).into_bytes()
}

/// Types a line and leaves the input open.
fn type_in(agent: SocketAddr, container: &Value, line: &str) -> Connection {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(line);
    let mut connection = Connection::open(agent).expect("a connection");
    let head = "POST /api/v1 HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: chunked\r\n\
        Content-Type: application/recordio\r\nMessage-Content-Type: application/json\r\n\r\n";
    let parts = [
        head.as_bytes().to_vec(),
        chunk(&json!({"type": "CONTAINER_ID", "container_id": container})),
        chunk(&json!({
            "type": "PROCESS_IO",
            "process_io": {"type": "DATA", "data": {"type": "STDIN", "data": data}},
        })),
    ];
    for part in parts {
        connection.write(&part).expect("written");
    }
    connection
}

/// Mirrors: `AgentAPITest.ROOT_CGROUPS_LaunchNestedContainerSessionKillTask`
#[test]
fn session_ends_with_the_task_that_it_kills_though_its_input_stays_open() {
    let mut stage = Stage::start();
    let pid = stage.cluster.folder().join("pid");
    let command = format!("echo $$ > {}; exec sleep 1000", pid.display());
    stage.launch_group(&[stage.task("t", &command, &json!({}))]);
    let running = stage.running(None);
    let task = &running["container_status"]["container_id"];
    assert!(task["parent"]["value"].is_string(), "{running}");
    eventually("the id of the process", || {
        fs::read_to_string(&pid)
            .is_ok_and(|text| text.ends_with('\n'))
            .then_some(())
    })
    .unwrap();
    let agent = stage.cluster.agents[0].address;
    let session = json!({"value": "session", "parent": task});

    let mut output = shell(agent, &session);
    let mut input = type_in(agent, &session, &format!("kill `cat {}`\n", pid.display()));
    let answer = input.read_answer().unwrap();
    let written = output.next_bytes();
    let failed = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(matches!(written, Err(StreamError::Ended)), "{written:?}");
    assert_eq!(failed["state"], "TASK_FAILED", "{failed}");
    assert_eq!(failed["task_id"]["value"], "t", "{failed}");
}
