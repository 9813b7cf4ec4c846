//! The rounds of Paxos: promise, write, learn, and how a position is filled.
//!
//! Mirrors `src/log/consensus.cpp`.
//! Each round is counted by a pure tally; the actors around it only carry messages.

mod explicit_promise;
mod fill;
mod implicit_promise;
mod round;
mod write;

pub(crate) use self::{
    fill::{FillError, fill},
    implicit_promise::{ImplicitPromise, implicit_promise},
    round::RoundError,
    write::{Written, write},
};

#[cfg(test)]
pub(crate) use self::{
    explicit_promise::{ExplicitPromise, ExplicitPromiseTally, explicit_promise},
    fill::{Step, next_step},
    implicit_promise::ImplicitPromiseTally,
    round::Tally,
    write::{WriteTally, write_request},
};
