//! The replicated log: a list of values that a quorum of replicas agrees on.
//!
//! Mirrors `src/log` of C++ Mesos, actor for actor; the messages and the LevelDB files are the
//! same, so Rust and C++ replicas form one cluster.
//!
//! - [`Log`] recovers the local [`Replica`] and holds the [`Network`] of all of them.
//! - [`LogWriter`] is elected and appends; [`LogReader`] reads what is agreed.
//! - [`Storage`] is what a replica promises on: [`LevelDbStorage`], or [`MemoryStorage`] in tests.

mod catchup;
mod catchup_missing;
mod consensus;
mod coordinator;
mod log;
mod membership;
mod network;
mod positions;
#[cfg(test)]
mod protocol_tests;
mod random;
mod reader;
mod recover;
mod replica;
#[cfg(test)]
mod simulation;
mod storage;
mod writer;

pub use self::{
    catchup_missing::CatchUpMissingError,
    coordinator::{Coordinator, CoordinatorError, Elected},
    log::{Log, LogError, LogOptions},
    network::{Network, NetworkError, SizeRule},
    positions::Positions,
    reader::{Entry, LogCatchUpError, LogReadError, LogReader},
    recover::{Initialization, RecoverError},
    replica::{ReadError, Replica, Scan},
    storage::{
        Database, LevelDbStorage, MemoryStorage, Storage, StorageError, StorageHandle, Write,
    },
    writer::{LogWriter, WriteError},
};
