//! A callback that panics ends its program, at once and in every build.
#![expect(clippy::panic, reason = "the callback has to panic")]

use mesos_executor::driver::{DriverEnvironment, MesosExecutorDriver};
use mesos_executor::{Callbacks, ContentType, ExecutorEnvironment, Mesos};
use mesos_integration::abort;
use mesos_integration::legacy_peer::LegacyPeer;
use mesos_proto::v1::executor::Event;
use serde_json::json;

use crate::agent_side::{Telling, runtime, variables};

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

/// Connects to an agent, which makes the callback panic.
fn panic_in_the_library() {
    let agent = LegacyPeer::listen("slave(1)").expect("a port is free");
    let environment = ExecutorEnvironment::from_variables(&variables(&agent)).expect("complete");
    let runtime = runtime();
    let mesos = Mesos::with_callbacks(&runtime, environment, ContentType::Protobuf, Panicking);
    runtime.block_on(std::future::pending::<()>());
    drop(mesos);
}

/// Registers with an agent that tells the executor to end, which makes the callback panic.
fn panic_in_the_driver() {
    let mut agent = LegacyPeer::listen("slave(1)").expect("a port is free");
    let environment = DriverEnvironment::from_variables(&variables(&agent)).expect("complete");
    let runtime = runtime();
    let driver =
        MesosExecutorDriver::new(&runtime, environment, Telling(|_: &str, _: &str| give_up()));
    driver.start();
    let register = agent.wait_for("mesos.internal.RegisterExecutorMessage");
    let executor = register.expect("it registers").from;
    let shutdown = "mesos.internal.ShutdownExecutorMessage";
    // The program may end before it answers.
    let _gone = agent.send_json(&executor, shutdown, &json!({}));
    driver.join();
}

#[test]
fn program_on_the_library_is_aborted_with_the_words_of_the_panic() {
    let name = "panic::program_on_the_library_is_aborted_with_the_words_of_the_panic";

    let words = abort::last_words(name, panic_in_the_library).unwrap();

    assert!(words.contains("the callback gives up"), "{words}");
}

#[test]
fn program_on_the_driver_is_aborted_with_the_words_of_the_panic() {
    let name = "panic::program_on_the_driver_is_aborted_with_the_words_of_the_panic";

    let words = abort::last_words(name, panic_in_the_driver).unwrap();

    assert!(words.contains("the callback gives up"), "{words}");
}
