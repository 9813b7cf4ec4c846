//! The agent from outside: a master on the legacy wire, executors on both wires, real processes.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::doc_markdown,
    reason = "tests panic on purpose and name tests of Mesos"
)]

mod api;
mod authentication;
mod authorization;
mod bad_input;
mod clock;
mod containers;
mod damaged_checkpoints;
mod details;
mod driver_executors;
mod executor_recovery;
mod executors;
mod fetching;
mod garbage;
mod grpc;
mod harness;
mod http_api;
mod launches;
mod lone_containerizer;
mod messages;
mod needs_logrotate;
mod needs_root;
mod nested;
mod operations;
mod oversubscription;
mod peer;
mod pipeline;
mod pipeline_parts;
mod recorded;
mod recovery;
mod registration;
mod script;
mod secrets;
mod sessions;
mod stored_resources;
mod switchboard;
mod tasks;
mod updates;
