//! Plays the recorded agent and frameworks against a live master.
//!
//! Frames go in recorded order: what the recorded clients sent is sent, with live ids;
//! what the recorded master sent is awaited and compared.
//! The recording lacks the messages that a master sends to a legacy framework; [`legacy`] awaits
//! those where the framework's next call needs them.
//! [`stream`] compares the events of v1 frameworks, in their order.

mod authentication;
mod legacy;
mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use serde_json::{Value, json};

use self::authentication::Authentication;
use self::legacy::LegacyFramework;
use self::stream::Stream;
use super::ids::Ids;
use super::wire::{Encoding, Frame};
use super::{FrameError, Outcome, ReplayError, compare, in_frame, wire};
use crate::descriptors;
use crate::http_client::{self, Answer, Request};
use crate::legacy_peer::LegacyPeer;
use crate::record_stream::{RecordStream, StreamError};
use crate::recording::meaning::headers_of_meaning;

const CALL: &str = "mesos.v1.scheduler.Call";
const SCHEDULER_PATH: &str = "/api/v1/scheduler";
const OPERATOR_PATH: &str = "/api/v1";
const UPDATE: &str = "mesos.internal.StatusUpdateMessage";
/// Older endpoints of operators, and what every client asks to find the leader.
const OPERATOR_PATHS: [&str; 9] = [
    "/reserve",
    "/unreserve",
    "/create-volumes",
    "/destroy-volumes",
    "/teardown",
    "/weights",
    "/quota",
    "/maintenance/schedule",
    "/redirect",
];
const PINGS: [&str; 2] = [
    "mesos.internal.PingSlaveMessage",
    "mesos.internal.PongSlaveMessage",
];

/// Ports of the recording.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The recorded masters.
    pub masters: &'static [u64],
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

/// Where the live masters listen, by recorded port.
pub type Live = BTreeMap<u64, SocketAddr>;

/// Loses the live master; answers where the masters listen after that.
pub type LoseMaster<'a> = Box<dyn FnMut() -> Result<Live, FrameError> + 'a>;

/// Who is killed, which leaves no frame.
#[expect(missing_debug_implementations, reason = "it holds a closure")]
pub enum Lost<'a> {
    /// The recorded agent.
    Agent,
    /// The leading master; the closure kills the live one.
    Master(LoseMaster<'a>),
}

/// What is played, and how.
#[expect(missing_debug_implementations, reason = "it holds closures")]
pub struct Play<'a> {
    /// The frames in order.
    pub frames: &'a [Frame],
    /// The ports of the recording.
    pub ports: Ports,
    /// What makes the live master offer again.
    pub offers: NextOffers,
    /// Where the live masters listen.
    pub live: Live,
    /// Principals with their secrets.
    pub secrets: &'a [(&'a str, &'a str)],
    /// Who is killed, in order of the seconds of the recording.
    pub lost: Vec<(f64, Lost<'a>)>,
}

/// Plays against live masters.
///
/// # Errors
/// [`ReplayError`] names the frame at which the conversation stopped.
pub fn play(play: Play<'_>) -> Result<Outcome, ReplayError> {
    let mut player = Player::new(play.ports, play.offers, play.live, play.secrets)?;
    let mut lost: VecDeque<(f64, Lost<'_>)> = play.lost.into();
    for frame in wire::answered(play.frames) {
        if lost.front().is_some_and(|(time, _)| *time <= frame.time)
            && let Some((_, lost)) = lost.pop_front()
        {
            player.lose(frame, lost)?;
        }
        player.frame(frame)?;
    }
    if let Some(last) = play.frames.last() {
        player.end_streams(last, |_| true)?;
    }
    Ok(player.outcome)
}

/// The recorded agent and frameworks, whose recording can be played in parts.
#[derive(Debug)]
pub struct Player {
    ports: Ports,
    offers: NextOffers,
    live: Live,
    /// What stands for what in this run.
    pub ids: Ids,
    agent: LegacyPeer,
    /// Whether the agent proves who it is before anything else.
    agent_authenticates: bool,
    authentication: Authentication,
    /// Legacy frameworks by recorded `ip:port`.
    frameworks: BTreeMap<String, LegacyFramework>,
    /// v1 frameworks by recorded stream id.
    streams: BTreeMap<String, Stream>,
    /// Streams whose recorded answer is still to come, by client port.
    opening: BTreeMap<u64, RecordStream>,
    /// Kinds of calls with the live answers whose recorded ones are still to come, by client port.
    answers: BTreeMap<u64, VecDeque<(String, Answer)>>,
    /// What was compared so far.
    pub outcome: Outcome,
}

impl Player {
    /// Opens a port for the agent.
    ///
    /// # Errors
    /// [`ReplayError`] when no port is free.
    pub fn new(
        ports: Ports,
        offers: NextOffers,
        live: Live,
        secrets: &[(&str, &str)],
    ) -> Result<Self, ReplayError> {
        let agent = LegacyPeer::listen("slave(1)").map_err(in_frame(0))?;
        let mut ids = Ids::default();
        ids.learn_port(ports.agent, agent.address.port());
        let secrets = secrets.iter();
        let secrets = secrets.map(|(principal, secret)| ((*principal).into(), (*secret).into()));
        let mut player = Self {
            ports,
            offers,
            live: BTreeMap::new(),
            ids,
            agent,
            agent_authenticates: false,
            authentication: Authentication::new(secrets.collect()),
            frameworks: BTreeMap::new(),
            streams: BTreeMap::new(),
            opening: BTreeMap::new(),
            answers: BTreeMap::new(),
            outcome: Outcome::default(),
        };
        player.masters_are(live);
        Ok(player)
    }

    /// Plays a part.
    ///
    /// # Errors
    /// [`ReplayError`] names the frame at which the conversation stopped.
    pub fn play(&mut self, frames: &[Frame]) -> Result<(), ReplayError> {
        frames.iter().try_for_each(|frame| self.frame(frame))
    }

    /// Takes note that the master has died, and where its successors listen.
    pub fn lose_master(&mut self, live: Live) {
        self.agent.hang_up();
        self.streams.clear();
        self.masters_are(live);
    }

    fn masters_are(&mut self, live: Live) {
        for (port, address) in &live {
            self.ids.learn_port(*port, address.port());
        }
        self.live = live;
    }

    fn lose(&mut self, frame: &Frame, lost: Lost<'_>) -> Result<(), ReplayError> {
        match lost {
            Lost::Agent => self.agent_dies(frame),
            Lost::Master(mut lose_master) => {
                self.end_streams(frame, |_| true)?;
                let live = lose_master().map_err(in_frame(frame.number))?;
                self.lose_master(live);
                Ok(())
            }
        }
    }

    /// Where the live counterpart of the master listens that a frame went to.
    fn master(&self, frame: &Frame) -> Result<SocketAddr, ReplayError> {
        let live = self.live.get(&frame.to_port).copied();
        live.ok_or_else(|| unplayable(frame, "a master that was not to be used"))
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let is_to_master = self.ports.masters.contains(&frame.to_port);
        if let Some((_, name)) = frame.legacy() {
            let is_of_log = frame.path().starts_with("/log-replica") || name.contains(".log.");
            if PINGS.contains(&name) || is_of_log {
                return Ok(());
            }
            let from = frame.header("Libprocess-From").unwrap_or_default();
            let is_from_agent = from.ends_with(&format!(":{}", self.ports.agent));
            let is_call = name == legacy::CALL || name.contains(".Authenti");
            return match (is_to_master, is_from_agent) {
                (true, true) => self.agent_sends(frame),
                (true, false) if is_call => self.legacy_call(frame),
                (true, false) => self.sends_raw(frame, name),
                (false, _) if self.is_from_master(frame) => self.agent_gets(frame),
                (false, _) => Ok(()),
            };
        }
        if is_to_master {
            return match frame.path().trim_start_matches("/master") {
                SCHEDULER_PATH => self.call(frame),
                OPERATOR_PATH => self.operator_call(frame),
                path if OPERATOR_PATHS.contains(&path) && !is_read(frame) => {
                    self.sends_raw(frame, path)
                }
                _ => Ok(()),
            };
        }
        if !frame.path().is_empty() {
            return Ok(());
        }
        if let Some(live) = self.opening.remove(&frame.to_port) {
            return self.stream_opened(frame, live);
        }
        match self
            .answers
            .get_mut(&frame.to_port)
            .and_then(VecDeque::pop_front)
        {
            Some((kind, live)) => self.answered(frame, &kind, &live),
            None => Ok(()),
        }
    }

    fn is_from_master(&self, frame: &Frame) -> bool {
        let from = frame.header("Libprocess-From").unwrap_or_default();
        let is_master = |port: &u64| from.ends_with(&format!(":{port}"));
        frame.to_port == self.ports.agent && self.ports.masters.iter().any(is_master)
    }

    /// The live address of the process that a legacy message went to.
    fn receiver(&self, frame: &Frame) -> String {
        let to = frame.legacy().map_or("", |(to, _)| to);
        self.ids.text(&format!("{to}@127.0.0.1:{}", frame.to_port))
    }

    fn agent_sends(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let Some((_, name)) = frame.legacy() else {
            return Ok(());
        };
        let begins = match name {
            authentication::AUTHENTICATE => {
                self.agent_authenticates = true;
                true
            }
            "mesos.internal.ReregisterSlaveMessage" => !self.agent_authenticates,
            _ => false,
        };
        if begins {
            // The recorded agent had died, which leaves no frame; its offers were taken back.
            self.agent_dies(frame)?;
        }
        let mut recorded = frame.legacy_json()?;
        if name == authentication::STEP {
            recorded = self.authentication.step(&recorded);
        }
        compare::pin(&recorded, &mut self.ids);
        let body = if frame.body.is_empty() {
            Vec::new()
        } else {
            self.encode(frame, name, &recorded)?
        };
        let from = frame.header("Libprocess-From").unwrap_or_default();
        let (from, to) = (self.ids.text(from), self.receiver(frame));
        self.agent
            .send_as(&from, &to, name, &body)
            .map_err(in_frame(frame.number))?;
        if name == UPDATE {
            self.expect_update(&recorded);
        }
        Ok(())
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
                .and_then(Value::as_str)
                .map(str::to_owned);
            self.end_streams(frame, |stream| Some(&stream.framework_id) == id.as_ref())?;
        }
        let message = self.agent.wait_for(name).map_err(in_frame(frame.number))?;
        let live = message.json().map_err(in_frame(frame.number))?;
        let from = frame.header("Libprocess-From").unwrap_or_default();
        self.ids.learn(from, &message.from);
        let place = format!("frame {} {name}", frame.number);
        if name == authentication::STEP {
            let (recorded, live) = self.authentication.challenged(&recorded, &live);
            self.compare(&place, name, &recorded, &live);
            return Ok(());
        }
        self.learn_master(&recorded, &live);
        self.compare(&place, name, &recorded, &live);
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
        let stream_id = frame.header("Mesos-Stream-Id");
        let is_known = stream_id.is_none_or(|id| self.streams.contains_key(id));
        let recorded = match frame.call_json(CALL) {
            Ok(recorded) if is_known => recorded,
            Ok(_) | Err(_) => return self.sends_raw(frame, "a malformed call"),
        };
        let kind = recorded
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(stream_id) = stream_id {
            self.catch_up(frame, stream_id, kind, &recorded)?;
        } else if kind != "SUBSCRIBE" {
            return self.sends_raw(frame, kind);
        }
        let body = match frame.encoding() {
            Encoding::Json => self.ids.value(&recorded).to_string().into_bytes(),
            Encoding::Protobuf => self.encode(frame, CALL, &recorded)?,
        };
        let request = self.request(frame, body);
        let master = self.master(frame)?;
        if kind == "SUBSCRIBE" {
            match RecordStream::open(master, &request) {
                Ok(live) => {
                    self.opening.insert(frame.from_port, live);
                }
                Err(StreamError::Refused(answer)) => self.await_answer(frame, kind, answer),
                Err(error) => return Err(in_frame(frame.number)(error)),
            }
            return Ok(());
        }
        let answer = http_client::send(master, &request).map_err(in_frame(frame.number))?;
        self.await_answer(frame, kind, answer);
        if let Some(stream) = stream_id.and_then(|id| self.streams.get_mut(id)) {
            stream.called(kind, &recorded);
        }
        Ok(())
    }

    /// The recorded request with live ids and this body.
    fn request(&self, frame: &Frame, body: Vec<u8>) -> Request {
        let method = frame.start.split(' ').next().unwrap_or_default();
        let mut request = Request::new(method, &self.ids.text(frame.path()));
        for (name, value) in &frame.headers {
            let is_framing = ["Host", "Content-Length", "Transfer-Encoding", "Connection"]
                .iter()
                .any(|framing| name.eq_ignore_ascii_case(framing));
            if !is_framing {
                request = request.header(name, &self.ids.text(value));
            }
        }
        request.body(body)
    }

    /// Sends a request as it is, with live ids.
    fn sends_raw(&mut self, frame: &Frame, kind: &str) -> Result<(), ReplayError> {
        let body = match std::str::from_utf8(&frame.body) {
            Ok(text) => self.ids.text(text).into_bytes(),
            Err(_) => frame.body.clone(),
        };
        let request = self.request(frame, body);
        let master = self.master(frame)?;
        let answer = http_client::send(master, &request).map_err(in_frame(frame.number))?;
        self.await_answer(frame, kind, answer);
        Ok(())
    }

    /// Sends the call of an operator that changes something.
    fn operator_call(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let recorded: Value = serde_json::from_slice(&frame.body).unwrap_or_default();
        let kind = recorded
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if kind == "SUBSCRIBE" || kind.starts_with("GET_") {
            return Ok(());
        }
        self.sends_raw(frame, kind)
    }

    fn await_answer(&mut self, frame: &Frame, kind: &str, answer: Answer) {
        let answers = self.answers.entry(frame.from_port).or_default();
        answers.push_back((kind.to_owned(), answer));
    }

    fn answered(&mut self, frame: &Frame, kind: &str, live: &Answer) -> Result<(), ReplayError> {
        let status = frame.start.split(' ').nth(1);
        let status: u16 = status
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| unplayable(frame, "an answer without a status"))?;
        let headers = |headers: &[(String, String)]| {
            let headers: Value = headers.iter().cloned().collect();
            headers_of_meaning(Some(&headers))
        };
        let body = String::from_utf8_lossy(&frame.body);
        let recorded = json!({"status": status, "headers": headers(&frame.headers), "body": body});
        let live = json!({
            "status": live.status(),
            "headers": headers(&live.head.headers),
            "body": live.text(),
        });
        let name = format!("frame {} answer to {kind}", frame.number);
        self.compare(&name, "answer", &recorded, &live);
        Ok(())
    }

    fn encode(&self, frame: &Frame, name: &str, recorded: &Value) -> Result<Vec<u8>, ReplayError> {
        descriptors::to_bytes(name, &self.ids.value(recorded)).map_err(in_frame(frame.number))
    }

    fn compare(&mut self, place: &str, name: &str, recorded: &Value, live: &Value) {
        let differences = compare::compare(place, recorded, live, &mut self.ids);
        self.outcome.add(name, differences);
    }
}

/// Whether a request changes nothing and tells no client where to go.
fn is_read(frame: &Frame) -> bool {
    frame.start.starts_with("GET ") && !frame.path().ends_with("/redirect")
}

fn unplayable(frame: &Frame, detail: &'static str) -> ReplayError {
    in_frame(frame.number)(FrameError::Unplayable(detail))
}
