//! When a task that was asked to end is ended by force.
//!
//! # Invariants
//! - A later request may shorten the grace period, never lengthen it, so that a scheduler can
//!   repeat a kill without giving the task more time.

use std::time::Duration;

use libprocess::Time;

/// The time that a task has left between SIGTERM and SIGKILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escalation {
    started: Time,
    deadline: Time,
}

/// What a further kill request changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rekill {
    /// The first deadline stands.
    Unchanged,
    /// SIGKILL comes earlier: after this time from now.
    Earlier(Duration),
}

impl Escalation {
    /// Starts the grace period now.
    pub(crate) fn start(now: Time, grace: Duration) -> Self {
        Self {
            started: now,
            deadline: now + grace,
        }
    }

    /// Applies a further request with its own grace period, counted from the first request.
    pub(crate) fn shorten(&mut self, now: Time, grace: Duration) -> Rekill {
        let deadline = self.started + grace;
        if deadline >= self.deadline {
            return Rekill::Unchanged;
        }
        self.deadline = deadline;
        Rekill::Earlier(if deadline > now {
            deadline - now
        } else {
            Duration::ZERO
        })
    }
}

#[cfg(test)]
mod tests {
    use libprocess::Clock;

    use super::*;

    const fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn longer_or_equal_grace_changes_nothing() {
        let now = Clock::paused().now();
        let mut escalation = Escalation::start(now, secs(20));

        assert_eq!(
            escalation.shorten(now + secs(1), secs(30)),
            Rekill::Unchanged
        );
        assert_eq!(
            escalation.shorten(now + secs(1), secs(20)),
            Rekill::Unchanged
        );
    }

    #[test]
    fn shorter_grace_counts_from_the_first_request() {
        let now = Clock::paused().now();
        let mut escalation = Escalation::start(now, secs(20));

        assert_eq!(
            escalation.shorten(now + secs(2), secs(5)),
            Rekill::Earlier(secs(3))
        );
        assert_eq!(
            escalation.shorten(now + secs(4), secs(1)),
            Rekill::Earlier(Duration::ZERO)
        );
        assert_eq!(
            escalation.shorten(now + secs(4), secs(5)),
            Rekill::Unchanged
        );
    }
}
