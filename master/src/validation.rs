//! What is checked before the master acts, and what clients are told.
//!
//! Mirrors `src/master/validation.cpp` and `src/common/validation.cpp`.
//! All functions are pure; the first rule that fails decides.
//!
//! # Wire
//! Every text reaches clients and is a promise.

pub mod agent;
pub mod call;
pub mod executor;
pub mod framework;
pub mod health;
pub mod offer;
pub mod operation;
pub mod resource;
pub mod task;

pub use mesos_common::validation::{Check, Invalid, command};
pub(crate) use mesos_common::validation::{ensure, prefixed};

#[cfg(test)]
mod tests;
