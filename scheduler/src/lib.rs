//! Scheduler libraries: the v1 API and the legacy driver.

mod builders;
mod calls;
mod detection;
pub mod driver;
#[cfg(test)]
mod fake_master;
pub mod flags;
mod framework;
pub mod ids;
mod mesos;
mod metrics;
pub mod operations;
pub mod resources;
mod room;

pub use builders::{ExecutorBuilder, FrameworkBuilder, HealthCheckBuilder, TaskBuilder};
pub use calls::{Calls, kill_within, refuse_for};
pub use framework::{Framework, FrameworkError, FrameworkEvent, FrameworkEvents};
pub use mesos::{
    ApiResult, CallError, Callbacks, ContentType, Credential, Delivery, Events, InvalidCall,
    MasterUrl, MasterUrlError, Mesos, Options, Subscribe,
};
pub use operations::{launch, launch_group};
pub use room::Room;
