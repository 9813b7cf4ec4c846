//! Every message of the Mesos 1.11 wire, one Rust type per v0/v1 pair.
