//! The messages between containerizer, isolators and launch helper, under names of this project.

pub use mesos_proto::agent::{
    ContainerClass, ContainerConfig, ContainerFileOperation, ContainerLaunchInfo,
    ContainerLimitation, ContainerTermination, container_file_operation,
};
