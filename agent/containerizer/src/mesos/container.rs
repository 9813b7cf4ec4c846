//! One container of the Mesos containerizer and the states it goes through.

use std::{
    collections::BTreeMap,
    io::{self, PipeWriter},
    path::PathBuf,
};

use libprocess::Promise;
use mesos_proto::v1;

use crate::{
    containerizer::{ContainerizerError, LaunchRequest, LaunchResult},
    launch_info::{ContainerConfig, ContainerLaunchInfo, ContainerTermination},
};

/// How far a container has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// Isolators prepare it.
    Preparing,
    /// Its first process waits and isolators take hold of it.
    Isolating,
    /// Artifacts are brought into its sandbox.
    Fetching,
    /// Its command runs.
    Running,
    /// It is being taken down.
    Destroying(Destroying),
}

/// What a destroy still waits for.
#[derive(Debug)]
pub(super) struct Destroying {
    pub(super) termination: ContainerTermination,
    pub(super) stage: Stage,
}

/// The stages of a destroy, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nested containers go first.
    Children,
    /// A step of the launch is under way and cannot be called back.
    LaunchStep,
    /// The processes were killed and are not reaped yet.
    Exit,
    /// Isolators clean up.
    Cleanup,
    /// A step failed, for this reason: the container stays.
    Stuck(String),
}

/// What is known of the container's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// There never was one.
    NotForked,
    /// It runs.
    Running,
    /// It ended, perhaps with a known wait status.
    Ended(Option<i32>),
}

/// Whether an isolator or the fetcher works for the launch right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nobody does.
    Idle,
    /// Somebody does.
    Busy,
}

/// A launch that is not finished.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) promise: Promise<Result<LaunchResult, ContainerizerError>>,
    pub(super) request: LaunchRequest,
    pub(super) info: ContainerLaunchInfo,
}

/// One container.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) phase: Phase,
    pub(super) step: Step,
    pub(super) exit: Exit,
    pub(super) config: Option<ContainerConfig>,
    pub(super) runtime: PathBuf,
    pub(super) pid: Option<i32>,
    pub(super) release: Option<PipeWriter>,
    pub(super) launch: Option<Box<Launch>>,
    /// What it was launched with; unknown for some that a former agent launched.
    pub(super) info: Option<Box<ContainerLaunchInfo>>,
    pub(super) waiters: Vec<Promise<Result<Option<ContainerTermination>, ContainerizerError>>>,
    pub(super) resources: Vec<v1::Resource>,
    pub(super) limits: BTreeMap<String, v1::value::Scalar>,
}

impl Container {
    /// A container in its first moment.
    pub(super) fn new(phase: Phase, runtime: PathBuf, config: Option<ContainerConfig>) -> Self {
        let resources = config
            .as_ref()
            .map(|config| config.resources.clone())
            .unwrap_or_default();
        let limits = config
            .as_ref()
            .map(|config| {
                config
                    .limits
                    .iter()
                    .map(|(name, limit)| (name.clone(), limit.clone()))
                    .collect()
            })
            .unwrap_or_default();
        Self {
            phase,
            step: Step::Idle,
            exit: Exit::NotForked,
            config,
            runtime,
            pid: None,
            release: None,
            launch: None,
            info: None,
            waiters: Vec::new(),
            resources,
            limits,
        }
    }

    /// Says whether the container is being taken down.
    pub(super) fn is_destroying(&self) -> bool {
        matches!(self.phase, Phase::Destroying(_))
    }

    /// Why the container cannot be destroyed, once that was tried.
    pub(super) fn failure(&self) -> Option<ContainerizerError> {
        let Phase::Destroying(Destroying {
            stage: Stage::Stuck(why),
            ..
        }) = &self.phase
        else {
            return None;
        };
        let source = io::Error::other(why.clone());
        Some(ContainerizerError::system("destroy the container")(source))
    }

    /// Answers the one who launched it, once.
    pub(super) fn answer_launch(&mut self, result: Result<LaunchResult, ContainerizerError>) {
        if let Some(launch) = self.launch.take() {
            launch.promise.set(result);
        }
    }
}
