//! Measures the processor time of containers.
//!
//! Mirrors `PosixCpuIsolatorProcess` of `src/slave/containerizer/mesos/isolators/posix.hpp`.

use libprocess::Runtime;
use mesos_proto::v1;
use procfs::process::Stat;

use super::posix::PosixIsolator;
use crate::{
    ContainerId,
    containerizer::RecoverableContainer,
    isolator::{Isolator, IsolatorAnswer},
};

/// The isolator `posix/cpu`: it limits nothing.
#[derive(Debug)]
pub struct PosixCpuIsolator(PosixIsolator);

impl PosixCpuIsolator {
    /// Starts the isolator's actor.
    pub fn new(runtime: &Runtime) -> Self {
        Self(PosixIsolator::spawn(runtime, "posix-cpu-isolator"))
    }
}

impl Isolator for PosixCpuIsolator {
    fn name(&self) -> &'static str {
        "posix/cpu"
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
    let user = statistics.cpus_user_time_secs.unwrap_or_default();
    let system = statistics.cpus_system_time_secs.unwrap_or_default();
    statistics.cpus_user_time_secs = Some(user + seconds(stat.utime));
    statistics.cpus_system_time_secs = Some(system + seconds(stat.stime));
}

/// Turns clock ticks into seconds.
fn seconds(ticks: u64) -> f64 {
    let per_second = procfs::ticks_per_second().max(1);
    let whole = std::time::Duration::from_secs(ticks / per_second);
    let rest = std::time::Duration::from_millis(1000 * (ticks % per_second) / per_second);
    (whole + rest).as_secs_f64()
}
