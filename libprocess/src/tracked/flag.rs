//! Whether a task is woken, as its clock sees it.
//!
//! # Invariants
//! The task is counted once from the first wake-up until the poll that follows, and never after its end.

use std::fmt;

use crate::sync::atomic::{AtomicBool, Ordering};

/// A woken task is entered once in the count of what has work.
pub(crate) struct Flag(AtomicBool);

impl Flag {
    /// The flag of a new task, which counts as woken.
    pub(crate) fn woken() -> Self {
        Self(AtomicBool::new(true))
    }

    /// Wakes: `enter` is called unless the task is counted already.
    pub(crate) fn wake(&self, enter: impl FnOnce()) {
        if !self.0.swap(true, Ordering::SeqCst) {
            enter();
        }
    }

    /// The task is about to be polled; whether it was counted, so that the caller exits for it afterwards.
    pub(crate) fn begin_poll(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }

    /// The task is polled no more and late wake-ups count no more; whether it was counted.
    pub(crate) fn end(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flag")
            .field(&self.0.load(Ordering::Relaxed))
            .finish()
    }
}
