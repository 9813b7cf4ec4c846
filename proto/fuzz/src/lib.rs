//! Fuzzing of the message decoder and the JSON reader.

pub mod bodies;
