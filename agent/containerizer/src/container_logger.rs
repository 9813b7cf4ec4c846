//! Decides where the output of a container is kept.
//!
//! Mirrors `include/mesos/slave/container_logger.hpp`; the logger that writes to the sandbox belongs to the agent.

pub mod logrotate;

use std::{fmt, io};

use crate::{ContainerId, launch_info::ContainerConfig, launcher::ContainerOutput};

/// Gives containers the places their output goes to.
pub trait ContainerLogger: Send + Sync + fmt::Debug {
    /// Prepares the output of a container that is about to be launched.
    ///
    /// # Errors
    /// When a file or helper cannot be made.
    fn prepare(&self, id: &ContainerId, config: &ContainerConfig) -> io::Result<ContainerOutput>;
}
