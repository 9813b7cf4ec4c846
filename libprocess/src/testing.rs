//! What tests of actors need: seeing, dropping and holding events, and waiting until all rest.
//!
//! Mirrors `3rdparty/libprocess/include/process/{filter,gmock,gtest}.hpp`.

pub mod filter;

pub use filter::{FilterGuard, Held, Pattern};
