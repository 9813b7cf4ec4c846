//! Ids, resources, flags and text formats shared by master and agent.

pub mod attributes;
pub mod authorization;
pub mod bytes;
pub mod call_type;
pub mod cram_md5;
pub mod credentials;
pub mod duration;
pub mod files;
pub mod flags;
pub mod heartbeater;
pub mod ids;
pub mod negotiation;
pub mod number;
pub mod ranges;
pub mod record_reader;
pub mod recordio;
pub mod resource;
pub mod resource_quantities;
pub mod resources;
pub mod roles;
pub mod scalar;
pub mod task_state;
pub mod validation;
pub mod value_set;
pub mod version;
pub mod wire;
