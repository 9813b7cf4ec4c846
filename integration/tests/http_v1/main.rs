//! HTTP answers of master and agent, seen from outside.

mod refusals;
mod scheduler_api;
mod shapes;
