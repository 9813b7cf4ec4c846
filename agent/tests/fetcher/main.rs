//! The fetcher with its real program: artifacts of every kind, with and without the cache.

#![expect(
    clippy::panic,
    clippy::doc_markdown,
    reason = "tests panic on purpose and name tests of Mesos"
)]

mod cache;
mod local;
mod needs_curl;
mod needs_root;
mod needs_unzip;
mod scene;
mod server;
