//! What the agent knows of frameworks, executors, tasks and operations.

pub mod executor;
pub mod framework;
pub mod operation;
pub mod ring;
pub mod task;
