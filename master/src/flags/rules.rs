//! Rules on single flags and on flags together. The texts are those of Mesos.

use std::time::Duration;

use libprocess::Transport;
use mesos_common::duration;

use super::Flags;

/// Two flags that do not go together, or one that needs another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagRuleError {
    /// `--ip` and `--ip_discovery_command`.
    #[error("Only one of `--ip` or `--ip_discovery_command` should be specified")]
    TwoAddresses,
    /// `--modules` and `--modules_dir`.
    #[error("Only one of --modules or --modules_dir should be specified")]
    TwoModuleSources,
    /// `--master_contender` without `--master_detector`, or the other way round.
    #[error("Both --master_contender and --master_detector should be specified or omitted.")]
    HalfElection,
    /// `--zk` and the modules for the same purpose.
    #[error(
        "Only one of --zk or the --master_contender/--master_detector pair should be specified."
    )]
    TwoElections,
    /// The replicated log without `--work_dir`.
    #[error("--work_dir needed for replicated log based registry")]
    NoWorkDir,
    /// The replicated log with `--zk` and without `--quorum`.
    #[error("Need to specify --quorum for replicated log based registry when using ZooKeeper")]
    NoQuorum,
}

impl Flags {
    /// Checks the flags that depend on each other.
    ///
    /// # Errors
    /// The first [`FlagRuleError`], in the order in which Mesos looks.
    pub fn check(&self) -> Result<(), FlagRuleError> {
        if self.ip.is_some() && self.ip_discovery_command.is_some() {
            return Err(FlagRuleError::TwoAddresses);
        }
        match (&self.zk, &self.master_contender, &self.master_detector) {
            (None, Some(_), None) | (None, None, Some(_)) => {
                return Err(FlagRuleError::HalfElection);
            }
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                return Err(FlagRuleError::TwoElections);
            }
            (None, None, None) | (None, Some(_), Some(_)) | (Some(_), None, None) => {}
        }
        if self.modules.is_some() && self.modules_dir.is_some() {
            return Err(FlagRuleError::TwoModuleSources);
        }
        if self.registry == "in_memory" {
            return Ok(());
        }
        if self.work_dir.is_none() {
            return Err(FlagRuleError::NoWorkDir);
        }
        if self.zk.is_some() && self.quorum.is_none() {
            return Err(FlagRuleError::NoQuorum);
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

pub(super) fn registry_is_known(flags: &Flags) -> Result<(), String> {
    match flags.registry.as_str() {
        "in_memory" | "replicated_log" | "log_storage" => Ok(()),
        other => Err(format!(
            "'{other}' is not a supported option for registry persistence"
        )),
    }
}

pub(super) fn registry_is_not_strict(flags: &Flags) -> Result<(), String> {
    if flags.registry_strict {
        return Err(
            "Support for '--registry_strict' has been disabled and will be removed in a \
                    future version of Mesos"
                .to_owned(),
        );
    }
    Ok(())
}

pub(super) fn agent_reregister_timeout_long_enough(flags: &Flags) -> Result<(), String> {
    let least = Duration::from_secs(600);
    if flags.agent_reregister_timeout < least {
        return Err(format!(
            "Invalid value '{}' for --agent_reregister_timeout: Must be at least {}",
            duration::format(flags.agent_reregister_timeout),
            duration::format(least)
        ));
    }
    Ok(())
}

pub(super) fn removal_limit_is_a_percentage(flags: &Flags) -> Result<(), String> {
    let text = &flags.recovery_agent_removal_limit;
    let invalid = |why: &str| {
        format!("Invalid value '{text}' for --recovery_agent_removal_percent_limit: {why}")
    };
    let number = text
        .strip_suffix('%')
        .ok_or_else(|| invalid("missing '%'"))?;
    let percentage: f64 = number
        .parse()
        .map_err(|_ignored| invalid(&format!("Failed to convert '{number}' to number")))?;
    if (0.0..=100.0).contains(&percentage) {
        Ok(())
    } else {
        Err(invalid("Must be within [0%-100%]"))
    }
}

pub(super) fn removal_rate_is_a_rate(flags: &Flags) -> Result<(), String> {
    let Some(text) = &flags.agent_removal_rate_limit else {
        return Ok(());
    };
    let invalid = format!(
        "Invalid agent_removal_rate_limit: {text}. Format is <Number of agents>/<Duration>"
    );
    let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty()).collect();
    let [number, interval] = parts.as_slice() else {
        return Err(invalid);
    };
    number
        .parse::<u32>()
        .map_err(|_ignored| format!("{invalid}: Failed to convert '{number}' to number"))?;
    duration::parse(interval).map_err(|why| format!("{invalid}: {why}"))?;
    Ok(())
}

pub(super) fn agent_ping_timeout_in_range(flags: &Flags) -> Result<(), String> {
    let range = Duration::from_secs(1)..=Duration::from_secs(900);
    if range.contains(&flags.agent_ping_timeout) {
        return Ok(());
    }
    Err(format!(
        "Expected `--agent_ping_timeout` to be between {} and {}",
        duration::format(*range.start()),
        duration::format(*range.end())
    ))
}

pub(super) fn ping_timeouts_at_least_one(flags: &Flags) -> Result<(), String> {
    if flags.max_agent_ping_timeouts < 1 {
        return Err("Expected `--max_agent_ping_timeouts` to be at least 1".to_owned());
    }
    Ok(())
}

pub(super) fn role_sorter_is_known(flags: &Flags) -> Result<(), String> {
    sorter_is_known("role_sorter", &flags.role_sorter)
}

pub(super) fn framework_sorter_is_known(flags: &Flags) -> Result<(), String> {
    sorter_is_known("framework_sorter", &flags.framework_sorter)
}

fn sorter_is_known(name: &str, value: &str) -> Result<(), String> {
    match value {
        "drf" | "random" => Ok(()),
        other => Err(format!(
            "Unsupported `--{name}`: '{other}'; expected `drf` or `random`"
        )),
    }
}
