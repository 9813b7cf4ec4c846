//! Clients attach to the streams of containers.

use std::pin::Pin;

use bytes::Bytes;
use libprocess::http::client::{ClientError, ClientRequest, ClientResponse, Connection};
use libprocess::http::pipe::{self, Writer};
use mesos_common::{record_reader::RecordReader, recordio};
use mesos_proto::v1::{
    self,
    agent::{
        Call, ProcessIo, Response,
        call::{self, AttachContainerInput, attach_container_input},
        process_io::{self, control, data},
    },
};
use prost::Message;

use crate::{
    harness::{Cluster, command_task, framework, run_dir},
    recovery::checkpointed,
};

const PROTOBUF: &str = "application/x-protobuf";
const RECORDIO: &str = "application/recordio";

/// A cluster whose task runs in a container that sessions can be launched under.
pub(crate) struct Parent {
    pub(crate) cluster: Cluster,
    pub(crate) id: v1::ContainerId,
}

impl Parent {
    pub(crate) fn new() -> Self {
        let cluster = Cluster::registered();
        cluster.run(&framework(), command_task("t", "sleep 1000"));
        cluster.wait_for_executor("t");
        Self::of(cluster)
    }

    fn of(cluster: Cluster) -> Self {
        let (_, body) = cluster.ask(ClientRequest::get("/containers"));
        let containers: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let id = v1::ContainerId {
            value: containers[0]["container_id"].as_str().map(str::to_owned),
            ..Default::default()
        };
        Self { cluster, id }
    }

    pub(crate) fn child(&self, value: &str) -> v1::ContainerId {
        v1::ContainerId {
            value: Some(value.to_owned()),
            parent: Some(self.id.clone().into()),
            ..Default::default()
        }
    }

    fn stream(&self, call: &Call) -> ClientResponse {
        self.cluster.open(
            ClientRequest::post("/api/v1", PROTOBUF, call.encode_to_vec())
                .with_header("accept", RECORDIO)
                .with_header("message-accept", PROTOBUF),
        )
    }

    fn session(&self, value: &str, command: &str) -> Output<'_> {
        self.session_in(value, command, None)
    }

    fn session_in(
        &self,
        value: &str,
        command: &str,
        container: Option<v1::ContainerInfo>,
    ) -> Output<'_> {
        let response = self.stream(&session_call(self.child(value), command, container));
        assert_eq!(response.status, 200);
        Output::of(self, response)
    }

    /// Begins to write to the input of a container.
    fn input(&self, id: v1::ContainerId) -> Input<'_> {
        let (writer, reader) = pipe::pipe();
        let request = ClientRequest::new(http::Method::POST, "/api/v1")
            .with_header("content-type", RECORDIO)
            .with_header("message-content-type", PROTOBUF)
            .with_header("accept", PROTOBUF)
            .with_stream(reader);
        let url = format!("http://{}", self.cluster.pid().address);
        let url = url.parse().expect("a URL");
        let connection = self.block_on(Connection::connect(&url)).expect("connected");
        let input = Input {
            parent: self,
            writer,
            answer: Box::pin(connection.send(request)),
            _connection: connection,
        };
        input.send(AttachContainerInput {
            r#type: Some(attach_container_input::Type::ContainerId.into()),
            container_id: Some(id),
            ..Default::default()
        });
        input
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.cluster.master.runtime.block_on(future)
    }

    fn call(&self, call: &Call) -> (u16, Bytes) {
        self.cluster.ask(
            ClientRequest::post("/api/v1", PROTOBUF, call.encode_to_vec())
                .with_header("accept", PROTOBUF),
        )
    }

    pub(crate) fn wait(&self, id: v1::ContainerId) -> Option<i32> {
        let wait = call::WaitNestedContainer {
            container_id: Some(id),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::WaitNestedContainer.into()),
            wait_nested_container: Some(wait),
            ..Default::default()
        };
        let (status, body) = self.call(&call);
        assert_eq!(status, 200);
        let answer = Response::decode(body).expect("an answer");
        answer.wait_nested_container().exit_status
    }
}

pub(crate) fn session_call(
    id: v1::ContainerId,
    command: &str,
    container: Option<v1::ContainerInfo>,
) -> Call {
    let command = v1::CommandInfo {
        value: Some(command.to_owned()),
        ..Default::default()
    };
    let launch = call::LaunchNestedContainerSession {
        container_id: Some(id),
        command: Some(command.into()),
        container: container.map(Into::into),
        ..Default::default()
    };
    Call {
        r#type: Some(call::Type::LaunchNestedContainerSession.into()),
        launch_nested_container_session: Some(launch.into()),
        ..Default::default()
    }
}

fn attach_output_call(id: v1::ContainerId) -> Call {
    let attach = call::AttachContainerOutput {
        container_id: Some(id),
        ..Default::default()
    };
    Call {
        r#type: Some(call::Type::AttachContainerOutput.into()),
        attach_container_output: Some(attach),
        ..Default::default()
    }
}

fn terminal() -> v1::ContainerInfo {
    v1::ContainerInfo {
        r#type: Some(v1::container_info::Type::Mesos.into()),
        tty_info: Some(v1::TtyInfo::default()),
        ..Default::default()
    }
}

/// What a container writes, as it comes.
struct Output<'p> {
    parent: &'p Parent,
    records: RecordReader,
    out: String,
    err: String,
}

impl<'p> Output<'p> {
    fn of(parent: &'p Parent, response: ClientResponse) -> Self {
        assert_eq!(response.header("content-type"), Some(RECORDIO));
        assert_eq!(response.header("message-content-type"), Some(PROTOBUF));
        Self {
            parent,
            records: RecordReader::new(response.body),
            out: String::new(),
            err: String::new(),
        }
    }

    /// Reads one message; false at the end.
    fn read(&mut self) -> bool {
        let Some(record) = self.parent.block_on(self.records.next()) else {
            return false;
        };
        let message = ProcessIo::decode(record.expect("a record")).expect("a message");
        let text = String::from_utf8_lossy(message.data().data()).into_owned();
        match message.data().r#type() {
            data::Type::Stdout => self.out.push_str(&text),
            data::Type::Stderr => self.err.push_str(&text),
            data::Type::Stdin | data::Type::Unknown => {}
        }
        true
    }

    fn read_until(&mut self, text: &str) {
        while !self.out.contains(text) {
            assert!(self.read(), "{text:?} did not come, only {:?}", self.out);
        }
    }

    fn read_to_end(&mut self) {
        while self.read() {}
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<ClientResponse, ClientError>>>>;

/// A client of a container's input.
struct Input<'p> {
    parent: &'p Parent,
    writer: Writer,
    answer: Answering,
    _connection: Connection,
}

impl Input<'_> {
    fn send(&self, input: AttachContainerInput) {
        let call = Call {
            r#type: Some(call::Type::AttachContainerInput.into()),
            attach_container_input: Some(input.into()),
            ..Default::default()
        };
        self.writer.write(recordio::encode(&call.encode_to_vec()));
    }

    fn send_message(&self, message: ProcessIo) {
        self.send(AttachContainerInput {
            r#type: Some(attach_container_input::Type::ProcessIo.into()),
            process_io: Some(message.into()),
            ..Default::default()
        });
    }

    fn write(&self, text: &'static str) {
        let data = process_io::Data {
            r#type: Some(data::Type::Stdin.into()),
            data: Some(Bytes::from_static(text.as_bytes())),
            ..Default::default()
        };
        self.send_message(ProcessIo {
            r#type: Some(process_io::Type::Data.into()),
            data: Some(data),
            ..Default::default()
        });
    }

    fn resize(&self, rows: u32, columns: u32) {
        let size = v1::tty_info::WindowSize {
            rows: Some(rows),
            columns: Some(columns),
            ..Default::default()
        };
        let info = v1::TtyInfo {
            window_size: Some(size),
            ..Default::default()
        };
        let control = process_io::Control {
            r#type: Some(control::Type::TtyInfo.into()),
            tty_info: Some(info),
            ..Default::default()
        };
        self.send_message(ProcessIo {
            r#type: Some(process_io::Type::Control.into()),
            control: Some(control.into()),
            ..Default::default()
        });
    }

    /// Waits for the answer.
    fn answer(self) -> (u16, String) {
        let response = self.parent.block_on(self.answer).expect("an answer");
        let status = response.status;
        let body = self.parent.block_on(response.bytes()).expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Ends the stream and waits for the answer.
    fn close(self) -> (u16, String) {
        self.writer.close();
        self.answer()
    }
}

#[test]
fn session_streams_both_outputs_and_ends_with_its_command() {
    let parent = Parent::new();

    let mut session = parent.session("s", "echo to-out; echo to-err >&2; exit 3");
    session.read_to_end();

    assert_eq!(session.out, "to-out\n");
    assert_eq!(session.err, "to-err\n");
    assert_eq!(parent.wait(parent.child("s")), Some(3 << 8));
}

#[test]
fn container_of_a_session_ends_when_its_client_goes() {
    let parent = Parent::new();
    let mut session = parent.session("s", "echo started; sleep 1000");
    session.read_until("started\n");

    drop(session);

    assert_eq!(parent.wait(parent.child("s")), Some(9));
}

/// Mirrors: AgentAPIStreamingTest.AttachInputToNestedContainerSession
#[test]
fn input_of_a_session_reaches_its_command_up_to_its_end() {
    let parent = Parent::new();
    let mut session = parent.session("s", "cat; echo done");
    let input = parent.input(parent.child("s"));

    input.write("line one\n");
    session.read_until("line one\n");
    input.write("line two\n");
    input.write("");
    let answered = input.close();
    session.read_to_end();

    assert_eq!(answered, (200, String::new()));
    assert_eq!(session.out, "line one\nline two\ndone\n");
    assert_eq!(parent.wait(parent.child("s")), Some(0));
}

#[test]
fn session_with_a_terminal_has_its_size_and_its_keys() {
    let parent = Parent::new();
    let mut session = parent.session_in("s", "sh", Some(terminal()));
    let input = parent.input(parent.child("s"));

    input.resize(40, 120);
    input.write("stty size; tty\n");
    session.read_until("/dev/pts/");
    input.write("exit 6\n");
    session.read_to_end();

    assert!(session.out.contains("40 120\r\n"), "{}", session.out);
    assert_eq!(parent.wait(parent.child("s")), Some(6 << 8));
    assert_eq!(input.answer().0, 200);
}

#[test]
fn only_containers_with_a_server_can_be_attached_to() {
    let parent = Parent::new();
    let unknown = v1::ContainerId {
        value: Some("nope".to_owned()),
        ..Default::default()
    };
    let refusal = |id: &v1::ContainerId| {
        let response = parent.stream(&attach_output_call(id.clone()));
        let status = response.status;
        let body = parent.block_on(response.bytes()).expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    };

    let disabled = "I/O switchboard server was disabled for this container";
    assert_eq!(refusal(&parent.id), (500, disabled.to_owned()));
    assert_eq!(
        refusal(&unknown),
        (404, "Container nope cannot be found".to_owned())
    );
    let input = parent.input(parent.id.clone());
    assert_eq!(input.answer(), (500, disabled.to_owned()));
    let input = parent.input(unknown);
    assert_eq!(
        input.answer(),
        (404, "Container nope cannot be found".to_owned())
    );
}

#[test]
fn session_has_many_readers_and_one_writer() {
    let parent = Parent::new();
    let mut session = parent.session("s", "cat");
    let first = parent.input(parent.child("s"));
    first.write("one\n");
    session.read_until("one\n");

    let second = parent.input(parent.child("s"));
    let refused = second.answer();
    let attached = parent.stream(&attach_output_call(parent.child("s")));
    let mut attached = Output::of(&parent, attached);
    first.write("two\n");
    attached.read_until("two\n");
    first.write("");
    let answered = first.close();
    session.read_to_end();
    attached.read_to_end();

    assert_eq!(
        refused,
        (409, "Multiple input connections are not allowed".to_owned())
    );
    assert_eq!(answered.0, 200);
    assert_eq!(session.out, "one\ntwo\n");
    assert_eq!(attached.out, "two\n");
}

fn launch_nested(id: v1::ContainerId, change: fn(&mut call::LaunchNestedContainer)) -> Call {
    let mut launch = call::LaunchNestedContainer {
        container_id: Some(id),
        ..Default::default()
    };
    change(&mut launch);
    Call {
        r#type: Some(call::Type::LaunchNestedContainer.into()),
        launch_nested_container: Some(launch.into()),
        ..Default::default()
    }
}

/// Mirrors: AgentContainerAPITest.NestedContainerFailLaunch
/// Mirrors: AgentContainerAPITest.NestedContainerLaunchFalse
#[test]
fn nested_container_that_cannot_be_launched_is_a_bad_request() {
    let parent = Parent::new();
    let unfetched = launch_nested(parent.child("unfetched"), |launch| {
        let uri = v1::command_info::Uri {
            value: Some("This file doesn't exist".to_owned()),
            ..Default::default()
        };
        let command = v1::CommandInfo {
            uris: vec![uri],
            ..Default::default()
        };
        launch.command = Some(command.into());
    });
    let foreign = launch_nested(parent.child("foreign"), |launch| {
        let info = v1::ContainerInfo {
            r#type: Some(v1::container_info::Type::Docker.into()),
            ..Default::default()
        };
        launch.container = Some(info.into());
    });

    let status = |call: &Call| parent.call(call).0;

    assert_eq!(status(&unfetched), 400);
    assert_eq!(status(&foreign), 400);
}

/// Mirrors: AgentContainerAPITest.GetContainers
#[test]
fn nested_containers_are_shown_when_asked_for() {
    let parent = Parent::new();
    let launched = parent.call(&launch_nested(parent.child("n"), |launch| {
        let command = v1::CommandInfo {
            value: Some("sleep 1000".to_owned()),
            ..Default::default()
        };
        launch.command = Some(command.into());
    }));
    let list = Call {
        r#type: Some(call::Type::GetContainers.into()),
        get_containers: Some(call::GetContainers {
            show_nested: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };

    let (status, body) = parent.call(&list);

    assert_eq!(launched.0, 200);
    assert_eq!(status, 200);
    let shown = Response::decode(body).expect("an answer");
    assert_eq!(shown.get_containers().containers.len(), 2);
}

/// Mirrors: IOSwitchboardTest.ContainerAttachAfterSlaveRestart
#[test]
fn terminal_can_be_attached_to_after_the_agent_was_restarted() {
    let mut cluster = Cluster::registered();
    let task = v1::TaskInfo {
        container: Some(terminal().into()),
        ..command_task("t", "sleep 1000")
    };
    checkpointed(&mut cluster, task);

    cluster.restart();
    let _executor = cluster.subscribe_when_open("t");
    cluster.reregister();
    let parent = Parent::of(cluster);
    let attached = parent.stream(&attach_output_call(parent.id.clone()));

    assert_eq!(attached.status, 200);
}

#[test]
fn command_executor_is_told_its_terminal() {
    let cluster = Cluster::registered();
    cluster
        .place
        .command_executor("for a in \"$@\"; do echo \"$a\"; done; sleep 1000");
    let task = v1::TaskInfo {
        container: Some(terminal().into()),
        ..command_task("t", "sleep 1000")
    };
    cluster.run(&framework(), task);
    cluster.wait_for_executor("t");

    cluster.wait_for_state(|_| {
        let file = run_dir(&cluster.place.work_dir(), "t").join("stdout");
        std::fs::read_to_string(file).is_ok_and(|text| {
            text.contains(&format!(
                "--{}=/dev/pts/",
                mesos_common::wire::variable::TTY_PATH_FLAG
            ))
        })
    });
}
