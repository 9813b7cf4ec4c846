//! Named, versioned entries: what the registrar keeps its registry in.
//!
//! Mirrors `src/state` and `include/mesos/state` of C++ Mesos.
//! A [`Variable`] is fetched, changed and stored; storing succeeds only when nobody stored in
//! between.
//! Behind [`State`] is a [`Storage`]: in memory, in LevelDB, in ZooKeeper, or in the replicated log.

mod in_memory;
mod leveldb;
mod log;
mod state;
mod storage;
mod svndiff;
mod zookeeper;

pub use self::{
    in_memory::InMemoryStorage,
    leveldb::LevelDbStorage,
    log::LogStorage,
    state::{State, Variable},
    storage::{Storage, StorageError},
    svndiff::{ApplyError, apply, difference},
    zookeeper::ZooKeeperStorage,
};
