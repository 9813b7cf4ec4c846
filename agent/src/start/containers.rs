//! Puts the containerizer of an agent together from its flags.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use libprocess::Runtime;
use mesos_containerizer::{
    containerizer::Containerizer,
    fetcher::{Fetcher, FetcherOptions},
    io_switchboard::{IoSwitchboard, IoSwitchboardOptions},
    isolators::{self, IsolatorOptions, disk_du::DiskQuota},
    launcher::posix::PosixLauncher,
    mesos::{MesosContainerizer, MesosContainerizerOptions, MesosContainerizerParts},
    sandbox_collector::SandboxCollector,
};

use super::StartError;
use crate::{
    container_logger,
    flags::Flags,
    gc::{ContainerSandboxes, GarbageCollector},
    modules::BuiltInModules,
};

/// Puts the containerizer together.
///
/// # Errors
/// [`StartError`] names the module or isolator that cannot be had.
pub(super) fn create(
    runtime: &Runtime,
    flags: &Flags,
    work_dir: &Path,
    gc: &GarbageCollector,
) -> Result<Arc<dyn Containerizer>, StartError> {
    let launcher_dir = PathBuf::from(&flags.launcher_dir);
    let fetcher = Fetcher::spawn(
        runtime,
        FetcherOptions {
            launcher_dir: launcher_dir.clone(),
            cache_dir: PathBuf::from(&flags.fetcher_cache_dir),
            cache_size: flags.fetcher_cache_size.bytes(),
            frameworks_home: (!flags.frameworks_home.is_empty())
                .then(|| flags.frameworks_home.clone()),
            hadoop_home: flags.hadoop_home.clone(),
            stall_timeout: flags.fetcher_stall_timeout,
        },
    );
    let modules = BuiltInModules::from_flags(flags).map_err(StartError::Modules)?;
    let logger = flags.container_logger.as_deref();
    let logger = container_logger::create(runtime, logger, &modules, &launcher_dir)
        .map_err(StartError::ContainerLogger)?;
    let switchboard = IoSwitchboard::spawn(
        runtime,
        IoSwitchboardOptions {
            launcher_dir: launcher_dir.clone(),
            runtime_dir: PathBuf::from(&flags.runtime_dir),
            heartbeat_interval: flags.http_heartbeat_interval,
        },
        logger,
    );
    let parts = MesosContainerizerParts {
        launcher: Box::new(PosixLauncher::new(runtime)),
        isolators: isolators::create(
            runtime,
            &flags.isolation,
            &isolator_options(flags, work_dir),
        )?,
        switchboard,
        fetcher,
        collector: flags.gc_non_executor_container_sandboxes.then(|| {
            Arc::new(ContainerSandboxes::new(gc.clone(), flags.gc_delay))
                as Arc<dyn SandboxCollector>
        }),
    };
    let options = MesosContainerizerOptions {
        launcher_dir,
        runtime_dir: PathBuf::from(&flags.runtime_dir),
        work_dir: work_dir.to_owned(),
    };
    Ok(Arc::new(MesosContainerizer::spawn(runtime, options, parts)))
}

fn isolator_options(flags: &Flags, work_dir: &Path) -> IsolatorOptions {
    IsolatorOptions {
        work_dir: work_dir.to_owned(),
        disk_watch_interval: flags.container_disk_watch_interval,
        disk_quota: if flags.enforce_container_disk_quota {
            DiskQuota::Enforced
        } else {
            DiskQuota::Measured
        },
    }
}
