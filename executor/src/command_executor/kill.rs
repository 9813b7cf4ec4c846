//! When a task that was asked to end is ended by force.
//!
//! # Invariants
//! - A later request may shorten the grace period, never lengthen it, so that a scheduler can
//!   repeat a kill without giving the task more time.

use std::time::Duration;

use libprocess::Time;
use mesos_proto::v1::KillPolicy;

/// Grace period of a task that has no kill policy.
pub(crate) const DEFAULT_GRACE_PERIOD: Duration = Duration::from_secs(3);

/// Why the executor ends its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillCause {
    /// The framework or the agent asked for it.
    Requested,
    /// The task is unhealthy for too long.
    Unhealthy,
    /// The task ran longer than its `max_completion_time`.
    CompletionTimeout,
}

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

/// The grace period of a kill: that of the request, else that of the task, else 3 seconds.
pub(crate) fn grace_period(
    requested: Option<&KillPolicy>,
    declared: Option<&KillPolicy>,
) -> Duration {
    requested
        .and_then(policy_grace)
        .or_else(|| declared.and_then(policy_grace))
        .unwrap_or(DEFAULT_GRACE_PERIOD)
}

/// A negative period counts as none at all.
fn policy_grace(policy: &KillPolicy) -> Option<Duration> {
    let period = policy.grace_period.as_ref()?;
    Some(Duration::from_nanos(
        u64::try_from(period.nanoseconds()).unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use libprocess::Clock;
    use mesos_proto::v1::DurationInfo;

    use super::*;

    const fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn policy(period: Duration) -> KillPolicy {
        let nanoseconds = i64::try_from(period.as_nanos()).unwrap();
        let period = DurationInfo {
            nanoseconds: Some(nanoseconds),
            ..Default::default()
        };
        KillPolicy {
            grace_period: Some(period),
            ..Default::default()
        }
    }

    #[test]
    fn request_overrides_task_and_task_overrides_default() {
        let (asked, declared) = (policy(secs(1)), policy(secs(60)));

        assert_eq!(grace_period(Some(&asked), Some(&declared)), secs(1));
        assert_eq!(grace_period(None, Some(&declared)), secs(60));
        assert_eq!(
            grace_period(Some(&KillPolicy::default()), Some(&declared)),
            secs(60)
        );
        assert_eq!(grace_period(None, None), secs(3));
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
