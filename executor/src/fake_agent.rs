//! The agent's side of the executor API, for tests.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use libprocess::http::pipe::{Writer, pipe};
use libprocess::http::{Help, Request, Response};
use libprocess::{Clock, Context, Future, Pid, Process, ProcessId, Promise, Runtime};
use mesos_api_client::ContentType;
use mesos_common::recordio;
use mesos_common::wire::variable;
use mesos_proto::v1::agent;
use mesos_proto::v1::executor::{Call, Event, call, event};
use mesos_proto::v1::task_status::Source;
use mesos_proto::v1::{
    AgentInfo, CommandInfo, ExecutorId, FrameworkId, FrameworkInfo, TaskId, TaskInfo, TaskState,
    TaskStatus,
};
use tokio::sync::mpsc;

use crate::ExecutorEnvironment;

/// Longest time that a test waits for something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time that a test gives to something which may not happen.
const SOON: Duration = Duration::from_millis(50);

/// An agent that notes every call and sends what it is told to send.
pub(crate) struct FakeAgent {
    /// Where executors of the test live.
    pub(crate) runtime: Runtime,
    home: Runtime,
    pid: Pid<FakeAgentProcess>,
    calls: mpsc::UnboundedReceiver<Call>,
    operator_calls: mpsc::UnboundedReceiver<agent::Call>,
}

struct FakeAgentProcess {
    calls: mpsc::UnboundedSender<Call>,
    operator_calls: mpsc::UnboundedSender<agent::Call>,
    /// Who waits for the end of which container.
    waits: HashMap<String, Promise<Response>>,
    /// Containers that ended before anybody waited.
    ended: HashMap<String, Response>,
    /// The answer to launches of containers, when they are refused.
    launch_refusal: Option<String>,
    stream: Option<Writer>,
    /// The answer to the next SUBSCRIBE, when it is not the stream.
    refusal: Option<Response>,
}

impl Process for FakeAgentProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed(variable::AGENT_PROCESS_ID)
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route(
            "/api/v1/executor",
            Help::none(),
            |agent: &mut Self, request, _| agent.answer(&request),
        );
        ctx.route("/api/v1", Help::none(), |agent: &mut Self, request, _| {
            agent.answer_operator(&request)
        });
    }
}

impl FakeAgentProcess {
    fn answer_operator(&mut self, request: &Request) -> Future<Response> {
        let call: agent::Call = ContentType::Protobuf
            .decode(&request.body)
            .expect("a valid call");
        self.operator_calls
            .send(call.clone())
            .expect("the test waits for calls");
        if call.r#type() == agent::call::Type::WaitNestedContainer {
            let id = call
                .wait_nested_container()
                .container_id()
                .value()
                .to_owned();
            if let Some(response) = self.ended.remove(&id) {
                return response.into();
            }
            let (promise, response) = Promise::new();
            self.waits.insert(id, promise);
            return response;
        }
        let launches = call.r#type() == agent::call::Type::LaunchContainer;
        match self.launch_refusal.as_ref().filter(|_| launches) {
            Some(reason) => Response::bad_request(reason.clone()).into(),
            None => Response::ok().into(),
        }
    }

    fn answer(&mut self, request: &Request) -> Future<Response> {
        let call: Call = ContentType::Protobuf
            .decode(&request.body)
            .expect("a valid call");
        let subscribes = call.r#type() == call::Type::Subscribe;
        self.calls.send(call).expect("the test waits for calls");
        if !subscribes {
            return Response::accepted().into();
        }
        if let Some(refusal) = self.refusal.take() {
            return refusal.into();
        }
        let (writer, reader) = pipe();
        self.stream = Some(writer);
        Response::streaming(reader, "application/x-protobuf").into()
    }
}

impl FakeAgent {
    pub(crate) fn start(clock: &Clock) -> Self {
        let (runtime, home) = (host(clock), host(clock));
        let (sender, calls) = mpsc::unbounded_channel();
        let (operator_sender, operator_calls) = mpsc::unbounded_channel();
        let process = FakeAgentProcess {
            calls: sender,
            operator_calls: operator_sender,
            waits: HashMap::new(),
            ended: HashMap::new(),
            launch_refusal: None,
            stream: None,
            refusal: None,
        };
        let pid = home.spawn(process);
        Self {
            runtime,
            home,
            pid,
            calls,
            operator_calls,
        }
    }

    /// The next call of the operator API that is of this type; others are passed over.
    pub(crate) fn next_operator_call(&mut self, kind: agent::call::Type) -> agent::Call {
        loop {
            let calls = &mut self.operator_calls;
            let waiting = async { tokio::time::timeout(PATIENCE, calls.recv()).await };
            let call = self
                .runtime
                .block_on(waiting)
                .expect("a call comes in time");
            let call = call.expect("the agent lives");
            if call.r#type() == kind {
                return call;
            }
        }
    }

    /// Refuses launches of containers.
    pub(crate) fn refuse_launches(&self, reason: &str) {
        let reason = reason.to_owned();
        let done = self
            .pid
            .call(move |agent, _| agent.launch_refusal = Some(reason));
        self.wait(done);
    }

    /// Tells who waits for a container that there is none.
    pub(crate) fn forget_container(&self, id: &str) {
        self.answer_wait(id, Response::not_found());
    }

    fn answer_wait(&self, id: &str, answer: Response) {
        let id = id.to_owned();
        self.pid
            .dispatch(move |agent, _| match agent.waits.remove(&id) {
                Some(promise) => promise.set(answer),
                None => {
                    agent.ended.insert(id, answer);
                }
            });
    }

    /// Ends a container with this raw wait status.
    pub(crate) fn end_container(&self, id: &str, exit_status: i32) {
        let waited = agent::response::WaitNestedContainer {
            exit_status: Some(exit_status),
            ..Default::default()
        };
        let response = agent::Response {
            r#type: Some(agent::response::Type::WaitNestedContainer.into()),
            wait_nested_container: Some(waited.into()),
            ..Default::default()
        };
        let answer = Response::ok_text(ContentType::Protobuf.encode(&response));
        self.answer_wait(
            id,
            answer.with_header("Content-Type", "application/x-protobuf"),
        );
    }

    /// Ends the agent: its port is closed.
    pub(crate) fn die(&self) {
        self.home.shutdown();
    }

    /// A call, when one has come already or comes soon.
    pub(crate) fn call_soon(&mut self) -> Option<Call> {
        let calls = &mut self.calls;
        let waiting = async { tokio::time::timeout(SOON, calls.recv()).await };
        self.runtime.block_on(waiting).ok().flatten()
    }

    /// The environment of an executor of this agent, with further variables.
    pub(crate) fn environment(&self, more: &[(&str, &str)]) -> ExecutorEnvironment {
        let base = [
            (variable::AGENT_PID, self.pid.upid().to_string()),
            ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs".to_owned()),
            // The forced end would be that of the test.
            ("MESOS_LOCAL", "1".to_owned()),
        ];
        let mut variables: BTreeMap<String, String> = base
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        variables.extend(
            more.iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        );
        ExecutorEnvironment::from_variables(&variables).expect("a complete environment")
    }

    /// As [`FakeAgent::environment`] for a framework that checkpoints.
    pub(crate) fn checkpointing(&self) -> ExecutorEnvironment {
        self.environment(&[
            ("MESOS_CHECKPOINT", "1"),
            ("MESOS_RECOVERY_TIMEOUT", "15mins"),
            ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ])
    }

    /// Waits for something on a clock of its own.
    pub(crate) fn wait<T>(&self, future: impl std::future::Future<Output = T>) -> T {
        let waiting = async { tokio::time::timeout(PATIENCE, future).await };
        self.runtime.block_on(waiting).expect("it happens in time")
    }

    /// The next call.
    pub(crate) fn next_call(&mut self) -> Call {
        let calls = &mut self.calls;
        let waiting = async { tokio::time::timeout(PATIENCE, calls.recv()).await };
        self.runtime
            .block_on(waiting)
            .expect("a call comes in time")
            .expect("the agent lives")
    }

    /// The status of the next update.
    pub(crate) fn next_status(&mut self) -> TaskStatus {
        let call = self.next_call();
        assert_eq!(call.r#type(), call::Type::Update, "{call:?}");
        call.update().status().clone()
    }

    /// The status of the next update, which must be of this state and is acknowledged.
    #[track_caller]
    pub(crate) fn expect_status(&mut self, state: TaskState) -> TaskStatus {
        let status = self.next_status();
        assert_eq!(status.state(), state, "{status:?}");
        assert_eq!(status.source(), Source::SourceExecutor);
        self.acknowledge(&status);
        status
    }

    pub(crate) fn send(&self, event: Event) {
        self.send_raw(ContentType::Protobuf.encode(&event));
        drop(event);
    }

    /// Sends a record that need not be an event.
    pub(crate) fn send_raw(&self, record: Bytes) {
        self.pid.dispatch(move |agent, _| {
            let stream = agent.stream.as_ref().expect("the executor has subscribed");
            stream.write(recordio::encode(&record));
        });
    }

    /// Sends the first half of an event's record.
    pub(crate) fn send_half(&self, event: &Event) {
        let record = recordio::encode(&ContentType::Protobuf.encode(event));
        let half = record.slice(..record.len() / 2);
        self.pid.dispatch(move |agent, _| {
            let stream = agent.stream.as_ref().expect("the executor has subscribed");
            stream.write(half);
        });
    }

    pub(crate) fn acknowledge(&self, status: &TaskStatus) {
        let acknowledged = event::Acknowledged {
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone(),
            ..Default::default()
        };
        self.send(Event {
            acknowledged: Some(acknowledged.into()),
            ..blank(event::Type::Acknowledged)
        });
    }

    /// Takes SUBSCRIBE and answers it as a new agent does.
    pub(crate) fn subscribe(&mut self, capabilities: FrameworkInfo) -> Call {
        let call = self.next_call();
        assert_eq!(call.r#type(), call::Type::Subscribe, "{call:?}");
        self.send(subscribed(capabilities));
        call
    }

    /// Ends the stream of events.
    pub(crate) fn end_stream(&self) {
        self.pid.dispatch(|agent, _| agent.stream = None);
    }

    /// Refuses the next SUBSCRIBE.
    pub(crate) fn refuse(&self, refusal: Response) {
        let done = self.pid.call(move |agent, _| agent.refusal = Some(refusal));
        self.wait(done);
    }
}

impl Drop for FakeAgent {
    fn drop(&mut self) {
        self.runtime.shutdown();
        self.home.shutdown();
    }
}

fn host(clock: &Clock) -> Runtime {
    let builder = Runtime::builder()
        .ip(Ipv4Addr::LOCALHOST.into())
        .arbiters(1);
    builder
        .clock(clock.clone())
        .start()
        .expect("a runtime starts")
}

pub(crate) fn blank(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

pub(crate) fn framework_id() -> FrameworkId {
    FrameworkId {
        value: Some("f".into()),
        ..Default::default()
    }
}

pub(crate) fn executor_id() -> ExecutorId {
    ExecutorId {
        value: Some("e".into()),
        ..Default::default()
    }
}

/// SUBSCRIBED for this framework.
pub(crate) fn subscribed(framework: FrameworkInfo) -> Event {
    let framework = FrameworkInfo {
        user: Some("root".into()),
        name: Some("test".into()),
        id: Some(framework_id()),
        ..framework
    };
    let agent = AgentInfo {
        hostname: Some("localhost".into()),
        ..Default::default()
    };
    let executor = mesos_proto::v1::ExecutorInfo {
        executor_id: Some(executor_id()),
        ..Default::default()
    };
    let subscribed = event::Subscribed {
        executor_info: Some(executor.into()),
        framework_info: Some(framework.into()),
        agent_info: Some(agent.into()),
        ..Default::default()
    };
    Event {
        subscribed: Some(subscribed.into()),
        ..blank(event::Type::Subscribed)
    }
}

/// A task that runs a shell command.
pub(crate) fn task(id: &str, command: &str) -> TaskInfo {
    let command = CommandInfo {
        value: Some(command.into()),
        ..Default::default()
    };
    TaskInfo {
        name: Some(id.into()),
        task_id: Some(TaskId {
            value: Some(id.into()),
            ..Default::default()
        }),
        agent_id: Some(mesos_proto::v1::AgentId {
            value: Some("S0".into()),
            ..Default::default()
        }),
        command: Some(command.into()),
        ..Default::default()
    }
}

/// LAUNCH of a task.
pub(crate) fn launch(task: TaskInfo) -> Event {
    let launch = event::Launch {
        task: Some(task.into()),
        ..Default::default()
    };
    Event {
        launch: Some(launch),
        ..blank(event::Type::Launch)
    }
}

/// KILL of a task.
pub(crate) fn kill(id: &str) -> Event {
    let task_id = TaskId {
        value: Some(id.into()),
        ..Default::default()
    };
    let kill = event::Kill {
        task_id: Some(task_id),
        ..Default::default()
    };
    Event {
        kill: Some(kill.into()),
        ..blank(event::Type::Kill)
    }
}
