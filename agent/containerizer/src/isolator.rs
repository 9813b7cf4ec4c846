//! What every isolator can do for the containerizer.
//!
//! Mirrors `include/mesos/slave/isolator.hpp`.

use std::{collections::BTreeMap, fmt, io};

use libprocess::Future;
use mesos_proto::v1;
use thiserror::Error;

use crate::{
    ContainerId,
    containerizer::RecoverableContainer,
    launch_info::{ContainerConfig, ContainerLaunchInfo, ContainerLimitation},
};

/// An isolator refused or failed.
#[derive(Debug, Error)]
pub enum IsolatorError {
    /// The isolation flag names one isolator twice.
    #[error("Duplicate entries found in --isolation flag '{0}'")]
    Duplicate(String),
    /// Nobody knows an isolator of this name.
    #[error("Unknown or unsupported isolator '{0}'")]
    Unknown(String),
    /// Two isolators want the same.
    #[error("Using multiple {0} isolators simultaneously is disallowed")]
    Multiple(&'static str),
    /// The container asks for something that this isolator does not give.
    #[error("{0}")]
    Refused(String),
    /// Measuring or changing the system failed.
    #[error("failed to {what}")]
    System {
        /// What was attempted.
        what: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The isolator's actor has ended.
    #[error("isolator has ended")]
    Ended,
}

impl IsolatorError {
    /// Makes an error of the system's answer.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System {
            what: what.into(),
            source,
        }
    }
}

/// The answer of an isolator.
pub type IsolatorAnswer<T> = Future<Result<T, IsolatorError>>;

/// Isolates one kind of resource of containers.
pub trait Isolator: Send + Sync + fmt::Debug {
    /// The name in `--isolation`.
    fn name(&self) -> &'static str;

    /// Whether nested containers are handed to it.
    fn supports_nesting(&self) -> bool {
        false
    }

    /// Whether containers of operators are handed to it.
    fn supports_standalone(&self) -> bool {
        false
    }

    /// Takes up containers of a former agent.
    fn recover(&self, _containers: &[RecoverableContainer]) -> IsolatorAnswer<()> {
        Future::ready(Ok(()))
    }

    /// Says what the container has to be launched with.
    fn prepare(
        &self,
        _id: &ContainerId,
        _config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        Future::ready(Ok(None))
    }

    /// Isolates a container whose first process waits to run.
    fn isolate(&self, _id: &ContainerId, _pid: i32) -> IsolatorAnswer<()> {
        Future::ready(Ok(()))
    }

    /// Waits for the container to break a limit; none when nothing is watched.
    fn watch(&self, _id: &ContainerId) -> Option<Future<ContainerLimitation>> {
        None
    }

    /// Gives a container other resources.
    fn update(
        &self,
        _id: &ContainerId,
        _requests: &[v1::Resource],
        _limits: &BTreeMap<String, v1::value::Scalar>,
    ) -> IsolatorAnswer<()> {
        Future::ready(Ok(()))
    }

    /// Measures what a container uses.
    fn usage(&self, _id: &ContainerId) -> IsolatorAnswer<v1::ResourceStatistics> {
        Future::ready(Ok(v1::ResourceStatistics::default()))
    }

    /// Tells what it knows of a container.
    fn status(&self, _id: &ContainerId) -> IsolatorAnswer<v1::ContainerStatus> {
        Future::ready(Ok(v1::ContainerStatus::default()))
    }

    /// Cleans up after a container whose processes have ended.
    fn cleanup(&self, _id: &ContainerId) -> IsolatorAnswer<()> {
        Future::ready(Ok(()))
    }
}
