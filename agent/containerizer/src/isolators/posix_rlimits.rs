//! Hands the limits that a container asks for to the launch helper.
//!
//! Mirrors `src/slave/containerizer/mesos/isolators/posix/rlimits.cpp`.

use libprocess::Future;

use crate::{
    ContainerId,
    isolator::{Isolator, IsolatorAnswer},
    launch_info::{ContainerConfig, ContainerLaunchInfo},
};

/// The isolator `posix/rlimits`.
#[derive(Debug)]
pub struct PosixRlimitsIsolator;

impl Isolator for PosixRlimitsIsolator {
    fn name(&self) -> &'static str {
        "posix/rlimits"
    }

    fn supports_nesting(&self) -> bool {
        true
    }

    fn supports_standalone(&self) -> bool {
        true
    }

    fn prepare(
        &self,
        _id: &ContainerId,
        config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        let limits = config
            .container_info
            .as_ref()
            .and_then(|info| info.rlimit_info.clone());
        Future::ready(Ok(limits.map(|limits| ContainerLaunchInfo {
            rlimits: Some(limits),
            ..Default::default()
        })))
    }
}
