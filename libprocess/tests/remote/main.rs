//! Actors of several runtimes over real sockets: messages, links, relinks, hostile peers.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod links;
mod messages;
mod posts;
mod sockets;
mod support;
