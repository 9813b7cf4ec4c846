//! The Mesos master.
//!
//! [`start()`] spawns the actor `master` with its registrar and allocator in a runtime.

pub mod agent_observer;
pub mod authentication;
pub mod authorization;
pub mod constants;
pub mod flags;
pub mod framework_message;
pub mod grpc;
pub mod http;
pub mod master;
pub mod metrics;
pub mod quota;
pub mod registrar;
pub mod registry;
pub mod resource_format;
pub mod start;
pub mod state;
pub mod surroundings;
pub mod validation;
pub mod weights;
pub mod whitelist_watcher;

pub use self::master::MasterProcess;
pub use self::start::{MasterHandle, StartError, start};
