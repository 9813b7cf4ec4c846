//! The recorded agent against our executor.

use std::process::{Child, Stdio};

use mesos_integration::binary;
use mesos_integration::golden::Golden;
use mesos_integration::leftovers;
use mesos_integration::replay::client::{Conversation, Player, of_framework};
use mesos_integration::replay::wire;

/// The port of the recorded agent.
const AGENT_PORT: u64 = 15051;

const FRAMEWORK: &str = "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-0003";
const AGENT: &str = "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-S0";

/// An executor process that is killed with everything it started.
struct Executor {
    child: Child,
    mark: String,
    folder: tempfile::TempDir,
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
        leftovers::kill_all(&self.mark, self.folder.path());
    }
}

#[test]
fn recorded_agent_finds_in_our_default_executor_the_one_it_knew() {
    let golden = Golden::open("standalone").unwrap();
    let frames = wire::frames(&golden).unwrap();
    let frames = of_framework(&frames, Conversation::Executor, FRAMEWORK);
    let player = Player::listen(Conversation::Executor).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mark = uuid::Uuid::new_v4().to_string();
    let child = binary::command(&mark)
        .unwrap()
        .arg("default-executor")
        .env("MESOS_FRAMEWORK_ID", FRAMEWORK)
        .env("MESOS_EXECUTOR_ID", "default-executor")
        .env("MESOS_SLAVE_ID", AGENT)
        .env("MESOS_SLAVE_PID", format!("slave(1)@{}", player.address))
        .env("MESOS_DIRECTORY", folder.path())
        .env("MESOS_SANDBOX", folder.path())
        .env("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs")
        .env("LIBPROCESS_IP", "127.0.0.1")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut executor = Executor {
        child,
        mark,
        folder,
    };

    let outcome = player.play(&frames, AGENT_PORT).unwrap();

    let differences: Vec<String> = outcome
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    for call in [
        "SUBSCRIBE",
        "LAUNCH_CONTAINER",
        "UPDATE TASK_STARTING",
        "UPDATE TASK_RUNNING",
        "WAIT_NESTED_CONTAINER",
        "UPDATE TASK_FINISHED",
    ] {
        assert_eq!(outcome.count(call), 1, "{call}");
    }
    assert!(executor.child.wait().unwrap().success());
}
