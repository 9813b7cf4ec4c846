//! The isolators of the agent, and how `--isolation` chooses them.

pub mod disk_du;
mod disk_usage;
pub mod environment_secret;
pub mod filesystem_posix;
pub mod posix;
pub mod posix_cpu;
pub mod posix_mem;
pub mod posix_rlimits;
pub mod volume_sandbox_path;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use libprocess::Runtime;

use crate::isolator::{Isolator, IsolatorError};

/// What isolators are told of the agent.
#[derive(Debug, Clone)]
pub struct IsolatorOptions {
    /// `--work_dir`.
    pub work_dir: PathBuf,
    /// `--container_disk_watch_interval`.
    pub disk_watch_interval: Duration,
    /// `--enforce_container_disk_quota`.
    pub disk_quota: disk_du::DiskQuota,
}

impl IsolatorOptions {
    /// The defaults of the flags.
    pub fn at(work_dir: impl Into<PathBuf>) -> Self {
        Self {
            work_dir: work_dir.into(),
            disk_watch_interval: Duration::from_secs(15),
            disk_quota: disk_du::DiskQuota::Measured,
        }
    }
}

/// Turns `--isolation` into isolators, in the order in which they prepare containers.
///
/// # Errors
/// [`IsolatorError`] for duplicate, contradicting and unknown names.
pub fn create(
    runtime: &Runtime,
    isolation: &str,
    options: &IsolatorOptions,
) -> Result<Vec<Arc<dyn Isolator>>, IsolatorError> {
    let names = names(isolation)?;
    let mut isolators: Vec<Arc<dyn Isolator>> = Vec::new();
    // The order of the table is the order of preparation.
    for name in [
        "filesystem/posix",
        "posix/cpu",
        "posix/mem",
        "posix/rlimits",
        "volume/sandbox_path",
        "disk/du",
        "environment_secret",
    ] {
        if !names.contains(name) {
            continue;
        }
        isolators.push(match name {
            "filesystem/posix" => Arc::new(filesystem_posix::PosixFilesystemIsolator::start(
                runtime,
                options.work_dir.clone(),
            )),
            "posix/cpu" => Arc::new(posix_cpu::PosixCpuIsolator::new(runtime)),
            "posix/mem" => Arc::new(posix_mem::PosixMemIsolator::new(runtime)),
            "disk/du" => Arc::new(disk_du::DiskUsageIsolator::start(
                runtime,
                options.disk_watch_interval,
                options.disk_quota,
            )),
            "environment_secret" => Arc::new(environment_secret::EnvironmentSecretIsolator),
            "volume/sandbox_path" => Arc::new(volume_sandbox_path::SandboxPathIsolator::default()),
            _ => Arc::new(posix_rlimits::PosixRlimitsIsolator),
        });
    }
    let known: BTreeSet<&str> = isolators.iter().map(|isolator| isolator.name()).collect();
    match names.iter().find(|name| !known.contains(name.as_str())) {
        Some(unknown) => Err(IsolatorError::Unknown(unknown.clone())),
        None => Ok(isolators),
    }
}

/// Reads the flag: aliases are replaced, and isolators of the file system and of secrets are always there.
fn names(isolation: &str) -> Result<BTreeSet<String>, IsolatorError> {
    let mut names = BTreeSet::new();
    for token in isolation
        .split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty())
    {
        let expanded: &[&str] = match token {
            "process" => &["posix/cpu", "posix/mem"],
            "cgroups" => &["cgroups/cpu", "cgroups/mem"],
            "posix/disk" => &["disk/du"],
            other => &[other],
        };
        for name in expanded {
            if !names.insert((*name).to_owned()) {
                return Err(IsolatorError::Duplicate(isolation.to_owned()));
            }
        }
    }
    match names
        .iter()
        .filter(|name| name.starts_with("filesystem/"))
        .count()
    {
        0 => {
            names.insert("filesystem/posix".to_owned());
        }
        1 => {}
        _ => return Err(IsolatorError::Multiple("filesystem")),
    }
    names.insert("environment_secret".to_owned());
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn alias_process_means_both_posix_isolators() {
        assert_eq!(
            names("process").expect("valid"),
            set(&[
                "environment_secret",
                "filesystem/posix",
                "posix/cpu",
                "posix/mem"
            ])
        );
    }

    #[test]
    fn duplicate_is_refused() {
        assert_eq!(
            names("posix/cpu,posix/cpu")
                .expect_err("refused")
                .to_string(),
            "Duplicate entries found in --isolation flag 'posix/cpu,posix/cpu'"
        );
    }

    #[test]
    fn two_file_system_isolators_are_refused() {
        assert_eq!(
            names("filesystem/posix,filesystem/linux")
                .expect_err("refused")
                .to_string(),
            "Using multiple filesystem isolators simultaneously is disallowed"
        );
    }
}
