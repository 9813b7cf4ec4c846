//! A master in a runtime with virtual time, and peers that speak the real wire.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Clock, Context, Message, Pid, Process, ProcessId, Runtime, Upid};
use mesos_common::recordio::Decoder;
use mesos_master::flags::Flags;
use mesos_master::{MasterHandle, start};
use mesos_proto::internal::{
    AgentRegisteredMessage, RegisterAgentMessage, RunTaskMessage, StatusUpdate, StatusUpdateMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::agent_info::capability::Type as AgentCapability;
use mesos_proto::v1::framework_info::capability::Type as FrameworkCapability;
use mesos_proto::v1::scheduler::{Call, Event, call, event};
use mesos_proto_codec::{Dialect, Json, WireMessage, decode, to_json};
use serde_json::Value;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(8);

/// A running master.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) master: MasterHandle,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.master.shutdown();
        self.runtime.shutdown();
    }
}

impl Stage {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Flags)) -> Self {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .delegate("master")
            .clock(Clock::paused())
            .start()
            .expect("a free port");
        let mut flags = Flags {
            registry: "in_memory".to_owned(),
            ..Flags::default()
        };
        change(&mut flags);
        let master = start(&runtime, flags).expect("a master");
        runtime.clock().settle();
        Self { runtime, master }
    }

    pub(crate) fn settle(&self) {
        self.runtime.clock().settle();
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.runtime.clock().advance(time);
        self.settle();
    }

    pub(crate) fn send<M: WireMessage>(&self, from: &Peer, message: &M) {
        from.send(self.master.upid(), message);
    }

    pub(crate) fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut connection = Connection::open(&self.runtime);
        connection.request(method, path, headers, body);
        connection.answer()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.http("GET", path, &[], b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// An operator call in JSON.
    pub(crate) fn call(&self, json: &str) -> Answer {
        self.http(
            "POST",
            "/api/v1",
            &[("Content-Type", "application/json")],
            json.as_bytes(),
        )
    }

    pub(crate) fn metric(&self, key: &str) -> f64 {
        let snapshot = self.runtime.metrics().snapshot(None);
        let values = self.runtime.block_on(snapshot).ready().expect("metrics");
        values.get(key).copied().expect("the metric")
    }

    /// Registers an agent with these resources.
    pub(crate) fn agent(&self, resources: &str) -> Agent {
        let peer = Peer::start(&self.runtime, "slave");
        let info = agent_info(resources);
        let message = RegisterAgentMessage {
            agent: Some(info.clone().into()),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: agent_capabilities(),
            resource_version_uuid: Some(uuid_message(1)),
            ..Default::default()
        };
        self.send(&peer, &message);
        let registered: AgentRegisteredMessage = peer.expect();
        let mut info = info;
        info.id = registered.agent_id.clone();
        Agent {
            id: registered.agent_id().value().to_owned(),
            info,
            peer,
        }
    }

    /// Subscribes a framework on HTTP.
    pub(crate) fn subscribe(&self, info: v1::FrameworkInfo) -> Scheduler {
        Scheduler::subscribe(self, info)
    }
}

pub(crate) fn uuid_message(byte: u8) -> v1::Uuid {
    let mut bytes = [byte; 16];
    bytes[6] = 0x40;
    bytes[8] = 0x80;
    v1::Uuid {
        value: Some(bytes.to_vec().into()),
        ..Default::default()
    }
}

pub(crate) fn agent_info(resources: &str) -> v1::AgentInfo {
    let resources = mesos_common::resources::Resources::parse(resources).expect("resources");
    v1::AgentInfo {
        hostname: Some("host".to_owned()),
        port: Some(5051),
        resources: resources.to_proto(),
        checkpoint: Some(true),
        ..Default::default()
    }
}

pub(crate) fn agent_capabilities() -> Vec<v1::agent_info::Capability> {
    [
        AgentCapability::MultiRole,
        AgentCapability::HierarchicalRole,
        AgentCapability::ReservationRefinement,
        AgentCapability::ResourceProvider,
        AgentCapability::ResizeVolume,
        AgentCapability::AgentOperationFeedback,
        AgentCapability::AgentDraining,
        AgentCapability::TaskResourceLimits,
    ]
    .iter()
    .map(|kind| v1::agent_info::Capability {
        r#type: Some((*kind).into()),
        ..Default::default()
    })
    .collect()
}

/// A framework in one role that learns of partitions.
pub(crate) fn framework(role: &str) -> v1::FrameworkInfo {
    let capabilities = [
        FrameworkCapability::MultiRole,
        FrameworkCapability::PartitionAware,
        FrameworkCapability::ReservationRefinement,
    ];
    v1::FrameworkInfo {
        user: Some("user".to_owned()),
        name: Some("test".to_owned()),
        roles: vec![role.to_owned()],
        failover_timeout: Some(3600.0),
        checkpoint: Some(true),
        capabilities: capabilities
            .iter()
            .map(|kind| v1::framework_info::Capability {
                r#type: Some((*kind).into()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

/// An actor that keeps every message it gets.
struct Mailbox {
    prefix: &'static str,
    letters: Sender<Message>,
}

impl Process for Mailbox {
    fn id(&self) -> ProcessId {
        ProcessId::generated(self.prefix)
    }

    fn message_unhandled(&mut self, message: &Message, _ctx: &mut Context<Self>) {
        let _ = self.letters.send(message.clone());
    }
}

/// Somebody who speaks the legacy wire.
pub(crate) struct Peer {
    runtime: Runtime,
    pid: Pid<Mailbox>,
    letters: Receiver<Message>,
}

impl Peer {
    pub(crate) fn start(runtime: &Runtime, prefix: &'static str) -> Self {
        let (sender, letters) = channel();
        let pid = runtime.spawn(Mailbox {
            prefix,
            letters: sender,
        });
        Self {
            runtime: runtime.clone(),
            pid,
            letters,
        }
    }

    pub(crate) fn upid(&self) -> &Upid {
        self.pid.upid()
    }

    pub(crate) fn send<M: WireMessage>(&self, to: &Upid, message: &M) {
        let (to, message) = (to.clone(), message.clone());
        self.pid
            .dispatch(move |_, ctx| ctx.send_protobuf(&to, &message));
    }

    /// The next message of a kind; others are skipped.
    #[track_caller]
    pub(crate) fn expect<M: WireMessage>(&self) -> M {
        loop {
            let letter = self.letters.recv_timeout(PATIENCE).expect(M::FULL_NAME);
            if letter.name.as_ref() == M::FULL_NAME {
                return decode(letter.body).expect("a message");
            }
        }
    }

    /// Whether a message of a kind is there by now; what came before it is skipped.
    pub(crate) fn has<M: WireMessage>(&self) -> bool {
        self.runtime.clock().settle();
        while let Ok(letter) = self.letters.try_recv() {
            if letter.name.as_ref() == M::FULL_NAME {
                return true;
            }
        }
        false
    }

    pub(crate) fn disappear(&self) {
        self.pid.terminate();
    }
}

/// A registered agent.
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) info: v1::AgentInfo,
    pub(crate) peer: Peer,
}

impl Agent {
    pub(crate) fn proto_id(&self) -> v1::AgentId {
        v1::AgentId {
            value: Some(self.id.clone()),
            ..Default::default()
        }
    }

    /// Reports a task's state to the master; returns the update's uuid.
    pub(crate) fn update(
        &self,
        stage: &Stage,
        run: &RunTaskMessage,
        state: TaskState,
        uuid: u8,
    ) -> Bytes {
        let uuid = uuid_message(uuid).value.expect("bytes");
        let status = v1::TaskStatus {
            task_id: run.task().task_id.clone(),
            state: Some(state.into()),
            source: Some(v1::task_status::Source::SourceExecutor.into()),
            agent_id: Some(self.proto_id()),
            timestamp: Some(1.0),
            uuid: Some(uuid.clone()),
            ..Default::default()
        };
        let update = StatusUpdate {
            framework_id: run.framework().id.clone(),
            agent_id: Some(self.proto_id()),
            status: Some(status.into()),
            timestamp: Some(1.0),
            uuid: Some(uuid.clone()),
            latest_state: Some(state.into()),
            ..Default::default()
        };
        let message = StatusUpdateMessage {
            update: Some(update.into()),
            pid: Some(self.peer.upid().to_string()),
            ..Default::default()
        };
        stage.send(&self.peer, &message);
        uuid
    }
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// One HTTP connection, read and written by hand.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(runtime: &Runtime) -> Self {
        let stream = TcpStream::connect(runtime.address().socket_addr()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self {
            reader: BufReader::new(stream),
        }
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let stream = self.reader.get_mut();
        stream.write_all(text.as_bytes()).expect("a request");
        stream.write_all(body).expect("a body");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// The status and the headers.
    pub(crate) fn head(&mut self) -> Answer {
        let status = self.line();
        let status = status
            .split(' ')
            .nth(1)
            .expect("a status")
            .parse()
            .expect("a number");
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Answer {
            status,
            headers,
            body: Vec::new(),
        }
    }

    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        if answer.header("Transfer-Encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                answer.body.extend(chunk);
            }
        } else {
            let length = answer
                .header("Content-Length")
                .unwrap_or("0")
                .parse()
                .expect("a length");
            answer.body = vec![0; length];
            self.reader.read_exact(&mut answer.body).expect("a body");
        }
        answer
    }

    /// The next chunk of a streamed body; none at its end.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.line();
        let length = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        let mut chunk = vec![0; length];
        self.reader.read_exact(&mut chunk).expect("a chunk");
        self.line();
        (length > 0).then_some(chunk)
    }
}

/// A framework on HTTP.
pub(crate) struct Scheduler {
    pub(crate) id: v1::FrameworkId,
    pub(crate) stream_id: String,
    connection: Connection,
    decoder: Decoder,
    events: std::collections::VecDeque<Event>,
    address: Runtime,
}

impl Scheduler {
    /// Subscribes and waits for the first event.
    pub(crate) fn subscribe(stage: &Stage, info: v1::FrameworkInfo) -> Self {
        let mut scheduler = Self::open(stage, info);
        let subscribed = scheduler.expect(event::Type::Subscribed);
        scheduler.id = subscribed.subscribed().framework_id().clone();
        scheduler
    }

    /// Sends a `SUBSCRIBE` and reads nothing but the head of the answer.
    pub(crate) fn open(stage: &Stage, info: v1::FrameworkInfo) -> Self {
        let call = Call {
            framework_id: info.id.clone(),
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(
                call::Subscribe {
                    framework_info: Some(info.into()),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        };
        let mut connection = Connection::open(&stage.runtime);
        let body = to_json(&call, Dialect::V1);
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        ];
        connection.request("POST", "/api/v1/scheduler", &headers, body.as_bytes());
        let head = connection.head();
        assert_eq!(head.status, 200);
        Self {
            id: v1::FrameworkId::default(),
            stream_id: head
                .header("Mesos-Stream-Id")
                .expect("a stream id")
                .to_owned(),
            connection,
            decoder: Decoder::default(),
            events: std::collections::VecDeque::new(),
            address: stage.runtime.clone(),
        }
    }

    /// The next event; none when the stream ended.
    pub(crate) fn next(&mut self) -> Option<Event> {
        while self.events.is_empty() {
            let chunk = self.connection.chunk()?;
            let mut records = Vec::new();
            self.decoder.decode(&chunk, &mut records).expect("records");
            assert_eq!(records.len(), 1, "one record is one chunk");
            for record in records {
                self.events
                    .push_back(Event::read_json(Dialect::V1, &record).expect("an event"));
            }
        }
        self.events.pop_front()
    }

    /// The next event of a kind; others are skipped.
    #[track_caller]
    pub(crate) fn expect(&mut self, kind: event::Type) -> Event {
        let name = kind.as_str_name();
        loop {
            let event = self.next().expect(name);
            if event.r#type() == kind {
                return event;
            }
        }
    }

    /// The offers of the next event that has some.
    #[track_caller]
    pub(crate) fn offers(&mut self) -> Vec<v1::Offer> {
        self.expect(event::Type::Offers).offers().offers.clone()
    }

    /// The status of the next update.
    #[track_caller]
    pub(crate) fn update(&mut self) -> v1::TaskStatus {
        self.expect(event::Type::Update).update().status().clone()
    }

    /// Sends a call; the framework's id and stream are filled in.
    pub(crate) fn call(&self, mut call: Call) -> Answer {
        call.framework_id = Some(self.id.clone());
        let body = to_json(&call, Dialect::V1);
        let headers = [
            ("Content-Type", "application/json"),
            ("Mesos-Stream-Id", self.stream_id.as_str()),
        ];
        let mut connection = Connection::open(&self.address);
        connection.request("POST", "/api/v1/scheduler", &headers, body.as_bytes());
        connection.answer()
    }

    /// Accepts an offer with one operation.
    #[track_caller]
    pub(crate) fn accept(&self, offer: &v1::Offer, operations: Vec<v1::offer::Operation>) {
        let accept = call::Accept {
            offer_ids: vec![offer.id().clone()],
            operations,
            filters: Some(v1::Filters {
                refuse_seconds: Some(0.0),
                ..Default::default()
            }),
            ..Default::default()
        };
        let answer = self.call(Call {
            r#type: Some(call::Type::Accept.into()),
            accept: Some(accept.into()),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Acknowledges an update.
    #[track_caller]
    pub(crate) fn acknowledge(&self, status: &v1::TaskStatus) {
        let acknowledge = call::Acknowledge {
            agent_id: status.agent_id.clone(),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone(),
            ..Default::default()
        };
        let answer = self.call(Call {
            r#type: Some(call::Type::Acknowledge.into()),
            acknowledge: Some(acknowledge.into()),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
}

/// A command task that takes what is given of an offer.
pub(crate) fn task(id: &str, offer: &v1::Offer, resources: &str) -> v1::TaskInfo {
    let mut parsed = mesos_common::resources::Resources::parse(resources).expect("resources");
    if offer.allocation_info.is_some() {
        parsed.allocate(&offer.allocation_info().role().into());
    }
    v1::TaskInfo {
        name: Some(id.to_owned()),
        task_id: Some(v1::TaskId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        agent_id: offer.agent_id.clone(),
        resources: parsed.to_proto(),
        command: Some(
            v1::CommandInfo {
                value: Some("true".to_owned()),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}

/// A `LAUNCH` of tasks.
pub(crate) fn launch(task_infos: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch.into()),
        launch: Some(v1::offer::operation::Launch {
            task_infos,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Launches one task on the first offer; returns what the agent was told.
pub(crate) fn run_one(
    scheduler: &mut Scheduler,
    agent: &Agent,
    id: &str,
    resources: &str,
) -> RunTaskMessage {
    let offers = scheduler.offers();
    let offer = offers.first().expect("an offer");
    scheduler.accept(offer, vec![launch(vec![task(id, offer, resources)])]);
    agent.peer.expect()
}
