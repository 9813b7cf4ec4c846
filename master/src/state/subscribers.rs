//! Operators who follow the master's events.

use std::collections::VecDeque;

use mesos_common::authorization::{Action, Approvers, Object};
use mesos_proto::v1;
use mesos_proto::v1::master::Event;

use crate::http::stream::EventStream;
use crate::metrics::Metrics;

/// What an event shows, and so who may see it.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// Something that everybody may see.
    Common,
    /// An agent: of its resources, those that the subscriber may see.
    Agent,
    /// A framework.
    Framework(&'a v1::FrameworkInfo),
    /// A task of a framework.
    Task(&'a v1::Task, &'a v1::FrameworkInfo),
}

/// One operator.
#[derive(Debug)]
struct Subscriber {
    stream: EventStream,
    approvers: Approvers,
}

impl Subscriber {
    fn may_see(&self, shown: Shown<'_>) -> bool {
        let framework = |info| {
            let object = Object::framework(info);
            self.approvers.approve(Action::ViewFramework, &object)
        };
        match shown {
            Shown::Common | Shown::Agent => true,
            Shown::Framework(info) => framework(info),
            Shown::Task(task, info) => {
                framework(info)
                    && self
                        .approvers
                        .approve(Action::ViewTask, &Object::task(task, info))
            }
        }
    }

    fn send(&self, event: &Event, shown: Shown<'_>) -> bool {
        if self.approvers.is_without_rules() {
            return self.stream.send(event).is_ok();
        }
        if !self.may_see(shown) {
            return true;
        }
        if matches!(shown, Shown::Agent) {
            return self.stream.send(&self.filtered(event)).is_ok();
        }
        self.stream.send(event).is_ok()
    }

    /// The event without the resources of roles that the subscriber may not see.
    fn filtered(&self, event: &Event) -> Event {
        let mut event = event.clone();
        let added = event.agent_added.as_mut();
        if let Some(agent) = added.and_then(|added| added.agent.as_mut()) {
            let see = |resource: &v1::Resource| self.approvers.may_see(resource);
            if let Some(info) = agent.agent_info.as_mut() {
                info.resources.retain(see);
            }
            agent.total_resources.retain(see);
            agent.allocated_resources.retain(see);
            agent.offered_resources.retain(see);
        }
        event
    }
}

/// All subscribed operators, oldest first.
#[derive(Debug)]
pub struct Subscribers {
    capacity: usize,
    streams: VecDeque<Subscriber>,
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
    pub fn add(&mut self, stream: EventStream, approvers: Approvers, metrics: &Metrics) {
        self.streams.push_back(Subscriber { stream, approvers });
        while self.streams.len() > self.capacity.max(1) {
            if let Some(oldest) = self.streams.pop_front() {
                oldest.stream.close();
            }
        }
        metrics.set_subscribers(self.streams.len());
    }

    /// Whether nobody listens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Sends an event to all who may see it; a subscriber that does not read is disconnected.
    pub fn send(&mut self, event: &Event, shown: Shown<'_>, metrics: &Metrics) {
        if self.streams.is_empty() {
            return;
        }
        self.streams
            .retain(|subscriber| subscriber.send(event, shown));
        metrics.set_subscribers(self.streams.len());
    }

    /// The subscriber with this stream id.
    #[must_use]
    pub fn get(&self, stream_id: &str) -> Option<&EventStream> {
        let mut streams = self.streams.iter().map(|subscriber| &subscriber.stream);
        streams.find(|stream| stream.id() == stream_id)
    }

    /// Forgets a subscriber.
    pub fn remove(&mut self, stream_id: &str, metrics: &Metrics) {
        self.streams
            .retain(|subscriber| subscriber.stream.id() != stream_id);
        metrics.set_subscribers(self.streams.len());
    }
}
