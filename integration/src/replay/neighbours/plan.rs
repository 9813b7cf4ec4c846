//! What is to happen, in order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{EXECUTOR, Ports, ReplayError, json};
use crate::replay::wire::Frame;

const EXECUTOR_API: &str = "/slave(1)/api/v1/executor";
const AGENT_API: &str = "/slave(1)/api/v1";

/// One thing that happens. Ports are those of the recording.
#[derive(Debug)]
pub(super) enum Step<'f> {
    /// The agent is killed and started again.
    Restart,
    MasterSends(&'f Frame),
    MasterGets(&'f Frame),
    ExecutorSends(u64, &'f Frame),
    ExecutorGets(u64, &'f Frame),
    /// The executor of this framework exits, after the frame of this number.
    ExecutorEnds(usize, String, String),
    /// An executor calls the agent.
    Calls(&'f Frame),
    /// The agent answers a call.
    Answers(&'f Frame),
    /// An event comes on the stream that was opened from this port.
    Event(u64, usize, Value),
}

/// Everything that happens.
#[derive(Debug)]
pub(super) struct Plan<'f> {
    pub(super) steps: Vec<Step<'f>>,
    /// Whether messages of the agent to its executors were recorded at all.
    pub(super) tells_executors: bool,
}

impl<'f> Plan<'f> {
    pub(super) fn of(frames: &'f [Frame], ports: &Ports) -> Result<Self, ReplayError> {
        let mut timed = Vec::new();
        let mut is_restarted = false;
        let mut calls = Open {
            overtaken: overtaken(frames, ports)?,
            ..Open::default()
        };
        for frame in frames {
            if !is_restarted && is_reconnection(frame) {
                is_restarted = true;
                timed.push((frame.time, Step::Restart));
            }
            let step = message(frame, ports).or_else(|| calls.step(frame, ports));
            if let Some(step) = step {
                timed.push((frame.time, step));
            }
            if calls.streams.contains(&frame.to_port) && frame.from_port == ports.agent {
                timed.extend(events(frame)?);
            }
        }
        timed.sort_by(|one, two| one.0.total_cmp(&two.0));
        let steps: Vec<Step<'f>> = timed.into_iter().map(|(_, step)| step).collect();
        let tells_executors = steps
            .iter()
            .any(|step| matches!(step, Step::ExecutorGets(..)));
        let steps = with_ends(steps)?;
        Ok(Self {
            steps,
            tells_executors,
        })
    }
}

/// The agent comes back, or has come back.
fn is_reconnection(frame: &Frame) -> bool {
    let names = ["ReconnectExecutorMessage", "ReregisterExecutorMessage"];
    let name = frame.legacy().map_or("", |(_, name)| name);
    names.iter().any(|known| name.ends_with(known))
}

fn message<'f>(frame: &'f Frame, ports: &Ports) -> Option<Step<'f>> {
    let (to, _) = frame.legacy()?;
    let from = frame.header("Libprocess-From")?;
    let (id, address) = from.split_once('@')?;
    let port: u64 = address.rsplit(':').next()?.parse().ok()?;
    let of_agent = (port == ports.agent).then_some(frame);
    match frame.to_port {
        port_of_agent if port_of_agent == ports.agent && id == EXECUTOR => {
            Some(Step::ExecutorSends(port, frame))
        }
        port_of_agent if port_of_agent == ports.agent => {
            (port == ports.master).then_some(Step::MasterSends(frame))
        }
        port_of_master if port_of_master == ports.master => of_agent.map(Step::MasterGets),
        other => of_agent
            .filter(|_| to == EXECUTOR)
            .map(|frame| Step::ExecutorGets(other, frame)),
    }
}

/// Calls that have no answer yet, and streams, by the port of the caller.
#[derive(Default)]
struct Open {
    calls: BTreeMap<u64, usize>,
    streams: BTreeSet<u64>,
    overtaken: BTreeSet<usize>,
}

/// Signals behind which another one follows at once: which of the two ends the task is chance.
fn overtaken(frames: &[Frame], ports: &Ports) -> Result<BTreeSet<usize>, ReplayError> {
    let mut overtaken = BTreeSet::new();
    let mut last: BTreeMap<String, &Frame> = BTreeMap::new();
    let calls = frames
        .iter()
        .filter(|frame| frame.to_port == ports.agent && frame.path() == AGENT_API);
    for frame in calls {
        let call = frame.call_json("mesos.v1.agent.Call")?;
        let container = call.pointer("/kill_nested_container/container_id/value");
        let Some(container) = container.and_then(Value::as_str) else {
            continue;
        };
        if let Some(earlier) = last.insert(container.to_owned(), frame)
            && frame.time - earlier.time < 0.1
        {
            overtaken.insert(earlier.number);
        }
    }
    Ok(overtaken)
}

impl Open {
    fn step<'f>(&mut self, frame: &'f Frame, ports: &Ports) -> Option<Step<'f>> {
        if frame.to_port == ports.agent && [EXECUTOR_API, AGENT_API].contains(&frame.path()) {
            let contains = |text: &[u8]| frame.body.windows(text.len()).any(|part| part == text);
            if contains(b"check-") || self.overtaken.contains(&frame.number) {
                return None;
            }
            if frame.path() == EXECUTOR_API && !self.streams.contains(&frame.from_port) {
                let call = frame.call_json("mesos.v1.executor.Call").ok()?;
                if call.get("type").and_then(Value::as_str) == Some("SUBSCRIBE") {
                    self.streams.insert(frame.from_port);
                }
            }
            *self.calls.entry(frame.from_port).or_default() += 1;
            return Some(Step::Calls(frame));
        }
        let is_answer = frame.from_port == ports.agent && frame.start.starts_with("HTTP/");
        let open = self.calls.get_mut(&frame.to_port).filter(|_| is_answer)?;
        *open = open.checked_sub(1)?;
        Some(Step::Answers(frame))
    }
}

/// The events on a stream; where the recording tells no times, what an update causes comes last.
fn events<'f>(frame: &'f Frame) -> Result<Vec<(f64, Step<'f>)>, ReplayError> {
    let mut events = Vec::new();
    let mut time = frame.time;
    let records = frame.records("mesos.v1.executor.Event")?;
    for (index, event) in records.into_iter().enumerate() {
        let kind = event.get("type").and_then(Value::as_str);
        if kind == Some("HEARTBEAT") {
            continue;
        }
        match frame.record_times.get(index) {
            Some(recorded) => time = *recorded,
            None if kind == Some("ACKNOWLEDGED") => time = f64::MAX,
            None => {}
        }
        let step = Step::Event(frame.to_port, frame.number, event);
        events.push((time, step));
    }
    Ok(events)
}

/// Puts the end of each legacy executor behind the last acknowledgement that it got.
fn with_ends(steps: Vec<Step<'_>>) -> Result<Vec<Step<'_>>, ReplayError> {
    let mut last: BTreeMap<u64, usize> = BTreeMap::new();
    let mut names: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::ExecutorSends(port, frame) => {
                last.remove(port);
                if !names.contains_key(port) {
                    names.insert(*port, executor_of(&json(frame)?));
                }
            }
            Step::ExecutorGets(port, _) => {
                last.insert(*port, index);
            }
            Step::Restart
            | Step::MasterSends(_)
            | Step::MasterGets(_)
            | Step::ExecutorEnds(..)
            | Step::Calls(_)
            | Step::Answers(_)
            | Step::Event(..) => {}
        }
    }
    let mut with_ends = Vec::new();
    for (index, step) in steps.into_iter().enumerate() {
        let mut end = None;
        if let Step::ExecutorGets(port, frame) = &step
            && last.get(port) == Some(&index)
            && let Some((framework, executor)) = names.remove(port)
        {
            end = Some(Step::ExecutorEnds(frame.number, framework, executor));
        }
        with_ends.push(step);
        with_ends.extend(end);
    }
    Ok(with_ends)
}

/// Framework and executor that a message of an executor names.
pub(super) fn executor_of(message: &Value) -> (String, String) {
    let text = |path: &str| message.pointer(path).and_then(Value::as_str);
    let either = |one, two| {
        text(one)
            .or_else(|| text(two))
            .unwrap_or_default()
            .to_owned()
    };
    (
        either("/framework_id/value", "/update/framework_id/value"),
        either("/executor_id/value", "/update/executor_id/value"),
    )
}

/// The executor that has exited by itself, when the frame says so.
pub(super) fn exit_of_executor(frame: &Frame) -> Result<Option<(String, String)>, ReplayError> {
    let is_exit = frame
        .legacy()
        .is_some_and(|(_, name)| name.ends_with("ExitedExecutorMessage"));
    if !is_exit {
        return Ok(None);
    }
    let message = json(frame)?;
    let by_itself = message.get("status").and_then(Value::as_i64) == Some(0);
    Ok(by_itself.then(|| executor_of(&message)))
}
