//! The clients of the streams of containers.

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
use mesos_proto_codec::{Dialect, Json};
use prost::Message;

use crate::harness::{Cluster, command_task, framework};

const JSON: &str = "application/json";
pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const RECORDIO: &str = "application/recordio";

/// In what a call and the messages about it are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    Json,
    Protobuf,
}

impl Form {
    pub(crate) const BOTH: [Self; 2] = [Self::Json, Self::Protobuf];

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Protobuf => PROTOBUF,
        }
    }

    /// A part of the id of a container.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
        }
    }

    /// A call that is sent in this form.
    pub(crate) fn request(self, call: &Call) -> ClientRequest {
        ClientRequest::post("/api/v1", self.media_type(), self.write(call))
    }

    pub(crate) fn write(self, message: &Call) -> Vec<u8> {
        match self {
            Self::Json => mesos_proto_codec::to_json(message, Dialect::V1).into_bytes(),
            Self::Protobuf => message.encode_to_vec(),
        }
    }

    fn read<M: Message + Json + Default>(self, bytes: &Bytes) -> M {
        match self {
            Self::Json => M::read_json(Dialect::V1, bytes).expect("a message"),
            Self::Protobuf => M::decode(bytes.clone()).expect("a message"),
        }
    }
}

/// A cluster whose task runs in a container that sessions can be launched under.
pub(crate) struct Parent {
    pub(crate) cluster: Cluster,
    pub(crate) id: v1::ContainerId,
}

impl Parent {
    pub(crate) fn new() -> Self {
        Self::launched_by(Cluster::registered())
    }

    /// Runs the task on an agent that has registered.
    pub(crate) fn launched_by(cluster: Cluster) -> Self {
        cluster.run(&framework(), command_task("t", "sleep 1000"));
        cluster.wait_for_executor("t");
        Self::of(cluster)
    }

    /// The container that an agent has.
    pub(crate) fn of(cluster: Cluster) -> Self {
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

    /// Makes a call whose answer is records.
    pub(crate) fn stream(&self, call: &Call) -> ClientResponse {
        self.cluster.open(
            Form::Protobuf
                .request(call)
                .with_header("accept", RECORDIO)
                .with_header("message-accept", PROTOBUF),
        )
    }

    pub(crate) fn session(&self, value: &str, command: &str) -> Output<'_> {
        self.session_in(value, command, None)
    }

    pub(crate) fn session_in(
        &self,
        value: &str,
        command: &str,
        container: Option<v1::ContainerInfo>,
    ) -> Output<'_> {
        let response = self.stream(&session_call(self.child(value), command, container));
        assert_eq!(response.status, 200);
        Output::of(self, response)
    }

    /// Launches a session of which nothing but one form is spoken.
    pub(crate) fn session_as(&self, form: Form, call: &Call) -> Output<'_> {
        let response = self.ask_as(form, call);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some(form.media_type()));
        assert_eq!(response.header("message-content-type"), None);
        Output::new(self, response, form)
    }

    /// Makes a call in one form and asks for the answer in the same.
    pub(crate) fn ask_as(&self, form: Form, call: &Call) -> ClientResponse {
        let request = form.request(call);
        self.cluster
            .open(request.with_header("accept", form.media_type()))
    }

    /// Begins to write to the input of a container.
    pub(crate) fn input(&self, id: v1::ContainerId) -> Input<'_> {
        self.input_as(Form::Protobuf, id)
    }

    /// As [`Parent::input`], with messages of a form.
    pub(crate) fn input_as(&self, form: Form, id: v1::ContainerId) -> Input<'_> {
        let (writer, reader) = pipe::pipe();
        let request = ClientRequest::new(http::Method::POST, "/api/v1")
            .with_header("content-type", RECORDIO)
            .with_header("message-content-type", form.media_type())
            .with_header("accept", form.media_type())
            .with_stream(reader);
        let url = format!("http://{}", self.cluster.pid().address);
        let url = url.parse().expect("a URL");
        let connection = self.block_on(Connection::connect(&url)).expect("connected");
        let input = Input {
            parent: self,
            form,
            writer,
            answer: Box::pin(connection.send(request)),
            _connection: connection,
        };
        input.send(attach_container_input(id));
        input
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.cluster.master.runtime.block_on(future)
    }

    pub(crate) fn call(&self, call: &Call) -> (u16, Bytes) {
        let request = Form::Protobuf.request(call);
        self.cluster.ask(request.with_header("accept", PROTOBUF))
    }

    /// How many containers there are, those below others too.
    pub(crate) fn containers(&self) -> usize {
        let call = Call {
            r#type: Some(call::Type::GetContainers.into()),
            get_containers: Some(call::GetContainers {
                show_nested: Some(true),
                ..Default::default()
            }),
            ..Default::default()
        };
        let (status, body) = self.call(&call);
        assert_eq!(status, 200);
        let shown = Response::decode(body).expect("an answer");
        shown.get_containers().containers.len()
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

pub(crate) fn attach_output_call(id: v1::ContainerId) -> Call {
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

pub(crate) fn terminal() -> v1::ContainerInfo {
    v1::ContainerInfo {
        r#type: Some(v1::container_info::Type::Mesos.into()),
        tty_info: Some(v1::TtyInfo::default()),
        ..Default::default()
    }
}

/// The call that names the container whose input is to be written.
pub(crate) fn attach_container_input(id: v1::ContainerId) -> AttachContainerInput {
    AttachContainerInput {
        r#type: Some(attach_container_input::Type::ContainerId.into()),
        container_id: Some(id),
        ..Default::default()
    }
}

pub(crate) fn attach_input_call(input: AttachContainerInput) -> Call {
    Call {
        r#type: Some(call::Type::AttachContainerInput.into()),
        attach_container_input: Some(input.into()),
        ..Default::default()
    }
}

/// What a container writes, as it comes.
pub(crate) struct Output<'p> {
    parent: &'p Parent,
    form: Form,
    records: RecordReader,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl<'p> Output<'p> {
    pub(crate) fn of(parent: &'p Parent, response: ClientResponse) -> Self {
        assert_eq!(response.header("content-type"), Some(RECORDIO));
        assert_eq!(response.header("message-content-type"), Some(PROTOBUF));
        Self::new(parent, response, Form::Protobuf)
    }

    fn new(parent: &'p Parent, response: ClientResponse, form: Form) -> Self {
        Self {
            parent,
            form,
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
        let message: ProcessIo = self.form.read(&record.expect("a record"));
        let text = String::from_utf8_lossy(message.data().data()).into_owned();
        match message.data().r#type() {
            data::Type::Stdout => self.out.push_str(&text),
            data::Type::Stderr => self.err.push_str(&text),
            data::Type::Stdin | data::Type::Unknown => {}
        }
        true
    }

    pub(crate) fn read_until(&mut self, text: &str) {
        while !self.out.contains(text) {
            assert!(self.read(), "{text:?} did not come, only {:?}", self.out);
        }
    }

    pub(crate) fn read_to_end(&mut self) {
        while self.read() {}
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<ClientResponse, ClientError>>>>;

/// A client of a container's input.
pub(crate) struct Input<'p> {
    parent: &'p Parent,
    form: Form,
    writer: Writer,
    answer: Answering,
    _connection: Connection,
}

impl Input<'_> {
    fn send(&self, input: AttachContainerInput) {
        let call = self.form.write(&attach_input_call(input));
        self.writer.write(recordio::encode(&call));
    }

    fn send_message(&self, message: ProcessIo) {
        self.send(AttachContainerInput {
            r#type: Some(attach_container_input::Type::ProcessIo.into()),
            process_io: Some(message.into()),
            ..Default::default()
        });
    }

    /// Writes a text; an empty one ends the input.
    pub(crate) fn write(&self, text: &str) {
        let data = process_io::Data {
            r#type: Some(data::Type::Stdin.into()),
            data: Some(text.to_owned().into()),
            ..Default::default()
        };
        self.send_message(ProcessIo {
            r#type: Some(process_io::Type::Data.into()),
            data: Some(data),
            ..Default::default()
        });
    }

    pub(crate) fn resize(&self, rows: u32, columns: u32) {
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
    pub(crate) fn answer(self) -> (u16, String) {
        let response = self.parent.block_on(self.answer).expect("an answer");
        let status = response.status;
        let body = self.parent.block_on(response.bytes()).expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Ends the stream and waits for the answer.
    pub(crate) fn close(self) -> (u16, String) {
        self.writer.close();
        self.answer()
    }
}
