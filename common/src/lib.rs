//! Ids, resources, flags and text formats shared by master and agent.

pub mod bytes;
pub mod duration;
pub mod flags;
pub mod ids;
pub mod number;
pub mod wire;
