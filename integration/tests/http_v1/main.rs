//! HTTP answers of master and agent, seen from outside.

mod agent_reads;
mod executor_api;
mod operator_calls;
mod refusals;
mod scheduler_api;
