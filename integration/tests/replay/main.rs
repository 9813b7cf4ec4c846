//! Recorded conversations of genuine Mesos, played against our daemons.

mod agent;
mod executor;
mod master;
mod reads;
mod scheduler;
