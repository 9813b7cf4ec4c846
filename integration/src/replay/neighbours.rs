//! Plays everybody who spoke with a recorded agent against a live one: the master and the executors.
//!
//! The agent starts programs that only wait, see [`stand_in`], and the player speaks in their name.
//! Legacy executors speak messages, executors of the v1 API calls, see [`calls`].
//! Left out are checks in nested containers, whose results are a matter of time.

mod calls;
mod plan;
pub mod stand_in;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Value, json};

use self::calls::Callers;
use self::plan::{Plan, Step};
use self::stand_in::StandIns;
pub use super::agent::Ports;
use super::ids::Ids;
use super::wire::Frame;
use super::{Difference, FrameError, Outcome, ReplayError, compare, in_frame};
use crate::descriptors;
use crate::legacy_peer::{LegacyPeer, PeerError, Received};

/// Id of a process that is an executor.
const EXECUTOR: &str = "executor(1)";

/// The recorded neighbours, ready for a live agent that is told to join `address`.
#[derive(Debug)]
pub struct Player {
    ports: Ports,
    master: LegacyPeer,
    /// By recorded port.
    executors: BTreeMap<u64, LegacyPeer>,
    ids: Ids,
    outcome: Outcome,
    /// What the agent has told already and may tell again.
    told: BTreeSet<String>,
    /// Tasks that executors have got, where the recording does not tell of it.
    launched: BTreeSet<(u64, String)>,
}

/// The agent under test, as far as the player acts on it.
#[derive(Debug)]
pub struct Stage<'a, R> {
    /// Where it listens, also after a restart.
    pub agent: SocketAddr,
    /// The programs that it starts as executors.
    pub stand_ins: &'a StandIns,
    /// Kills it and starts it again.
    pub restart: R,
}

impl Player {
    /// Starts to listen as the master.
    ///
    /// # Errors
    /// [`PeerError`] when no port is free.
    pub fn listen(ports: Ports) -> Result<Self, PeerError> {
        let master = LegacyPeer::listen("master")?;
        let mut ids = Ids::default();
        ids.learn_port(ports.master, master.address.port());
        Ok(Self {
            ports,
            master,
            executors: BTreeMap::new(),
            ids,
            outcome: Outcome::default(),
            told: BTreeSet::new(),
            launched: BTreeSet::new(),
        })
    }

    /// Returns the address that the agent must be given as its master.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.master.address
    }

    /// Remembers that a recorded text, a folder for example, is called `live` in this run.
    pub fn learn(&mut self, recorded: &str, live: &str) {
        self.ids.learn(recorded, live);
    }

    /// Plays what concerns the agent, in order.
    ///
    /// # Errors
    /// [`ReplayError`] names the frame at which the conversation stopped.
    pub fn play<R: FnMut()>(
        mut self,
        frames: &[Frame],
        stage: Stage<'_, R>,
    ) -> Result<Outcome, ReplayError> {
        let Stage {
            agent,
            stand_ins,
            mut restart,
        } = stage;
        self.ids.learn_port(self.ports.agent, agent.port());
        self.ids
            .learn("/usr/libexec/mesos", &stand_ins.folder().to_string_lossy());
        let plan = Plan::of(frames, &self.ports)?;
        let mut callers = Callers::new(agent);
        for step in &plan.steps {
            match step {
                Step::Restart => {
                    restart();
                    self.told.clear();
                    self.master.hang_up();
                    self.executors.values_mut().for_each(LegacyPeer::hang_up);
                }
                Step::MasterSends(frame) => self.master_sends(frame, agent)?,
                Step::MasterGets(frame) => {
                    let exit = plan::exit_of_executor(frame)?;
                    if let Some((framework, executor)) = exit {
                        let ended = stand_ins.end(&framework, &executor);
                        ended.map_err(in_frame(frame.number))?;
                    }
                    self.master_gets(frame)?;
                }
                Step::ExecutorSends(port, frame) => {
                    self.start_executor(*port, frame, stand_ins)?;
                    if !plan.tells_executors {
                        self.await_task(*port, frame)?;
                    }
                    self.executor_sends(*port, frame, agent)?;
                }
                Step::ExecutorGets(port, frame) => self.executor_gets(*port, frame)?,
                Step::ExecutorEnds(number, framework, executor) => {
                    let ended = stand_ins.end(framework, executor);
                    ended.map_err(in_frame(*number))?;
                }
                Step::Calls(frame) => {
                    callers.call(frame, &mut self.ids, stand_ins)?;
                }
                Step::Answers(frame) => {
                    callers.answer(frame, &mut self.ids, &mut self.outcome)?;
                }
                Step::Event(port, number, event) => {
                    callers.event(*port, *number, event, &mut self.ids, &mut self.outcome)?;
                }
            }
        }
        let mut rest = self.master.take_all();
        if plan.tells_executors {
            let executors = self.executors.values_mut();
            rest.extend(executors.flat_map(LegacyPeer::take_all));
        }
        self.add_rest(rest);
        Ok(self.outcome)
    }

    fn master_sends(&mut self, frame: &Frame, agent: SocketAddr) -> Result<(), ReplayError> {
        let mut message = json(frame)?;
        // The player pings at its own pace.
        if let Some(timeout) = message.pointer_mut("/connection/total_ping_timeout_seconds") {
            *timeout = json!(3600.0);
        }
        let from = frame.header("Libprocess-From").unwrap_or_default();
        let from = self.ids.text(from);
        let sent = Sent::new(frame, &message, agent, &mut self.ids)?;
        let sending = self.master.send_as(&from, &sent.to, &sent.name, &sent.body);
        sending.map_err(in_frame(frame.number))
    }

    /// Speaks for an executor as soon as the agent has started it.
    fn start_executor(
        &mut self,
        port: u64,
        frame: &Frame,
        stand_ins: &StandIns,
    ) -> Result<(), ReplayError> {
        if self.executors.contains_key(&port) {
            return Ok(());
        }
        let (framework, executor) = plan::executor_of(&json(frame)?);
        let started = stand_ins.wait_for(&framework, &executor);
        started.map_err(in_frame(frame.number))?;
        let peer = LegacyPeer::listen(EXECUTOR).map_err(in_frame(frame.number))?;
        self.ids.learn_port(port, peer.address.port());
        self.executors.insert(port, peer);
        Ok(())
    }

    /// Waits for the task that an executor is about to tell of.
    fn await_task(&mut self, port: u64, frame: &Frame) -> Result<(), ReplayError> {
        let message = json(frame)?;
        let task = message.pointer("/update/status/task_id/value");
        let Some(task) = task.and_then(Value::as_str) else {
            return Ok(());
        };
        let is_new = self.launched.insert((port, task.to_owned()));
        let Some(peer) = self.executors.get_mut(&port).filter(|_| is_new) else {
            return Ok(());
        };
        let is_launch = |message: &Received| {
            let body = message.json().unwrap_or_default();
            message.name == "mesos.internal.RunTaskMessage"
                && body.pointer("/task/task_id/value").and_then(Value::as_str) == Some(task)
        };
        let came = peer.wait_until(&format!("the task {task}"), is_launch);
        came.map_err(in_frame(frame.number))?;
        Ok(())
    }

    fn executor_sends(
        &mut self,
        port: u64,
        frame: &Frame,
        agent: SocketAddr,
    ) -> Result<(), ReplayError> {
        let sent = Sent::new(frame, &json(frame)?, agent, &mut self.ids)?;
        let Some(peer) = self.executors.get_mut(&port) else {
            return Ok(());
        };
        let sending = peer.send(&sent.to, &sent.name, &sent.body);
        sending.map_err(in_frame(frame.number))
    }

    fn master_gets(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let mut recorded = json(frame)?;
        // The agent repeats what nobody acknowledges, at its own pace.
        if !self.is_new(&recorded) {
            return Ok(());
        }
        let (name, mut live) = awaited(&mut self.master, frame, &recorded, &self.ids)?;
        without_chance(&mut recorded, &mut live);
        self.compare(frame, &name, &recorded, &live);
        Ok(())
    }

    fn executor_gets(&mut self, port: u64, frame: &Frame) -> Result<(), ReplayError> {
        let recorded = json(frame)?;
        let Some(peer) = self.executors.get_mut(&port) else {
            let unknown = FrameError::Unplayable("nothing is known of this executor");
            return Err(in_frame(frame.number)(unknown));
        };
        let (name, live) = awaited(peer, frame, &recorded, &self.ids)?;
        self.compare(frame, &format!("executor: {name}"), &recorded, &live);
        Ok(())
    }

    fn compare(&mut self, frame: &Frame, name: &str, recorded: &Value, live: &Value) {
        let place = format!("frame {} {name}", frame.number);
        let differences = compare::compare(&place, recorded, live, &mut self.ids);
        self.outcome.add(name, differences);
    }

    /// Tells whether the agent says this for the first time since it started.
    fn is_new(&mut self, message: &Value) -> bool {
        let status = ["/update/uuid", "/status/uuid/value"];
        let uuid = status
            .iter()
            .find_map(|path| message.pointer(path)?.as_str());
        uuid.is_none_or(|uuid| self.told.insert(uuid.to_owned()))
    }

    /// Names what the live agent said beyond the recording.
    fn add_rest(&mut self, mut rest: Vec<Received>) {
        let recorded: Vec<String> = self.told.iter().map(|uuid| self.ids.text(uuid)).collect();
        let is_repeated = |message: &Received| {
            let body = message.json().unwrap_or_default();
            let status = ["/update/uuid", "/status/uuid/value"];
            let uuid = status.iter().find_map(|path| body.pointer(path)?.as_str());
            uuid.is_some_and(|uuid| recorded.iter().any(|known| known == uuid))
        };
        rest.retain(|message| !is_chance(message) && !is_repeated(message));
        let beyond = rest.into_iter().map(|message| Difference {
            path: format!("beyond the recording, to {}", message.to),
            recorded: None,
            live: Some(json!({
                "name": message.name,
                "message": message.json().unwrap_or_default(),
            })),
        });
        self.outcome.differences.extend(beyond);
    }
}

/// A recorded message as it is sent in this run.
struct Sent {
    to: String,
    name: String,
    body: Vec<u8>,
}

impl Sent {
    fn new(
        frame: &Frame,
        message: &Value,
        agent: SocketAddr,
        ids: &mut Ids,
    ) -> Result<Self, ReplayError> {
        let (to, name) = frame.legacy().unwrap_or_default();
        compare::pin(message, ids);
        let body = if message.is_null() {
            Vec::new()
        } else {
            descriptors::to_bytes(name, &ids.value(message)).map_err(in_frame(frame.number))?
        };
        Ok(Self {
            to: format!("{to}@{agent}"),
            name: name.to_owned(),
            body,
        })
    }
}

/// Decodes a recorded message; one without a body is nothing.
fn json(frame: &Frame) -> Result<Value, ReplayError> {
    if frame.body.is_empty() {
        return Ok(Value::Null);
    }
    frame.legacy_json()
}

/// Waits for the live message that is this recorded one.
fn awaited(
    peer: &mut LegacyPeer,
    frame: &Frame,
    recorded: &Value,
    ids: &Ids,
) -> Result<(String, Value), ReplayError> {
    let (_, name) = frame.legacy().unwrap_or_default();
    let is_it = |message: &Received| {
        let live = || message.json().unwrap_or_default();
        message.name == name && (recorded.is_null() || is_about_the_same(recorded, &live(), ids))
    };
    let live = peer
        .wait_until(&format!("{name} {recorded}"), is_it)
        .map_err(in_frame(frame.number))?;
    let live = if recorded.is_null() {
        Value::Null
    } else {
        live.json().map_err(in_frame(frame.number))?
    };
    Ok((name.to_owned(), live))
}

/// Tells whether a message depends on what somebody else is, or on the pace.
fn is_chance(message: &Received) -> bool {
    // A master may speak gRPC: the agent asks by a request that is to no process.
    // An agent repeats that it is there, and tells executors to exit that have not done so yet.
    let names = [
        "mesos.internal.RegisterSlaveMessage",
        "mesos.internal.ReregisterSlaveMessage",
        "mesos.internal.ShutdownExecutorMessage",
    ];
    message.to.is_empty() || names.contains(&message.name.as_str())
}

/// Takes out what the agent knows only while a nested container runs, if one of the two lacks it.
fn without_chance(recorded: &mut Value, live: &mut Value) {
    const STATUS: &str = "/update/status/container_status";
    let status = recorded.pointer_mut(STATUS).zip(live.pointer_mut(STATUS));
    let Some((Value::Object(recorded), Value::Object(live))) = status else {
        return;
    };
    let container = recorded.get("container_id");
    if container.is_none_or(|container| container.get("parent").is_none()) {
        return;
    }
    for field in ["network_infos", "executor_pid"] {
        if !recorded.contains_key(field) || !live.contains_key(field) {
            recorded.remove(field);
            live.remove(field);
        }
    }
}

/// Paths to what tells messages of one name from each other.
const SUBJECTS: [&str; 9] = [
    "/update/status/task_id/value",
    "/update/status/state",
    "/update/uuid",
    "/task/task_id/value",
    "/task_id/value",
    "/uuid",
    "/executor_id/value",
    "/operation_uuid/value",
    "/status/operation_id/value",
];

fn is_about_the_same(recorded: &Value, live: &Value, ids: &Ids) -> bool {
    SUBJECTS.iter().all(|path| {
        let text = |message: &Value| Some(message.pointer(path)?.as_str()?.to_owned());
        match text(recorded) {
            // The agent chooses the uuids of its own updates.
            Some(uuid) if path.ends_with("/uuid") && !ids.knows(&uuid) => true,
            recorded => recorded.map(|text| ids.text(&text)) == text(live),
        }
    })
}
