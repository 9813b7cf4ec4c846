//! The recorded agent against our driver, used as the executors of the recordings used theirs.
#![expect(
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::collections::BTreeMap;

use libprocess::Runtime;
use mesos_executor::driver::{DriverEnvironment, Executor, MesosExecutorDriver, Status};
use mesos_integration::golden::Golden;
use mesos_integration::legacy_peer::LegacyPeer;
use mesos_integration::replay::compare::{compare, pin};
use mesos_integration::replay::ids::Ids;
use mesos_integration::replay::wire::{self, Frame};
use mesos_proto::internal::StatusUpdateMessage;
use mesos_proto::v1::{
    AgentInfo, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo, TaskStatus,
};
use prost::Message as _;
use serde_json::{Value, json};

const REGISTER: &str = "mesos.internal.RegisterExecutorMessage";
const REGISTERED: &str = "mesos.internal.ExecutorRegisteredMessage";
const RUN: &str = "mesos.internal.RunTaskMessage";
const UPDATE: &str = "mesos.internal.StatusUpdateMessage";
const ACKNOWLEDGE: &str = "mesos.internal.StatusUpdateAcknowledgementMessage";
const SHUTDOWN: &str = "mesos.internal.ShutdownExecutorMessage";

/// A recorded executor.
struct Recorded {
    set: &'static str,
    framework: &'static str,
    executor: &'static str,
    host: &'static str,
}

/// Tells of each task what its recorded counterpart told.
struct Retelling(BTreeMap<String, Vec<TaskStatus>>);

impl Executor for Retelling {
    fn registered(
        &mut self,
        _: &MesosExecutorDriver,
        _: &ExecutorInfo,
        _: &FrameworkInfo,
        _: &AgentInfo,
    ) {
    }
    fn reregistered(&mut self, _: &MesosExecutorDriver, _: &AgentInfo) {}
    fn launch_task(&mut self, driver: &MesosExecutorDriver, task: &TaskInfo) {
        for status in self.0.remove(task.task_id().value()).unwrap_or_default() {
            driver.send_status_update(status);
        }
    }
    fn kill_task(&mut self, _: &MesosExecutorDriver, _: &TaskId, _: Option<&KillPolicy>) {}
    fn framework_message(&mut self, _: &MesosExecutorDriver, _: &[u8]) {}
    fn shutdown(&mut self, driver: &MesosExecutorDriver) {
        driver.stop();
    }
}

fn has_name(frame: &Frame, name: &str) -> bool {
    frame.legacy().is_some_and(|(_, known)| known == name)
}

impl Recorded {
    /// The frames of the executor with its agent, in order.
    ///
    /// Where nobody recorded what the agent said, the master's messages tell the tasks.
    fn conversation(&self) -> Vec<Frame> {
        let golden = Golden::open(self.set).expect("the recording is there");
        let mut frames = wire::frames(&golden).expect("the recording is whole");
        let own = format!("executor(1)@{}", self.host);
        let runs_here = |frame: &Frame| {
            let message = frame.legacy_json().expect("it decodes");
            message.pointer("/task/executor/executor_id/value") == Some(&json!(self.executor))
        };
        frames.retain(|frame| match frame.legacy() {
            Some((to, _)) if to.starts_with("executor(") => {
                self.host.ends_with(&format!(":{}", frame.to_port))
            }
            Some((_, REGISTER | UPDATE)) => frame.header("Libprocess-From") == Some(&own),
            Some((_, RUN)) => runs_here(frame),
            _ => false,
        });
        frames
    }

    fn agent_id(&self) -> String {
        let (master, _) = self.framework.rsplit_once('-').expect("an id of a master");
        format!("{master}-S0")
    }

    fn environment(&self, agent: &str) -> DriverEnvironment {
        let variables = [
            ("MESOS_SLAVE_PID", agent),
            ("MESOS_SLAVE_ID", &self.agent_id()),
            ("MESOS_FRAMEWORK_ID", self.framework),
            ("MESOS_EXECUTOR_ID", self.executor),
            ("MESOS_DIRECTORY", "/tmp"),
            // The forced end would be that of the test.
            ("MESOS_LOCAL", "1"),
            ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        DriverEnvironment::from_variables(&variables.into()).expect("it is complete")
    }

    /// What an agent answers to a registration.
    fn registered(&self, run: &Value) -> Value {
        json!({
            "executor_info": run["task"]["executor"],
            "framework_id": {"value": self.framework},
            "framework_info": run["framework"],
            "slave_id": {"value": self.agent_id()},
            "slave_info": {"hostname": "localhost"},
        })
    }
}

/// The statuses of each task, without what the driver adds.
fn statuses(frames: &[Frame]) -> BTreeMap<String, Vec<TaskStatus>> {
    let mut told: BTreeMap<String, Vec<TaskStatus>> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| has_name(frame, UPDATE)) {
        let message = StatusUpdateMessage::decode(frame.body.as_slice()).expect("it decodes");
        let status = TaskStatus {
            agent_id: None,
            timestamp: None,
            uuid: None,
            ..message.update().status().clone()
        };
        let task = status.task_id().value().to_owned();
        told.entry(task).or_default().push(status);
    }
    told
}

/// The task and the state of an update.
fn subject(message: &Value) -> Option<(Value, Value)> {
    let status = message.pointer("/update/status")?;
    Some((status["task_id"].clone(), status["state"].clone()))
}

/// What an agent answers to an update.
fn acknowledgement(message: &Value) -> Value {
    let update = &message["update"];
    json!({
        "slave_id": update["slave_id"],
        "framework_id": update["framework_id"],
        "task_id": update["status"]["task_id"],
        "uuid": update["uuid"],
    })
}

/// A live driver and the recorded agent.
struct Pair {
    peer: LegacyPeer,
    ids: Ids,
    executor: String,
    differences: Vec<String>,
    /// Whether the agent's own messages were recorded.
    tells: bool,
}

impl Pair {
    fn expect(&mut self, name: &str, recorded: &Value) {
        let message = self.peer.wait_until(name, |message| {
            let is_it = |json: Value| subject(&json) == subject(recorded);
            message.name == name && message.json().is_ok_and(is_it)
        });
        let message = message.expect("the driver says it");
        self.executor.clone_from(&message.from);
        let own = message.from.rsplit('@').next().expect("an address");
        if let Some(pid) = recorded["pid"].as_str() {
            self.ids.learn(pid, &format!("executor(1)@{own}"));
        }
        let live = message.json().expect("it decodes");
        let found = compare(name, recorded, &live, &mut self.ids);
        self.differences
            .extend(found.iter().map(ToString::to_string));
    }

    fn send(&mut self, name: &str, body: &Value) {
        pin(body, &mut self.ids);
        let body = self.ids.value(body);
        let sent = self.peer.send_json(&self.executor, name, &body);
        sent.expect("the driver takes it");
    }

    /// Plays one frame.
    fn play(&mut self, recorded: &Recorded, frame: &Frame, runs: &[Value]) {
        let name = frame.legacy().map_or("", |(_, name)| name);
        let message = frame.legacy_json().expect("it decodes");
        match name {
            REGISTER if self.tells => self.expect(name, &message),
            REGISTER => {
                self.expect(name, &message);
                self.send(REGISTERED, &recorded.registered(&runs[0]));
                for run in runs {
                    self.send(RUN, run);
                }
            }
            RUN if !self.tells => {}
            UPDATE => {
                self.expect(name, &message);
                if !self.tells {
                    self.send(ACKNOWLEDGE, &acknowledgement(&message));
                }
            }
            _ => self.send(name, &message),
        }
    }
}

/// Plays the life of an executor; returns how many updates were compared.
#[track_caller]
fn play(recorded: &Recorded) -> usize {
    let frames = recorded.conversation();
    let peer = LegacyPeer::listen("slave(1)").expect("a port is free");
    let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).arbiters(1);
    let runtime = runtime.start().expect("a runtime");
    let environment = recorded.environment(&peer.upid());
    let driver = MesosExecutorDriver::new(&runtime, environment, Retelling(statuses(&frames)));
    assert_eq!(driver.start(), Status::Running);
    let mut pair = Pair {
        peer,
        ids: Ids::default(),
        executor: String::new(),
        differences: Vec::new(),
        tells: frames.iter().any(|frame| has_name(frame, REGISTERED)),
    };

    let runs = frames.iter().filter(|frame| has_name(frame, RUN));
    let runs: Vec<Value> = runs
        .map(|frame| frame.legacy_json().expect("it decodes"))
        .collect();
    for frame in &frames {
        pair.play(recorded, frame, &runs);
    }
    pair.send(SHUTDOWN, &json!({}));

    assert_eq!(driver.join(), Status::Stopped);
    runtime.shutdown();
    assert_eq!(pair.differences, [""; 0]);
    let updates = frames.iter().filter(|frame| has_name(frame, UPDATE));
    updates.count()
}

#[test]
fn recorded_agent_finds_in_our_driver_the_one_of_a_command_executor() {
    let updates = play(&Recorded {
        set: "checks",
        framework: "41aabfc6-d6b9-4926-852f-44c45316df3e-0000",
        executor: "exit-3",
        host: "127.0.0.1:41311",
    });

    assert_eq!(updates, 3);
}

#[test]
fn recorded_agent_finds_in_our_driver_the_one_of_the_test_executor() {
    let updates = play(&Recorded {
        set: "standalone",
        framework: "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-0000",
        executor: "default",
        host: "127.0.0.1:32951",
    });

    assert_eq!(updates, 10);
}
