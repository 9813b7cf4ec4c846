//! The operator API, every call in JSON and in protocol buffers.

#![expect(
    clippy::panic,
    reason = "a test that expects more than is there has to fail"
)]

mod agents;
mod changes;
mod events;
mod files;
mod gone;
mod maintenance;
mod reads;
mod volumes;
