//! Agents that do not answer.

mod unreachable;
