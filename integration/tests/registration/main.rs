//! Agents and frameworks that come, come again, and leave.

mod agents;
mod authentication;
mod frameworks;
