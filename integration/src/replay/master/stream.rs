//! The event streams of the recorded v1 frameworks.
//!
//! Every recorded event is awaited and compared, in the recorded order.
//! What comes besides is a difference.
//!
//! # Tolerance
//! Offers are made in rounds, and a round may fall before or after an update: that order alone is
//! free.
//! A machine that is slow may let the time pass for which a framework refused an agent: an offer
//! beyond the recording is no difference after that time.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::super::wire::{self, Encoding, Frame};
use super::super::{Difference, ReplayError, in_frame};
use super::{NextOffers, Player, SCHEDULER_PATH, unplayable};
use crate::eventually::{PATIENCE, Stopwatch};
use crate::http_client::{self, Request};
use crate::record_stream::RecordStream;
use crate::recording::events::{Events, kind};

const EVENT: &str = "mesos.v1.scheduler.Event";

/// For how long a framework refuses an agent when it does not say.
const REFUSED: f64 = 5.0;

/// A v1 framework's open stream beside its recording.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) framework_id: String,
    live: Events,
    /// Recorded events with their times, where the recording tells them.
    recorded: VecDeque<(f64, Value)>,
    /// Live events that came before the one that was waited for.
    passed: VecDeque<Value>,
    /// For how many seconds the framework refuses agents, and since when.
    refusal: Option<(f64, Stopwatch)>,
}

impl Stream {
    /// Remembers for how long a call refuses offers.
    pub(super) fn called(&mut self, kind: &str, call: &Value) {
        let seconds = match kind {
            "ACCEPT" | "DECLINE" => ["/accept/filters", "/decline/filters"]
                .iter()
                .find_map(|place| call.pointer(place)?.get("refuse_seconds")?.as_f64())
                .unwrap_or(REFUSED),
            "SUPPRESS" => f64::INFINITY,
            "REVIVE" => 0.0,
            _ => return,
        };
        self.refusal = Some((seconds, Stopwatch::start()));
    }

    /// Whether nothing was refused for the time that has passed.
    fn may_be_offered_again(&self) -> bool {
        self.refusal
            .is_some_and(|(seconds, since)| since.elapsed().as_secs_f64() >= seconds)
    }

    /// Takes the next live event of a kind; answers what it overtook as well.
    fn take(&mut self, wanted: &str) -> Option<(Value, Value)> {
        let watch = Stopwatch::start();
        loop {
            let found = self.passed.iter().position(|event| kind(event) == wanted);
            if let Some(index) = found {
                let before = self.passed.iter().take(index).map(kind);
                let overtaken = before
                    .filter(|kind| *kind != "OFFERS" && wanted != "OFFERS")
                    .collect();
                return Some((self.passed.remove(index)?, overtaken));
            }
            let left = PATIENCE.checked_sub(watch.elapsed())?;
            self.passed.push_back(self.live.wait(left)?);
        }
    }
}

impl Player {
    /// Compares how a stream begins.
    pub(super) fn stream_opened(
        &mut self,
        frame: &Frame,
        live: RecordStream,
    ) -> Result<(), ReplayError> {
        let live_id = live.head.header("Mesos-Stream-Id").unwrap_or_default();
        let Some(id) = frame.header("Mesos-Stream-Id") else {
            let (recorded, live) = (Value::from(frame.start.clone()), json!("a stream"));
            self.compare(
                &format!("frame {}", frame.number),
                "answer",
                &recorded,
                &live,
            );
            return Ok(());
        };
        self.ids.learn(id, live_id);
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
        let encoding = frame.encoding();
        let times = frame.record_times.iter().copied();
        let times = times.chain(std::iter::repeat(frame.time));
        let events = times.zip(frame.records(EVENT)?);
        let recorded: VecDeque<(f64, Value)> = events
            .filter(|(_, event)| kind(event) != "HEARTBEAT")
            .collect();
        let first = recorded.front();
        let framework_id = first.and_then(|(_, event)| framework_id(event));
        let mut stream = Stream {
            framework_id: framework_id.unwrap_or_default(),
            live: read(live, encoding).map_err(in_frame(frame.number))?,
            recorded,
            passed: VecDeque::new(),
            refusal: None,
        };
        self.next_event(frame, &mut stream)?;
        self.streams.insert(id.to_owned(), stream);
        Ok(())
    }

    /// Reads the stream up to the event that made the recorded framework send this call.
    pub(super) fn catch_up(
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
                self.up_to(frame, &mut stream, |event| offers_it(event, &named))?;
            }
            "ACKNOWLEDGE" => {
                let uuid = call.pointer("/acknowledge/uuid");
                let is_named = |event: &Value| event.pointer("/update/status/uuid") == uuid;
                self.up_to(frame, &mut stream, is_named)?;
            }
            "ACKNOWLEDGE_OPERATION_STATUS" => {
                let uuid = call.pointer("/acknowledge_operation_status/uuid");
                let is_named = |event: &Value| {
                    event.pointer("/update_operation_status/status/uuid/value") == uuid
                };
                self.up_to(frame, &mut stream, is_named)?;
            }
            _ => {}
        }
        self.streams.insert(stream_id.to_owned(), stream);
        Ok(())
    }

    /// Compares the events up to the first that `last` picks; none when it picks none.
    fn up_to(
        &mut self,
        frame: &Frame,
        stream: &mut Stream,
        last: impl Fn(&Value) -> bool,
    ) -> Result<(), ReplayError> {
        let Some(index) = stream.recorded.iter().position(|(_, event)| last(event)) else {
            return Ok(());
        };
        for _ in 0..=index {
            self.next_event(frame, stream)?;
        }
        Ok(())
    }

    /// Compares the next recorded event with the live one of its kind, and that nothing came before.
    fn next_event(&mut self, frame: &Frame, stream: &mut Stream) -> Result<(), ReplayError> {
        let Some((_, recorded)) = stream.recorded.pop_front() else {
            return Ok(());
        };
        let wanted = kind(&recorded).to_owned();
        if wanted == "OFFERS" && self.offers == NextOffers::Revive {
            self.revive(frame, stream)?;
        }
        let Some((live, overtaken)) = stream.take(&wanted) else {
            let path = format!("frame {} {wanted}", frame.number);
            let live = None;
            let recorded = Some(recorded);
            self.outcome.add(
                &wanted,
                vec![Difference {
                    path,
                    recorded,
                    live,
                }],
            );
            return Ok(());
        };
        self.learn_offers(&recorded, &live);
        self.learn_subscribed(&recorded, &live);
        let name = format!("frame {} {wanted}", frame.number);
        self.compare(
            &format!("{name} came after"),
            "order",
            &json!([]),
            &overtaken,
        );
        self.compare(&name, &wanted, &recorded, &live);
        Ok(())
    }

    /// What a master chooses is seen first in the message that gives it.
    fn learn_subscribed(&mut self, recorded: &Value, live: &Value) {
        for place in [
            "/subscribed/framework_id/value",
            "/subscribed/master_info/id",
        ] {
            let text = |event: &Value| Some(event.pointer(place)?.as_str()?.to_owned());
            if let (Some(recorded), Some(live)) = (text(recorded), text(live))
                && !self.ids.knows(&recorded)
            {
                self.ids.learn(&recorded, &live);
            }
        }
    }

    /// Compares the rest of some streams and closes them.
    pub(super) fn end_streams(
        &mut self,
        frame: &Frame,
        is_over: impl Fn(&Stream) -> bool,
    ) -> Result<(), ReplayError> {
        let streams = std::mem::take(&mut self.streams);
        for (id, mut stream) in streams {
            if !is_over(&stream) {
                self.streams.insert(id, stream);
                continue;
            }
            // A part of a recording may be played.
            stream.recorded.retain(|(time, _)| *time <= frame.time);
            while !stream.recorded.is_empty() {
                self.next_event(frame, &mut stream)?;
            }
            let rest = stream.passed.drain(..).collect::<Vec<Value>>();
            let rest = rest.into_iter().chain(stream.live.come());
            let is_excused = stream.may_be_offered_again() || self.offers == NextOffers::Revive;
            let beyond = rest.filter(|event| kind(event) != "OFFERS" || !is_excused);
            let path = format!("frame {} beyond the recording", frame.number);
            let differences = beyond.map(|event| Difference {
                path: path.clone(),
                recorded: None,
                live: Some(event),
            });
            self.outcome.add("end of a stream", differences.collect());
        }
        Ok(())
    }

    /// Hangs up as the agent, once the live master has made the offers that it takes back then.
    pub(super) fn agent_dies(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let mut streams = std::mem::take(&mut self.streams);
        for stream in streams.values_mut() {
            let is_rescind = |(_, event): &(f64, Value)| kind(event) == "RESCIND";
            let before = stream.recorded.iter().position(is_rescind).unwrap_or(0);
            for _ in 0..before {
                self.next_event(frame, stream)?;
            }
        }
        self.agent.hang_up();
        for stream in streams.values_mut() {
            self.up_to(frame, stream, |event| kind(event) == "RESCIND")?;
        }
        self.streams = streams;
        Ok(())
    }

    fn revive(&self, frame: &Frame, stream: &Stream) -> Result<(), ReplayError> {
        let id = self.ids.text(&stream.framework_id);
        let call = json!({"type": "REVIVE", "framework_id": {"value": id}});
        let stream_id = stream.live.head.header("Mesos-Stream-Id");
        let request = Request::post_json(SCHEDULER_PATH, &call)
            .header("Mesos-Stream-Id", stream_id.unwrap_or_default());
        let live = self.live.values().next().copied();
        let master = live.ok_or_else(|| unplayable(frame, "no master"))?;
        http_client::send(master, &request).map_err(in_frame(frame.number))?;
        Ok(())
    }
}

fn read(
    live: RecordStream,
    encoding: Encoding,
) -> Result<Events, crate::record_stream::StreamError> {
    Events::read_with(live, move |bytes| {
        wire::decode(0, EVENT, encoding, bytes).ok()
    })
}

fn framework_id(event: &Value) -> Option<String> {
    let id = event.pointer("/subscribed/framework_id/value")?.as_str()?;
    Some(id.to_owned())
}

fn offers_it(event: &Value, id: &Value) -> bool {
    let offers = event.pointer("/offers/offers").and_then(Value::as_array);
    offers.is_some_and(|offers| offers.iter().any(|offer| offer.get("id") == Some(id)))
}
