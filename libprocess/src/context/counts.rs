//! How many events of each kind wait for an actor.

use super::Context;
use crate::event::Event;
use crate::process::Process;

/// The events that wait behind the one that is being handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueuedEvents {
    /// Messages.
    pub messages: usize,
    /// Dispatches.
    pub dispatches: usize,
    /// HTTP requests.
    pub http_requests: usize,
}

impl<P: Process> Context<P> {
    /// Counts what waits behind the event that is being handled.
    pub fn queued_events(&mut self) -> QueuedEvents {
        if let Some(receiver) = &self.receiver {
            self.pending.extend(receiver.try_iter());
        }
        let mut queued = QueuedEvents::default();
        for event in &self.pending {
            let event = if let Event::Caused(caused) = event {
                &caused.event
            } else {
                event
            };
            match event {
                Event::Message(_) => queued.messages += 1,
                Event::Dispatch(_) | Event::Local => queued.dispatches += 1,
                Event::Http(_) => queued.http_requests += 1,
                Event::Exited(_) | Event::Terminate | Event::Caused(_) => {}
            }
        }
        queued
    }
}
