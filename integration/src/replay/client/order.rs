//! Plays the conversation of one executor in the recorded order.
//!
//! For recordings that tell when every event of a stream came: then a check fails, a container ends
//! and a kill comes in the same moment of the conversation as they did.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::net::TcpStream;

use serde_json::Value;

use super::{Conversation, Player, Wanted, kind, write_chunk, write_head};
use crate::replay::wire::Frame;
use crate::replay::{Outcome, ReplayError, in_frame};

/// What happens next.
enum Step<'f> {
    /// The client calls.
    Call(Wanted<'f>),
    /// An earlier call is answered.
    Answer { call: usize, answer: &'f Frame },
    /// The server sends an event.
    Event { number: usize, event: Value },
}

/// A step and its moment: seconds, and the line of the recording.
type Timed<'f> = (f64, usize, Step<'f>);

impl Player {
    /// Lets `recorded`, a port that tasks or their checks use, be the port `live`.
    pub fn learn_port(&mut self, recorded: u64, live: u16) {
        self.ids.learn_port(recorded, live);
    }

    /// Plays what the executor of that name and its agent, at the recorded port, exchanged.
    ///
    /// # Errors
    /// [`ReplayError`] names the frame at which the conversation stopped.
    pub fn play_in_order(
        mut self,
        frames: &[Frame],
        port: u64,
        executor: &str,
    ) -> Result<Outcome, ReplayError> {
        let mut open: BTreeMap<usize, TcpStream> = BTreeMap::new();
        for (_, _, step) in steps(frames, port, executor)? {
            match step {
                Step::Call(wanted) => {
                    if let Some(connection) = self.take_call(&wanted)? {
                        open.insert(wanted.number, connection);
                    }
                }
                Step::Answer { call, answer } => {
                    if let Some(mut connection) = open.remove(&call) {
                        write_answer(&mut connection, answer).map_err(in_frame(answer.number))?;
                    }
                }
                Step::Event { number, event } => {
                    self.events.push_back(event);
                    self.send_event(number)?;
                }
            }
        }
        Ok(self.outcome)
    }

    /// Compares a call, and answers it unless that waits; the connection of one that waits.
    fn take_call(&mut self, wanted: &Wanted<'_>) -> Result<Option<TcpStream>, ReplayError> {
        let mut arrived = self.compared(wanted)?;
        let Some(recorded) = wanted.answer else {
            return Ok(None);
        };
        if waits(&wanted.kind) {
            return Ok(Some(arrived.answer));
        }
        if wanted.kind == "SUBSCRIBE" {
            write_head(&mut arrived.answer, recorded, None).map_err(in_frame(wanted.number))?;
            self.stream = Some((arrived.answer, recorded.encoding()));
        } else {
            write_answer(&mut arrived.answer, recorded).map_err(in_frame(wanted.number))?;
        }
        Ok(None)
    }
}

/// Tells whether the answer to a call comes when something has ended, and so in a step of its own.
fn waits(kind: &str) -> bool {
    ["WAIT_NESTED_CONTAINER", "LAUNCH_NESTED_CONTAINER_SESSION"].contains(&kind)
}

/// Writes a whole answer, framed as it was.
fn write_answer(connection: &mut TcpStream, answer: &Frame) -> std::io::Result<()> {
    if answer.header("Transfer-Encoding").is_none() {
        write_head(connection, answer, Some(answer.body.len()))?;
        return connection.write_all(&answer.body);
    }
    write_head(connection, answer, None)?;
    if !answer.body.is_empty() {
        write_chunk(connection, &answer.body)?;
    }
    write_chunk(connection, &[])
}

/// The conversation of one executor, in order.
fn steps<'f>(
    frames: &'f [Frame],
    port: u64,
    executor: &str,
) -> Result<Vec<Timed<'f>>, ReplayError> {
    let calls = calls(frames, port)?;
    let mut container = None;
    for (_, call, _) in &calls {
        if name(call) == Some(executor) {
            let inside = call.pointer("/update/status/container_status/container_id");
            container = container.or_else(|| inside.and_then(root).map(str::to_owned));
        }
    }
    let mut steps = Vec::new();
    for (frame, call, answer) in calls {
        let is_ours = name(&call) == Some(executor)
            || (subject(&call).is_some() && subject(&call) == container.as_deref());
        if is_ours {
            add(&mut steps, frame, call, answer)?;
        }
    }
    steps.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    Ok(steps)
}

fn add<'f>(
    steps: &mut Vec<Timed<'f>>,
    frame: &'f Frame,
    call: Value,
    answer: Option<&'f Frame>,
) -> Result<(), ReplayError> {
    let kind = kind(&call);
    if let Some(answer) = answer.filter(|_| waits(&kind)) {
        let call = frame.number;
        let step = Step::Answer { call, answer };
        steps.push((answer.time, answer.number, step));
    }
    if let Some(stream) = answer.filter(|_| kind == "SUBSCRIBE") {
        let events = stream.records(Conversation::Executor.event())?;
        for (event, time) in events.into_iter().zip(&stream.record_times) {
            let number = stream.number;
            steps.push((*time, number, Step::Event { number, event }));
        }
    }
    let number = frame.number;
    let wanted = Wanted {
        number,
        call,
        kind,
        answer,
    };
    steps.push((frame.time, number, Step::Call(wanted)));
    Ok(())
}

/// A request, what it says, and its answer.
type Asked<'f> = (&'f Frame, Value, Option<&'f Frame>);

/// Every call of an executor to the agent at this port.
fn calls(frames: &[Frame], port: u64) -> Result<Vec<Asked<'_>>, ReplayError> {
    let mut calls: Vec<Asked<'_>> = Vec::new();
    // Which calls of a connection are not answered yet.
    let mut open: BTreeMap<u64, VecDeque<usize>> = BTreeMap::new();
    for frame in frames {
        let message = Conversation::Executor.message(frame.path());
        if let Some(message) = message.filter(|_| frame.to_port == port) {
            open.entry(frame.from_port)
                .or_default()
                .push_back(calls.len());
            calls.push((frame, frame.call_json(message)?, None));
        } else if frame.from_port == port && frame.start.starts_with("HTTP/") {
            let first = open
                .get_mut(&frame.to_port)
                .and_then(VecDeque::pop_front)
                .and_then(|index| calls.get_mut(index));
            if let Some((_, _, answer)) = first {
                *answer = Some(frame);
            }
        }
    }
    Ok(calls)
}

/// The executor that calls.
fn name(call: &Value) -> Option<&str> {
    call.pointer("/executor_id/value")?.as_str()
}

/// The outermost container of the one that a call of the agent's API is about.
fn subject(call: &Value) -> Option<&str> {
    let field = call.get("type")?.as_str()?.to_lowercase();
    root(call.get(field)?.get("container_id")?)
}

fn root(container: &Value) -> Option<&str> {
    match container.get("parent") {
        Some(parent) => root(parent),
        None => container.get("value")?.as_str(),
    }
}
