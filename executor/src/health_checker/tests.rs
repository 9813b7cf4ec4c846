//! How results become health.

use libprocess::Clock;

use super::*;

fn judge(grace: f64, limit: u32) -> (Judge, Time) {
    let check = HealthCheck {
        grace_period_seconds: Some(grace),
        consecutive_failures: Some(limit),
        ..Default::default()
    };
    let now = Clock::paused().now();
    (Judge::new(&check, now), now)
}

fn unhealthy(consecutive_failures: u32, verdict: Verdict) -> Option<Health> {
    Some(Health::Unhealthy {
        consecutive_failures,
        verdict,
    })
}

/// Mirrors: HealthCheckTest.HealthyTask
#[test]
fn first_success_is_told_and_repeated_ones_are_not() {
    let (mut judge, _) = judge(10.0, 3);

    assert_eq!(judge.success(), Some(Health::Healthy));
    assert_eq!(judge.success(), None);
}

/// Mirrors: HealthCheckTest.HealthStatusChange
#[test]
fn success_after_a_failure_is_told() {
    let (mut judge, now) = judge(0.0, 3);

    assert_eq!(judge.success(), Some(Health::Healthy));
    assert_eq!(judge.failure(now), unhealthy(1, Verdict::Wait));
    assert_eq!(judge.success(), Some(Health::Healthy));
}

/// Mirrors: HealthCheckTest.ConsecutiveFailures
#[test]
fn task_is_to_be_killed_at_the_limit_and_at_every_failure_after_it() {
    let (mut judge, now) = judge(0.0, 2);

    assert_eq!(judge.failure(now), unhealthy(1, Verdict::Wait));
    assert_eq!(judge.failure(now), unhealthy(2, Verdict::Kill));
    assert_eq!(judge.failure(now), unhealthy(3, Verdict::Kill));
}

/// Mirrors: HealthCheckTest.GracePeriod
#[test]
fn failures_within_the_grace_period_are_forgiven() {
    let (mut judge, now) = judge(10.0, 1);

    assert_eq!(judge.failure(now + Duration::from_secs(10)), None);
    let late = now + Duration::from_secs(11);
    assert_eq!(judge.failure(late), unhealthy(1, Verdict::Kill));
}

/// Mirrors: HealthCheckTest.HealthyToUnhealthyTransitionWithinGracePeriod
#[test]
fn grace_period_ends_with_the_first_success() {
    let (mut judge, now) = judge(1000.0, 1);

    assert_eq!(judge.success(), Some(Health::Healthy));
    assert_eq!(judge.failure(now), unhealthy(1, Verdict::Kill));
}
