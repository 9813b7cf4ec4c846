//! When an actor has to be told that its queue has events.
//!
//! # Invariants
//! - At most one wake-up is on its way to the actor: only the event that finds it resting wakes it.
//! - No event stays behind while the actor rests: it looks once more after it has said that it rests.

use std::fmt;

use crate::sync::atomic::{AtomicBool, Ordering, total_order};

/// True from the first event until the actor has found its queue empty.
pub(crate) struct Schedule(AtomicBool);

/// What the actor finds in its queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<E> {
    /// An event to handle under the present wake-up.
    Event(E),
    /// An event for which another wake-up is on its way: the present one ends.
    Late(E),
    /// Nothing: the actor rests.
    Rest,
}

impl Schedule {
    /// The state of an actor that is about to start.
    pub(crate) fn scheduled() -> Self {
        Self(AtomicBool::new(true))
    }

    /// After an event was put in: whether the caller has to wake the actor.
    pub(crate) fn claim(&self) -> bool {
        total_order();
        !self.0.load(Ordering::SeqCst) && !self.0.swap(true, Ordering::SeqCst)
    }

    /// Takes the next event for the actor, or lets it rest.
    pub(crate) fn next<E>(&self, mut take: impl FnMut() -> Option<E>) -> Next<E> {
        if let Some(event) = take() {
            return Next::Event(event);
        }
        // A swap costs what a store does and keeps one chain of all changes.
        self.0.swap(false, Ordering::SeqCst);
        total_order();
        // An event may have come since.
        match take() {
            None => Next::Rest,
            Some(event) if self.0.swap(true, Ordering::SeqCst) => Next::Late(event),
            Some(event) => Next::Event(event),
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schedule")
            .field(&self.0.load(Ordering::Relaxed))
            .finish()
    }
}
