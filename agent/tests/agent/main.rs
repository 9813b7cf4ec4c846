//! The agent from outside: a master on the legacy wire, executors on both wires, real processes.

mod executors;
mod harness;
mod http_api;
mod recovery;
mod registration;
mod tasks;
