//! Health checks and checks of tasks.

use mesos_proto::v1;

use super::command::validate_command;
use super::{Check, ensure, prefixed};

/// A health check.
///
/// # Errors
/// The first broken rule.
pub fn validate_health_check(check: &v1::HealthCheck) -> Check {
    use v1::health_check::Type;
    ensure(check.r#type.is_some(), || {
        "HealthCheck must specify 'type'".into()
    })?;
    match check.r#type() {
        Type::Command => {
            ensure(check.command.is_some(), || {
                "Expecting 'command' to be set for COMMAND health check".into()
            })?;
            let command = check.command();
            ensure(command.value.is_some(), || {
                let what = if command.shell() {
                    "shell command"
                } else {
                    "executable path"
                };
                format!("Command health check must contain '{what}'").into()
            })?;
            prefixed(
                validate_command(command),
                "Health check's `CommandInfo` is invalid: ",
            )?;
        }
        Type::Http => {
            ensure(check.http.is_some(), || {
                "Expecting 'http' to be set for HTTP health check".into()
            })?;
            let http = check.http();
            let scheme = http.scheme();
            ensure(
                http.scheme.is_none() || scheme == "http" || scheme == "https",
                || format!("Unsupported HTTP health check scheme: '{scheme}'").into(),
            )?;
            ensure(http.path.is_none() || http.path().starts_with('/'), || {
                format!(
                    "The path '{}' of HTTP health check must start with '/'",
                    http.path()
                )
                .into()
            })?;
        }
        Type::Tcp => ensure(check.tcp.is_some(), || {
            "Expecting 'tcp' to be set for TCP health check".into()
        })?,
        Type::Unknown => return Err("'UNKNOWN' is not a valid health check type".into()),
    }
    check_times(&[
        ("delay_seconds", check.delay_seconds()),
        ("grace_period_seconds", check.grace_period_seconds()),
        ("interval_seconds", check.interval_seconds()),
        ("timeout_seconds", check.timeout_seconds()),
    ])
}

/// A check.
///
/// # Errors
/// The first broken rule.
pub fn validate_check(check: &v1::CheckInfo) -> Check {
    use v1::check_info::Type;
    ensure(check.r#type.is_some(), || {
        "CheckInfo must specify 'type'".into()
    })?;
    match check.r#type() {
        Type::Command => {
            ensure(check.command.is_some(), || {
                "Expecting 'command' to be set for COMMAND check".into()
            })?;
            let command = check.command().command();
            ensure(command.value.is_some(), || {
                let what = if command.shell() {
                    "shell command"
                } else {
                    "executable path"
                };
                format!("Command check must contain '{what}'").into()
            })?;
            prefixed(
                validate_command(command),
                "Check's `CommandInfo` is invalid: ",
            )?;
        }
        Type::Http => {
            ensure(check.http.is_some(), || {
                "Expecting 'http' to be set for HTTP check".into()
            })?;
            let http = check.http();
            ensure(http.path.is_none() || http.path().starts_with('/'), || {
                format!(
                    "The path '{}' of HTTP check must start with '/'",
                    http.path()
                )
                .into()
            })?;
        }
        Type::Tcp => {
            ensure(check.tcp.is_some(), || {
                "Expecting 'tcp' to be set for TCP check".into()
            })?;
        }
        Type::Unknown => return Err("'UNKNOWN' is not a valid check type".into()),
    }
    check_times(&[
        ("delay_seconds", check.delay_seconds()),
        ("interval_seconds", check.interval_seconds()),
        ("timeout_seconds", check.timeout_seconds()),
    ])
}

fn check_times(times: &[(&str, f64)]) -> Check {
    for (name, value) in times {
        ensure(*value >= 0.0, || {
            format!("Expecting '{name}' to be non-negative").into()
        })?;
    }
    Ok(())
}
