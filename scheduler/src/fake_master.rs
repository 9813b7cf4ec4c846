//! The master's side of the scheduler API, for tests.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use libprocess::http::pipe::{Writer, pipe};
use libprocess::http::{Help, Request, Response};
use libprocess::{Clock, Context, Future, Pid, Process, ProcessId, Runtime};
use mesos_api_client::ContentType;
use mesos_common::recordio;
use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::{Call, Event, call, event};
use tokio::sync::mpsc;

use crate::MasterUrl;

/// Longest time that a test waits for something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time that a test gives to something which may not happen.
const SOON: Duration = Duration::from_millis(50);

/// What a master has received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) call: Call,
    pub(crate) stream_id: Option<String>,
    pub(crate) authorization: Option<String>,
}

/// A master that notes every call and sends what it is told to send.
pub(crate) struct FakeMaster {
    home: Runtime,
    pid: Pid<FakeMasterProcess>,
    calls: mpsc::UnboundedReceiver<Received>,
}

struct FakeMasterProcess {
    calls: mpsc::UnboundedSender<Received>,
    content_type: ContentType,
    stream: Option<Writer>,
    streams: u32,
    /// The answers to the next SUBSCRIBE calls, when they are not the stream.
    refusals: VecDeque<Response>,
}

impl Process for FakeMasterProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("master")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route(
            "/api/v1/scheduler",
            Help::none(),
            |master: &mut Self, request, _| master.answer(&request),
        );
    }
}

impl FakeMasterProcess {
    fn answer(&mut self, request: &Request) -> Future<Response> {
        assert_eq!(
            request.header("Content-Type"),
            Some(self.content_type.media_type())
        );
        let call: Call = self
            .content_type
            .decode(&request.body)
            .expect("a valid call");
        let kind = call.r#type();
        let header = |name| request.header(name).map(str::to_owned);
        let received = Received {
            call,
            stream_id: header("Mesos-Stream-Id"),
            authorization: header("Authorization"),
        };
        self.calls.send(received).expect("the test waits for calls");
        if kind == call::Type::UpdateFramework {
            return Response::ok().into();
        }
        if kind != call::Type::Subscribe {
            return Response::accepted().into();
        }
        if let Some(refusal) = self.refusals.pop_front() {
            return refusal.into();
        }
        let (writer, reader) = pipe();
        self.stream = Some(writer);
        self.streams += 1;
        Response::streaming(reader, self.content_type.media_type())
            .with_header("Mesos-Stream-Id", format!("stream-{}", self.streams))
            .into()
    }
}

/// A runtime on this machine.
pub(crate) fn host(clock: &Clock) -> Runtime {
    let builder = Runtime::builder()
        .ip(Ipv4Addr::LOCALHOST.into())
        .arbiters(1);
    builder
        .clock(clock.clone())
        .start()
        .expect("a runtime starts")
}

impl FakeMaster {
    pub(crate) fn start(clock: &Clock, content_type: ContentType) -> Self {
        let home = host(clock);
        let (sender, calls) = mpsc::unbounded_channel();
        let process = FakeMasterProcess {
            calls: sender,
            content_type,
            stream: None,
            streams: 0,
            refusals: VecDeque::new(),
        };
        let pid = home.spawn(process);
        Self { home, pid, calls }
    }

    pub(crate) fn url(&self) -> MasterUrl {
        MasterUrl::Address(self.pid.upid().clone())
    }

    /// The next call, with its headers.
    pub(crate) fn next(&mut self) -> Received {
        let calls = &mut self.calls;
        let waiting = async { tokio::time::timeout(PATIENCE, calls.recv()).await };
        self.home
            .block_on(waiting)
            .expect("a call comes in time")
            .expect("the master lives")
    }

    /// A call, when one has come already or comes soon.
    pub(crate) fn call_soon(&mut self) -> Option<Call> {
        let calls = &mut self.calls;
        let waiting = async { tokio::time::timeout(SOON, calls.recv()).await };
        self.home
            .block_on(waiting)
            .ok()
            .flatten()
            .map(|received| received.call)
    }

    pub(crate) fn send(&self, event: Event) {
        self.pid.dispatch(move |master, _| {
            let record = recordio::encode(&master.content_type.encode(&event));
            master
                .stream
                .as_ref()
                .expect("the scheduler has subscribed")
                .write(record);
        });
    }

    /// Sends bytes that need not be a record.
    pub(crate) fn send_raw(&self, bytes: Bytes) {
        self.pid.dispatch(move |master, _| {
            master
                .stream
                .as_ref()
                .expect("the scheduler has subscribed")
                .write(bytes);
        });
    }

    /// Takes SUBSCRIBE and answers it.
    pub(crate) fn subscribe(&mut self) -> Call {
        let received = self.next();
        assert_eq!(
            received.call.r#type(),
            call::Type::Subscribe,
            "{received:?}"
        );
        assert_eq!(received.stream_id, None);
        self.send(subscribed(None));
        received.call
    }

    pub(crate) fn end_stream(&self) {
        self.pid.dispatch(|master, _| master.stream = None);
    }

    /// Refuses one more of the next SUBSCRIBE calls.
    pub(crate) fn refuse(&self, refusal: Response) {
        let done = self
            .pid
            .call(move |master, _| master.refusals.push_back(refusal));
        self.wait(done);
    }

    /// Waits for something on a clock of its own.
    pub(crate) fn wait<T>(&self, future: impl IntoFuture<Output = T>) -> T {
        let waiting = async { tokio::time::timeout(PATIENCE, future).await };
        self.home.block_on(waiting).expect("it happens in time")
    }
}

impl Drop for FakeMaster {
    fn drop(&mut self) {
        self.home.shutdown();
    }
}

pub(crate) fn blank(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

pub(crate) fn framework_id() -> FrameworkId {
    FrameworkId {
        value: Some("f-0000".into()),
        ..Default::default()
    }
}

/// SUBSCRIBED with this interval of heartbeats.
pub(crate) fn subscribed(heartbeat_interval: Option<f64>) -> Event {
    let subscribed = event::Subscribed {
        framework_id: Some(framework_id()),
        heartbeat_interval_seconds: heartbeat_interval,
        ..Default::default()
    };
    Event {
        subscribed: Some(subscribed.into()),
        ..blank(event::Type::Subscribed)
    }
}
