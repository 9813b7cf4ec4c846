//! Counts what happens in many actors, and tells when it has happened often enough.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use libprocess::{Future, Promise};

/// A number of happenings that somebody waits for; clones count together.
#[derive(Clone, Debug)]
pub(super) struct Milestone(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    missing: AtomicUsize,
    reached: Mutex<Option<Promise<()>>>,
}

impl Milestone {
    /// A milestone that is reached after `count` happenings, and what tells it.
    pub(super) fn new(count: usize) -> (Self, Future<()>) {
        let (promise, reached) = Promise::new();
        let milestone = Self(Arc::new(Inner {
            missing: AtomicUsize::new(count),
            reached: Mutex::new(Some(promise)),
        }));
        if count == 0 {
            milestone.tell();
        }
        (milestone, reached)
    }

    /// One more happened; more than were waited for do no harm.
    pub(super) fn pass(&self) {
        let less = |missing: usize| missing.checked_sub(1);
        let before = self
            .0
            .missing
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        if before == Ok(1) {
            self.tell();
        }
    }

    /// How many have not happened yet.
    pub(super) fn missing(&self) -> usize {
        self.0.missing.load(Ordering::Acquire)
    }

    fn tell(&self) {
        let promise = self.0.reached.lock().ok().and_then(|mut kept| kept.take());
        if let Some(promise) = promise {
            promise.set(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_milestone_is_reached_with_the_last_happening() {
        let (milestone, reached) = Milestone::new(2);

        milestone.pass();
        assert!(reached.is_pending());
        assert_eq!(milestone.missing(), 1);
        milestone.pass();
        milestone.pass();

        assert!(reached.now().is_some());
        assert_eq!(milestone.missing(), 0);
    }

    #[test]
    fn nothing_to_wait_for_is_reached_at_once() {
        let (_milestone, reached) = Milestone::new(0);

        assert!(reached.now().is_some());
    }
}
