//! Operators who follow the master's events.

use std::collections::VecDeque;

use mesos_proto::v1::master::Event;

use crate::http::stream::EventStream;
use crate::metrics::Metrics;

/// All subscribed operators, oldest first.
#[derive(Debug)]
pub struct Subscribers {
    capacity: usize,
    streams: VecDeque<EventStream>,
}

impl Subscribers {
    /// Nobody yet; at most `capacity` at a time.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            streams: VecDeque::new(),
        }
    }

    /// Adds a subscriber; the oldest ones are closed when there are too many.
    pub fn add(&mut self, stream: EventStream, metrics: &Metrics) {
        self.streams.push_back(stream);
        while self.streams.len() > self.capacity.max(1) {
            if let Some(oldest) = self.streams.pop_front() {
                oldest.close();
            }
        }
        metrics.set_subscribers(self.streams.len());
    }

    /// Whether nobody listens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Sends an event to everybody; a subscriber that does not read is disconnected.
    pub fn send(&mut self, event: &Event, metrics: &Metrics) {
        if self.streams.is_empty() {
            return;
        }
        self.streams.retain(|stream| stream.send(event).is_ok());
        metrics.set_subscribers(self.streams.len());
    }

    /// The subscriber with this stream id.
    #[must_use]
    pub fn get(&self, stream_id: &str) -> Option<&EventStream> {
        self.streams.iter().find(|stream| stream.id() == stream_id)
    }

    /// Forgets a subscriber.
    pub fn remove(&mut self, stream_id: &str, metrics: &Metrics) {
        self.streams.retain(|stream| stream.id() != stream_id);
        metrics.set_subscribers(self.streams.len());
    }
}
