//! A driver among peers that say what no honest agent says.

use libprocess::Runtime;
use mesos_executor::driver::{DriverEnvironment, MesosExecutorDriver, Status};
use mesos_integration::descriptors;
use mesos_integration::garbage;
use mesos_integration::legacy_peer::{LegacyPeer, encode};
use serde_json::json;
use tokio::sync::mpsc;

use crate::agent_side::{Telling, runtime, variables};

const REGISTERED: &str = "mesos.internal.ExecutorRegisteredMessage";
const REREGISTERED: &str = "mesos.internal.ExecutorReregisteredMessage";
const RUN: &str = "mesos.internal.RunTaskMessage";
const KILL: &str = "mesos.internal.KillTaskMessage";
const ACKNOWLEDGEMENT: &str = "mesos.internal.StatusUpdateAcknowledgementMessage";
const MESSAGE: &str = "mesos.internal.FrameworkToExecutorMessage";

/// A callback by its name, and what it was about.
type Told = (String, String);

/// An agent and a driver that is registered with it.
struct Pair {
    agent: LegacyPeer,
    runtime: Runtime,
    driver: MesosExecutorDriver,
    executor: String,
    told: mpsc::UnboundedReceiver<Told>,
}

/// What an agent sends, but for the requests to come back and to end.
fn honest() -> Vec<(&'static str, Vec<u8>)> {
    let (agent_id, framework_id) = (json!({"value": "S0"}), json!({"value": "f"}));
    let agent_info = json!({"hostname": "h", "id": agent_id});
    let framework = json!({"user": "root", "name": "f", "id": framework_id});
    let executor_info = json!({"executor_id": {"value": "e"}, "framework_id": framework_id});
    let task = json!({"name": "t", "task_id": {"value": "t"}, "slave_id": agent_id});
    let messages = [
        (
            REGISTERED,
            json!({"executor_info": executor_info, "framework_id": framework_id,
                   "framework_info": framework, "slave_id": agent_id, "slave_info": agent_info}),
        ),
        (
            REREGISTERED,
            json!({"slave_id": agent_id, "slave_info": agent_info}),
        ),
        (
            RUN,
            json!({"framework": framework, "task": task, "pid": "@0.0.0.0:0"}),
        ),
        (
            KILL,
            json!({"framework_id": framework_id, "task_id": {"value": "t"}}),
        ),
        (
            ACKNOWLEDGEMENT,
            json!({"slave_id": agent_id, "framework_id": framework_id,
                   "task_id": {"value": "t"}, "uuid": "AAAAAAAAAAAAAAAAAAAAAA=="}),
        ),
        (
            MESSAGE,
            json!({"slave_id": agent_id, "framework_id": framework_id,
                   "executor_id": {"value": "e"}, "data": "AAAA"}),
        ),
    ];
    let bytes = |(name, message)| {
        let bytes = descriptors::to_bytes(name, &message).expect("it is a message");
        (name, bytes)
    };
    messages.into_iter().map(bytes).collect()
}

/// A message of the framework that says `probe`.
fn probe() -> Vec<u8> {
    let message = json!({
        "slave_id": {"value": "S0"}, "framework_id": {"value": "f"},
        "executor_id": {"value": "e"}, "data": "cHJvYmU=",
    });
    descriptors::to_bytes(MESSAGE, &message).expect("it is a message")
}

impl Pair {
    fn registered() -> Self {
        let mut agent = LegacyPeer::listen("slave(1)").expect("a port is free");
        let environment = DriverEnvironment::from_variables(&variables(&agent)).expect("complete");
        let runtime = runtime();
        let (sender, told) = mpsc::unbounded_channel();
        let telling = Telling(move |name: &str, about: &str| {
            // The test may have seen enough.
            let _ = sender.send((name.to_owned(), about.to_owned()));
        });
        let driver = MesosExecutorDriver::new(&runtime, environment, telling);
        driver.start();
        let register = agent.wait_for("mesos.internal.RegisterExecutorMessage");
        let executor = register.expect("it registers").from;
        let mut pair = Self {
            agent,
            runtime,
            driver,
            executor,
            told,
        };
        for (name, body) in honest().into_iter().take(1) {
            pair.send(name, &body);
        }
        assert_eq!(pair.next(), ("registered".to_owned(), "e".to_owned()));
        pair
    }

    fn next(&mut self) -> Told {
        self.runtime.block_on(self.told.recv()).expect("it lives")
    }

    fn send(&mut self, name: &str, body: &[u8]) {
        let sent = self.agent.send(&self.executor, name, body);
        sent.expect("it is taken");
    }

    /// Waits until the executor hears a message that says `probe`; returns what it heard before.
    fn told_before_a_probe(&mut self) -> Vec<Told> {
        self.send(MESSAGE, &probe());
        let mut before = Vec::new();
        loop {
            let told = self.next();
            if told == ("framework_message".to_owned(), "probe".to_owned()) {
                return before;
            }
            before.push(told);
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.driver.stop();
        self.runtime.shutdown();
    }
}

#[test]
fn changed_messages_do_not_stop_the_driver() {
    let mut pair = Pair::registered();

    for (name, honest) in honest() {
        for body in garbage::changes(&honest) {
            pair.send(name, &body);
        }
    }

    pair.told_before_a_probe();
    assert_eq!(pair.driver.status(), Status::Running);
}

#[test]
fn messages_that_break_off_are_dropped() {
    let mut pair = Pair::registered();

    let without_optional_end = [REGISTERED, RUN, ACKNOWLEDGEMENT];
    for (name, honest) in honest() {
        if !without_optional_end.contains(&name) {
            for body in garbage::cuts(&honest) {
                pair.send(name, &body);
            }
        }
    }

    assert_eq!(pair.told_before_a_probe(), []);
    assert_eq!(pair.driver.status(), Status::Running);
}

#[test]
fn messages_of_unknown_names_are_dropped() {
    let mut pair = Pair::registered();

    for name in [
        "mesos.internal.Nope",
        "mesos.internal.PingSlaveMessage",
        "x",
    ] {
        pair.send(name, b"\x0a\x01x");
    }

    assert_eq!(pair.told_before_a_probe(), []);
}

/// As in Mesos: an agent may speak from another port after each restart.
#[test]
fn message_of_a_stranger_is_taken_for_one_of_the_agent() {
    let mut pair = Pair::registered();
    let mut stranger = LegacyPeer::listen("slave(1)").unwrap();

    stranger.send(&pair.executor, MESSAGE, &probe()).unwrap();

    let probe = ("framework_message".to_owned(), "probe".to_owned());
    assert_eq!(pair.next(), probe);
    assert_eq!(pair.told_before_a_probe(), []);
}

#[test]
fn connections_that_break_off_within_a_message_are_closed() {
    let mut pair = Pair::registered();
    let (id, address) = pair.executor.split_once('@').unwrap();
    let (id, address) = (id.to_owned(), address.parse().unwrap());

    let message = encode(&id, &pair.agent.upid(), MESSAGE, &probe());
    garbage::hang_up_within(address, &message).unwrap();
    garbage::hang_up_within(address, &[0xff; 64]).unwrap();

    assert_eq!(pair.told_before_a_probe(), []);
}

#[test]
fn executor_ends_with_an_agent_that_dies() {
    let mut pair = Pair::registered();

    pair.agent.hang_up();

    assert_eq!(pair.next(), ("shutdown".to_owned(), String::new()));
}
