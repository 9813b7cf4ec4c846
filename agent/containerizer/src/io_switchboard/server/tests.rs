//! The server answers agents, keeps the output and ends when it is done.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    path::PathBuf,
};

use bytes::Bytes;
use libprocess::{
    Clock,
    http::{
        client::{ClientError, ClientRequest, ClientResponse, Connection},
        pipe::{self, Writer},
    },
};
use mesos_common::{record_reader::RecordReader, recordio};
use mesos_proto::v1::{
    ContainerId,
    agent::{
        Call, ProcessIo,
        call::{self, AttachContainerInput, attach_container_input},
        process_io::{self, control, data},
    },
};
use prost::Message;

use super::*;

const PROTOBUF: &str = "application/x-protobuf";
const RECORDIO: &str = "application/recordio";

/// A server, and the container that the test plays.
struct Fixture {
    runtime: Runtime,
    directory: tempfile::TempDir,
    server: IoSwitchboardServer,
    ended: Option<Future<Result<(), ServerError>>>,
    stdin: File,
    stdout: Option<File>,
    stderr: Option<File>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Clock::real(), Begin::AtOnce, None)
    }

    fn with(clock: Clock, begin: Begin, heartbeat_interval: Option<Duration>) -> Self {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .clock(clock)
            .start()
            .expect("runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let log = |name: &str| -> OwnedFd {
            let file = File::create(directory.path().join(name)).expect("a file");
            file.into()
        };
        let (stdin, stdin_to) = io::pipe().expect("a pipe");
        let (stdout_from, stdout) = io::pipe().expect("a pipe");
        let (stderr_from, stderr) = io::pipe().expect("a pipe");
        let parts = IoSwitchboardServerParts {
            kind: Kind::Pipes,
            stdin: stdin_to.into(),
            stdout: Redirect {
                from: stdout_from.into(),
                to: log("stdout"),
            },
            stderr: Redirect {
                from: stderr_from.into(),
                to: log("stderr"),
            },
            begin,
            heartbeat_interval,
        };
        let socket = directory.path().join("socket");
        let (server, ended) =
            IoSwitchboardServer::start(&runtime, &socket, parts).expect("a server");
        let file = |descriptor: OwnedFd| File::from(descriptor);
        Self {
            runtime,
            directory,
            server,
            ended: Some(ended),
            stdin: file(stdin.into()),
            stdout: Some(file(stdout.into())),
            stderr: Some(file(stderr.into())),
        }
    }

    fn write(&mut self, text: &str) {
        let stdout = self.stdout.as_mut().expect("open");
        stdout.write_all(text.as_bytes()).expect("written");
    }

    /// The container closes its outputs.
    fn end(&mut self) {
        self.stdout = None;
        self.stderr = None;
    }

    fn ended(&mut self) -> Result<(), ServerError> {
        let ended = self.ended.take().expect("not asked before");
        self.runtime.block_on(ended).ready().expect("an end")
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).expect("a log")
    }

    fn connect(&self) -> Connection {
        let socket: PathBuf = self.directory.path().join("socket");
        self.runtime
            .block_on(Connection::connect_unix(&socket))
            .expect("connected")
    }

    fn attach_output(&self) -> (Connection, RecordReader) {
        let call = Call {
            r#type: Some(call::Type::AttachContainerOutput.into()),
            attach_container_output: Some(call::AttachContainerOutput {
                container_id: Some(container()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let connection = self.connect();
        let request = ClientRequest::post("/", PROTOBUF, call.encode_to_vec())
            .closing()
            .with_header("accept", RECORDIO)
            .with_header("message-accept", PROTOBUF);
        let response = self
            .runtime
            .block_on(connection.send(request))
            .expect("an answer");
        assert_eq!(response.status, 200);
        (connection, RecordReader::new(response.body))
    }

    fn read(&self, records: &mut RecordReader) -> Option<ProcessIo> {
        let record = self.runtime.block_on(records.next())?;
        Some(ProcessIo::decode(record.expect("a record")).expect("a message"))
    }

    fn read_text(&self, records: &mut RecordReader) -> (String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        while let Some(message) = self.read(records) {
            let text = String::from_utf8_lossy(message.data().data()).into_owned();
            match message.data().r#type() {
                data::Type::Stdout => out.push_str(&text),
                data::Type::Stderr => err.push_str(&text),
                data::Type::Stdin | data::Type::Unknown => {}
            }
        }
        (out, err)
    }

    fn attach_input(&self) -> Input {
        let (writer, reader) = pipe::pipe();
        let connection = self.connect();
        let request = ClientRequest::post("/", RECORDIO, "")
            .closing()
            .with_header("message-content-type", PROTOBUF)
            .with_stream(reader);
        let answer = connection.send(request);
        let input = Input {
            writer,
            answer: Box::pin(answer),
            _connection: connection,
        };
        input.send(AttachContainerInput {
            r#type: Some(attach_container_input::Type::ContainerId.into()),
            container_id: Some(container()),
            ..Default::default()
        });
        input
    }

    fn answer(&self, input: Input) -> (u16, String) {
        let response = self.runtime.block_on(input.answer).expect("an answer");
        let status = response.status;
        let body = self.runtime.block_on(response.bytes()).expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    fn acknowledge(&self) {
        let request = ClientRequest::post("/acknowledge_container_input_response", PROTOBUF, "");
        let answered = self
            .runtime
            .block_on(self.connect().send(request.closing()));
        assert_eq!(answered.expect("an answer").status, 200);
    }

    /// What the container has read when so much was written.
    fn read_stdin(&mut self, length: usize) -> String {
        let mut text = String::new();
        while text.len() < length {
            let ready = libprocess::io::poll(
                &self.runtime,
                self.stdin.as_fd(),
                libprocess::io::Ready::Read,
            );
            assert!(self.runtime.block_on(ready).is_ready());
            let mut buffer = [0; 64];
            let read = self.stdin.read(&mut buffer).expect("written");
            assert_ne!(read, 0, "the end came after {text:?}");
            text.push_str(std::str::from_utf8(&buffer[..read]).expect("text"));
        }
        text
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

struct Input {
    writer: Writer,
    answer:
        std::pin::Pin<Box<dyn std::future::Future<Output = Result<ClientResponse, ClientError>>>>,
    _connection: Connection,
}

impl Input {
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

    fn write(&self, kind: data::Type, text: &'static str) {
        self.send_message(ProcessIo {
            r#type: Some(process_io::Type::Data.into()),
            data: Some(process_io::Data {
                r#type: Some(kind.into()),
                data: Some(Bytes::from_static(text.as_bytes())),
                ..Default::default()
            }),
            ..Default::default()
        });
    }

    fn control(&self, control: process_io::Control) {
        self.send_message(ProcessIo {
            r#type: Some(process_io::Type::Control.into()),
            control: Some(control.into()),
            ..Default::default()
        });
    }
}

fn container() -> ContainerId {
    ContainerId {
        value: Some("c".to_owned()),
        ..Default::default()
    }
}

/// Mirrors: IOSwitchboardServerTest.RedirectLog
#[test]
fn output_is_kept_without_any_client() {
    let mut fixture = Fixture::new();

    fixture.write("out");
    let stderr = fixture.stderr.as_mut().expect("open");
    stderr.write_all(b"err").expect("written");
    fixture.end();

    assert_eq!(fixture.ended(), Ok(()));
    assert_eq!(fixture.log("stdout"), "out");
    assert_eq!(fixture.log("stderr"), "err");
}

/// Mirrors: IOSwitchboardServerTest.AttachOutput
#[test]
fn first_client_gets_everything_when_it_is_waited_for() {
    let mut fixture = Fixture::with(Clock::real(), Begin::WithFirstClient, None);
    let long = "x".repeat(40_000);
    fixture.write(&long);

    let (_connection, mut records) = fixture.attach_output();
    fixture.end();
    let (out, err) = fixture.read_text(&mut records);

    assert!(out == long);
    assert_eq!(err, "");
    assert_eq!(fixture.ended(), Ok(()));
    assert!(fixture.log("stdout") == long);
}

#[test]
fn server_that_is_unblocked_waits_for_no_client() {
    let mut fixture = Fixture::with(Clock::real(), Begin::WithFirstClient, None);
    fixture.write("lost to nobody");
    fixture.end();

    fixture.server.unblock();

    assert_eq!(fixture.ended(), Ok(()));
    assert_eq!(fixture.log("stdout"), "lost to nobody");
}

/// Mirrors: IOSwitchboardServerTest.SendHeartbeat
#[test]
fn clients_of_the_output_get_signs_of_life() {
    let clock = Clock::paused();
    let interval = Duration::from_millis(100);
    let fixture = Fixture::with(clock.clone(), Begin::AtOnce, Some(interval));
    let (_connection, mut records) = fixture.attach_output();

    for _ in 0..5 {
        clock.settle();
        clock.advance(interval);
        let message = fixture.read(&mut records).expect("a sign of life");

        assert_eq!(message.r#type(), process_io::Type::Control);
        assert_eq!(message.control().r#type(), control::Type::Heartbeat);
        let told = message.control().heartbeat().interval().nanoseconds();
        assert_eq!(told, 100_000_000);
    }
}

/// Mirrors: IOSwitchboardServerTest.AttachInput
#[test]
fn input_reaches_the_container_up_to_its_end() {
    let mut fixture = Fixture::new();
    let input = fixture.attach_input();

    input.write(data::Type::Stdin, "hello");
    let read = fixture.read_stdin(5);
    input.write(data::Type::Stdin, "");
    input.writer.close();
    let answered = fixture.answer(input);
    let mut rest = String::new();
    fixture.stdin.read_to_string(&mut rest).expect("an end");

    assert_eq!(read, "hello");
    assert_eq!(rest, "");
    assert_eq!(answered, (200, String::new()));
}

/// Mirrors: IOSwitchboardServerTest.ReceiveHeartbeat
#[test]
fn signs_of_life_of_the_client_of_the_input_are_not_input() {
    let mut fixture = Fixture::new();
    let input = fixture.attach_input();

    for _ in 0..5 {
        input.control(process_io::Control {
            r#type: Some(control::Type::Heartbeat.into()),
            heartbeat: Some(control::Heartbeat::default()),
            ..Default::default()
        });
    }
    input.write(data::Type::Stdin, "x");
    input.writer.close();
    let answered = fixture.answer(input);

    assert_eq!(answered, (200, String::new()));
    assert_eq!(fixture.read_stdin(1), "x");
}

#[test]
fn input_is_refused_with_the_texts_of_mesos() {
    let fixture = Fixture::new();
    let refused = |act: fn(&Input)| {
        let input = fixture.attach_input();
        act(&input);
        fixture.answer(input)
    };

    let window = refused(|input| {
        let size = mesos_proto::v1::tty_info::WindowSize {
            rows: Some(1),
            columns: Some(1),
            ..Default::default()
        };
        input.control(process_io::Control {
            r#type: Some(control::Type::TtyInfo.into()),
            tty_info: Some(mesos_proto::v1::TtyInfo {
                window_size: Some(size),
                ..Default::default()
            }),
            ..Default::default()
        });
    });
    assert_eq!(window.0, 400);
    assert!(window.1.starts_with("Unable to set the window size: "));
    assert_eq!(
        refused(|input| input.write(data::Type::Stdout, "x")),
        (
            400,
            "Expecting 'process_io.data.type' to be 'STDIN'".to_owned()
        )
    );
    assert_eq!(
        refused(|input| input.send_message(ProcessIo::default())),
        (400, "Expecting 'process_io.type' to be present".to_owned())
    );
}

#[test]
fn server_stays_until_the_answer_to_the_input_has_come() {
    let mut fixture = Fixture::new();
    let input = fixture.attach_input();
    input.write(data::Type::Stdin, "x");
    assert_eq!(fixture.read_stdin(1), "x");

    fixture.end();
    let answered = fixture.answer(input);
    let ended = fixture.ended.take().expect("not asked before");
    assert!(ended.is_pending());
    fixture.acknowledge();

    assert_eq!(answered, (200, String::new()));
    assert_eq!(fixture.runtime.block_on(ended).ready(), Some(Ok(())));
}
