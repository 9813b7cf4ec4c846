//! One module for each program.

pub mod agent;
mod daemon;
pub mod dev;
mod election;
pub mod execute;
pub mod executor;
pub mod master;
