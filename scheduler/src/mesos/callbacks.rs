//! Runs the callbacks of a scheduler apart from the library, one after the other.

use libprocess::{Process, ProcessId};
use mesos_proto::v1::scheduler::Event;

use super::Delivery;

/// What a scheduler does when something happens.
pub trait Callbacks: Send + 'static {
    /// Both connections to the master stand: it is time to send SUBSCRIBE, unless the library does it.
    fn connected(&mut self);

    /// The master is gone.
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
        ProcessId::generated("scheduler-callbacks")
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
