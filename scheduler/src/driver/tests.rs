//! The driver against a master's side of the legacy messages.

use std::time::Duration;

use libprocess::{Clock, Context, Pid, Process, ProcessId, Upid};
use mesos_proto::WireMessage;
use mesos_proto::internal::{
    DeactivateFrameworkMessage, FrameworkRegisteredMessage, FrameworkToExecutorMessage,
    ResourceOffersMessage,
};
use mesos_proto::v0::scheduler::Call;
use mesos_proto::v1::scheduler::call;
use tokio::sync::mpsc;

use super::*;
use crate::fake_master::host;
use crate::{TaskBuilder, resources};

mod calls;
mod ending;
mod events;
mod registration;
mod subscribed;
mod updates;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a scheduler was told.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Registered(String),
    Reregistered,
    Disconnected,
    Offers(Vec<String>),
    Rescinded(String),
    Status(Box<TaskStatus>),
    Message(Vec<u8>),
    AgentLost(String),
    ExecutorLost(String, i32),
    Error(String),
}

/// A scheduler that tells the test everything.
struct Telling(mpsc::UnboundedSender<Told>);

impl Telling {
    fn tell(&self, told: Told) {
        self.0.send(told).expect("the test listens");
    }
}

impl Scheduler for Telling {
    fn registered(&mut self, _: &MesosSchedulerDriver, id: &FrameworkId, _: &MasterInfo) {
        self.tell(Told::Registered(id.value().into()));
    }
    fn reregistered(&mut self, _: &MesosSchedulerDriver, _: &MasterInfo) {
        self.tell(Told::Reregistered);
    }
    fn disconnected(&mut self, _: &MesosSchedulerDriver) {
        self.tell(Told::Disconnected);
    }
    fn resource_offers(&mut self, _: &MesosSchedulerDriver, offers: &[Offer]) {
        let ids = offers.iter().map(|offer| offer.id().value().to_owned());
        self.tell(Told::Offers(ids.collect()));
    }
    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, id: &OfferId) {
        self.tell(Told::Rescinded(id.value().into()));
    }
    fn status_update(&mut self, _: &MesosSchedulerDriver, status: &TaskStatus) {
        self.tell(Told::Status(Box::new(status.clone())));
    }
    fn framework_message(
        &mut self,
        _: &MesosSchedulerDriver,
        _: &ExecutorId,
        _: &AgentId,
        data: &[u8],
    ) {
        self.tell(Told::Message(data.to_vec()));
    }
    fn agent_lost(&mut self, _: &MesosSchedulerDriver, id: &AgentId) {
        self.tell(Told::AgentLost(id.value().into()));
    }
    fn executor_lost(
        &mut self,
        _: &MesosSchedulerDriver,
        id: &ExecutorId,
        _: &AgentId,
        status: i32,
    ) {
        self.tell(Told::ExecutorLost(id.value().into(), status));
    }
    fn error(&mut self, driver: &MesosSchedulerDriver, message: &str) {
        assert_eq!(driver.status(), Status::Aborted);
        self.tell(Told::Error(message.into()));
    }
}

/// What a master, or an agent, was sent.
#[derive(Debug)]
enum Sent {
    Call(Box<Call>),
    Deactivate,
    ToExecutor(Box<FrameworkToExecutorMessage>),
}

struct FakeMasterProcess(mpsc::UnboundedSender<(Upid, Sent)>);

impl Process for FakeMasterProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("master")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(|master: &mut Self, from: &Upid, call: Call, _| {
            master.note(from, Sent::Call(Box::new(call)));
        });
        ctx.install_protobuf(
            |master: &mut Self, from: &Upid, _: DeactivateFrameworkMessage, _| {
                master.note(from, Sent::Deactivate);
            },
        );
        ctx.install_protobuf(
            |master: &mut Self, from: &Upid, message: FrameworkToExecutorMessage, _| {
                master.note(from, Sent::ToExecutor(Box::new(message)));
            },
        );
    }
}

impl FakeMasterProcess {
    fn note(&self, from: &Upid, sent: Sent) {
        self.0.send((from.clone(), sent)).expect("the test listens");
    }
}

/// A master and the driver of one framework, in a runtime each.
struct Pair {
    home: Runtime,
    runtime: Runtime,
    master: Pid<FakeMasterProcess>,
    sent: mpsc::UnboundedReceiver<(Upid, Sent)>,
    told: mpsc::UnboundedReceiver<Told>,
    driver: MesosSchedulerDriver,
    framework: Option<Upid>,
}

impl Pair {
    fn start() -> Self {
        Self::start_with(|_| {})
    }

    fn start_with(change: impl FnOnce(&mut DriverOptions)) -> Self {
        let clock = Clock::real();
        let (home, runtime) = (host(&clock), host(&clock));
        let (sender, sent) = mpsc::unbounded_channel();
        let master = home.spawn(FakeMasterProcess(sender));
        let framework = FrameworkInfo {
            user: Some("root".into()),
            name: Some("test".into()),
            roles: vec!["a".into(), "b".into()],
            ..Default::default()
        };
        let url = MasterUrl::Address(master.upid().clone());
        let mut options = DriverOptions::new(framework, url);
        change(&mut options);
        let (teller, told) = mpsc::unbounded_channel();
        let driver = MesosSchedulerDriver::new(&runtime, options, Telling(teller));
        assert_eq!(driver.status(), Status::NotStarted);
        assert_eq!(driver.start(), Status::Running);
        Self {
            home,
            runtime,
            master,
            sent,
            told,
            driver,
            framework: None,
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
        self.framework = Some(from);
        sent
    }

    /// The next call that is no repeated SUBSCRIBE.
    fn next_call(&mut self) -> Call {
        loop {
            match self.next_sent() {
                Sent::Call(call) if call.r#type() == call::Type::Subscribe => {}
                Sent::Call(call) => return *call,
                other @ (Sent::Deactivate | Sent::ToExecutor(_)) => panic!("{other:?}"),
            }
        }
    }

    fn subscribe_call(&mut self) -> Call {
        match self.next_sent() {
            Sent::Call(call) if call.r#type() == call::Type::Subscribe => *call,
            other @ (Sent::Call(_) | Sent::Deactivate | Sent::ToExecutor(_)) => panic!("{other:?}"),
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

    /// Sends a message as the master does.
    fn send<M: WireMessage>(&self, message: M) {
        let framework = self
            .framework
            .clone()
            .expect("the framework has subscribed");
        self.master
            .dispatch(move |_, ctx| ctx.send_protobuf(&framework, &message));
    }

    fn register(&mut self) {
        self.subscribe_call();
        self.send(FrameworkRegisteredMessage {
            framework_id: Some(framework_id()),
            master_info: Some(master_info().into()),
            ..Default::default()
        });
        assert_eq!(self.next_told(), Told::Registered("f".into()));
    }

    fn offer(&mut self) {
        let pid = self.master.upid().to_string();
        self.send(ResourceOffersMessage {
            offers: vec![offer()],
            pids: vec![pid],
            ..Default::default()
        });
        assert_eq!(self.next_told(), Told::Offers(vec!["o".into()]));
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.runtime.shutdown();
        self.home.shutdown();
    }
}

fn framework_id() -> FrameworkId {
    FrameworkId {
        value: Some("f".into()),
        ..Default::default()
    }
}

fn agent_id() -> AgentId {
    AgentId {
        value: Some("S0".into()),
        ..Default::default()
    }
}

fn offer_id() -> OfferId {
    OfferId {
        value: Some("o".into()),
        ..Default::default()
    }
}

fn master_info() -> MasterInfo {
    MasterInfo {
        id: Some("m".into()),
        ip: Some(1),
        port: Some(5050),
        pid: Some("master@127.0.0.1:5050".into()),
        ..Default::default()
    }
}

fn offer() -> Offer {
    Offer {
        id: Some(offer_id()),
        framework_id: Some(framework_id()),
        agent_id: Some(agent_id()),
        hostname: Some("localhost".into()),
        resources: resources::cpus_mem(1.0, 128.0).to_vec(),
        ..Default::default()
    }
}

fn task() -> TaskInfo {
    TaskBuilder::command("t", "true")
        .resources(resources::cpus_mem(1.0, 32.0))
        .on(&agent_id())
}
