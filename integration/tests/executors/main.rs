//! Executors of Mesos with real tasks: checks, health checks and groups, from the framework to the task and back.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod command_executor;
mod default_executor;
mod domain_socket;
mod group_checks;
mod group_ends;
mod isolation;
mod needs_root;
mod sandboxes;
mod security;
mod sessions;
mod support;
mod volumes;
