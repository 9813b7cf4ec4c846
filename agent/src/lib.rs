//! The Mesos agent.

pub mod flags;
