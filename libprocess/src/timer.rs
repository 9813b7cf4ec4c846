//! The handle of something that happens later.
//!
//! Mirrors `3rdparty/libprocess/include/process/timer.hpp`.

use std::fmt;
use std::sync::Weak;

use crate::clock::{Core, TimerKey};
use crate::time::Time;

/// A timer that was set. Dropping the handle does not cancel it.
#[derive(Clone)]
pub struct Timer {
    clock: Weak<Core>,
    key: TimerKey,
    deadline: Time,
}

impl Timer {
    pub(crate) const fn new(clock: Weak<Core>, key: TimerKey, deadline: Time) -> Self {
        Self {
            clock,
            key,
            deadline,
        }
    }

    /// Keeps the timer from firing; true when it had not been taken for firing yet.
    pub fn cancel(&self) -> bool {
        self.clock
            .upgrade()
            .is_some_and(|clock| clock.cancel(self.key))
    }

    /// When it fires.
    #[must_use]
    pub const fn deadline(&self) -> Time {
        self.deadline
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
