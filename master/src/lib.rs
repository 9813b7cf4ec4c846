//! The Mesos master.

pub mod flags;
