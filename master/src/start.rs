//! Starting a master in a runtime.
//!
//! Mirrors the second half of `src/master/main.cpp`.

use std::fmt;
use std::sync::Arc;

use libprocess::{Future, Pid, Promise, Runtime, Upid};
use mesos_allocator::{
    AllocatorHandle, AllocatorOptions, FrameworkMetrics, GpuFiltering, SorterKind,
};
use mesos_common::authorization::{Action, AuthorizationError, Authorizer};
use mesos_common::files::Files;
use mesos_common::flags::{HasLogging as _, JsonMessage};
use mesos_common::ids::MasterId;
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::roles;
use mesos_common::version::VersionProcess;
use mesos_detector::{StandaloneDetector, master_info};
use mesos_proto::v1;

use crate::authentication::{AuthenticationError, READONLY_REALM, authentication};
use crate::constants::MESOS_VERSION;
use crate::flags::Flags;
use crate::master::{MasterParts, MasterProcess};
use crate::metrics::Metrics;
use crate::registrar::{Registrar, RegistrarOptions};
use crate::surroundings::{Surroundings, SurroundingsError, surroundings};

/// Why a master cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The role and framework sorters do not fit together.
    #[error("{0}")]
    Sorters(String),
    /// A flag's value cannot be used.
    #[error("bad value of --{flag}: {reason}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The flags do not say where the registry is or who elects the leader.
    #[error(transparent)]
    Surroundings(#[from] SurroundingsError),
    /// Identities cannot be proved as the flags ask.
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    /// Nobody can decide who may do what.
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
}

/// A running master.
#[derive(Clone)]
pub struct MasterHandle {
    process: Pid<MasterProcess>,
    registrar: Registrar,
    allocator: AllocatorHandle,
    info: Arc<v1::MasterInfo>,
    ended: Arc<std::sync::Mutex<Option<Future<String>>>>,
}

impl fmt::Debug for MasterHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterHandle")
            .field("pid", self.process.upid())
            .finish_non_exhaustive()
    }
}

impl MasterHandle {
    /// Where the master listens.
    #[must_use]
    pub fn upid(&self) -> &Upid {
        self.process.upid()
    }

    /// The actor, for tests that look at how it works.
    #[cfg(test)]
    pub(crate) const fn process(&self) -> &Pid<MasterProcess> {
        &self.process
    }

    /// What the master says about itself.
    #[must_use]
    pub fn info(&self) -> &v1::MasterInfo {
        &self.info
    }

    /// Ready with the reason when the master gives up; can be taken once.
    #[must_use]
    pub fn ended(&self) -> Option<Future<String>> {
        self.ended.lock().ok()?.take()
    }

    /// Ends the master with its registrar and allocator.
    pub fn shutdown(&self) {
        self.process.terminate();
        self.registrar.terminate();
        self.allocator.terminate();
    }
}

/// Starts a master in the surroundings that its flags name: `--zk`, `--registry`, `--work_dir`.
///
/// # Errors
/// A flag's value cannot be used.
pub fn start(runtime: &Runtime, flags: Flags) -> Result<MasterHandle, StartError> {
    let surroundings = surroundings(runtime, &flags)?;
    start_with(runtime, flags, surroundings)
}

/// Starts a master in given surroundings.
///
/// # Errors
/// A flag's value cannot be used.
pub fn start_with(
    runtime: &Runtime,
    flags: Flags,
    surroundings: Surroundings,
) -> Result<MasterHandle, StartError> {
    let flags = Arc::new(flags);
    check_flags(&flags)?;
    choose_endpoints(runtime, &flags);
    let authenticator = authentication(runtime, &flags)?;
    let acls = flags.acls.as_ref().map(JsonMessage::message);
    let authorizer = Authorizer::from_flag(runtime, "authorizers", &flags.authorizers, acls)?;
    drop(VersionProcess::spawn(runtime));
    let flags_of_files = Arc::clone(&flags);
    let id = MasterId::random();
    let pid = runtime.upid("master");
    let hostname = flags.hostname.clone().unwrap_or_else(|| hostname_of(&pid));
    let mut info = master_info(id.as_str(), &pid, &hostname, Some(MESOS_VERSION));
    info.domain = flags.domain.as_ref().map(|domain| domain.message().clone());
    let registrar = Registrar::start(
        runtime,
        surroundings.state,
        RegistrarOptions {
            fetch_timeout: flags.registry_fetch_timeout,
            store_timeout: flags.registry_store_timeout,
        },
    );
    let allocator = AllocatorHandle::start(runtime);
    let detector = surroundings
        .detector
        .unwrap_or_else(|| Box::new(StandaloneDetector::start(runtime, Some(info.clone()))));
    let (end, ended) = Promise::new();
    let parts = MasterParts {
        flags,
        id,
        info: info.clone(),
        allocator: allocator.clone(),
        registrar: registrar.clone(),
        contender: surroundings.contender,
        detector,
        authenticator,
        files: files(runtime, &flags_of_files, authorizer.as_ref()),
        authorizer,
        clock: runtime.clock().clone(),
        end,
    };
    let metrics = Metrics::new(runtime);
    let process = runtime.spawn(MasterProcess::new(parts, metrics, runtime.clock().now()));
    if let Some(broken) = surroundings.broken {
        let master = process.clone();
        broken.on_any(move |outcome| {
            if let Some(reason) = outcome.ready() {
                master.dispatch(move |master, ctx| master.step_down(reason, ctx));
            }
        });
    }
    Ok(MasterHandle {
        process,
        registrar,
        allocator,
        info: Arc::new(info),
        ended: Arc::new(std::sync::Mutex::new(Some(ended))),
    })
}

/// Switches endpoints off, and old names of theirs on.
fn choose_endpoints(runtime: &Runtime, flags: &Flags) {
    if let Some(rules) = &flags.firewall_rules {
        let disabled = &rules.message().disabled_endpoints().paths;
        runtime.set_disabled_endpoints(disabled.iter().cloned());
    }
    if flags.json_aliases == Some(true) {
        runtime.serve_json_aliases();
    }
}

/// Offers the log, when it is in a file, to those who may read it.
fn files(runtime: &Runtime, flags: &Flags, authorizer: Option<&Authorizer>) -> Files {
    let files = Files::spawn(runtime, Some(READONLY_REALM));
    let logging = flags.logging();
    let of_directory = logging.log_dir.as_ref().map(|directory| {
        // The link that always leads to the present file.
        std::path::Path::new(directory).join("mesos-master.INFO")
    });
    let external = logging
        .external_log_file
        .as_ref()
        .map(std::path::PathBuf::from);
    if let Some(log) = external.or(of_directory) {
        let authorizer = authorizer.cloned();
        let may_read = move |principal: Option<&libprocess::http::Principal>| {
            let approved = authorizer.as_ref().is_none_or(|authorizer| {
                authorizer
                    .approvers(principal)
                    .approve_any(Action::AccessMesosLog)
            });
            Future::ready(approved)
        };
        files.attach(&log, "/master/log", Some(Arc::new(may_read)));
    }
    files
}

/// The name of the address that others see.
fn hostname_of(pid: &Upid) -> String {
    if pid.address.ip.is_loopback() {
        "localhost".to_owned()
    } else {
        pid.address.ip.to_string()
    }
}

/// Everything that may be wrong with flags and that the allocator needs.
fn check_flags(flags: &Flags) -> Result<(), StartError> {
    SorterKind::from_flags(&flags.role_sorter, &flags.framework_sorter)
        .map_err(|error| StartError::Sorters(error.to_string()))?;
    min_allocatable(&flags.min_allocatable_resources).map_err(|reason| StartError::Flag {
        flag: "min_allocatable_resources",
        reason,
    })?;
    let listed = flags.roles.as_deref().map(roles::parse_list).transpose();
    let listed = listed.map_err(|error| StartError::Flag {
        flag: "roles",
        reason: error.to_string(),
    })?;
    let known = |role: &str| {
        let Some(listed) = &listed else { return true };
        role == roles::DEFAULT_ROLE || listed.iter().any(|known| known.as_str() == role)
    };
    let weights = flags.weights.as_deref().unwrap_or_default();
    crate::weights::parse_flag(weights, known).map_err(|error| StartError::Flag {
        flag: "weights",
        reason: error.to_string(),
    })?;
    Ok(())
}

fn min_allocatable(text: &str) -> Result<Vec<ResourceQuantities>, String> {
    text.split('|')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| ResourceQuantities::parse(part).map_err(|error| error.to_string()))
        .collect()
}

/// How the allocator shall work.
pub(crate) fn allocator_options(flags: &Flags, info: &v1::MasterInfo) -> AllocatorOptions {
    AllocatorOptions {
        allocation_interval: flags.allocation_interval,
        fairness_exclude_resource_names: flags
            .fair_sharing_excluded_resource_names
            .clone()
            .unwrap_or_default(),
        gpu_filtering: if flags.filter_gpu_resources {
            GpuFiltering::On
        } else {
            GpuFiltering::Off
        },
        domain: info.domain.as_ref().map(|_| info.domain().clone()),
        min_allocatable_resources: min_allocatable(&flags.min_allocatable_resources)
            .unwrap_or_default(),
        max_completed_frameworks: flags.max_completed_frameworks,
        framework_metrics: if flags.publish_per_framework_metrics {
            FrameworkMetrics::Publish
        } else {
            FrameworkMetrics::Hide
        },
        recovery_timeout: flags.allocator_recovery_timeout,
        agent_recovery_factor: flags.allocator_agent_recovery_factor,
        sorter: SorterKind::from_flags(&flags.role_sorter, &flags.framework_sorter)
            .unwrap_or(SorterKind::Drf),
        ..AllocatorOptions::default()
    }
}
