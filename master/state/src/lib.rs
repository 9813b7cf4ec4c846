//! State storage.
