//! Plays a recorded agent against an executor of ours, where the recorded executor spoke the legacy
//! messages and ours speaks the v1 API.
//!
//! Both carry the same fields; v1 says agent where v0 says slave.
//! Every task takes its real time, so how often a check told something twice, and whether it saw a
//! state that lasted a moment, is chance: [`Recorded::compare`] allows for that and for nothing else.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;

use serde_json::{Map, Value, json};

use super::client::{Arrived, Conversation, listen, write_record};
use super::ids::Ids;
use super::wire::Frame;
use super::{FrameError, Outcome, ReplayError, compare, in_frame};
use crate::descriptors;
use crate::eventually::PATIENCE;

/// What one recorded executor and its agent told each other.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Line of the first message.
    pub number: usize,
    /// `RegisterExecutorMessage`
    pub register: Value,
    /// `ExecutorRegisteredMessage`
    pub registered: Value,
    /// The task, as the agent sent it.
    pub task: Value,
    /// `KillTaskMessage`, one for each.
    pub kills: Vec<Value>,
    /// The statuses that the executor told, in order.
    pub statuses: Vec<Value>,
}

/// The recorded executors by task; those of more than one task are left out.
///
/// # Errors
/// [`ReplayError::Frame`] when a message does not decode.
pub fn conversations(frames: &[Frame]) -> Result<BTreeMap<String, Recorded>, ReplayError> {
    let mut by_port: BTreeMap<u64, Recorded> = BTreeMap::new();
    for frame in frames {
        let Some((to, name)) = frame.legacy() else {
            continue;
        };
        let from = frame.header("Libprocess-From").unwrap_or_default();
        let port = if to.starts_with("executor(") {
            Some(frame.to_port)
        } else {
            let own = from.strip_prefix("executor(");
            own.and_then(|own| own.rsplit(':').next()?.parse().ok())
        };
        let Some(port) = port else { continue };
        let message = as_v1(frame.legacy_json()?);
        let recorded = by_port.entry(port).or_default();
        match name {
            "mesos.internal.RegisterExecutorMessage" => {
                recorded.number = frame.number;
                recorded.register = message;
            }
            "mesos.internal.ExecutorRegisteredMessage" => recorded.registered = message,
            "mesos.internal.RunTaskMessage" => recorded.task = field(&message, "/task"),
            "mesos.internal.KillTaskMessage" => recorded.kills.push(message),
            "mesos.internal.StatusUpdateMessage" => {
                recorded.statuses.push(field(&message, "/update/status"));
            }
            _ => {}
        }
    }
    let named = by_port.into_values().filter_map(|recorded| {
        let task = recorded.task.pointer("/task_id/value")?.as_str()?;
        Some((task.to_owned(), recorded))
    });
    Ok(named.collect())
}

/// The recorded agent, ready for an executor that is told of `address`.
#[derive(Debug)]
pub struct Player {
    /// Where it listens.
    pub address: SocketAddr,
    arrivals: Receiver<Arrived>,
    stream: Option<TcpStream>,
}

impl Player {
    /// Starts to listen.
    ///
    /// # Errors
    /// When no port is free.
    pub fn listen() -> io::Result<Self> {
        let (address, arrivals) = listen(Conversation::Executor)?;
        Ok(Self {
            address,
            arrivals,
            stream: None,
        })
    }

    /// Plays the life of one executor, and returns what it told.
    ///
    /// Kills are sent when the task runs and `is_ready` has returned.
    ///
    /// # Errors
    /// [`ReplayError`] when the executor falls silent.
    pub fn play(
        mut self,
        recorded: &Recorded,
        is_ready: impl Fn(),
    ) -> Result<Outcome, ReplayError> {
        let (mut told, mut outcome) = (Vec::new(), Outcome::default());
        let mut kills = recorded.kills.iter();
        loop {
            let status = self.next_status(recorded, &mut outcome)?;
            let is_start = status.get("state") == Some(&json!("TASK_RUNNING"));
            let is_end = is_terminal(&status);
            told.push(status);
            if is_start && kills.len() > 0 {
                is_ready();
                for kill in kills.by_ref() {
                    let mut kill = kill.clone();
                    without(&mut kill, &["framework_id"]);
                    let sent = self.send("KILL", "kill", &kill);
                    sent.map_err(in_frame(recorded.number))?;
                }
            }
            if is_end {
                recorded.compare(&told, &mut outcome);
                return Ok(outcome);
            }
        }
    }

    /// Launches a task that nobody has recorded, and returns its first statuses.
    ///
    /// # Errors
    /// [`ReplayError`] when the executor falls silent.
    pub fn launch(mut self, task: &Value, statuses: usize) -> Result<Vec<Value>, ReplayError> {
        let recorded = Recorded {
            registered: json!({
                "executor_info": {"executor_id": {"value": "e"}},
                "framework_info": {"user": "root", "name": "f", "id": {"value": "f"}},
                "agent_info": {"hostname": "localhost"},
            }),
            task: task.clone(),
            ..Recorded::default()
        };
        let mut ignored = Outcome::default();
        let next = |_| self.next_status(&recorded, &mut ignored);
        (0..statuses).map(next).collect()
    }

    /// The next status that the executor tells; it is acknowledged.
    fn next_status(
        &mut self,
        recorded: &Recorded,
        outcome: &mut Outcome,
    ) -> Result<Value, ReplayError> {
        loop {
            let arrived = self.arrivals.recv_timeout(PATIENCE).map_err(|_silence| {
                in_frame(recorded.number)(FrameError::Unplayable("the executor fell silent"))
            })?;
            let failed = in_frame(recorded.number);
            if arrived.kind == "SUBSCRIBE" {
                let mut call = arrived.call.clone();
                without(&mut call, &["type", "subscribe"]);
                let mut ids = Ids::default();
                let differences =
                    compare::compare("SUBSCRIBE", &recorded.register, &call, &mut ids);
                outcome.add("SUBSCRIBE", differences);
                self.subscribe(recorded, arrived).map_err(failed)?;
                continue;
            }
            let status = field(&arrived.call, "/update/status");
            self.acknowledge(&status, arrived.answer).map_err(failed)?;
            return Ok(status);
        }
    }

    /// Answers SUBSCRIBE and launches the task.
    fn subscribe(&mut self, recorded: &Recorded, arrived: Arrived) -> Result<(), FrameError> {
        let mut answer = arrived.answer;
        answer.write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\
              Content-Type: application/x-protobuf\r\n\r\n",
        )?;
        self.stream = Some(answer);
        let of = |name: &str| recorded.registered.get(name).cloned().unwrap_or_default();
        let mut agent = of("agent_info");
        // A field that v1 has no more.
        without(&mut agent, &["checkpoint"]);
        let subscribed = json!({
            "executor_info": of("executor_info"),
            "framework_info": of("framework_info"),
            "agent_info": agent,
        });
        self.send("SUBSCRIBED", "subscribed", &subscribed)?;
        self.send("LAUNCH", "launch", &json!({"task": recorded.task}))
    }

    fn acknowledge(&mut self, status: &Value, mut answer: TcpStream) -> Result<(), FrameError> {
        answer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")?;
        let of = |name: &str| status.get(name).cloned().unwrap_or_default();
        let acknowledged = json!({"task_id": of("task_id"), "uuid": of("uuid")});
        self.send("ACKNOWLEDGED", "acknowledged", &acknowledged)
    }

    fn send(&mut self, kind: &str, name: &str, body: &Value) -> Result<(), FrameError> {
        let mut event = json!({ "type": kind });
        if let Some(fields) = event.as_object_mut() {
            fields.insert(name.to_owned(), body.clone());
        }
        let bytes = descriptors::to_bytes("mesos.v1.executor.Event", &event)?;
        if let Some(stream) = &mut self.stream {
            write_record(stream, &bytes)?;
        }
        Ok(())
    }
}

impl Recorded {
    /// Replaces every mention of a port of the recording.
    pub fn replace_port(&mut self, recorded: u16, live: u16) {
        let mut ids = Ids::default();
        ids.learn(&recorded.to_string(), &live.to_string());
        ids.learn_port(recorded.into(), live);
        self.task = ids.value(&self.task);
    }

    /// The statuses with what the v1 API asks for, and an agent adds to those of a driver.
    fn v1_statuses(&self) -> Vec<Value> {
        let mut statuses = self.statuses.clone();
        for status in statuses.iter_mut().filter_map(Value::as_object_mut) {
            let executor = self.register.get("executor_id");
            if let Some(executor) = executor.filter(|_| !status.contains_key("executor_id")) {
                status.insert("executor_id".to_owned(), executor.clone());
                status.insert("source".to_owned(), Value::from("SOURCE_EXECUTOR"));
            }
        }
        statuses
    }

    /// Compares what a live executor told of this task.
    pub fn compare(&self, live: &[Value], outcome: &mut Outcome) {
        let (recorded, live) = (stages(&self.v1_statuses()), stages(live));
        let states = |stages: &[Stage]| -> Value {
            let states = stages.iter().map(|stage| field(&stage.status, "/state"));
            states.collect()
        };
        let mut ids = Ids::default();
        let differences = compare::compare("states", &states(&recorded), &states(&live), &mut ids);
        outcome.add("states", differences);
        for (recorded, live) in recorded.iter().zip(&live) {
            let name = field(&recorded.status, "/state");
            let name = name.as_str().unwrap_or_default();
            let differences = compare::compare(name, &recorded.status, &live.status, &mut ids);
            outcome.add(name, differences);
            recorded.compare_checks(live, &mut ids, outcome);
        }
    }
}

const CHECK_REASONS: [&str; 2] = [
    "REASON_TASK_CHECK_STATUS_UPDATED",
    "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
];

/// A status that tells of the task itself, and what checks told before the next such.
#[derive(Debug, Clone)]
struct Stage {
    status: Value,
    /// By reason, for which of two checks comes first is chance. Without repetitions.
    checks: BTreeMap<String, Vec<Value>>,
}

impl Stage {
    /// The live checks must be among the recorded ones, in order, and end with the same one.
    fn compare_checks(&self, live: &Self, ids: &mut Ids, outcome: &mut Outcome) {
        for reason in CHECK_REASONS {
            let of = |stage: &Self| stage.checks.get(reason).cloned().unwrap_or_default();
            let (recorded, live) = (of(self), of(live));
            let mut rest = recorded.iter();
            for status in &live {
                let same = rest.find(|recorded| result(recorded) == result(status));
                let same = same.unwrap_or(&Value::Null);
                outcome.add(reason, compare::compare(reason, same, status, ids));
            }
            let (recorded, live) = (recorded.last().map(result), live.last().map(result));
            let differences = compare::compare("last", &json!(recorded), &json!(live), ids);
            outcome.add("last", differences);
        }
    }

    /// Adds what a check told, unless it is what it told before.
    fn add(&mut self, reason: &str, mut status: Value) {
        // What the other check told is compared in its own place.
        let other = if reason.contains("HEALTH") {
            "check_status"
        } else {
            "healthy"
        };
        without(&mut status, &[other]);
        let told = self.checks.entry(reason.to_owned()).or_default();
        if told.last().map(result) != Some(result(&status)) {
            told.push(status);
        }
    }
}

/// What a check found.
fn result(status: &Value) -> Value {
    json!([status.get("healthy"), status.get("check_status")])
}

fn stages(statuses: &[Value]) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for status in statuses {
        let mut status = status.clone();
        comparable(&mut status);
        let reason = field(&status, "/reason");
        let reason = reason.as_str().unwrap_or_default();
        match stages.last_mut() {
            Some(stage) if CHECK_REASONS.contains(&reason) => stage.add(reason, status),
            _ => stages.push(Stage {
                status,
                checks: BTreeMap::new(),
            }),
        }
    }
    stages
}

/// Takes out what the legacy driver adds and on the v1 API the agent, and what only one machine says.
fn comparable(status: &mut Value) {
    without(status, &["agent_id", "container_status"]);
    if let Some(data) = status.get_mut("data") {
        *data = Value::from("something");
    }
}

fn is_terminal(status: &Value) -> bool {
    let state = status.get("state").and_then(Value::as_str);
    let ends = ["TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR"];
    state.is_some_and(|state| ends.contains(&state))
}

fn without(value: &mut Value, names: &[&str]) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
}

fn field(message: &Value, path: &str) -> Value {
    message.pointer(path).cloned().unwrap_or_default()
}

/// The v1 spelling of a v0 message.
fn as_v1(message: Value) -> Value {
    match message {
        Value::Object(fields) => {
            let renamed = fields.into_iter().map(|(name, value)| {
                let name = match name.strip_prefix("slave_") {
                    Some(rest) => format!("agent_{rest}"),
                    None => name,
                };
                (name, as_v1(value))
            });
            Value::Object(renamed.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(as_v1).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => message,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Recorded;
    use crate::replay::Outcome;

    fn differences(recorded: &[Value], live: &[Value]) -> Vec<String> {
        let statuses = recorded.to_vec();
        let recorded = Recorded {
            statuses,
            ..Recorded::default()
        };
        let mut outcome = Outcome::default();
        recorded.compare(live, &mut outcome);
        let differences = outcome.differences.iter();
        differences.map(ToString::to_string).collect()
    }

    /// The status of a task that is `well` or not.
    fn health(word: &str) -> Value {
        json!({
            "state": "TASK_RUNNING", "healthy": word == "well",
            "reason": "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
        })
    }

    #[test]
    fn checks_may_repeat_themselves_and_miss_a_moment() {
        let running = json!({"state": "TASK_RUNNING"});
        let recorded = [
            running.clone(),
            health("sick"),
            health("well"),
            health("sick"),
        ];
        let live = [running, health("well"), health("sick"), health("sick")];

        assert_eq!(differences(&recorded, &live), [""; 0]);
    }

    #[test]
    fn checks_may_not_end_with_something_else() {
        let running = json!({"state": "TASK_RUNNING"});
        let recorded = [running.clone(), health("well"), health("sick")];
        let live = [running, health("well")];

        assert_eq!(differences(&recorded, &live).len(), 1);
    }

    #[test]
    fn another_message_or_state_is_a_difference() {
        let recorded = [json!({"state": "TASK_FAILED", "message": "a"})];

        let message = differences(
            &recorded,
            &[json!({"state": "TASK_FAILED", "message": "b"})],
        );
        let state = differences(
            &recorded,
            &[json!({"state": "TASK_KILLED", "message": "a"})],
        );

        assert_eq!(message, ["TASK_FAILED.message: recorded \"a\", got \"b\""]);
        assert!(state.len() >= 2, "{state:?}");
    }
}
