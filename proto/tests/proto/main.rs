//! What the generated messages promise, against recordings, an independent codec and rules.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

mod bulky;
mod catalog;
mod convert;
mod golden_json;
mod golden_wire;
mod json_errors;
mod json_reading;
mod json_writing;
mod malformed;
mod mutations;
mod noise;
mod oracle;
mod properties;
mod recordings;
mod required;
mod unknown_fields;

/// The bodies of the fuzz targets, driven here with a bounded number of mutated recordings.
#[path = "../../fuzz/src/bodies.rs"]
mod bodies;
