//! Measures the resident memory of containers.
//!
//! Mirrors `PosixMemIsolatorProcess` of `src/slave/containerizer/mesos/isolators/posix.hpp`.

use libprocess::Runtime;
use mesos_proto::v1;
use procfs::process::Stat;

use super::posix::PosixIsolator;
use crate::{
    ContainerId,
    containerizer::RecoverableContainer,
    isolator::{Isolator, IsolatorAnswer},
};

/// The isolator `posix/mem`: it limits nothing.
#[derive(Debug)]
pub struct PosixMemIsolator(PosixIsolator);

impl PosixMemIsolator {
    /// Starts the isolator's actor.
    pub fn new(runtime: &Runtime) -> Self {
        Self(PosixIsolator::spawn(runtime, "posix-mem-isolator"))
    }
}

impl Isolator for PosixMemIsolator {
    fn name(&self) -> &'static str {
        "posix/mem"
    }

    fn recover(&self, containers: &[RecoverableContainer]) -> IsolatorAnswer<()> {
        self.0.recover(containers)
    }

    fn isolate(&self, id: &ContainerId, pid: i32) -> IsolatorAnswer<()> {
        self.0.isolate(id, pid)
    }

    fn usage(&self, id: &ContainerId) -> IsolatorAnswer<v1::ResourceStatistics> {
        self.0.usage(id, add)
    }

    fn cleanup(&self, id: &ContainerId) -> IsolatorAnswer<()> {
        self.0.cleanup(id)
    }
}

fn add(stat: &Stat, statistics: &mut v1::ResourceStatistics) {
    let resident = stat.rss.saturating_mul(procfs::page_size());
    let known = statistics.mem_rss_bytes.unwrap_or_default();
    statistics.mem_rss_bytes = Some(known.saturating_add(resident));
}
