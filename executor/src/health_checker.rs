//! Health checks: results are judged, and a task that is unhealthy for too long is to be killed.
//!
//! Mirrors `src/checks/health_checker.cpp`.

use std::time::Duration;

use libprocess::{Runtime, Time};
use mesos_proto::v1::HealthCheck;

use crate::checker::{CheckError, CheckedTask};
use crate::checks::checker_process::{CheckerHandle, ProbeResult, Prober};
use crate::checks::nested::NestedTask;
use crate::checks::probe::Plan;

/// What a health check found out about its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The task answered well, for the first time or after failures.
    Healthy,
    /// The task failed a check.
    Unhealthy {
        /// Failures since the last success.
        consecutive_failures: u32,
        /// The limit is reached, so the task is to be killed.
        verdict: Verdict,
    },
}

/// Whether an unhealthy task may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may recover.
    Wait,
    /// It is to be killed.
    Kill,
}

/// Checks the health of one task until it is dropped.
#[derive(Debug)]
pub struct HealthChecker {
    handle: CheckerHandle,
}

impl HealthChecker {
    /// Starts to check a task. `changed` gets every failure that counts, and a success that is the
    /// first one or follows failures.
    ///
    /// # Errors
    /// [`CheckError`] when the health check is not valid.
    pub fn start(
        runtime: &Runtime,
        check: &HealthCheck,
        task: CheckedTask,
        changed: impl FnMut(Health) + Send + 'static,
    ) -> Result<Self, CheckError> {
        Self::by(runtime, check, Prober::Plain(task), changed)
    }

    /// As [`HealthChecker::start`], for a task in a nested container.
    pub(crate) fn nested(
        runtime: &Runtime,
        check: &HealthCheck,
        task: NestedTask,
        changed: impl FnMut(Health) + Send + 'static,
    ) -> Result<Self, CheckError> {
        Self::by(runtime, check, Prober::Nested(Box::new(task)), changed)
    }

    fn by(
        runtime: &Runtime,
        check: &HealthCheck,
        prober: Prober,
        mut changed: impl FnMut(Health) + Send + 'static,
    ) -> Result<Self, CheckError> {
        let plan = Plan::of_health_check(check)?;
        let mut judge = Judge::new(check, runtime.clock().now());
        let observe = move |result: ProbeResult, now| {
            let health = match result {
                Ok(probed) if probed.healthy() => judge.success(),
                Ok(_) => judge.failure(now),
                Err(error) => {
                    tracing::warn!(%error, "health check failed");
                    judge.failure(now)
                }
            };
            if let Some(health) = health {
                changed(health);
            }
        };
        Ok(Self {
            handle: CheckerHandle::start(runtime, plan, prober, Box::new(observe)),
        })
    }

    /// Stops checking; a result that is on its way is dropped.
    pub fn pause(&self) {
        self.handle.pause();
    }

    /// Checks again, at once.
    pub fn resume(&self) {
        self.handle.resume();
    }
}

/// Counts failures and decides which results are worth telling.
#[derive(Debug)]
struct Judge {
    started: Time,
    grace_period: Duration,
    limit: u32,
    phase: Phase,
    failures: u32,
}

/// Failures are forgiven only until the first success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    NeverHealthy,
    WasHealthy,
}

impl Judge {
    fn new(check: &HealthCheck, started: Time) -> Self {
        let grace = Duration::try_from_secs_f64(check.grace_period_seconds());
        Self {
            started,
            grace_period: grace.unwrap_or(Duration::MAX),
            limit: check.consecutive_failures(),
            phase: Phase::NeverHealthy,
            failures: 0,
        }
    }

    fn success(&mut self) -> Option<Health> {
        let news = self.phase == Phase::NeverHealthy || self.failures > 0;
        self.phase = Phase::WasHealthy;
        self.failures = 0;
        news.then_some(Health::Healthy)
    }

    fn failure(&mut self, now: Time) -> Option<Health> {
        let forgiven = self.phase == Phase::NeverHealthy
            && !self.grace_period.is_zero()
            && now - self.started <= self.grace_period;
        if forgiven {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        let verdict = if self.failures >= self.limit {
            Verdict::Kill
        } else {
            Verdict::Wait
        };
        Some(Health::Unhealthy {
            consecutive_failures: self.failures,
            verdict,
        })
    }
}

#[cfg(test)]
mod tests;
