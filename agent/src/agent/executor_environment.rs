//! What executors find in their environment.

use std::{collections::BTreeMap, path::Path, time::Duration};

use libprocess::Upid;
use mesos_common::{duration, ids::AgentId, wire::variable};
use mesos_proto::v1;

use crate::{flags::Flags, start::domain_socket, state::executor::Durability};

/// What the environment of an executor is made from.
pub(super) struct EnvironmentSpec<'a> {
    pub(super) flags: &'a Flags,
    pub(super) info: &'a v1::ExecutorInfo,
    pub(super) directory: &'a Path,
    pub(super) agent: &'a AgentId,
    pub(super) pid: &'a Upid,
    pub(super) durability: Durability,
    /// With what it proves who it is.
    pub(super) token: Option<&'a str>,
}

/// What an executor finds in its environment.
///
/// # Wire
/// The names and formats are promises to executors.
pub(super) fn executor_environment(spec: &EnvironmentSpec<'_>) -> BTreeMap<String, String> {
    let flags = spec.flags;
    let yes_no = |yes: bool| if yes { "1" } else { "0" }.to_owned();
    let mut environment = BTreeMap::new();
    if let Ok(ip) = std::env::var("LIBPROCESS_IP") {
        environment.insert("LIBPROCESS_IP".to_owned(), ip);
    }
    if let Some(given) = &flags.executor_environment_variables {
        environment.extend(
            given
                .members()
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))),
        );
    }
    let checkpointed = spec.durability == Durability::Checkpointed;
    let grace = spec
        .info
        .shutdown_grace_period
        .as_ref()
        .map_or(flags.executor_shutdown_grace_period, |period| {
            Duration::from_nanos(u64::try_from(period.nanoseconds()).unwrap_or_default())
        });
    let own = [
        ("LIBPROCESS_PORT", "0".to_owned()),
        (
            "MESOS_FRAMEWORK_ID",
            spec.info.framework_id().value().to_owned(),
        ),
        (
            "MESOS_EXECUTOR_ID",
            spec.info.executor_id().value().to_owned(),
        ),
        ("MESOS_DIRECTORY", spec.directory.display().to_string()),
        (variable::AGENT_ID, spec.agent.to_string()),
        (variable::AGENT_PID, spec.pid.to_string()),
        ("MESOS_AGENT_ENDPOINT", spec.pid.address.to_string()),
        ("MESOS_CHECKPOINT", yes_no(checkpointed)),
        (
            "MESOS_HTTP_COMMAND_EXECUTOR",
            yes_no(speaks_http(flags, spec.info)),
        ),
        (
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
            duration::format(grace),
        ),
    ];
    environment.extend(
        own.into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    if let Some(token) = spec.token {
        environment.insert(
            "MESOS_EXECUTOR_AUTHENTICATION_TOKEN".to_owned(),
            token.to_owned(),
        );
    }
    if let Some(socket) = domain_socket(flags) {
        environment.insert(
            "MESOS_DOMAIN_SOCKET".to_owned(),
            socket.display().to_string(),
        );
    }
    if checkpointed {
        environment.insert(
            "MESOS_RECOVERY_TIMEOUT".to_owned(),
            duration::format(flags.recovery_timeout),
        );
        environment.insert(
            "MESOS_SUBSCRIPTION_BACKOFF_MAX".to_owned(),
            duration::format(flags.executor_reregistration_timeout),
        );
    }
    environment
}

/// The command executor of this project speaks the v1 API; one of Mesos does as the flag says.
fn speaks_http(flags: &Flags, info: &v1::ExecutorInfo) -> bool {
    let genuine = Path::new(info.command().value()).ends_with("mesos-executor");
    flags.http_command_executor || !genuine
}

#[cfg(test)]
mod tests {
    use mesos_common::{flags::FlagSet, ids::ExecutorId, ids::FrameworkId};

    use super::*;

    #[test]
    fn environment_names_agent_framework_and_sandbox() {
        let flags = Flags::defaults();
        let info = v1::ExecutorInfo {
            executor_id: Some(ExecutorId::from("e").to_proto()),
            framework_id: Some(FrameworkId::from("f").to_proto()),
            ..Default::default()
        };
        let pid: Upid = "slave(1)@127.0.0.1:5051".parse().expect("an address");

        let environment = executor_environment(&EnvironmentSpec {
            flags: &flags,
            info: &info,
            directory: Path::new("/box"),
            agent: &AgentId::from("a"),
            pid: &pid,
            durability: Durability::Checkpointed,
            token: None,
        });

        let expected = [
            ("LIBPROCESS_PORT", "0"),
            ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051"),
            ("MESOS_CHECKPOINT", "1"),
            ("MESOS_DIRECTORY", "/box"),
            ("MESOS_EXECUTOR_ID", "e"),
            ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
            ("MESOS_FRAMEWORK_ID", "f"),
            ("MESOS_RECOVERY_TIMEOUT", "15mins"),
            (variable::AGENT_ID, "a"),
            (variable::AGENT_PID, "slave(1)@127.0.0.1:5051"),
            ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ];
        for (name, value) in expected {
            assert_eq!(
                environment.get(name).map(String::as_str),
                Some(value),
                "{name}"
            );
        }
    }
}
