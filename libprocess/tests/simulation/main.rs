//! The simulated network, and what libprocess guarantees on it whatever goes wrong.

mod faults;
mod guarantees;
mod support;
