//! What real clients rely on, documented or not.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail where an answer has another shape"
)]

mod agent_contracts;
mod contracts;
mod legacy_contracts;
mod needs_node;
mod needs_python;
mod needs_zookeeper;
