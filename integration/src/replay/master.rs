//! Plays the recorded agent and frameworks against a live master.
//!
//! Frames go in recorded order: what the recorded clients sent is sent, with live ids;
//! what the recorded master sent is awaited and compared.
//! The recording lacks the messages that a master sends to a legacy framework; those are awaited
//! where the framework's next call needs them.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::ids::Ids;
use super::wire::{Encoding, Frame};
use super::{FrameError, Outcome, ReplayError, compare, in_frame, wire};
use crate::descriptors;
use crate::http_client::{self, Request};
use crate::legacy_peer::{LegacyPeer, PeerError};
use crate::record_stream::RecordStream;

const CALL: &str = "mesos.v1.scheduler.Call";
const EVENT: &str = "mesos.v1.scheduler.Event";
const SUBSCRIBE_PATH: &str = "/master/api/v1/scheduler";

/// Ports of the recording.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The recorded master.
    pub master: u64,
    /// The recorded agent.
    pub agent: u64,
}

/// Plays `frames` against the master at `live`.
///
/// # Errors
/// [`ReplayError`] names the frame at which the conversation stopped.
pub fn play(frames: &[Frame], ports: Ports, live: SocketAddr) -> Result<Outcome, ReplayError> {
    let agent = LegacyPeer::listen("slave(1)").map_err(in_frame(0))?;
    let mut ids = Ids::default();
    ids.learn_port(ports.master, live.port());
    ids.learn_port(ports.agent, agent.address.port());
    let mut player = Player {
        ports,
        live,
        ids,
        agent,
        frameworks: BTreeMap::new(),
        streams: BTreeMap::new(),
        opening: BTreeMap::new(),
        outcome: Outcome::default(),
    };
    for frame in frames {
        player.frame(frame)?;
    }
    Ok(player.outcome)
}

/// A v1 framework's open stream beside its recording.
#[derive(Debug)]
struct Stream {
    framework_id: String,
    encoding: Encoding,
    live: RecordStream,
    recorded: VecDeque<Value>,
}

#[derive(Debug)]
struct Player {
    ports: Ports,
    live: SocketAddr,
    ids: Ids,
    agent: LegacyPeer,
    /// Legacy frameworks by recorded address.
    frameworks: BTreeMap<String, LegacyPeer>,
    /// v1 frameworks by recorded stream id.
    streams: BTreeMap<String, Stream>,
    /// Streams whose recorded answer is still to come, by client port.
    opening: BTreeMap<u64, RecordStream>,
    outcome: Outcome,
}

impl Player {
    fn frame(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        if let Some((_, name)) = frame.legacy() {
            return match (frame.to_port == self.ports.master, name) {
                (true, "mesos.scheduler.Call") => self.legacy_call(frame),
                (true, _) if frame.message.is_some() || frame.body.is_empty() => {
                    self.agent_sends(frame)
                }
                (false, _) if self.is_from_master(frame) => self.agent_gets(frame),
                (true | false, _) => Ok(()),
            };
        }
        if frame.path() == SUBSCRIBE_PATH {
            return self.call(frame);
        }
        let stream_id = frame
            .header("Mesos-Stream-Id")
            .filter(|_| frame.path().is_empty());
        match (stream_id, self.opening.remove(&frame.to_port)) {
            (Some(id), Some(live)) => self.stream_opened(frame, id, live),
            (Some(_) | None, _) => Ok(()),
        }
    }

    fn is_from_master(&self, frame: &Frame) -> bool {
        frame.to_port == self.ports.agent
            && frame
                .header("Libprocess-From")
                .is_some_and(|from| from.ends_with(&format!(":{}", self.ports.master)))
    }

    fn agent_sends(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let Some((to, name)) = frame.legacy() else {
            return Ok(());
        };
        let body = if frame.body.is_empty() {
            Vec::new()
        } else {
            let recorded = frame.legacy_json()?;
            compare::pin(&recorded, &mut self.ids);
            self.encode(frame, name, &recorded)?
        };
        let to = format!("{to}@{}", self.live);
        self.agent
            .send(&to, name, &body)
            .map_err(in_frame(frame.number))
    }

    fn agent_gets(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let Some((_, name)) = frame.legacy() else {
            return Ok(());
        };
        let recorded = frame.legacy_json()?;
        if name == "mesos.internal.ShutdownFrameworkMessage" {
            // The recorded framework had hung up, which leaves no frame.
            let id = recorded
                .pointer("/framework_id/value")
                .and_then(Value::as_str);
            self.streams
                .retain(|_, stream| Some(stream.framework_id.as_str()) != id);
        }
        let message = self.agent.wait_for(name).map_err(in_frame(frame.number))?;
        let live = message.json().map_err(in_frame(frame.number))?;
        self.learn_master(&recorded, &live);
        self.compare(
            &format!("frame {} {name}", frame.number),
            name,
            &recorded,
            &live,
        );
        Ok(())
    }

    /// The agent id begins with the id of the master: the first one teaches it.
    fn learn_master(&mut self, recorded: &Value, live: &Value) {
        let id = |value: &Value| {
            let id = value.pointer("/slave_id/value")?.as_str()?;
            Some(id.rsplit_once("-S")?.0.to_owned())
        };
        if let (Some(recorded), Some(live)) = (id(recorded), id(live))
            && !self.ids.knows(&recorded)
        {
            self.ids.learn(&recorded, &live);
        }
    }

    fn legacy_call(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let Some((to, name)) = frame.legacy() else {
            return Ok(());
        };
        let failed = in_frame::<PeerError>(frame.number);
        let from = frame
            .header("Libprocess-From")
            .unwrap_or_default()
            .to_owned();
        let recorded = frame.legacy_json()?;
        let mut peer = match self.frameworks.remove(&from) {
            Some(peer) => peer,
            None => {
                LegacyPeer::listen(from.split('@').next().unwrap_or_default()).map_err(failed)?
            }
        };
        self.ids.learn(&from, &peer.upid());
        let needed = match recorded.get("type").and_then(Value::as_str) {
            Some("ACCEPT" | "DECLINE") => Some("mesos.internal.ResourceOffersMessage"),
            Some("ACKNOWLEDGE") => Some("mesos.internal.StatusUpdateMessage"),
            _ => None,
        };
        let came = needed
            .map(|name| peer.wait_for(name))
            .transpose()
            .map_err(failed)?;
        if let Some(came) = came {
            let live = came.json().map_err(in_frame(frame.number))?;
            self.learn_offers(&recorded, live.pointer("/offers"));
            self.outcome.add(&came.name, Vec::new());
        }
        let body = self.encode(frame, name, &recorded)?;
        let to = format!("{to}@{}", self.live);
        peer.send(&to, name, &body).map_err(failed)?;
        self.frameworks.insert(from, peer);
        Ok(())
    }

    /// Maps the offers that a recorded call names to the offers that came.
    fn learn_offers(&mut self, call: &Value, offers: Option<&Value>) {
        let named = call
            .pointer("/accept/offer_ids")
            .or_else(|| call.pointer("/decline/offer_ids"));
        let (Some(named), Some(offers)) = (
            named.and_then(Value::as_array),
            offers.and_then(Value::as_array),
        ) else {
            return;
        };
        for (recorded, offer) in named.iter().zip(offers) {
            let recorded = recorded.get("value").and_then(Value::as_str);
            let live = offer.pointer("/id/value").and_then(Value::as_str);
            if let (Some(recorded), Some(live)) = (recorded, live) {
                self.ids.learn(recorded, live);
            }
        }
    }

    fn call(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let recorded = frame.call_json(CALL)?;
        let kind = recorded
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let stream_id = frame.header("Mesos-Stream-Id");
        if let Some(stream_id) = stream_id {
            self.catch_up(frame, stream_id, kind, &recorded)?;
        }
        let kind_of_body = frame.header("Content-Type").unwrap_or_default();
        let body = match frame.encoding() {
            Encoding::Json => self.ids.value(&recorded).to_string().into_bytes(),
            Encoding::Protobuf => self.encode(frame, CALL, &recorded)?,
        };
        let mut request = Request::new("POST", SUBSCRIBE_PATH)
            .header("Content-Type", kind_of_body)
            .header("Accept", frame.header("Accept").unwrap_or(kind_of_body))
            .body(body);
        if kind == "SUBSCRIBE" {
            let live = RecordStream::open(self.live, &request).map_err(in_frame(frame.number))?;
            self.opening.insert(frame.from_port, live);
            return Ok(());
        }
        if let Some(stream_id) = stream_id {
            request = request.header("Mesos-Stream-Id", &self.ids.text(stream_id));
        }
        let answer = http_client::send(self.live, &request).map_err(in_frame(frame.number))?;
        let live = json!({"status": answer.status(), "body": answer.text()});
        let name = format!("frame {} answer to {kind}", frame.number);
        self.compare(&name, "answer", &json!({"status": 202, "body": ""}), &live);
        Ok(())
    }

    fn stream_opened(
        &mut self,
        frame: &Frame,
        id: &str,
        live: RecordStream,
    ) -> Result<(), ReplayError> {
        self.ids
            .learn(id, live.head.header("Mesos-Stream-Id").unwrap_or_default());
        let is_framing = |name: &str| name != "Date" && name != "Mesos-Stream-Id";
        let headers = |headers: &[(String, String)]| -> Value {
            headers
                .iter()
                .filter(|(name, _)| is_framing(name))
                .cloned()
                .collect()
        };
        let name = format!("frame {} stream", frame.number);
        let (recorded, came) = (headers(&frame.headers), headers(&live.head.headers));
        self.compare(&name, "stream headers", &recorded, &came);
        let mut stream = Stream {
            framework_id: String::new(),
            encoding: frame.encoding(),
            live,
            recorded: frame.records(EVENT)?.into(),
        };
        let (recorded, came) = self.next_of(frame, &mut stream, "SUBSCRIBED")?;
        let framework = |event: &Value| {
            let id = event.pointer("/subscribed/framework_id/value")?.as_str()?;
            Some(id.to_owned())
        };
        stream.framework_id = framework(&recorded).unwrap_or_default();
        self.ids
            .learn(&stream.framework_id, &framework(&came).unwrap_or_default());
        self.compare(
            &format!("{name} SUBSCRIBED"),
            "SUBSCRIBED",
            &recorded,
            &came,
        );
        self.streams.insert(id.to_owned(), stream);
        Ok(())
    }

    /// Reads the stream up to the event that made the recorded framework send this call.
    fn catch_up(
        &mut self,
        frame: &Frame,
        stream_id: &str,
        kind: &str,
        call: &Value,
    ) -> Result<(), ReplayError> {
        let Some(mut stream) = self.streams.remove(stream_id) else {
            return Err(unplayable(frame, "a call on a stream that is not open"));
        };
        let wanted = match kind {
            "ACCEPT" | "DECLINE" => Some("OFFERS"),
            "ACKNOWLEDGE" => Some("UPDATE"),
            _ => None,
        };
        if let Some(wanted) = wanted {
            let (recorded, live) = self.next_of(frame, &mut stream, wanted)?;
            self.learn_offers(call, live.pointer("/offers/offers"));
            let name = format!("frame {} {wanted}", frame.number);
            self.compare(&name, wanted, &recorded, &live);
        }
        self.streams.insert(stream_id.to_owned(), stream);
        Ok(())
    }

    /// Takes the next event of a type from the recording and from the live stream.
    fn next_of(
        &self,
        frame: &Frame,
        stream: &mut Stream,
        kind: &str,
    ) -> Result<(Value, Value), ReplayError> {
        let is_wanted = |event: &Value| event.get("type").and_then(Value::as_str) == Some(kind);
        let index = stream.recorded.iter().position(is_wanted);
        let recorded = index.and_then(|index| stream.recorded.remove(index));
        let recorded =
            recorded.ok_or_else(|| unplayable(frame, "the recorded stream lacks an event"))?;
        loop {
            let bytes = stream.live.next_bytes().map_err(in_frame(frame.number))?;
            let event = wire::decode(frame.number, EVENT, stream.encoding, &bytes)?;
            if is_wanted(&event) {
                return Ok((recorded, event));
            }
        }
    }

    fn encode(&self, frame: &Frame, name: &str, recorded: &Value) -> Result<Vec<u8>, ReplayError> {
        descriptors::to_bytes(name, &self.ids.value(recorded)).map_err(in_frame(frame.number))
    }

    fn compare(&mut self, place: &str, name: &str, recorded: &Value, live: &Value) {
        let differences = compare::compare(place, recorded, live, &mut self.ids);
        self.outcome.add(name, differences);
    }
}

fn unplayable(frame: &Frame, detail: &'static str) -> ReplayError {
    in_frame(frame.number)(FrameError::Unplayable(detail))
}
