//! Agents that go away and come back, with real masters, executors and tasks.

#![expect(
    clippy::doc_markdown,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests panic on purpose and name tests of Mesos"
)]

mod absence;
mod needs_root;
mod reconfiguration;
mod removal;
mod scene;
