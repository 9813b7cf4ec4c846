//! HTTP answers of master and agent, seen from outside.

mod executor_api;
mod refusals;
mod scheduler_api;
mod shapes;
