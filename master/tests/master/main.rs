//! The master from outside: messages and HTTP only.

mod agents;
mod allocation;
mod authentication;
mod draining;
mod drivers;
mod endpoints;
mod maintenance;
mod operations;
mod operators;
mod quota;

mod roles;
mod schedulers;
mod support;
mod tasks;
mod weights;
