//! A callback that panics ends its program, at once and in every build.

#![expect(clippy::panic, reason = "the callback has to panic")]

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use libprocess::Runtime;
use mesos_integration::legacy_peer::LegacyPeer;
use mesos_proto::v1::scheduler::Event;
use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, TaskStatus};
use mesos_scheduler::driver::{DriverOptions, MesosSchedulerDriver, Scheduler};
use mesos_scheduler::{Callbacks, FrameworkBuilder, Mesos, Options};
use serde_json::json;

/// Set in the program that is to end.
const VARIABLE: &str = "CALLBACK_PANICS";

struct Panicking;

impl Callbacks for Panicking {
    fn connected(&mut self) {
        panic!("the callback gives up");
    }
    fn disconnected(&mut self) {}
    fn received(&mut self, _: Event) {}
}

impl Scheduler for Panicking {
    fn registered(&mut self, _: &MesosSchedulerDriver, _: &FrameworkId, _: &MasterInfo) {
        panic!("the callback gives up");
    }
    fn reregistered(&mut self, _: &MesosSchedulerDriver, _: &MasterInfo) {}
    fn disconnected(&mut self, _: &MesosSchedulerDriver) {}
    fn resource_offers(&mut self, _: &MesosSchedulerDriver, _: &[Offer]) {}
    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, _: &OfferId) {}
    fn status_update(&mut self, _: &MesosSchedulerDriver, _: &TaskStatus) {}
    fn framework_message(
        &mut self,
        _: &MesosSchedulerDriver,
        _: &ExecutorId,
        _: &AgentId,
        _: &[u8],
    ) {
    }
    fn agent_lost(&mut self, _: &MesosSchedulerDriver, _: &AgentId) {}
    fn executor_lost(&mut self, _: &MesosSchedulerDriver, _: &ExecutorId, _: &AgentId, _: i32) {}
    fn error(&mut self, _: &MesosSchedulerDriver, _: &str) {}
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
    let driver = MesosSchedulerDriver::new(&runtime, options, Panicking);
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

/// Runs the test of this name again, as a program that is to end.
#[track_caller]
fn assert_aborts(name: &str) {
    let this = std::env::current_exe().expect("a path");
    let output = Command::new(this)
        .args(["--exact", name, "--nocapture"])
        .env(VARIABLE, "yes")
        .output()
        .expect("the program starts");

    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(6), "{errors}");
    assert!(errors.contains("the callback gives up"), "{errors}");
}

#[test]
fn program_is_aborted_with_the_words_of_the_panic() {
    if std::env::var_os(VARIABLE).is_some() {
        return panic_in_the_library();
    }

    assert_aborts("program_is_aborted_with_the_words_of_the_panic");
}

#[test]
fn program_on_the_driver_is_aborted_with_the_words_of_the_panic() {
    if std::env::var_os(VARIABLE).is_some() {
        return panic_in_the_driver();
    }

    assert_aborts("program_on_the_driver_is_aborted_with_the_words_of_the_panic");
}
