//! The master from outside: messages and HTTP only.

mod agents;
mod authentication;
mod drivers;
mod endpoints;
mod operations;
mod operators;
mod quota;

mod roles;
mod schedulers;
mod support;
mod tasks;
