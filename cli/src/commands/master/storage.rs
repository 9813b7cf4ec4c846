//! Where a master keeps its registry.
//!
//! Mirrors the middle of `src/master/main.cpp`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use libprocess::Runtime;
use mesos_log::{Initialization, Log, LogOptions};
use mesos_master::flags::Flags;
use mesos_state::{InMemoryStorage, LogStorage, State};

/// The log's directory below `--work_dir`.
const LOG_DIRECTORY: &str = "replicated_log";

/// What the names of the log's metrics begin with.
const METRICS_PREFIX: &str = "registrar/";

/// Opens the registry that the flags ask for: in memory, or in a replicated log of one.
pub(super) fn start(runtime: &Runtime, flags: &Flags) -> Result<State> {
    if flags.zk.is_some() {
        bail!("--zk is not built yet: run a single master without it");
    }
    if flags.registry == "in_memory" {
        return Ok(State::new(InMemoryStorage::start(runtime)));
    }
    let work_dir = flags
        .work_dir
        .as_ref()
        .context("--work_dir is needed for the log")?;
    std::fs::create_dir_all(work_dir)
        .with_context(|| format!("Failed to create work directory '{work_dir}'"))?;
    let options = LogOptions {
        // Without other masters one replica decides, whatever --quorum says.
        quorum: 1,
        path: Path::new(work_dir).join(LOG_DIRECTORY),
        peers: BTreeSet::new(),
        initialization: if flags.log_auto_initialize {
            Initialization::Automatic
        } else {
            Initialization::Manual
        },
        metrics_prefix: METRICS_PREFIX.to_owned(),
    };
    let log = Log::start(runtime, options);
    Ok(State::new(LogStorage::start(runtime, &log)))
}
