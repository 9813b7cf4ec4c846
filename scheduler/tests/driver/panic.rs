//! A callback that panics ends its program, at once and in every build.

#![expect(clippy::panic, reason = "the callback has to panic")]

use libprocess::Runtime;
use mesos_integration::abort;
use mesos_integration::legacy_peer::LegacyPeer;
use mesos_proto::v1::scheduler::Event;
use mesos_scheduler::driver::{DriverOptions, MesosSchedulerDriver};
use mesos_scheduler::{Callbacks, FrameworkBuilder, Mesos, Options};
use serde_json::json;

use crate::telling::Telling;

fn give_up() {
    panic!("the callback gives up");
}

struct Panicking;

impl Callbacks for Panicking {
    fn connected(&mut self) {
        give_up();
    }
    fn disconnected(&mut self) {}
    fn received(&mut self, _: Event) {}
}

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

/// Connects to a master, which makes the callback panic.
fn panic_in_the_library() {
    let master = LegacyPeer::listen("master").expect("a port is free");
    let address = master.address.to_string();
    let runtime = runtime();
    let options = Options::new(address.parse().expect("a master"));
    let mesos = Mesos::with_callbacks(&runtime, options, Panicking);
    runtime.block_on(std::future::pending::<()>());
    drop(mesos);
}

/// Registers with a master, which makes the callback panic.
fn panic_in_the_driver() {
    let mut master = LegacyPeer::listen("master").expect("a port is free");
    let address = master.address.to_string();
    let runtime = runtime();
    let info = FrameworkBuilder::new("panicking").build();
    let options = DriverOptions::new(info, address.parse().expect("a master"));
    let driver =
        MesosSchedulerDriver::new(&runtime, options, Telling(|_: &str, _: &str| give_up()));
    driver.start();
    let call = master.wait_for("mesos.scheduler.Call");
    let from = call.expect("it subscribes").from;
    let registered = json!({
        "framework_id": {"value": "f"},
        "master_info": {"id": "m", "ip": 0x0100_007f, "port": master.address.port()},
    });
    let name = "mesos.internal.FrameworkRegisteredMessage";
    // The program may end before it answers.
    let _gone = master.send_json(&from, name, &registered);
    driver.join();
}

#[test]
fn program_is_aborted_with_the_words_of_the_panic() {
    let name = "panic::program_is_aborted_with_the_words_of_the_panic";

    let words = abort::last_words(name, panic_in_the_library).unwrap();

    assert!(words.contains("the callback gives up"), "{words}");
}

#[test]
fn program_on_the_driver_is_aborted_with_the_words_of_the_panic() {
    let name = "panic::program_on_the_driver_is_aborted_with_the_words_of_the_panic";

    let words = abort::last_words(name, panic_in_the_driver).unwrap();

    assert!(words.contains("the callback gives up"), "{words}");
}
