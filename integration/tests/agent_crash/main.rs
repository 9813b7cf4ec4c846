//! The agent dies at any moment; its tasks do not.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod needs_strace;
