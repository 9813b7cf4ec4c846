//! What the master knows: agents, frameworks, offers, roles, machines and subscribers.
//!
//! Each part owns its indexes and offers only operations that keep them consistent.
//! Entities are shared values that are copied when they change while somebody still reads them,
//! so a reader outside the actor holds a snapshot for the price of some reference counts.

pub mod agent;
pub mod agents;
pub mod authentications;
pub mod bounded;
pub mod framework;
pub mod frameworks;
pub mod machines;
pub mod offers;
pub mod operations;
pub mod roles;
pub mod subscribers;
pub mod task;
