//! What checks and health checks have in common: probing a task again and again.
//!
//! Mirrors `src/checks/`.

pub(crate) mod checker_process;
pub(crate) mod command;
pub(crate) mod nested;
pub(crate) mod probe;
