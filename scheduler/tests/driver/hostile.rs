//! A driver among peers that say what no honest master says.

use libprocess::Runtime;
use mesos_integration::descriptors;
use mesos_integration::garbage;
use mesos_integration::legacy_peer::{LegacyPeer, encode};
use mesos_scheduler::FrameworkBuilder;
use mesos_scheduler::driver::{DriverOptions, Failover, MesosSchedulerDriver, Status};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::telling::Telling;

const REGISTERED: &str = "mesos.internal.FrameworkRegisteredMessage";
const RESCIND: &str = "mesos.internal.RescindResourceOfferMessage";
const ERROR: &str = "mesos.internal.FrameworkErrorMessage";
const EVENT: &str = "mesos.v1.scheduler.Event";

/// A callback by its name, and what it was about.
type Told = (String, String);

/// A master and a driver that is registered with it.
struct Pair {
    master: LegacyPeer,
    runtime: Runtime,
    driver: MesosSchedulerDriver,
    framework: String,
    told: mpsc::UnboundedReceiver<Told>,
}

fn master_info(master: &LegacyPeer) -> Value {
    json!({"id": "m", "ip": 0x0100_007f, "port": master.address.port()})
}

impl Pair {
    fn started() -> Self {
        let mut master = LegacyPeer::listen("master").expect("a port is free");
        let loopback = "127.0.0.1".parse().expect("an address");
        let builder = Runtime::builder().ip(loopback).arbiters(1);
        let runtime = builder.start().expect("a runtime");
        let address = master.address.to_string().parse().expect("a master");
        let options = DriverOptions::new(FrameworkBuilder::new("guarded").build(), address);
        let (sender, told) = mpsc::unbounded_channel();
        let telling = Telling(move |name: &str, about: &str| {
            // The test may have seen enough.
            let _ = sender.send((name.to_owned(), about.to_owned()));
        });
        let driver = MesosSchedulerDriver::new(&runtime, options, telling);
        driver.start();
        let call = master.wait_for("mesos.scheduler.Call");
        let framework = call.expect("it subscribes").from;
        Self {
            master,
            runtime,
            driver,
            framework,
            told,
        }
    }

    fn registered() -> Self {
        let mut pair = Self::started();
        let info = master_info(&pair.master);
        let registered = json!({"framework_id": {"value": "f"}, "master_info": info});
        let sent = pair
            .master
            .send_json(&pair.framework, REGISTERED, &registered);
        sent.expect("it is taken");
        assert_eq!(pair.next(), ("registered".to_owned(), "f".to_owned()));
        pair
    }

    fn next(&mut self) -> Told {
        self.runtime.block_on(self.told.recv()).expect("it lives")
    }

    /// Every message that a master sends, but for an error.
    fn honest(&self) -> Vec<(&'static str, Vec<u8>)> {
        let (agent, framework) = (json!({"value": "S0"}), json!({"value": "f"}));
        let info = master_info(&self.master);
        let offer = json!({
            "id": {"value": "o"}, "framework_id": framework, "slave_id": agent, "hostname": "h",
        });
        let status = json!({"task_id": {"value": "t"}, "state": "TASK_RUNNING"});
        let update = json!({
            "framework_id": framework, "slave_id": agent, "status": status, "timestamp": 1.0,
            "uuid": "AAAAAAAAAAAAAAAAAAAAAA==",
        });
        let messages = [
            (
                REGISTERED,
                json!({"framework_id": framework, "master_info": info}),
            ),
            (
                "mesos.internal.FrameworkReregisteredMessage",
                json!({"framework_id": framework, "master_info": info}),
            ),
            (
                "mesos.internal.ResourceOffersMessage",
                json!({"offers": [offer], "pids": ["slave(1)@127.0.0.1:1"]}),
            ),
            (RESCIND, json!({"offer_id": {"value": "o"}})),
            (
                "mesos.internal.StatusUpdateMessage",
                json!({"update": update, "pid": "slave(1)@127.0.0.1:1"}),
            ),
            (
                "mesos.internal.LostSlaveMessage",
                json!({"slave_id": agent}),
            ),
            (
                "mesos.internal.ExitedExecutorMessage",
                json!({"slave_id": agent, "framework_id": framework,
                       "executor_id": {"value": "e"}, "status": 1}),
            ),
        ];
        let bytes = |(name, message)| {
            let bytes = descriptors::to_bytes(name, &message).expect("it is a message");
            (name, bytes)
        };
        messages.into_iter().map(bytes).collect()
    }

    fn send(&mut self, name: &str, body: &[u8]) {
        let sent = self.master.send(&self.framework, name, body);
        sent.expect("it is taken");
    }

    /// Waits until the framework hears of the rescinded offer `probe`; returns what it heard before.
    fn told_before_a_probe(&mut self) -> Vec<Told> {
        let probe = json!({"offer_id": {"value": "probe"}});
        let body = descriptors::to_bytes(RESCIND, &probe).expect("it is a message");
        self.send(RESCIND, &body);
        let mut before = Vec::new();
        loop {
            let told = self.next();
            if told == ("offer_rescinded".to_owned(), "probe".to_owned()) {
                return before;
            }
            before.push(told);
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.driver.stop(Failover::No);
        self.runtime.shutdown();
    }
}

#[test]
fn changed_messages_do_not_stop_the_driver() {
    let mut pair = Pair::registered();

    for (name, honest) in pair.honest() {
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
    let error = descriptors::to_bytes(ERROR, &json!({"message": "go"})).unwrap();
    let event = json!({"type": "RESCIND", "rescind": {"offer_id": {"value": "o"}}});
    let event = descriptors::to_bytes(EVENT, &event).unwrap();
    let rescind = descriptors::to_bytes(RESCIND, &json!({"offer_id": {"value": "o"}})).unwrap();

    for (name, honest) in [(ERROR, error), (EVENT, event), (RESCIND, rescind)] {
        for body in garbage::cuts(&honest) {
            pair.send(name, &body);
        }
    }

    assert_eq!(pair.told_before_a_probe(), []);
    assert_eq!(pair.driver.status(), Status::Running);
}

#[test]
fn messages_of_unknown_names_are_dropped() {
    let mut pair = Pair::registered();

    for name in ["mesos.internal.Nope", "mesos.internal.RunTaskMessage", "x"] {
        pair.send(name, b"\x0a\x01x");
    }

    assert_eq!(pair.told_before_a_probe(), []);
}

#[test]
fn events_of_an_unknown_type_are_dropped() {
    let mut pair = Pair::registered();

    // The first field with a number that no type has.
    pair.send(EVENT, b"\x08\x7f");

    assert_eq!(pair.told_before_a_probe(), []);
    assert_eq!(pair.driver.status(), Status::Running);
}

#[test]
fn messages_of_a_stranger_are_ignored() {
    let mut pair = Pair::registered();
    let mut stranger = LegacyPeer::listen("master").unwrap();

    for (name, honest) in pair.honest() {
        stranger.send(&pair.framework, name, &honest).unwrap();
    }

    assert_eq!(pair.told_before_a_probe(), []);
}

/// As in Mesos: the message of an error does not come from the leader alone.
#[test]
fn error_of_a_stranger_aborts_the_driver() {
    let mut pair = Pair::registered();
    let mut stranger = LegacyPeer::listen("master").unwrap();

    let error = json!({"message": "go"});
    stranger.send_json(&pair.framework, ERROR, &error).unwrap();

    assert_eq!(pair.next(), ("error".to_owned(), "go".to_owned()));
    assert_eq!(pair.driver.join(), Status::Aborted);
}

#[test]
fn connections_that_break_off_within_a_message_are_closed() {
    let mut pair = Pair::registered();
    let (id, address) = pair.framework.split_once('@').unwrap();
    let (id, address) = (id.to_owned(), address.parse().unwrap());
    let rescind = descriptors::to_bytes(RESCIND, &json!({"offer_id": {"value": "o"}})).unwrap();

    let message = encode(&id, &pair.master.upid(), RESCIND, &rescind);
    garbage::hang_up_within(address, &message).unwrap();
    garbage::hang_up_within(address, &[0xff; 64]).unwrap();

    assert_eq!(pair.told_before_a_probe(), []);
}

/// There are no redirects on the legacy wire: whoever does not lead says nothing.
#[test]
fn driver_of_a_master_that_never_answers_asks_again_and_can_be_stopped() {
    let mut pair = Pair::started();

    let again = pair.master.wait_for("mesos.scheduler.Call").unwrap();
    pair.driver.stop(Failover::No);

    assert_eq!(again.from, pair.framework);
    assert_eq!(pair.driver.join(), Status::Stopped);
}
