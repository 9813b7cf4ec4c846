//! Persistent volumes and reservations on the disk of a real agent.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that expects more than is there has to fail"
)]

mod files;
mod reservations;
mod resizing;
mod support;
