//! Rules on single flags and on flags together. The texts are those of Mesos.

use std::collections::BTreeSet;
use std::time::Duration;

use libprocess::Transport;
use mesos_common::duration;
use mesos_common::flags::JsonValue;
use mesos_proto::internal::container_dns_info::docker_info::NetworkMode as DockerMode;
use mesos_proto::internal::container_dns_info::mesos_info::NetworkMode as MesosMode;

use super::Flags;

/// Capabilities that `--agent_features` may not leave out.
const REQUIRED_FEATURES: [&str; 7] = [
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "AGENT_OPERATION_FEEDBACK",
    "RESOURCE_PROVIDER",
    "AGENT_DRAINING",
    "TASK_RESOURCE_LIMITS",
];

/// Paths of unix sockets must be shorter than this.
const SOCKET_PATH_LIMIT: usize = 108;

/// Two flags that do not go together, or one that needs another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagRuleError {
    /// Neither `--master` nor `--master_detector`.
    #[error("Missing required option `--master` or `--master_detector`")]
    NoMaster,
    /// Both of them.
    #[error("Only one of `--master` or `--master_detector` should be specified")]
    TwoMasters,
    /// `--ip` and `--ip_discovery_command`.
    #[error("Only one of `--ip` or `--ip_discovery_command` should be specified")]
    TwoAddresses,
    /// `--ip6` and `--ip6_discovery_command`.
    #[error("Only one of `--ip6` or `--ip6_discovery_command` should be specified")]
    TwoAddresses6,
    /// `--modules` and `--modules_dir`.
    #[error("Only one of --modules or --modules_dir should be specified")]
    TwoModuleSources,
    /// `--authenticate_http_executors` without `--jwt_secret_key`.
    #[error("--jwt_secret_key must be specified when --authenticate_http_executors is set to true")]
    NoExecutorKey,
}

impl Flags {
    /// Checks the flags that depend on each other.
    ///
    /// # Errors
    /// The first [`FlagRuleError`], in the order in which Mesos looks.
    pub fn check(&self) -> Result<(), FlagRuleError> {
        match (&self.master, &self.master_detector) {
            (None, None) => return Err(FlagRuleError::NoMaster),
            (Some(_), Some(_)) => return Err(FlagRuleError::TwoMasters),
            (Some(_), None) | (None, Some(_)) => {}
        }
        if self.ip.is_some() && self.ip_discovery_command.is_some() {
            return Err(FlagRuleError::TwoAddresses);
        }
        if self.ip6.is_some() && self.ip6_discovery_command.is_some() {
            return Err(FlagRuleError::TwoAddresses6);
        }
        if self.modules.is_some() && self.modules_dir.is_some() {
            return Err(FlagRuleError::TwoModuleSources);
        }
        if self.authenticate_http_executors && self.jwt_secret_key.is_none() {
            return Err(FlagRuleError::NoExecutorKey);
        }
        Ok(())
    }
}

pub(super) fn has_transport(flags: &Flags) -> Result<(), String> {
    match flags.transport.as_deref().map(str::parse::<Transport>) {
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(_)) | None => Ok(()),
    }
}

pub(super) fn has_fault_domain(flags: &Flags) -> Result<(), String> {
    match &flags.domain {
        Some(domain) if domain.message().fault_domain.is_none() => {
            Err("`domain` must define `fault_domain`".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn registration_backoff_at_most_one_minute(flags: &Flags) -> Result<(), String> {
    let most = Duration::from_secs(60);
    if flags.registration_backoff_factor > most {
        return Err(format!(
            "Invalid value '{}' for --registration_backoff_factor: Must be less than {}",
            duration::format(flags.registration_backoff_factor),
            duration::format(most)
        ));
    }
    Ok(())
}

pub(super) fn features_are_complete(flags: &Flags) -> Result<(), String> {
    let Some(features) = &flags.agent_features else {
        return Ok(());
    };
    let given: BTreeSet<_> = features
        .message()
        .capabilities
        .iter()
        .map(|capability| capability.r#type().as_str_name())
        .collect();
    if REQUIRED_FEATURES
        .iter()
        .all(|feature| given.contains(feature))
    {
        return Ok(());
    }
    Err(
        "At least the following agent features need to be enabled: MULTI_ROLE, \
         HIERARCHICAL_ROLE, RESERVATION_REFINEMENT, AGENT_OPERATION_FEEDBACK, \
         RESOURCE_PROVIDER, AGENT_DRAINING, and TASK_RESOURCE_LIMITS"
            .to_owned(),
    )
}

pub(super) fn headroom_is_a_share(flags: &Flags) -> Result<(), String> {
    if (0.0..=1.0).contains(&flags.gc_disk_headroom) {
        return Ok(());
    }
    Err(format!(
        "Invalid value '{}' for --gc_disk_headroom. Must be between 0.0 and 1.0",
        flags.gc_disk_headroom
    ))
}

pub(super) fn environment_is_text(flags: &Flags) -> Result<(), String> {
    let Some(variables) = &flags.executor_environment_variables else {
        return Ok(());
    };
    if variables.members().values().all(JsonValue::is_string) {
        return Ok(());
    }
    Err("`executor_environment_variables` must only contain string values".to_owned())
}

pub(super) fn executor_reregistration_in_range(flags: &Flags) -> Result<(), String> {
    let most = Duration::from_secs(15);
    if flags.executor_reregistration_timeout > most {
        return Err(format!(
            "Expected `--executor_reregistration_timeout` to be not more than {}",
            duration::format(most)
        ));
    }
    Ok(())
}

pub(super) fn socket_path_is_short(flags: &Flags) -> Result<(), String> {
    match &flags.domain_socket_location {
        Some(location) if location.len() >= SOCKET_PATH_LIMIT => {
            Err("Domain socket location cannot be longer than 108 characters.".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn recover_is_known(flags: &Flags) -> Result<(), String> {
    match flags.recover.as_str() {
        "reconnect" | "cleanup" => Ok(()),
        other => Err(format!(
            "Unknown option for 'recover' flag {other}. Please run the agent with '--help' to \
             see the valid options"
        )),
    }
}

pub(super) fn policy_is_known(flags: &Flags) -> Result<(), String> {
    match flags.reconfiguration_policy.as_str() {
        "equal" | "additive" => Ok(()),
        other => Err(format!(
            "Unknown option for 'reconfiguration_policy' flag {other}"
        )),
    }
}

pub(super) fn launcher_is_known(flags: &Flags) -> Result<(), String> {
    match flags.launcher.as_str() {
        "linux" | "posix" => Ok(()),
        other => Err(format!("Unknown or unsupported launcher: {other}")),
    }
}

/// At most one entry for each network, and one for all others of its kind.
pub(super) fn dns_is_unambiguous(flags: &Flags) -> Result<(), String> {
    let Some(dns) = &flags.default_container_dns else {
        return Ok(());
    };
    let mut networks = BTreeSet::new();
    for entry in &dns.message().mesos {
        match entry.network_mode() {
            MesosMode::Unknown => return Err(unknown_mode()),
            MesosMode::Host => return Err(host_mode()),
            MesosMode::Cni => {
                let name = entry.network_name.as_deref();
                if !networks.insert(name) {
                    return Err(ambiguous("CNI network", name));
                }
            }
        }
    }
    let mut networks = BTreeSet::new();
    let mut bridges = 0;
    for entry in &dns.message().docker {
        match entry.network_mode() {
            DockerMode::Unknown => return Err(unknown_mode()),
            DockerMode::Host => return Err(host_mode()),
            DockerMode::Bridge if bridges > 0 => {
                return Err(
                    "Multiple DNS configuration for Docker default bridge network in \
                            `--default_container_dns` is not allowed"
                        .to_owned(),
                );
            }
            DockerMode::Bridge => bridges += 1,
            DockerMode::User => {
                let name = entry.network_name.as_deref();
                if !networks.insert(name) {
                    return Err(ambiguous("user-defined CNM network", name));
                }
            }
        }
    }
    Ok(())
}

fn unknown_mode() -> String {
    "UNKNOWN network mode configured in `--default_container_dns`".to_owned()
}

fn host_mode() -> String {
    "Configuring DNS for HOST network with `--default_container_dns` is not yet supported"
        .to_owned()
}

fn ambiguous(network: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!(
            "Multiple DNS configuration with the same network name '{name}' for {network} in \
             `--default_container_dns` is not allowed"
        ),
        None => format!(
            "Multiple DNS configuration without network name for {network} in \
             `--default_container_dns` is not allowed"
        ),
    }
}
