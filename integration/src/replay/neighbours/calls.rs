//! What recorded executors call over HTTP, and what the agent answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::stand_in::StandIns;
use super::{FrameError, Outcome, ReplayError, compare, in_frame};
use crate::descriptors;
use crate::http_client::{Connection, Request};
use crate::record_stream::RecordStream;
use crate::replay::client::kind;
use crate::replay::ids::Ids;
use crate::replay::wire::{self, Encoding, Frame};

const CALL: &str = "mesos.v1.executor.Call";
const AGENT_CALL: &str = "mesos.v1.agent.Call";
const EVENT: &str = "mesos.v1.executor.Event";

/// Connections by the port that the recorded executor called from.
#[derive(Debug)]
pub(super) struct Callers {
    agent: SocketAddr,
    connections: BTreeMap<u64, Connection>,
    streams: BTreeMap<u64, RecordStream>,
    /// Acknowledgements that came before those of other tasks.
    early: BTreeMap<u64, Vec<Value>>,
}

impl Callers {
    pub(super) fn new(agent: SocketAddr) -> Self {
        Self {
            agent,
            connections: BTreeMap::new(),
            streams: BTreeMap::new(),
            early: BTreeMap::new(),
        }
    }

    /// Sends a recorded call; its answer is read later.
    pub(super) fn call(
        &mut self,
        frame: &Frame,
        ids: &mut Ids,
        stand_ins: &StandIns,
    ) -> Result<(), ReplayError> {
        let failed = in_frame(frame.number);
        let message = if frame.path().ends_with("/executor") {
            CALL
        } else {
            AGENT_CALL
        };
        let call = frame.call_json(message)?;
        compare::pin(&call, ids);
        let call = ids.value(&call);
        let text = |path: &str| call.pointer(path).and_then(Value::as_str);
        let request = request(frame, message, &call)?;
        if kind(&call) == "SUBSCRIBE" {
            let framework = text("/framework_id/value").unwrap_or_default();
            let executor = text("/executor_id/value").unwrap_or_default();
            let started = stand_ins.wait_for(framework, executor);
            started.map_err(in_frame(frame.number))?;
            let stream = RecordStream::open(self.agent, &request);
            let stream = stream.map_err(in_frame(frame.number))?;
            self.streams.insert(frame.from_port, stream);
            return Ok(());
        }
        if let Some(container) = text("/kill_nested_container/container_id/value") {
            let sleeps = stand_ins.wait_for_sleep(container);
            sleeps.map_err(in_frame(frame.number))?;
        }
        let connection = match self.connections.remove(&frame.from_port) {
            Some(connection) => connection,
            None => Connection::open(self.agent).map_err(failed)?,
        };
        let connection = self
            .connections
            .entry(frame.from_port)
            .or_insert(connection);
        connection
            .write(&request.encode(self.agent))
            .map_err(failed)
    }

    /// Reads an answer and compares it.
    pub(super) fn answer(
        &mut self,
        frame: &Frame,
        ids: &mut Ids,
        outcome: &mut Outcome,
    ) -> Result<(), ReplayError> {
        let failed = in_frame(frame.number);
        let recorded_type = frame.header("Content-Type");
        let (head, body) = if let Some(stream) = self.streams.get(&frame.to_port) {
            (stream.head.clone(), Vec::new())
        } else {
            let missing = || failed(FrameError::Unplayable("nobody has called"));
            let connection = self
                .connections
                .get_mut(&frame.to_port)
                .ok_or_else(missing)?;
            let answer = connection.read_answer().map_err(in_frame(frame.number))?;
            (answer.head, answer.body)
        };
        let is_stream = self.streams.contains_key(&frame.to_port);
        let decoded = |body: &[u8]| match recorded_type {
            Some("application/x-protobuf") if !is_stream => {
                let name = "mesos.v1.agent.Response";
                wire::decode(frame.number, name, Encoding::Protobuf, body)
            }
            _ if is_stream => Ok(Value::Null),
            _ => Ok(Value::from(String::from_utf8_lossy(body))),
        };
        let recorded = json!({
            "start": frame.start,
            "type": recorded_type,
            "body": decoded(&frame.body)?,
        });
        let live = json!({
            "start": head.start,
            "type": head.header("Content-Type"),
            "body": decoded(&body)?,
        });
        let name = format!("answer {}", head.status);
        let place = format!("frame {} {name}", frame.number);
        outcome.add(&name, compare::compare(&place, &recorded, &live, ids));
        Ok(())
    }

    /// Reads the next event of a stream and compares it.
    pub(super) fn event(
        &mut self,
        port: u64,
        number: usize,
        recorded: &Value,
        ids: &mut Ids,
        outcome: &mut Outcome,
    ) -> Result<(), ReplayError> {
        let live = self.awaited(port, number, recorded, ids)?;
        let name = format!("event {}", kind(recorded));
        let place = format!("frame {number} {name}");
        outcome.add(&name, compare::compare(&place, recorded, &live, ids));
        Ok(())
    }

    /// The next event; of acknowledgements the one that is recorded, since those of different tasks
    /// come in any order.
    fn awaited(
        &mut self,
        port: u64,
        number: usize,
        recorded: &Value,
        ids: &Ids,
    ) -> Result<Value, ReplayError> {
        let wanted = acknowledged(recorded).map(|uuid| ids.text(uuid));
        let is_wanted = |live: &Value| acknowledged(live) == wanted.as_deref();
        let early = self.early.entry(port).or_default();
        if wanted.is_some()
            && let Some(at) = early.iter().position(is_wanted)
        {
            return Ok(early.swap_remove(at));
        }
        let missing = || FrameError::Unplayable("nobody has subscribed");
        let stream = self.streams.get_mut(&port).ok_or_else(missing);
        let stream = stream.map_err(in_frame(number))?;
        loop {
            let record = stream.next_bytes().map_err(in_frame(number))?;
            let live = wire::decode(number, EVENT, Encoding::Protobuf, &record)?;
            let is_early = wanted.is_some() && acknowledged(&live).is_some() && !is_wanted(&live);
            if is_early {
                early.push(live);
            } else if kind(&live) != "HEARTBEAT" {
                return Ok(live);
            }
        }
    }
}

/// The update that an event acknowledges.
fn acknowledged(event: &Value) -> Option<&str> {
    event.pointer("/acknowledged/uuid")?.as_str()
}

fn request(frame: &Frame, message: &str, call: &Value) -> Result<Request, ReplayError> {
    let body = match frame.encoding() {
        Encoding::Json => call.to_string().into_bytes(),
        Encoding::Protobuf => {
            descriptors::to_bytes(message, call).map_err(in_frame(frame.number))?
        }
    };
    let of_this_run = ["content-length", "host", "transfer-encoding"];
    let headers = frame.headers.iter().filter(|(name, _)| {
        let name = name.to_ascii_lowercase();
        !of_this_run.contains(&name.as_str())
    });
    let request = Request::new("POST", frame.path()).body(body);
    Ok(headers.fold(request, |request, (name, value)| {
        request.header(name, value)
    }))
}
