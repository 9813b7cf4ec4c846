//! What `remote` claims, over gRPC, and what only gRPC does.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

#[path = "../remote/links.rs"]
mod links;
#[path = "../remote/messages.rs"]
mod messages;
#[path = "../remote/polling.rs"]
mod polling;
#[path = "../remote/sockets.rs"]
mod sockets;
mod streams;
#[path = "../remote/support.rs"]
mod support;

/// The wire of these tests.
const TRANSPORT: libprocess::Transport = libprocess::Transport::Grpc;
