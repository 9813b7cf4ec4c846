//! Runs the callbacks of an executor apart from the library, one after the other.

use libprocess::{Process, ProcessId};
use mesos_proto::v1::executor::Event;

use super::Delivery;

/// What an executor does when something happens.
pub trait Callbacks: Send + 'static {
    /// Both connections to the agent stand: it is time to send SUBSCRIBE.
    fn connected(&mut self);

    /// The agent is gone.
    fn disconnected(&mut self);

    /// An event came.
    fn received(&mut self, event: Event);
}

/// The actor that owns the callbacks.
pub(super) struct CallbackProcess {
    callbacks: Box<dyn Callbacks>,
}

impl Process for CallbackProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("executor-callbacks")
    }
}

impl CallbackProcess {
    pub(super) fn new(callbacks: impl Callbacks) -> Self {
        Self {
            callbacks: Box::new(callbacks),
        }
    }

    pub(super) fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Connected => self.callbacks.connected(),
            Delivery::Disconnected => self.callbacks.disconnected(),
            Delivery::Event(event) => self.callbacks.received(*event),
        }
    }
}
