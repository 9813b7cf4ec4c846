//! Models of the primitives of libprocess that threads share: loom plays every order in which their steps can happen.
//!
//! The modules are the very files of libprocess; only their `crate::sync` is another one.

#![cfg(test)]
#![expect(dead_code, reason = "the models use a part of what is included")]

mod sync;

#[path = "../../src/clock/activity"]
mod clock {
    mod count;
    pub(crate) use count::Count;
}

#[path = "../../src/event_queue"]
mod event_queue {
    mod schedule;
    pub(crate) use schedule::{Next, Schedule};
}

#[path = "../../src/future"]
mod future {
    mod outcome;
    mod shared;
    pub use outcome::Outcome;
    pub(crate) use shared::Shared;
}

#[path = "../../src/tracked"]
mod tracked {
    mod flag;
    pub(crate) use flag::Flag;
}

mod models;
