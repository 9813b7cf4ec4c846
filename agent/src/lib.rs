//! The Mesos agent.
//!
//! [`start`] puts an agent together from its flags and starts it in a runtime.

#![expect(
    clippy::needless_pass_by_value,
    reason = "handlers of messages and requests are given what they handle"
)]

pub mod agent;
mod authentication;
mod authorization;
pub mod checkpoint;
pub mod compatibility;
pub mod constants;
pub mod container_logger;
pub mod flags;
pub mod gc;
pub mod grpc;
pub(crate) mod http;
pub mod metrics;
pub mod modules;
pub mod operation_status_update_manager;
pub mod paths;
pub mod qos_controller;
pub mod resource_estimator;
mod resources;
pub mod secret_generator;
mod start;
pub mod state;
pub mod task_status_update_manager;
mod unanswered;

pub use authentication::AuthenticationError;
pub use http::executor::ExecutorStream;
pub use start::{
    AgentExit, AgentHandle, Replacements, StartError, WrapContainerizer, start, start_with,
};
