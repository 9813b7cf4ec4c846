//! The black-box harness: real processes, plain sockets, recorded traffic.
//!
//! Nothing here uses the other crates of the workspace.
//! A test that shares no code with what it checks cannot share its mistakes.

pub mod abort;
pub mod acknowledged;
pub mod agent_bench;
pub mod binary;
pub mod cluster;
pub mod descriptors;
pub mod docker_daemon;
pub mod eventually;
pub mod fake_agent;
pub mod fake_executor;
pub mod fake_scheduler;
pub mod garbage;
pub mod golden;
pub mod google_leveldb;
pub mod hosts;
pub mod http_client;
pub mod leftovers;
pub mod legacy_peer;
pub mod log_probe;
pub mod master_group;
pub mod parity;
pub mod ports;
pub mod record_stream;
pub mod recording;
pub mod registry_probe;
pub mod replay;
pub mod stage;
pub mod syscall_killer;
pub mod workload;
pub mod zookeeper_server;
