//! Checks and health checks of real tasks, from the framework to the helper and back.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod command_executor;
mod default_executor;
mod support;
