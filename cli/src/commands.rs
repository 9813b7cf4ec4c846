//! One module for each program.

pub mod agent;
pub mod bench;
mod daemon;
pub mod default_executor;
pub mod dev;
pub mod docker_executor;
pub mod execute;
pub mod executor;
pub mod log;
pub mod master;
pub mod resolve;
pub mod tcp_connect;
