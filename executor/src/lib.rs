//! Executor libraries and the command, default and docker executors.

mod agent_api;
pub mod checker;
mod checks;
pub mod command_executor;
mod conversation;
pub mod default_executor;
pub mod docker_executor;
pub mod driver;
#[cfg(test)]
mod fake_agent;
pub mod health_checker;
mod kill_policy;
mod mesos;
mod single_task;
mod updates;

pub use checks::command::{NAMESPACES_ARGUMENT, exec_in_namespaces};
pub use mesos::{
    AgentEndpoint, CallError, Callbacks, ContentType, Delivery, EnvironmentError, Events,
    ExecutorEnvironment, ForcedEnd, Mesos, Recovery, required,
};
