//! One idea per program, run in CI.
//!
//! Each program is at most 120 lines and takes the address of a master, such as that of
//! `mesos dev`.
//!
//! | program | idea |
//! |---|---|
//! | `hello_framework` | subscribe, launch, acknowledge: the v1 API in one page |
