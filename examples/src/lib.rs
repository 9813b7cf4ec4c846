//! One idea per program, run in CI.
