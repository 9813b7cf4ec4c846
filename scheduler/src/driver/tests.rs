//! The driver against a master's side of the legacy messages.

use std::time::Duration;

use bytes::Bytes;
use libprocess::{Clock, Context, Pid, Process, ProcessId, Upid};
use mesos_proto::WireMessage;
use mesos_proto::internal::{
    DeactivateFrameworkMessage, ExecutorToFrameworkMessage, ExitedExecutorMessage,
    FrameworkErrorMessage, FrameworkRegisteredMessage, FrameworkReregisteredMessage,
    FrameworkToExecutorMessage, LostSlaveMessage, RescindResourceOfferMessage,
    ResourceOffersMessage, StatusUpdate, StatusUpdateMessage,
};
use mesos_proto::v0::scheduler::Call;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{Event, call, event};
use tokio::sync::mpsc;

use super::*;
use crate::fake_master::host;
use crate::{TaskBuilder, resources};

const PATIENCE: Duration = Duration::from_secs(20);

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
        ctx.install_protobuf(|master: &mut Self, from: &Upid, _: DeactivateFrameworkMessage, _| {
            master.note(from, Sent::Deactivate);
        });
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
        Self { home, runtime, master, sent, told, driver, framework: None }
    }

    fn next_sent(&mut self) -> Sent {
        let sent = &mut self.sent;
        let waiting = async { tokio::time::timeout(PATIENCE, sent.recv()).await };
        let (from, sent) = self.home.block_on(waiting).expect("in time").expect("alive");
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
        self.home.block_on(waiting).expect("in time").expect("alive")
    }

    /// Sends a message as the master does.
    fn send<M: WireMessage>(&self, message: M) {
        let framework = self.framework.clone().expect("the framework has subscribed");
        self.master.dispatch(move |_, ctx| ctx.send_protobuf(&framework, &message));
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
    FrameworkId { value: Some("f".into()), ..Default::default() }
}

fn agent_id() -> AgentId {
    AgentId { value: Some("S0".into()), ..Default::default() }
}

fn offer_id() -> OfferId {
    OfferId { value: Some("o".into()), ..Default::default() }
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
    TaskBuilder::command("t", "true").resources(resources::cpus_mem(1.0, 32.0)).on(&agent_id())
}

/// An update of the task from this actor, with this UUID.
fn update(pid: &str, uuid: &'static [u8]) -> StatusUpdateMessage {
    let status = TaskStatus {
        task_id: Some(TaskId { value: Some("t".into()), ..Default::default() }),
        state: Some(TaskState::TaskRunning.into()),
        agent_id: Some(agent_id()),
        ..Default::default()
    };
    let update = StatusUpdate {
        framework_id: Some(framework_id()),
        agent_id: Some(agent_id()),
        status: Some(status.into()),
        timestamp: Some(1.0),
        uuid: (!uuid.is_empty()).then(|| Bytes::from_static(uuid)),
        ..Default::default()
    };
    StatusUpdateMessage {
        update: Some(update.into()),
        pid: Some(pid.into()),
        ..Default::default()
    }
}

const UUID: &[u8] = &[7; 16];

/// Mirrors: MesosSchedulerDriverTest.RegistrationWithZeroFailoverTime
#[test]
fn registration_is_repeated_until_it_is_answered() {
    let mut pair = Pair::start_with(|options| {
        options.framework.failover_timeout = Some(0.0);
        options.flags.registration_backoff_factor = Duration::from_millis(1);
    });

    let first = pair.subscribe_call();
    let second = pair.subscribe_call();

    assert_eq!(first, second);
    assert_eq!(first.framework_id, None);
    assert_eq!(first.subscribe().force, None);
    pair.register();
}

#[test]
fn driver_with_a_framework_id_takes_over_once() {
    let mut pair = Pair::start_with(|options| options.framework.id = Some(framework_id()));

    let call = pair.subscribe_call();

    assert_eq!(call.framework_id(), &framework_id());
    assert_eq!(call.subscribe().force, Some(true));
}

/// Mirrors: MesosSchedulerDriverTest.RegisterWithSuppressedRole
#[test]
fn suppressed_roles_go_with_the_registration() {
    let mut pair = Pair::start_with(|options| options.suppressed_roles = vec!["a".into()]);

    let call = pair.subscribe_call();

    assert_eq!(call.subscribe().suppressed_roles, ["a"]);
}

/// Mirrors: MesosSchedulerDriverTest.SuppressSingleRole
/// Mirrors: MesosSchedulerDriverTest.ReviveSingleRole
#[test]
fn roles_are_suppressed_and_revived_one_by_one() {
    let mut pair = Pair::start();
    pair.register();

    pair.driver.suppress_offers(vec!["a".into()]);
    pair.driver.revive_offers(vec!["a".into()]);
    pair.driver.revive_offers(Vec::new());

    assert_eq!(pair.next_call().suppress().roles, ["a"]);
    assert_eq!(pair.next_call().revive().roles, ["a"]);
    let all = pair.next_call();
    assert_eq!((all.r#type(), all.revive), (call::Type::Revive, None));
}

/// Mirrors: MesosSchedulerDriverTest.ReregisterAfterSuppress
#[test]
fn registration_after_a_lost_connection_keeps_what_was_suppressed() {
    let mut pair = Pair::start();
    pair.register();
    pair.driver.suppress_offers(Vec::new());
    assert_eq!(pair.next_call().r#type(), call::Type::Suppress);

    let framework = pair.framework.clone().unwrap();
    pair.driver.dispatch(move |process, ctx| {
        let master = process.master.clone().unwrap();
        process.exited(&master, ctx);
    });
    assert_eq!(pair.next_told(), Told::Disconnected);
    let call = pair.subscribe_call();

    assert_eq!(call.subscribe().suppressed_roles, ["a", "b"]);
    assert_eq!(call.subscribe().force, Some(false));
    assert_eq!(pair.framework, Some(framework));
    pair.send(FrameworkReregisteredMessage {
        framework_id: Some(framework_id()),
        master_info: Some(master_info().into()),
        ..Default::default()
    });
    assert_eq!(pair.next_told(), Told::Reregistered);
}

#[test]
fn launch_is_an_accept_with_its_tasks() {
    let mut pair = Pair::start();
    pair.register();
    pair.offer();

    pair.driver.launch_tasks(vec![offer_id()], vec![task()], Filters::default());

    let call = pair.next_call();
    assert_eq!(call.accept().offer_ids, [offer_id()]);
    assert_eq!(call.accept().operations[0].launch().task_infos, [task()]);
}

#[test]
fn message_goes_to_a_known_agent_directly_and_to_others_through_the_master() {
    let mut pair = Pair::start();
    pair.register();
    let executor = || ExecutorId { value: Some("e".into()), ..Default::default() };

    pair.driver.send_framework_message(executor(), agent_id(), b"1".to_vec());
    assert_eq!(pair.next_call().message().data().as_ref(), b"1");

    pair.offer();
    pair.driver.launch_tasks(vec![offer_id()], vec![task()], Filters::default());
    assert_eq!(pair.next_call().r#type(), call::Type::Accept);
    pair.driver.send_framework_message(executor(), agent_id(), b"2".to_vec());
    match pair.next_sent() {
        Sent::ToExecutor(message) => assert_eq!(message.data().as_ref(), b"2"),
        other @ (Sent::Call(_) | Sent::Deactivate) => panic!("{other:?}"),
    }
}

/// Mirrors: SchedulerDriverEventTest.Update
#[test]
fn update_is_acknowledged_after_the_callback() {
    let mut pair = Pair::start();
    pair.register();

    pair.send(update("agent@127.0.0.1:5051", UUID));

    let Told::Status(status) = pair.next_told() else { panic!("expected a status") };
    assert_eq!(status.uuid().as_ref(), UUID);
    let call = pair.next_call();
    assert_eq!(call.acknowledge().uuid().as_ref(), UUID);
    assert_eq!(call.acknowledge().agent_id(), &agent_id());
}

/// Mirrors: MesosSchedulerDriverTest.ExplicitAcknowledgements
#[test]
fn explicit_acknowledgement_is_left_to_the_scheduler() {
    let mut pair = Pair::start_with(|options| {
        options.acknowledgements = Acknowledgements::Explicit;
    });
    pair.register();
    pair.send(update("agent@127.0.0.1:5051", UUID));
    let Told::Status(status) = pair.next_told() else { panic!("expected a status") };

    // Had the driver acknowledged by itself, that call would come before this one.
    pair.driver.kill_task(status.task_id().clone());
    assert_eq!(pair.next_call().r#type(), call::Type::Kill);
    pair.driver.acknowledge_status_update(*status);

    assert_eq!(pair.next_call().acknowledge().uuid().as_ref(), UUID);
}

/// Mirrors: MesosSchedulerDriverTest.ExplicitAcknowledgementsMasterGeneratedUpdate
/// Mirrors: MesosSchedulerDriverTest.ExplicitAcknowledgementsUnsetSlaveID
#[test]
fn update_that_the_master_made_needs_no_acknowledgement() {
    let mut pair = Pair::start_with(|options| {
        options.acknowledgements = Acknowledgements::Explicit;
    });
    pair.register();

    pair.send(update("", UUID));
    let Told::Status(status) = pair.next_told() else { panic!("expected a status") };
    assert_eq!(status.uuid, None);
    pair.driver.acknowledge_status_update((*status).clone());
    let without_agent =
        TaskStatus { uuid: Some(Bytes::from_static(UUID)), agent_id: None, ..*status };
    pair.driver.acknowledge_status_update(without_agent);
    pair.driver.reconcile_tasks(Vec::new());

    assert_eq!(pair.next_call().r#type(), call::Type::Reconcile);
}

/// Mirrors: SchedulerDriverEventTest.Rescind
/// Mirrors: SchedulerDriverEventTest.Failure
/// Mirrors: SchedulerDriverEventTest.Message
#[test]
fn messages_of_the_master_become_callbacks() {
    let mut pair = Pair::start();
    pair.register();
    let executor = ExecutorId { value: Some("e".into()), ..Default::default() };

    pair.send(RescindResourceOfferMessage { offer_id: Some(offer_id()), ..Default::default() });
    pair.send(LostSlaveMessage { agent_id: Some(agent_id()), ..Default::default() });
    pair.send(ExitedExecutorMessage {
        agent_id: Some(agent_id()),
        framework_id: Some(framework_id()),
        executor_id: Some(executor.clone()),
        status: Some(9),
        ..Default::default()
    });
    pair.send(ExecutorToFrameworkMessage {
        agent_id: Some(agent_id()),
        framework_id: Some(framework_id()),
        executor_id: Some(executor),
        data: Some(Bytes::from_static(b"hi")),
        ..Default::default()
    });

    assert_eq!(pair.next_told(), Told::Rescinded("o".into()));
    assert_eq!(pair.next_told(), Told::AgentLost("S0".into()));
    assert_eq!(pair.next_told(), Told::ExecutorLost("e".into(), 9));
    assert_eq!(pair.next_told(), Told::Message(b"hi".to_vec()));
}

/// Mirrors: SchedulerDriverEventTest.Subscribed
/// Mirrors: SchedulerDriverEventTest.Offers
#[test]
fn events_become_the_same_callbacks() {
    let mut pair = Pair::start();
    pair.subscribe_call();
    let subscribed = event::Subscribed { framework_id: Some(framework_id()), ..Default::default() };

    pair.send(Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(subscribed.into()),
        ..Default::default()
    });
    pair.send(Event {
        r#type: Some(event::Type::Offers.into()),
        offers: Some(event::Offers { offers: vec![offer()], ..Default::default() }),
        ..Default::default()
    });

    assert_eq!(pair.next_told(), Told::Registered("f".into()));
    assert_eq!(pair.next_told(), Told::Offers(vec!["o".into()]));
}

/// Mirrors: SchedulerDriverEventTest.Error
/// Mirrors: ExceptionTest.DeactivateFrameworkOnAbort
#[test]
fn error_aborts_the_driver_and_deactivates_the_framework() {
    let mut pair = Pair::start();
    pair.register();

    pair.send(FrameworkErrorMessage { message: Some("gone".into()), ..Default::default() });

    assert_eq!(pair.next_told(), Told::Error("gone".into()));
    assert!(matches!(pair.next_sent(), Sent::Deactivate));
    assert_eq!(pair.driver.join(), Status::Aborted);
}

/// Mirrors: ExceptionTest.DisallowSchedulerActionsOnAbort
/// Mirrors: ExceptionTest.DisallowSchedulerCallbacksOnAbort
#[test]
fn aborted_driver_neither_calls_nor_calls_back() {
    let mut pair = Pair::start();
    pair.register();
    assert_eq!(pair.driver.abort(), Status::Aborted);
    assert!(matches!(pair.next_sent(), Sent::Deactivate));

    assert_eq!(pair.driver.revive_offers(Vec::new()), Status::Aborted);
    pair.send(LostSlaveMessage { agent_id: Some(agent_id()), ..Default::default() });
    assert_eq!(pair.driver.stop(Failover::No), Status::Aborted);

    // TEARDOWN is the only thing that follows.
    assert_eq!(pair.next_call().r#type(), call::Type::Teardown);
    assert_eq!(pair.driver.status(), Status::Stopped);
    assert!(pair.told.is_empty());
}

/// Mirrors: MesosSchedulerDriverTest.DropAckIfStopCalledBeforeAbort
#[test]
fn update_is_not_acknowledged_once_the_driver_is_stopped() {
    let mut pair = Pair::start();
    pair.register();

    assert_eq!(pair.driver.stop(Failover::No), Status::Stopped);
    assert_eq!(pair.next_call().r#type(), call::Type::Teardown);
    pair.send(update("agent@127.0.0.1:5051", UUID));

    assert_eq!(pair.driver.join(), Status::Stopped);
    assert!(pair.sent.is_empty() && pair.told.is_empty());
}

#[test]
fn stop_with_failover_leaves_the_framework_alone() {
    let mut pair = Pair::start();
    pair.register();

    pair.driver.stop(Failover::Yes);

    assert_eq!(pair.driver.join(), Status::Stopped);
    assert!(pair.sent.is_empty());
}

#[test]
fn launch_without_a_master_loses_its_tasks_at_once() {
    let mut pair = Pair::start();
    pair.subscribe_call();

    pair.driver.launch_tasks(vec![offer_id()], vec![task()], Filters::default());

    let Told::Status(status) = pair.next_told() else { panic!("expected a status") };
    assert_eq!(status.state(), TaskState::TaskLost);
    assert_eq!(status.message(), "Master disconnected");
    assert_eq!(status.uuid, None);
}

#[test]
fn framework_can_change_what_it_says_only_under_its_own_id() {
    let mut pair = Pair::start();
    pair.register();
    let other = FrameworkInfo {
        id: Some(FrameworkId { value: Some("x".into()), ..Default::default() }),
        ..Default::default()
    };
    let own = FrameworkInfo {
        id: Some(framework_id()),
        user: Some("root".into()),
        name: Some("new".into()),
        ..Default::default()
    };

    pair.driver.update_framework(own, vec!["a".into()], None);
    assert_eq!(pair.next_call().update_framework().framework_info().name(), "new");
    pair.driver.update_framework(other, Vec::new(), None);

    let Told::Error(message) = pair.next_told() else { panic!("expected an error") };
    assert!(message.contains("(x) must be equal to the value known"), "{message}");
}

#[test]
fn message_of_a_stranger_is_ignored() {
    let mut pair = Pair::start();
    pair.register();
    let framework = pair.framework.clone().unwrap();

    let lost = LostSlaveMessage { agent_id: Some(agent_id()), ..Default::default() };
    pair.home.send_protobuf(&framework, &lost);
    pair.send(RescindResourceOfferMessage { offer_id: Some(offer_id()), ..Default::default() });

    assert_eq!(pair.next_told(), Told::Rescinded("o".into()));
}

/// An authentication whose outcome the test has chosen.
struct Chosen(Vec<Future<bool>>);

impl Authenticatee for Chosen {
    fn authenticate(
        &mut self,
        _: &Runtime,
        _: &Upid,
        client: &Upid,
        credential: &Credential,
    ) -> Future<bool> {
        assert!(client.id.starts_with("scheduler-"));
        assert_eq!(credential.principal, "me");
        self.0.remove(0)
    }
}

fn authenticating(outcomes: Vec<Future<bool>>) -> Pair {
    Pair::start_with(|options| {
        let credential = Credential { principal: "me".into(), secret: "secret".into() };
        options.authentication = Some((credential, Box::new(Chosen(outcomes))));
    })
}

#[test]
fn framework_registers_once_it_is_authenticated() {
    let mut pair = authenticating(vec![Future::failed("try again"), Future::ready(true)]);

    pair.register();
}

#[test]
fn refused_authentication_aborts_the_driver() {
    let mut pair = authenticating(vec![Future::ready(false)]);

    assert_eq!(pair.next_told(), Told::Error("Master refused authentication".into()));
    assert_eq!(pair.driver.join(), Status::Aborted);
}
