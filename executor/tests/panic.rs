//! A callback that panics ends its program, at once and in every build.
#![expect(clippy::panic, reason = "the callback has to panic")]

use libprocess::Runtime;
use mesos_executor::driver::{DriverEnvironment, Executor, MesosExecutorDriver};
use mesos_executor::{Callbacks, ContentType, ExecutorEnvironment, Mesos};
use mesos_integration::abort;
use mesos_integration::legacy_peer::LegacyPeer;
use mesos_proto::v1::executor::Event;
use mesos_proto::v1::{AgentInfo, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo};
use serde_json::json;

struct Panicking;

impl Callbacks for Panicking {
    fn connected(&mut self) {
        panic!("the callback gives up");
    }
    fn disconnected(&mut self) {}
    fn received(&mut self, _: Event) {}
}

impl Executor for Panicking {
    fn registered(
        &mut self,
        _: &MesosExecutorDriver,
        _: &ExecutorInfo,
        _: &FrameworkInfo,
        _: &AgentInfo,
    ) {
    }
    fn reregistered(&mut self, _: &MesosExecutorDriver, _: &AgentInfo) {}
    fn launch_task(&mut self, _: &MesosExecutorDriver, _: &TaskInfo) {}
    fn kill_task(&mut self, _: &MesosExecutorDriver, _: &TaskId, _: Option<&KillPolicy>) {}
    fn framework_message(&mut self, _: &MesosExecutorDriver, _: &[u8]) {}
    fn shutdown(&mut self, _: &MesosExecutorDriver) {
        panic!("the callback gives up");
    }
}

fn runtime() -> Runtime {
    let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).arbiters(1);
    runtime.start().expect("a runtime")
}

/// The variables that an agent sets.
fn variables(agent: &LegacyPeer) -> std::collections::BTreeMap<String, String> {
    let variables = [
        ("MESOS_SLAVE_PID", agent.upid()),
        ("MESOS_SLAVE_ID", "S0".to_owned()),
        ("MESOS_FRAMEWORK_ID", "f".to_owned()),
        ("MESOS_EXECUTOR_ID", "e".to_owned()),
        ("MESOS_DIRECTORY", "/tmp".to_owned()),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs".to_owned()),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value))
        .into()
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
    let driver = MesosExecutorDriver::new(&runtime, environment, Panicking);
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
    let name = "program_on_the_library_is_aborted_with_the_words_of_the_panic";

    let words = abort::last_words(name, panic_in_the_library).unwrap();

    assert!(words.contains("the callback gives up"), "{words}");
}

#[test]
fn program_on_the_driver_is_aborted_with_the_words_of_the_panic() {
    let name = "program_on_the_driver_is_aborted_with_the_words_of_the_panic";

    let words = abort::last_words(name, panic_in_the_driver).unwrap();

    assert!(words.contains("the callback gives up"), "{words}");
}
