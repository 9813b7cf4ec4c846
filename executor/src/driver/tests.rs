//! The driver against an agent's side of the legacy messages.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Clock, Context, Process, ProcessId, Upid};
use mesos_proto::WireMessage;
use mesos_proto::internal::{
    ExecutorRegisteredMessage, ExecutorReregisteredMessage, ExecutorToFrameworkMessage,
    FrameworkToExecutorMessage, KillTaskMessage, ReconnectExecutorMessage, RegisterExecutorMessage,
    ReregisterExecutorMessage, RunTaskMessage, ShutdownExecutorMessage,
    StatusUpdateAcknowledgementMessage, StatusUpdateMessage,
};
use mesos_proto::v1::TaskState;
use tokio::sync::mpsc;

use super::*;
use crate::fake_agent::{executor_id, framework_id, task};

const PATIENCE: Duration = Duration::from_secs(60);

/// What an executor was told.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Registered,
    Reregistered,
    Launch(String),
    Kill(String, bool),
    Message(Vec<u8>),
    Shutdown,
}

struct Telling(mpsc::UnboundedSender<Told>);

impl Telling {
    fn tell(&self, told: Told) {
        self.0.send(told).expect("the test listens");
    }
}

impl Executor for Telling {
    fn registered(
        &mut self,
        _: &MesosExecutorDriver,
        _: &ExecutorInfo,
        _: &FrameworkInfo,
        _: &AgentInfo,
    ) {
        self.tell(Told::Registered);
    }
    fn reregistered(&mut self, _: &MesosExecutorDriver, _: &AgentInfo) {
        self.tell(Told::Reregistered);
    }
    fn launch_task(&mut self, driver: &MesosExecutorDriver, task: &TaskInfo) {
        let status = TaskStatus {
            task_id: task.task_id.clone(),
            state: Some(TaskState::TaskRunning.into()),
            ..Default::default()
        };
        driver.send_status_update(status);
        self.tell(Told::Launch(task.task_id().value().into()));
    }
    fn kill_task(&mut self, _: &MesosExecutorDriver, id: &TaskId, policy: Option<&KillPolicy>) {
        self.tell(Told::Kill(id.value().into(), policy.is_some()));
    }
    fn framework_message(&mut self, _: &MesosExecutorDriver, data: &[u8]) {
        self.tell(Told::Message(data.to_vec()));
    }
    fn shutdown(&mut self, driver: &MesosExecutorDriver) {
        self.tell(Told::Shutdown);
        driver.stop();
    }
}

/// What an agent was sent.
#[derive(Debug)]
enum Sent {
    Register(RegisterExecutorMessage),
    Reregister(Box<ReregisterExecutorMessage>),
    Update(Box<StatusUpdateMessage>),
    Message(Box<ExecutorToFrameworkMessage>),
}

struct AgentProcess(mpsc::UnboundedSender<(Upid, Sent)>);

impl Process for AgentProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("agent")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(|agent: &mut Self, from: &Upid, message, _| {
            agent.note(from, Sent::Register(message));
        });
        ctx.install_protobuf(|agent: &mut Self, from: &Upid, message, _| {
            agent.note(from, Sent::Reregister(Box::new(message)));
        });
        ctx.install_protobuf(|agent: &mut Self, from: &Upid, message, _| {
            agent.note(from, Sent::Update(Box::new(message)));
        });
        ctx.install_protobuf(|agent: &mut Self, from: &Upid, message, _| {
            agent.note(from, Sent::Message(Box::new(message)));
        });
    }
}

impl AgentProcess {
    fn note(&self, from: &Upid, sent: Sent) {
        self.0.send((from.clone(), sent)).expect("the test listens");
    }
}

/// An agent and the driver of one executor, in a runtime each.
struct Pair {
    clock: Clock,
    home: Runtime,
    runtime: Runtime,
    agent: Pid<AgentProcess>,
    sent: mpsc::UnboundedReceiver<(Upid, Sent)>,
    told: mpsc::UnboundedReceiver<Told>,
    driver: MesosExecutorDriver,
    executor: Option<Upid>,
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

impl Pair {
    fn start(more: &[(&str, &str)]) -> Self {
        let clock = Clock::paused();
        let (home, runtime) = (host(&clock), host(&clock));
        let (sender, sent) = mpsc::unbounded_channel();
        let agent = home.spawn(AgentProcess(sender));
        let pid = agent.upid().to_string();
        let variables = [
            (variable::AGENT_PID, pid.as_str()),
            (variable::AGENT_ID, "S0"),
            ("MESOS_FRAMEWORK_ID", "f"),
            ("MESOS_EXECUTOR_ID", "e"),
            ("MESOS_DIRECTORY", "/tmp"),
            ("MESOS_LOCAL", "1"),
            ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
        ];
        let variables = variables.iter().chain(more);
        let variables = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let environment = DriverEnvironment::from_variables(&variables).unwrap();
        let (teller, told) = mpsc::unbounded_channel();
        let driver = MesosExecutorDriver::new(&runtime, environment, Telling(teller));
        assert_eq!(driver.start(), Status::Running);
        Self {
            clock,
            home,
            runtime,
            agent,
            sent,
            told,
            driver,
            executor: None,
        }
    }

    fn next_sent(&mut self) -> Sent {
        let sent = &mut self.sent;
        let waiting = async { tokio::time::timeout(PATIENCE, sent.recv()).await };
        let (from, sent) = self
            .home
            .block_on(waiting)
            .expect("in time")
            .expect("alive");
        self.executor = Some(from);
        sent
    }

    fn next_update(&mut self) -> StatusUpdateMessage {
        match self.next_sent() {
            Sent::Update(update) => *update,
            other @ (Sent::Register(_) | Sent::Reregister(_) | Sent::Message(_)) => {
                panic!("{other:?}")
            }
        }
    }

    fn next_told(&mut self) -> Told {
        let told = &mut self.told;
        let waiting = async { tokio::time::timeout(PATIENCE, told.recv()).await };
        self.home
            .block_on(waiting)
            .expect("in time")
            .expect("alive")
    }

    fn send<M: WireMessage>(&self, message: M) {
        let executor = self.executor.clone().expect("the executor has registered");
        self.agent
            .dispatch(move |_, ctx| ctx.send_protobuf(&executor, &message));
    }

    fn register(&mut self) {
        assert!(matches!(self.next_sent(), Sent::Register(_)));
        let framework = FrameworkInfo {
            user: Some("root".into()),
            name: Some("test".into()),
            ..Default::default()
        };
        let executor = ExecutorInfo {
            executor_id: Some(executor_id()),
            ..Default::default()
        };
        self.send(ExecutorRegisteredMessage {
            executor_info: Some(executor.into()),
            framework_id: Some(framework_id()),
            framework_info: Some(framework.into()),
            agent_id: Some(agent_id()),
            agent_info: Some(agent_info().into()),
            ..Default::default()
        });
        assert_eq!(self.next_told(), Told::Registered);
    }

    fn run(&mut self, id: &str) -> StatusUpdateMessage {
        let framework = FrameworkInfo {
            user: Some("root".into()),
            name: Some("test".into()),
            ..Default::default()
        };
        self.send(RunTaskMessage {
            framework: Some(framework.into()),
            task: Some(task(id, "true").into()),
            ..Default::default()
        });
        assert_eq!(self.next_told(), Told::Launch(id.into()));
        self.next_update()
    }

    fn acknowledge(&self, id: &str, uuid: Bytes) {
        self.send(StatusUpdateAcknowledgementMessage {
            agent_id: Some(agent_id()),
            framework_id: Some(framework_id()),
            task_id: Some(TaskId {
                value: Some(id.into()),
                ..Default::default()
            }),
            uuid: Some(uuid),
            ..Default::default()
        });
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.runtime.shutdown();
        self.home.shutdown();
    }
}

fn agent_id() -> AgentId {
    AgentId {
        value: Some("S0".into()),
        ..Default::default()
    }
}

fn agent_info() -> AgentInfo {
    AgentInfo {
        hostname: Some("localhost".into()),
        ..Default::default()
    }
}

const CHECKPOINT: [(&str, &str); 3] = [
    ("MESOS_CHECKPOINT", "1"),
    ("MESOS_RECOVERY_TIMEOUT", "15mins"),
    ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
];

#[test]
fn executor_registers_once_under_its_ids() {
    let mut pair = Pair::start(&[]);

    let Sent::Register(message) = pair.next_sent() else {
        panic!("expected a registration")
    };

    assert_eq!(
        (message.framework_id(), message.executor_id()),
        (&framework_id(), &executor_id())
    );
    assert!(pair.executor.as_ref().unwrap().id.starts_with("executor("));
}

#[test]
fn update_carries_uuid_time_and_agent() {
    let mut pair = Pair::start(&[]);
    pair.register();

    let message = pair.run("t");

    let update = message.update();
    assert_eq!(update.uuid().len(), 16);
    assert_eq!(update.status().uuid(), update.uuid());
    assert_eq!(update.status().agent_id(), &agent_id());
    assert_eq!(message.pid(), pair.executor.as_ref().unwrap().to_string());
}

#[test]
fn requests_of_the_framework_become_callbacks() {
    let mut pair = Pair::start(&[]);
    pair.register();

    pair.send(KillTaskMessage {
        framework_id: Some(framework_id()),
        task_id: Some(TaskId {
            value: Some("t".into()),
            ..Default::default()
        }),
        ..Default::default()
    });
    pair.send(FrameworkToExecutorMessage {
        agent_id: Some(agent_id()),
        framework_id: Some(framework_id()),
        executor_id: Some(executor_id()),
        data: Some(Bytes::from_static(b"hi")),
        ..Default::default()
    });

    assert_eq!(pair.next_told(), Told::Kill("t".into(), false));
    assert_eq!(pair.next_told(), Told::Message(b"hi".to_vec()));
}

#[test]
fn message_reaches_the_agent() {
    let mut pair = Pair::start(&[]);
    pair.register();

    pair.driver.send_framework_message(b"hi".to_vec());

    let Sent::Message(message) = pair.next_sent() else {
        panic!("expected a message")
    };
    assert_eq!(message.data().as_ref(), b"hi");
}

#[test]
fn restarted_agent_is_told_what_it_has_not_acknowledged() {
    let mut pair = Pair::start(&CHECKPOINT);
    pair.register();
    let first = pair.run("one");
    let second = pair.run("two");
    pair.acknowledge("one", first.update().uuid().clone());

    pair.send(ReconnectExecutorMessage {
        agent_id: Some(agent_id()),
        ..Default::default()
    });

    let Sent::Reregister(message) = pair.next_sent() else {
        panic!("expected to come back")
    };
    let tasks: Vec<_> = message
        .tasks
        .iter()
        .map(|task| task.task_id().value())
        .collect();
    assert_eq!(tasks, ["two"]);
    assert_eq!(message.updates, [second.update().clone()]);
    pair.send(ExecutorReregisteredMessage {
        agent_id: Some(agent_id()),
        agent_info: Some(agent_info().into()),
        ..Default::default()
    });
    assert_eq!(pair.next_told(), Told::Reregistered);
}

#[test]
fn shutdown_is_the_last_callback() {
    let mut pair = Pair::start(&[]);
    pair.register();

    pair.send(ShutdownExecutorMessage::default());

    assert_eq!(pair.next_told(), Told::Shutdown);
    assert_eq!(pair.driver.join(), Status::Stopped);
}

#[test]
fn executor_without_checkpointing_ends_with_its_agent() {
    let mut pair = Pair::start(&[]);
    pair.register();

    pair.home.shutdown();

    let told = pair.told.blocking_recv();
    assert_eq!(told, Some(Told::Shutdown));
}

#[test]
fn checkpointing_executor_waits_for_its_agent_until_the_recovery_timeout() {
    let mut pair = Pair::start(&CHECKPOINT);
    pair.register();

    pair.home.shutdown();
    let told = loop {
        pair.clock.settle();
        pair.clock.advance(Duration::from_mins(1));
        if let Ok(told) = pair.told.try_recv() {
            break told;
        }
    };

    assert_eq!(told, Told::Shutdown);
}

/// Mirrors: SlaveTest.DisconnectedExecutorDropsMessages
#[test]
fn executor_without_its_agent_takes_no_task() {
    let mut pair = Pair::start(&CHECKPOINT);
    pair.register();
    let update = pair.run("first");
    let uuid = update.update().uuid.clone();
    pair.acknowledge("first", uuid.expect("a UUID"));
    let executor = pair.executor.clone().expect("the executor has registered");
    pair.runtime.inject_exited(&executor, pair.agent.upid());

    pair.send(RunTaskMessage {
        framework: Some(
            FrameworkInfo {
                user: Some("root".into()),
                name: Some("test".into()),
                ..Default::default()
            }
            .into(),
        ),
        task: Some(task("second", "true").into()),
        ..Default::default()
    });
    pair.send(KillTaskMessage {
        framework_id: Some(framework_id()),
        task_id: task("second", "true").task_id,
        ..Default::default()
    });

    // What came behind the task is heard first: the task was dropped.
    assert_eq!(pair.next_told(), Told::Kill("second".into(), false));
}

#[test]
fn environment_must_name_the_executor() {
    let error = DriverEnvironment::from_variables(&BTreeMap::new()).unwrap_err();

    assert_eq!(
        error.to_string(),
        "Expecting 'MESOS_DIRECTORY' to be set in the environment"
    );
}
