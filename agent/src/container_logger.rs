//! Keeps the output of containers.
//!
//! Mirrors `src/slave/container_logger.cpp` and `src/slave/container_loggers`.

pub mod sandbox;
