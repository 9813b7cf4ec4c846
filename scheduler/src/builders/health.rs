//! Builds health checks.

use std::time::Duration;

use mesos_proto::v1::health_check::{HttpCheckInfo, TcpCheckInfo, Type};
use mesos_proto::v1::{CommandInfo, HealthCheck};

/// Builds a health check step by step; what is not set is Mesos' default: first asked after 15
/// seconds, then each 10 seconds, 20 seconds to answer, failures forgiven for 10 seconds, killed
/// after three failures in a row.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use mesos_scheduler::{HealthCheckBuilder, TaskBuilder};
///
/// let health = HealthCheckBuilder::http(31000, "/health").interval(Duration::from_secs(5));
/// let task = TaskBuilder::command("web", "./serve").health_check(health).build();
///
/// assert_eq!(task.health_check().http().port(), 31000);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheckBuilder {
    check: HealthCheck,
}

impl HealthCheckBuilder {
    /// Healthy while a shell command exits with 0.
    #[must_use]
    pub fn command(command: impl Into<String>) -> Self {
        let command = CommandInfo {
            value: Some(command.into()),
            ..Default::default()
        };
        Self::of(Type::Command).with(|check| check.command = Some(command.into()))
    }

    /// Healthy while `http://127.0.0.1:port/path` answers with a status from 200 to 399.
    #[must_use]
    pub fn http(port: u16, path: impl Into<String>) -> Self {
        let http = HttpCheckInfo {
            port: Some(port.into()),
            path: Some(path.into()),
            ..Default::default()
        };
        Self::of(Type::Http).with(|check| check.http = Some(http.into()))
    }

    /// Healthy while a connection to the port can be made.
    #[must_use]
    pub fn tcp(port: u16) -> Self {
        let tcp = TcpCheckInfo {
            port: Some(port.into()),
            ..Default::default()
        };
        Self::of(Type::Tcp).with(|check| check.tcp = Some(tcp))
    }

    fn of(kind: Type) -> Self {
        Self {
            check: HealthCheck {
                r#type: Some(kind.into()),
                ..Default::default()
            },
        }
    }

    fn with(mut self, change: impl FnOnce(&mut HealthCheck)) -> Self {
        change(&mut self.check);
        self
    }

    /// Sets the time until the first question.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        self.with(|check| check.delay_seconds = Some(delay.as_secs_f64()))
    }

    /// Sets the time between an answer and the next question.
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        self.with(|check| check.interval_seconds = Some(interval.as_secs_f64()))
    }

    /// Sets the time within which the answer must come; zero means any time.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|check| check.timeout_seconds = Some(timeout.as_secs_f64()))
    }

    /// Sets the time from the start in which failures do not count, until the first success.
    #[must_use]
    pub fn grace_period(self, period: Duration) -> Self {
        self.with(|check| check.grace_period_seconds = Some(period.as_secs_f64()))
    }

    /// Sets after how many failures in a row the task is killed.
    #[must_use]
    pub fn consecutive_failures(self, count: u32) -> Self {
        self.with(|check| check.consecutive_failures = Some(count))
    }

    /// The health check.
    #[must_use]
    pub fn build(self) -> HealthCheck {
        self.check
    }
}

impl From<HealthCheckBuilder> for HealthCheck {
    fn from(builder: HealthCheckBuilder) -> Self {
        builder.build()
    }
}
