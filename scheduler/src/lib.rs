//! Scheduler libraries: the v1 API and the legacy driver.

mod builders;
mod calls;
mod detection;
pub mod driver;
#[cfg(test)]
mod fake_master;
pub mod flags;
mod mesos;

pub use builders::{TaskBuilder, resources};
pub use calls::{Calls, kill_within, launch, launch_group, refuse_for};
pub use mesos::{
    ApiResult, CallError, Callbacks, ContentType, Credential, Delivery, Events, InvalidCall,
    MasterUrl, MasterUrlError, Mesos, Options, Subscribe,
};
