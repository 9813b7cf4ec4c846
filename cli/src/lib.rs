//! The multi-call binary and its commands.
