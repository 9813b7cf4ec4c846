//! Actors of several runtimes over real sockets: messages, links, relinks, hostile peers.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod legacy;
mod links;
mod messages;
mod polling;
mod posts;
mod sockets;
mod support;

/// The wire of these tests; `remote_grpc` runs those that are not about a wire over the other one.
const TRANSPORT: libprocess::Transport = libprocess::Transport::Legacy;
