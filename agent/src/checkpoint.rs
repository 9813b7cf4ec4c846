//! The agent's memory on disk: what is written while it works and read when it starts.
//!
//! Mirrors `src/slave/state.cpp`.
//! Files are replaced whole and synced; lists of records are appended to and may end in the middle of one.

pub mod layout;
pub mod read;
pub mod write;

pub use layout::{
    AgentCheckpoint, Checkpoint, ExecutorCheckpoint, FrameworkCheckpoint, ResourcesCheckpoint,
    RunCheckpoint, TaskCheckpoint, Transport,
};
pub use read::{ReadFailure, Strictness, read};

#[cfg(test)]
mod tests;
