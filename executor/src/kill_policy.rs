//! Why a task is killed, and how much time it has to end by itself.

use std::time::Duration;

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
pub(crate) fn policy_grace(policy: &KillPolicy) -> Option<Duration> {
    let period = policy.grace_period.as_ref()?;
    Some(Duration::from_nanos(
        u64::try_from(period.nanoseconds()).unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
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
}
