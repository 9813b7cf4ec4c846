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
use crate::eventually::{PATIENCE, Stopwatch};
use crate::http_client::{self, Answer, Request};
use crate::legacy_peer::{LegacyPeer, PeerError};
use crate::record_stream::RecordStream;

const CALL: &str = "mesos.v1.scheduler.Call";
const EVENT: &str = "mesos.v1.scheduler.Event";
const SCHEDULER_PATH: &str = "/api/v1/scheduler";
const OPERATOR_PATH: &str = "/api/v1";
const OPERATOR_FORMS: [&str; 4] = [
    "/reserve",
    "/unreserve",
    "/create-volumes",
    "/destroy-volumes",
];
const PINGS: [&str; 2] = [
    "mesos.internal.PingSlaveMessage",
    "mesos.internal.PongSlaveMessage",
];

/// Ports of the recording.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The recorded master.
    pub master: u64,
    /// The recorded agent.
    pub agent: u64,
}

/// What makes the live master offer again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextOffers {
    /// Its own allocation interval.
    Interval,
    /// A REVIVE that the recorded framework did not send, so that no offer comes between two frames.
    Revive,
}

/// Plays `frames` against the master at `live`.
///
/// # Errors
/// [`ReplayError`] names the frame at which the conversation stopped.
pub fn play(
    frames: &[Frame],
    ports: Ports,
    offers: NextOffers,
    live: SocketAddr,
) -> Result<Outcome, ReplayError> {
    let mut player = Player::new(ports, offers, live)?;
    player.play(frames)?;
    Ok(player.outcome)
}

/// A v1 framework's open stream beside its recording.
#[derive(Debug)]
struct Stream {
    framework_id: String,
    encoding: Encoding,
    live: RecordStream,
    recorded: VecDeque<Value>,
    /// Live events that came before the one that was waited for.
    passed: VecDeque<Value>,
}

/// The recorded agent and frameworks, whose recording can be played in parts.
#[derive(Debug)]
pub struct Player {
    ports: Ports,
    offers: NextOffers,
    live: SocketAddr,
    /// What stands for what in this run.
    pub ids: Ids,
    agent: LegacyPeer,
    /// Legacy frameworks by recorded address.
    frameworks: BTreeMap<String, LegacyPeer>,
    /// v1 frameworks by recorded stream id.
    streams: BTreeMap<String, Stream>,
    /// Streams whose recorded answer is still to come, by client port.
    opening: BTreeMap<u64, RecordStream>,
    /// Kinds of calls with the live answers whose recorded ones are still to come, by client port.
    answers: BTreeMap<u64, (String, Answer)>,
    /// What was compared so far.
    pub outcome: Outcome,
}

impl Player {
    /// Opens a port for the agent.
    ///
    /// # Errors
    /// [`ReplayError`] when no port is free.
    pub fn new(ports: Ports, offers: NextOffers, live: SocketAddr) -> Result<Self, ReplayError> {
        let agent = LegacyPeer::listen("slave(1)").map_err(in_frame(0))?;
        let mut ids = Ids::default();
        ids.learn_port(ports.master, live.port());
        ids.learn_port(ports.agent, agent.address.port());
        Ok(Self {
            ports,
            offers,
            live,
            ids,
            agent,
            frameworks: BTreeMap::new(),
            streams: BTreeMap::new(),
            opening: BTreeMap::new(),
            answers: BTreeMap::new(),
            outcome: Outcome::default(),
        })
    }

    /// Plays a part.
    ///
    /// # Errors
    /// [`ReplayError`] names the frame at which the conversation stopped.
    pub fn play(&mut self, frames: &[Frame]) -> Result<(), ReplayError> {
        frames.iter().try_for_each(|frame| self.frame(frame))
    }

    /// Takes note that the master has died and another has come in its place.
    pub fn lose_master(&mut self) {
        self.agent.hang_up();
        self.streams.clear();
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        if let Some((_, name)) = frame.legacy() {
            if PINGS.contains(&name) {
                return Ok(());
            }
            return match (frame.to_port == self.ports.master, name) {
                (true, "mesos.scheduler.Call") => self.legacy_call(frame),
                (true, _) if frame.message.is_some() || frame.body.is_empty() => {
                    self.agent_sends(frame)
                }
                (false, _) if self.is_from_master(frame) => self.agent_gets(frame),
                (true | false, _) => Ok(()),
            };
        }
        match frame.path().trim_start_matches("/master") {
            SCHEDULER_PATH => return self.call(frame),
            OPERATOR_PATH => return self.operator_call(frame),
            path if OPERATOR_FORMS.contains(&path) => return self.operator_form(frame, path),
            _ => {}
        }
        if let Some((kind, live)) = self.answers.remove(&frame.to_port)
            && frame.path().is_empty()
        {
            return self.answered(frame, &kind, &live);
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
        if name == "mesos.internal.ReregisterSlaveMessage" {
            // The recorded agent had died, which leaves no frame; its offers were taken back.
            self.agent_dies(frame)?;
        }
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
            self.learn_offers(&recorded, &live);
            self.outcome.add(&came.name, Vec::new());
        }
        let body = self.encode(frame, name, &recorded)?;
        let to = format!("{to}@{}", self.live);
        peer.send(&to, name, &body).map_err(failed)?;
        self.frameworks.insert(from, peer);
        Ok(())
    }

    /// Maps the offers of a recorded event, or those that a recorded call names, to the offers that came.
    fn learn_offers(&mut self, recorded: &Value, live: &Value) {
        let named = ["/offers/offers", "/accept/offer_ids", "/decline/offer_ids"]
            .iter()
            .find_map(|place| recorded.pointer(place)?.as_array());
        let came = live
            .pointer("/offers/offers")
            .or_else(|| live.pointer("/offers"));
        let (Some(named), Some(came)) = (named, came.and_then(Value::as_array)) else {
            return;
        };
        for (recorded, offer) in named.iter().zip(came) {
            let id = recorded.pointer("/id/value");
            let recorded = id.or_else(|| recorded.get("value")).and_then(Value::as_str);
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
        let mut request = Request::new("POST", SCHEDULER_PATH)
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
        self.answers
            .insert(frame.from_port, (kind.to_owned(), answer));
        Ok(())
    }

    /// Sends the call of an operator that changes something.
    fn operator_call(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let recorded: Value =
            serde_json::from_slice(&frame.body).map_err(in_frame(frame.number))?;
        let kind = recorded
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if kind == "SUBSCRIBE" || kind.starts_with("GET_") {
            return Ok(());
        }
        let request = Request::post_json(OPERATOR_PATH, &self.ids.value(&recorded));
        self.operator_sends(frame, kind, request)
    }

    /// Sends the form of an operator to one of the older endpoints.
    fn operator_form(&mut self, frame: &Frame, path: &str) -> Result<(), ReplayError> {
        let form = self.ids.text(&String::from_utf8_lossy(&frame.body));
        let kind = frame.header("Content-Type").unwrap_or_default();
        let request = Request::new("POST", frame.path())
            .header("Content-Type", kind)
            .body(form);
        self.operator_sends(frame, path, request)
    }

    fn operator_sends(
        &mut self,
        frame: &Frame,
        kind: &str,
        mut request: Request,
    ) -> Result<(), ReplayError> {
        if let Some(secret) = frame.header("Authorization") {
            request = request.header("Authorization", secret);
        }
        let answer = http_client::send(self.live, &request).map_err(in_frame(frame.number))?;
        self.answers
            .insert(frame.from_port, (kind.to_owned(), answer));
        Ok(())
    }

    fn answered(&mut self, frame: &Frame, kind: &str, live: &Answer) -> Result<(), ReplayError> {
        let status = frame.start.split(' ').nth(1);
        let status: u16 = status
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| unplayable(frame, "an answer without a status"))?;
        let body = String::from_utf8_lossy(&frame.body);
        let recorded = json!({"status": status, "body": body});
        let live = json!({"status": live.status(), "body": live.text()});
        let name = format!("frame {} answer to {kind}", frame.number);
        self.compare(&name, "answer", &recorded, &live);
        Ok(())
    }

    /// Hangs up as the agent, once the live master has made the offers that it takes back then.
    fn agent_dies(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let mut streams = std::mem::take(&mut self.streams);
        for stream in streams.values_mut() {
            let rescinded = stream
                .recorded
                .iter()
                .find_map(|event| event.pointer("/rescind/offer_id").cloned());
            if let Some(offer) = rescinded {
                self.up_to(frame, stream, "OFFERS", |event| offers_it(event, &offer))?;
            }
        }
        self.agent.hang_up();
        for stream in streams.values_mut() {
            self.up_to(frame, stream, "RESCIND", |_| true)?;
        }
        self.streams = streams;
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
            passed: VecDeque::new(),
        };
        let (recorded, came) = self.next_of(frame, &mut stream, "SUBSCRIBED")?;
        let framework = |event: &Value| {
            let id = event.pointer("/subscribed/framework_id/value")?.as_str()?;
            Some(id.to_owned())
        };
        stream.framework_id = framework(&recorded).unwrap_or_default();
        self.ids
            .learn(&stream.framework_id, &framework(&came).unwrap_or_default());
        let master = "/subscribed/master_info/id";
        if let (Some(recorded), Some(came)) = (recorded.pointer(master), came.pointer(master)) {
            let text = |id: &Value| id.as_str().unwrap_or_default().to_owned();
            self.ids.learn(&text(recorded), &text(came));
        }
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
        match kind {
            "ACCEPT" | "DECLINE" => {
                let named = call
                    .pointer("/accept/offer_ids/0")
                    .or_else(|| call.pointer("/decline/offer_ids/0"))
                    .cloned()
                    .unwrap_or_default();
                self.up_to(frame, &mut stream, "OFFERS", |event| {
                    offers_it(event, &named)
                })?;
            }
            "ACKNOWLEDGE" => {
                let uuid = call.pointer("/acknowledge/uuid");
                let is_named = |event: &Value| event.pointer("/update/status/uuid") == uuid;
                self.up_to(frame, &mut stream, "UPDATE", is_named)?;
            }
            "ACKNOWLEDGE_OPERATION_STATUS" => {
                let uuid = call.pointer("/acknowledge_operation_status/uuid");
                let is_named = |event: &Value| {
                    event.pointer("/update_operation_status/status/uuid/value") == uuid
                };
                self.up_to(frame, &mut stream, "UPDATE_OPERATION_STATUS", is_named)?;
            }
            _ => {}
        }
        self.streams.insert(stream_id.to_owned(), stream);
        Ok(())
    }

    /// Compares the events of one type up to the first that `last` picks; none when it picks none.
    fn up_to(
        &mut self,
        frame: &Frame,
        stream: &mut Stream,
        kind: &str,
        last: impl Fn(&Value) -> bool,
    ) -> Result<(), ReplayError> {
        let is_kind = |event: &&Value| event.get("type").and_then(Value::as_str) == Some(kind);
        let events = stream.recorded.iter().filter(is_kind);
        let Some(index) = events.clone().position(last) else {
            return Ok(());
        };
        for _ in 0..=index {
            if kind == "OFFERS" && self.offers == NextOffers::Revive {
                self.revive(frame, stream)?;
            }
            let (recorded, live) = self.next_of(frame, stream, kind)?;
            self.learn_offers(&recorded, &live);
            let name = format!("frame {} {kind}", frame.number);
            self.compare(&name, kind, &recorded, &live);
        }
        Ok(())
    }

    fn revive(&self, frame: &Frame, stream: &Stream) -> Result<(), ReplayError> {
        let id = self.ids.text(&stream.framework_id);
        let call = json!({"type": "REVIVE", "framework_id": {"value": id}});
        let stream_id = stream.live.head.header("Mesos-Stream-Id");
        let request = Request::post_json(SCHEDULER_PATH, &call)
            .header("Mesos-Stream-Id", stream_id.unwrap_or_default());
        http_client::send(self.live, &request).map_err(in_frame(frame.number))?;
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
        let passed = stream.passed.iter().position(is_wanted);
        if let Some(event) = passed.and_then(|index| stream.passed.remove(index)) {
            return Ok((recorded, event));
        }
        let watch = Stopwatch::start();
        loop {
            // Heartbeats keep the stream busy.
            if watch.elapsed() > PATIENCE {
                return Err(unplayable(frame, "the live stream lacks an event"));
            }
            let bytes = stream.live.next_bytes().map_err(in_frame(frame.number))?;
            let event = wire::decode(frame.number, EVENT, stream.encoding, &bytes)?;
            if is_wanted(&event) {
                return Ok((recorded, event));
            }
            stream.passed.push_back(event);
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

fn offers_it(event: &Value, id: &Value) -> bool {
    let offers = event.pointer("/offers/offers").and_then(Value::as_array);
    offers.is_some_and(|offers| offers.iter().any(|offer| offer.get("id") == Some(id)))
}

fn unplayable(frame: &Frame, detail: &'static str) -> ReplayError {
    in_frame(frame.number)(FrameError::Unplayable(detail))
}
