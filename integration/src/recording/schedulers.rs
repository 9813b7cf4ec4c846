//! The recorded frameworks: their calls go out with live ids, what comes back is compared.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::RecordingError;
use super::events::{Events, kind};
use super::offers::Offers;
use crate::eventually::Stopwatch;
use crate::http_client::{self, Answer, Request};
use crate::record_stream::{RecordStream, StreamError};
use crate::replay::ids::Ids;

const PATH: &str = "/api/v1/scheduler";

/// One framework.
#[derive(Debug, Default)]
pub struct Scheduler {
    /// Its stream, while it is subscribed.
    pub events: Option<Events>,
    /// Why the stream did not open, when it did not.
    pub refused: Option<Answer>,
    /// What has come and was not compared yet; offers left out.
    pub come: Vec<Value>,
    /// Inverse offers that have come and were not compared yet.
    pub inverse_offers: Vec<Value>,
    /// The offers that are out.
    pub offers: Offers,
    /// Whether the recorded offers that are out were compared with the live ones.
    pub is_settled: bool,
    /// Whether its last reconciliation was of all its tasks.
    pub reconciles_all: bool,
    /// When it last got offers, since it is known.
    pub offered: Duration,
    /// When it last declined some.
    pub declined: Duration,
    clock: Stopwatch,
    /// The recorded id, while it is subscribed.
    framework_id: Option<String>,
    stream_id: String,
}

/// The frameworks by the name of their file.
#[derive(Debug, Default)]
pub struct Schedulers {
    by_name: BTreeMap<String, Scheduler>,
}

impl Schedulers {
    /// Returns a framework.
    pub fn named(&mut self, name: &str) -> &mut Scheduler {
        self.by_name.entry(name.to_owned()).or_default()
    }

    /// Lists the names of all frameworks.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// Tells whether the agents offer the same to all frameworks together.
    #[must_use]
    pub fn share_the_same(&self, ids: &Ids) -> bool {
        let all = self.by_name.values();
        Offers::are_the_same_together(all.map(|scheduler| &scheduler.offers), ids)
    }

    /// Lists the live offers that are out and that nothing in the recording stands for.
    pub fn offers_beyond(&mut self) -> Vec<String> {
        let all = self.by_name.values_mut();
        all.flat_map(|scheduler| scheduler.offers.take_surplus())
            .collect()
    }

    /// Sorts what has come on every stream.
    pub fn read(&mut self) {
        self.by_name.values_mut().for_each(Scheduler::read);
    }

    /// Lets every framework decline its offers, so that the agents are drawn again.
    ///
    /// # Errors
    /// [`RecordingError`] when the master does not answer.
    pub fn decline_all(&mut self, master: SocketAddr, ids: &mut Ids) -> Result<(), RecordingError> {
        for scheduler in self.by_name.values_mut() {
            scheduler.decline_all(master, ids)?;
        }
        Ok(())
    }

    /// Teaches `ids` the live ids of the offers that are out.
    pub fn teach_offers(&mut self, ids: &mut Ids) {
        for scheduler in self.by_name.values_mut() {
            scheduler.offers.teach(ids);
        }
    }

    /// Lists what came and the recording does not have.
    pub fn rest(&mut self) -> Vec<Value> {
        self.read();
        let all = self.by_name.values_mut();
        all.flat_map(|scheduler| scheduler.come.drain(..)).collect()
    }
}

/// Returns the ids of the offers that a call names.
#[must_use]
pub fn named_offers(call: &Value) -> Vec<String> {
    let named = ["/accept/offer_ids", "/decline/offer_ids"];
    let named = named
        .iter()
        .filter_map(|path| call.pointer(path)?.as_array());
    named
        .flatten()
        .filter_map(|id| Some(id.get("value")?.as_str()?.to_owned()))
        .collect()
}

/// Returns the inverse offers of an event.
#[must_use]
pub fn listed(event: &Value) -> Vec<Value> {
    let offers = event.pointer("/inverse_offers/inverse_offers");
    offers
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

impl Scheduler {
    fn read(&mut self) {
        let Some(events) = &self.events else {
            return;
        };
        for event in events.come() {
            match kind(&event) {
                "OFFERS" => {
                    self.offers.live_came(&event);
                    self.offered = self.clock.elapsed();
                }
                "RESCIND" => {
                    let gone = event.pointer("/rescind/offer_id/value");
                    let gone = gone.and_then(Value::as_str).unwrap_or_default();
                    self.offers.live_gone(gone);
                    self.come.push(event);
                }
                "INVERSE_OFFERS" => self.inverse_offers.extend(listed(&event)),
                _ => self.come.push(event),
            }
        }
    }

    /// Remembers the recorded id, which the recorded master gave.
    pub fn subscribed(&mut self, event: &Value) {
        let id = event.pointer("/subscribed/framework_id/value");
        self.framework_id = id.and_then(Value::as_str).map(str::to_owned);
    }

    /// Opens the stream.
    ///
    /// # Errors
    /// [`RecordingError`] when the master does not answer; a refusal is kept.
    pub fn subscribe(
        &mut self,
        master: SocketAddr,
        call: &Value,
        ids: &Ids,
    ) -> Result<(), RecordingError> {
        self.close();
        let request = Request::post_json(PATH, &ids.value(call));
        match RecordStream::open(master, &request) {
            Ok(stream) => {
                let id = stream.head.header("Mesos-Stream-Id").unwrap_or_default();
                self.stream_id = id.to_owned();
                self.events = Some(Events::read(stream)?);
            }
            Err(StreamError::Refused(answer)) => self.refused = Some(answer),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Closes the stream.
    pub fn close(&mut self) {
        self.read();
        self.events = None;
        self.framework_id = None;
        self.offers.clear();
    }

    /// Sends a call.
    ///
    /// # Errors
    /// [`RecordingError`] when the master does not answer.
    pub fn call(
        &mut self,
        master: SocketAddr,
        call: &Value,
        ids: &mut Ids,
    ) -> Result<Answer, RecordingError> {
        let body = self.with_live_offers(call, ids);
        if kind(call) == "DECLINE" {
            self.declined = self.clock.elapsed();
        }
        let request = Request::post_json(PATH, &body).header("Mesos-Stream-Id", &self.stream_id);
        Ok(http_client::send(master, &request)?)
    }

    /// Gives back what it was offered by chance and the recorded framework was not.
    ///
    /// # Errors
    /// [`RecordingError`] when the master does not answer.
    pub fn decline_surplus(
        &mut self,
        master: SocketAddr,
        ids: &mut Ids,
    ) -> Result<(), RecordingError> {
        self.read();
        let surplus = self.offers.take_surplus();
        self.decline(&surplus, &json!({"refuse_seconds": 0.0}), master, ids)
    }

    /// Declines every live offer as a recorded call did.
    ///
    /// # Errors
    /// [`RecordingError`] when the master does not answer.
    pub fn decline_again(
        &mut self,
        filters: &Value,
        master: SocketAddr,
        ids: &Ids,
    ) -> Result<(), RecordingError> {
        let offers = self.offers.take_live();
        self.declined = self.clock.elapsed();
        self.decline(&offers, filters, master, ids)
    }

    /// Declines every live offer without a filter, so that the agents are drawn again.
    fn decline_all(&mut self, master: SocketAddr, ids: &mut Ids) -> Result<(), RecordingError> {
        let offers = self.offers.take_live();
        self.decline(&offers, &json!({"refuse_seconds": 0.0}), master, ids)
    }

    fn decline(
        &self,
        offers: &[String],
        filters: &Value,
        master: SocketAddr,
        ids: &Ids,
    ) -> Result<(), RecordingError> {
        let Some(framework_id) = self.framework_id.clone() else {
            return Ok(());
        };
        let offers: Value = offers.iter().map(|id| json!({"value": id})).collect();
        let call = json!({
            "type": "DECLINE",
            "framework_id": {"value": framework_id},
            "decline": {"offer_ids": offers, "filters": filters},
        });
        let request =
            Request::post_json(PATH, &ids.value(&call)).header("Mesos-Stream-Id", &self.stream_id);
        http_client::send(master, &request)?;
        Ok(())
    }

    fn with_live_offers(&mut self, call: &Value, ids: &mut Ids) -> Value {
        let field = match kind(call) {
            "ACCEPT" => "accept",
            "DECLINE" => "decline",
            _ => return ids.value(call),
        };
        let path = format!("/{field}/offer_ids");
        let named = named_offers(call);
        let mut taken = self.offers.take(&named, ids);
        if field == "accept" || taken.is_empty() {
            taken = named.iter().map(|name| ids.text(name)).collect();
        }
        let mut call = ids.value(call);
        if let Some(offers) = call.pointer_mut(&path) {
            *offers = taken.iter().map(|id| json!({"value": id})).collect();
        }
        call
    }
}
