//! Routes, bodies, errors and pipelining over real sockets.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod answers;
mod authenticators;
mod bodies;
mod connections;
mod requests;
mod routes;
mod streams;
mod support;
