//! Containerizers: launching, isolating and destroying containers.

pub mod composing;
mod container_id;
pub mod container_logger;
pub mod containerizer;
pub mod fetcher;
pub mod io_switchboard;
pub mod isolator;
pub mod isolators;
pub mod launch_helper;
pub mod launch_info;
pub mod launcher;
pub mod mesos;
pub mod paths;
pub mod programs;
pub mod reap;
pub mod sandbox_collector;
pub mod state_file;

pub use container_id::{ContainerId, ContainerIdError};
pub use containerizer::{Containerizer, ContainerizerError, LaunchRequest, LaunchResult};
