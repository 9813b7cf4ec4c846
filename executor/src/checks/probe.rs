//! One question to a task, and its answer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use mesos_common::duration;
use mesos_proto::v1::check_status_info::{Command, Http, Tcp};
use mesos_proto::v1::health_check::HttpCheckInfo;
use mesos_proto::v1::network_info::Protocol;
use mesos_proto::v1::{CheckInfo, CheckStatusInfo, CommandInfo, HealthCheck};
use mesos_proto::v1::{check_info, health_check};

use super::checker_process::ProbeError;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Probe {
    /// Runs a command beside the task.
    Command(Box<CommandInfo>),
    /// Asks `curl` for this address.
    Http { url: String },
    /// Opens a connection.
    Tcp { address: SocketAddr },
}

/// What the task answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probed {
    /// The command's exit code.
    Exit(i32),
    /// The status of the last response, redirects followed.
    Status(u32),
    /// Whether a connection was made.
    Connected(bool),
}

/// How often a task is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    /// Time until the first question.
    pub(crate) delay: Duration,
    /// Time between the end of a question and the next one.
    pub(crate) interval: Duration,
    /// Time within which the answer must come; none when there is no limit.
    pub(crate) timeout: Option<Duration>,
}

/// Why a check cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The check has no type, or one that is not known.
    #[error("{kind} must specify 'type'")]
    NoType {
        /// `CheckInfo` or `HealthCheck`.
        kind: &'static str,
    },
    /// The part that the type names is missing.
    #[error("Expecting '{field}' to be set for {what}")]
    MissingPart {
        /// The missing field.
        field: &'static str,
        /// The kind of check.
        what: &'static str,
    },
    /// The command has neither a shell command nor an executable.
    #[error("{what} must contain {expected}")]
    NoCommand {
        /// The kind of check.
        what: &'static str,
        /// `'shell command'` or `'executable path'`.
        expected: &'static str,
    },
    /// The scheme is neither `http` nor `https`.
    #[error("Unsupported HTTP health check scheme: '{0}'")]
    Scheme(String),
    /// The path is relative.
    #[error("The path '{path}' of HTTP {what} must start with '/'")]
    Path {
        /// The path.
        path: String,
        /// `check` or `health check`.
        what: &'static str,
    },
    /// A time is negative or not a number.
    #[error("Expecting '{field}' to be non-negative")]
    Negative {
        /// The field.
        field: &'static str,
    },
}

/// A probe with its rhythm.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) probe: Probe,
    pub(crate) rhythm: Rhythm,
}

impl Plan {
    /// The error of an answer that did not come in time.
    pub(crate) fn late(&self, helper: &'static str) -> ProbeError {
        let limit = duration::format(self.rhythm.timeout.unwrap_or_default());
        ProbeError::TimedOut { helper, limit }
    }

    /// Reads a general check.
    pub(crate) fn of_check(check: &CheckInfo) -> Result<Self, CheckError> {
        let probe = match check.r#type() {
            check_info::Type::Command => {
                let part = check.command.as_ref().ok_or(CheckError::MissingPart {
                    field: "command",
                    what: "COMMAND check",
                })?;
                command_probe(part.command(), "Command check")?
            }
            check_info::Type::Http => {
                let part = check.http.as_ref().ok_or(CheckError::MissingPart {
                    field: "http",
                    what: "HTTP check",
                })?;
                let path = absolute(part.path.as_deref(), "check")?;
                Probe::Http {
                    url: url("http", "127.0.0.1", part.port(), path),
                }
            }
            check_info::Type::Tcp => {
                let part = check.tcp.as_ref().ok_or(CheckError::MissingPart {
                    field: "tcp",
                    what: "TCP check",
                })?;
                Probe::Tcp {
                    address: local_port(part.port()),
                }
            }
            check_info::Type::Unknown => return Err(CheckError::NoType { kind: "CheckInfo" }),
        };
        let rhythm = Rhythm {
            delay: seconds(check.delay_seconds(), "delay_seconds")?,
            interval: seconds(check.interval_seconds(), "interval_seconds")?,
            timeout: limit(seconds(check.timeout_seconds(), "timeout_seconds")?),
        };
        Ok(Self { probe, rhythm })
    }

    /// Reads a health check. One without a type is of the type whose part is present, as older
    /// frameworks send it.
    pub(crate) fn of_health_check(check: &HealthCheck) -> Result<Self, CheckError> {
        let probe = match health_type(check) {
            health_check::Type::Command => {
                let command = check.command.as_deref().ok_or(CheckError::MissingPart {
                    field: "command",
                    what: "COMMAND health check",
                })?;
                command_probe(command, "Command health check")?
            }
            health_check::Type::Http => {
                let part = check.http.as_deref().ok_or(CheckError::MissingPart {
                    field: "http",
                    what: "HTTP health check",
                })?;
                Probe::Http {
                    url: health_url(part)?,
                }
            }
            health_check::Type::Tcp => {
                let part = check.tcp.as_ref().ok_or(CheckError::MissingPart {
                    field: "tcp",
                    what: "TCP health check",
                })?;
                // Mesos asks over IPv4 whatever the protocol of a TCP health check says.
                Probe::Tcp {
                    address: local_port(part.port()),
                }
            }
            health_check::Type::Unknown => {
                return Err(CheckError::NoType {
                    kind: "HealthCheck",
                });
            }
        };
        seconds(check.grace_period_seconds(), "grace_period_seconds")?;
        let rhythm = Rhythm {
            delay: seconds(check.delay_seconds(), "delay_seconds")?,
            interval: seconds(check.interval_seconds(), "interval_seconds")?,
            timeout: limit(seconds(check.timeout_seconds(), "timeout_seconds")?),
        };
        Ok(Self { probe, rhythm })
    }
}

fn health_type(check: &HealthCheck) -> health_check::Type {
    if check.r#type.is_some() {
        check.r#type()
    } else if check.command.is_some() {
        health_check::Type::Command
    } else if check.http.is_some() {
        health_check::Type::Http
    } else {
        health_check::Type::Unknown
    }
}

fn command_probe(command: &CommandInfo, what: &'static str) -> Result<Probe, CheckError> {
    if command.value.is_none() {
        let expected = if command.shell() {
            "'shell command'"
        } else {
            "'executable path'"
        };
        return Err(CheckError::NoCommand { what, expected });
    }
    Ok(Probe::Command(Box::new(command.clone())))
}

fn health_url(part: &HttpCheckInfo) -> Result<String, CheckError> {
    let scheme = part.scheme.as_deref().unwrap_or("http");
    if scheme != "http" && scheme != "https" {
        return Err(CheckError::Scheme(scheme.to_owned()));
    }
    let path = absolute(part.path.as_deref(), "health check")?;
    let host = match part.protocol() {
        Protocol::IPv4 => "127.0.0.1",
        Protocol::IPv6 => "[::1]",
    };
    Ok(url(scheme, host, part.port(), path))
}

fn url(scheme: &str, host: &str, port: u32, path: &str) -> String {
    format!("{scheme}://{host}:{port}{path}")
}

fn absolute<'a>(path: Option<&'a str>, what: &'static str) -> Result<&'a str, CheckError> {
    match path {
        None => Ok(""),
        Some(path) if path.starts_with('/') => Ok(path),
        Some(path) => Err(CheckError::Path {
            path: path.to_owned(),
            what,
        }),
    }
}

fn local_port(port: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port_number(port))
}

/// A port that does not exist is one where nobody listens.
fn port_number(port: u32) -> u16 {
    u16::try_from(port).unwrap_or(0)
}

fn seconds(value: f64, field: &'static str) -> Result<Duration, CheckError> {
    match Duration::try_from_secs_f64(value) {
        Ok(duration) => Ok(duration),
        Err(_) if value > 0.0 => Ok(Duration::MAX),
        Err(_) => Err(CheckError::Negative { field }),
    }
}

fn limit(timeout: Duration) -> Option<Duration> {
    (!timeout.is_zero()).then_some(timeout)
}

impl Probed {
    /// The answer as a framework sees it.
    pub(crate) fn check_status(self) -> CheckStatusInfo {
        match self {
            Self::Exit(code) => CheckStatusInfo {
                r#type: Some(check_info::Type::Command.into()),
                command: Some(Command {
                    exit_code: Some(code),
                    ..Default::default()
                }),
                ..Default::default()
            },
            Self::Status(code) => CheckStatusInfo {
                r#type: Some(check_info::Type::Http.into()),
                http: Some(Http {
                    status_code: Some(code),
                    ..Default::default()
                }),
                ..Default::default()
            },
            Self::Connected(succeeded) => CheckStatusInfo {
                r#type: Some(check_info::Type::Tcp.into()),
                tcp: Some(Tcp {
                    succeeded: Some(succeeded),
                    ..Default::default()
                }),
                ..Default::default()
            },
        }
    }

    /// Whether a task that answers so is healthy.
    pub(crate) fn healthy(self) -> bool {
        match self {
            Self::Exit(code) => code == 0,
            Self::Status(code) => (200..400).contains(&code),
            Self::Connected(succeeded) => succeeded,
        }
    }
}

#[cfg(test)]
mod tests;
