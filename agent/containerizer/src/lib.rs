//! Containerizers: launching, isolating and destroying containers.
