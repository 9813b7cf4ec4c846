//! Actors of one runtime among themselves.

mod calls;
mod life;
mod messages;
mod queue;
mod scheduling;
mod support;
