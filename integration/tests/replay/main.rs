//! Recorded conversations of genuine Mesos, played against our daemons.

mod agent;
mod master;
