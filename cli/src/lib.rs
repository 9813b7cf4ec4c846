//! The multi-call binary and its commands.

pub mod commands;
pub mod logging;
mod programs;
mod runtime;
mod signals;

#[cfg(test)]
mod documentation;

pub use programs::{MESOS_VERSION, run};
