//! The master from outside: messages and HTTP only.

mod agents;
mod authentication;
mod drivers;
mod endpoints;
mod operations;
mod operators;
mod schedulers;
mod support;
mod tasks;
