//! What every containerizer can do for the agent.
//!
//! Mirrors `src/slave/containerizer/containerizer.hpp`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    path::PathBuf,
};

use libprocess::{
    Future, Outcome,
    http::client::{ClientError, Connection},
};
use mesos_proto::v1;
use thiserror::Error;

use crate::{
    ContainerId, fetcher::FetchError, isolator::IsolatorError, launch_info::ContainerConfig,
    launch_info::ContainerTermination, launcher::LauncherError, programs::MissingProgram,
    state_file,
};

/// How a launch went that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchResult {
    /// The container runs.
    Success,
    /// A container of this id runs already.
    AlreadyLaunched,
    /// Containers of this kind belong to another containerizer.
    NotSupported,
}

/// Everything a container is launched with.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// The container's id.
    pub id: ContainerId,
    /// What is launched, for whom and where.
    pub config: ContainerConfig,
    /// Variables that the agent gives.
    pub environment: BTreeMap<String, String>,
    /// Where the pid is written for recovery, when it is.
    pub pid_path: Option<PathBuf>,
}

/// A container that ran when the agent went down.
#[derive(Debug, Clone)]
pub struct RecoverableContainer {
    /// The container's id.
    pub id: ContainerId,
    /// The executor inside it.
    pub executor_info: v1::ExecutorInfo,
    /// Its first process.
    pub pid: i32,
    /// Its sandbox.
    pub directory: PathBuf,
}

/// A request to a containerizer failed.
#[derive(Debug, Error)]
pub enum ContainerizerError {
    /// No such container.
    #[error("container not found")]
    NotFound,
    /// The container ended while something was done with it.
    #[error("Container is being destroyed during {stage}")]
    Destroyed {
        /// What was being done.
        stage: &'static str,
    },
    /// A nested container may not have this.
    #[error("Nested containers may not {0}")]
    NestedMayNot(&'static str),
    /// The parent of a nested container is gone.
    #[error("Parent container {0} does not exist")]
    NoParent(ContainerId),
    /// The parent of a nested container is going.
    #[error("Parent container {0} is in 'DESTROYING' state")]
    ParentDestroying(ContainerId),
    /// The root of a nested container is gone.
    #[error("Unknown root container")]
    UnknownRoot,
    /// The root of a nested container belongs to no containerizer.
    #[error("Root container {0} not found")]
    RootNotFound(ContainerId),
    /// Nobody has taken the container yet, and nobody shall.
    #[error("Container was destroyed while launching")]
    DestroyedWhileLaunching,
    /// The container has to end first.
    #[error("Nested container has not terminated yet")]
    NotTerminated,
    /// A nested container could not be destroyed first.
    #[error("Failed to destroy nested containers: {0}")]
    Nested(String),
    /// The image of the container cannot be provided.
    #[error("Container images are not supported: no provisioner is configured")]
    NoProvisioner,
    /// Isolators want contradicting things.
    #[error("{0}")]
    Conflict(&'static str),
    /// A directory or file of the container could not be made.
    #[error("Failed to {what}")]
    System {
        /// What was attempted.
        what: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A state file could not be written.
    #[error("Failed to checkpoint the container")]
    Checkpoint(#[from] state_file::WriteError),
    /// A state file could not be read.
    #[error("Failed to read the container's checkpoint")]
    Read(#[from] state_file::ReadError),
    /// A helper program is missing.
    #[error(transparent)]
    Program(#[from] MissingProgram),
    /// An isolator refused.
    #[error(transparent)]
    Isolator(#[from] IsolatorError),
    /// The launcher refused.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// Nobody can attach to this container.
    #[error("I/O switchboard server was disabled for this container")]
    SwitchboardDisabled,
    /// The container's output has ended.
    #[error("I/O switchboard has shutdown")]
    SwitchboardGone,
    /// Nothing on disk says where the server of the container listens.
    #[error("Failed to get the io switchboard address: Not found")]
    SwitchboardAddress,
    /// The server of the container does not answer.
    #[error("Failed to connect to the I/O switchboard server")]
    Switchboard(#[source] ClientError),
    /// The server of a container that runs is unknown.
    #[error("Failed to get I/O switchboard server pid for '{id}': {why}")]
    SwitchboardPid {
        /// The container.
        id: ContainerId,
        /// What is wrong with what is on disk.
        why: String,
    },
    /// No container of this id is known.
    #[error("Unknown container {0}")]
    Unknown(ContainerId),
    /// Artifacts could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The actor that was asked has ended.
    #[error("the containerizer has ended: {0}")]
    Ended(String),
}

impl ContainerizerError {
    /// Makes an error of the system's answer.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System {
            what: what.into(),
            source,
        }
    }

    /// Returns the message with its causes, as it appears in task statuses and HTTP bodies.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// Turns the outcome of a request into its result.
///
/// # Errors
/// The request's own error, or [`ContainerizerError::Ended`] when nobody answered.
pub fn settle<T>(outcome: Outcome<Result<T, ContainerizerError>>) -> Result<T, ContainerizerError> {
    match outcome {
        Outcome::Ready(result) => result,
        Outcome::Failed(text) => Err(ContainerizerError::Ended(text)),
        Outcome::Discarded => Err(ContainerizerError::Ended("discarded".to_owned())),
        Outcome::Abandoned => Err(ContainerizerError::Ended("abandoned".to_owned())),
    }
}

/// The answer of a containerizer.
pub type Answer<T> = Future<Result<T, ContainerizerError>>;

/// Launches, watches and destroys containers.
pub trait Containerizer: Send + Sync + fmt::Debug {
    /// Takes up the containers of a former agent; all others that are found are destroyed.
    fn recover(&self, containers: Vec<RecoverableContainer>) -> Answer<()>;

    /// Launches a container; the answer comes when its command may run.
    ///
    /// A launch that fails leaves the container known: the caller destroys it.
    fn launch(&self, request: LaunchRequest) -> Answer<LaunchResult>;

    /// Gives a container other resources.
    fn update(
        &self,
        id: &ContainerId,
        requests: Vec<v1::Resource>,
        limits: BTreeMap<String, v1::value::Scalar>,
    ) -> Answer<()>;

    /// Measures what a container uses.
    fn usage(&self, id: &ContainerId) -> Answer<v1::ResourceStatistics>;

    /// Tells a container's status.
    fn status(&self, id: &ContainerId) -> Answer<v1::ContainerStatus>;

    /// Waits for the end of a container; none when it is unknown.
    fn wait(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>>;

    /// Destroys a container; none when it is unknown.
    fn destroy(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>>;

    /// Connects to the server of a container's standard streams.
    fn attach(&self, id: &ContainerId) -> Answer<Connection>;

    /// Sends a signal to the first process of a container; false when it is unknown.
    fn kill(&self, id: &ContainerId, signal: i32) -> Answer<bool>;

    /// Removes what is left of a nested container that has ended.
    fn remove(&self, id: &ContainerId) -> Answer<()>;

    /// Lists all containers.
    fn containers(&self) -> Answer<BTreeSet<ContainerId>>;
}
