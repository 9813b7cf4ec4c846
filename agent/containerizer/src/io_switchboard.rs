//! Gives containers their standard streams, and lets clients attach to those of some.
//!
//! Mirrors `src/slave/containerizer/mesos/io/switchboard.cpp`.
//! A container with a terminal, and one for debugging, gets a server of its own: a program that outlives the agent.
//! All others write straight to where the logger says.
//!
//! # Owns
//! The streams of containers between preparation and fork, and the servers until their containers are cleaned up.
//!
//! # Invariants
//! - The pid of a server is on disk before its container is launched.
//! - A container is cleaned up only when its server has ended.
//!
//! # Timers
//! A server that has not ended 5 s after its container is asked to, and killed a minute later.

mod connect;
mod exit;
mod launch;
pub mod program;
mod recover;
pub mod server;
pub(crate) mod streams;

use std::{collections::BTreeMap, fmt, os::fd::OwnedFd, path::PathBuf, sync::Arc, time::Duration};

use libprocess::{Future, Pid, Process, ProcessId, Promise, Runtime, http::client::Connection};

use crate::{
    ContainerId,
    container_logger::ContainerLogger,
    containerizer::Answer,
    isolator::{Isolator, IsolatorAnswer},
    launch_info::{ContainerClass, ContainerConfig, ContainerLaunchInfo, ContainerLimitation},
    launcher::ContainerOutput,
};

/// The name of the server's program.
pub const PROGRAM: &str = "mesos-io-switchboard";

/// Where the switchboard finds and keeps its files.
#[derive(Debug, Clone)]
pub struct IoSwitchboardOptions {
    /// `--launcher_dir`.
    pub launcher_dir: PathBuf,
    /// `--runtime_dir`.
    pub runtime_dir: PathBuf,
    /// `--http_heartbeat_interval`.
    pub heartbeat_interval: Duration,
}

/// The standard streams of a container that is about to be forked.
#[derive(Debug, Default)]
pub struct ContainerIo {
    /// Its input; nothing comes when there is none.
    pub input: Option<OwnedFd>,
    /// Its outputs.
    pub output: ContainerOutput,
}

/// How far the server of a container has come.
#[derive(Debug)]
enum ServerState {
    /// It runs.
    Running {
        pid: i32,
        cleanups: Vec<Promise<Result<(), crate::isolator::IsolatorError>>>,
        limited: Vec<Promise<ContainerLimitation>>,
    },
    /// It ended, badly when there is a limitation, or was never seen.
    Ended(Option<ContainerLimitation>),
}

/// The actor of the switchboard.
#[derive(Debug)]
#[doc(alias = "IOSwitchboard")]
pub struct IoSwitchboardProcess {
    options: IoSwitchboardOptions,
    logger: Arc<dyn ContainerLogger>,
    streams: BTreeMap<ContainerId, ContainerIo>,
    servers: BTreeMap<ContainerId, ServerState>,
}

impl Process for IoSwitchboardProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("io-switchboard")
    }
}

/// The handle of the [`IoSwitchboardProcess`], which is also an isolator.
#[derive(Clone)]
pub struct IoSwitchboard {
    pid: Pid<IoSwitchboardProcess>,
}

impl fmt::Debug for IoSwitchboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IoSwitchboard")
            .field(self.pid.upid())
            .finish()
    }
}

impl IoSwitchboard {
    /// Starts the actor.
    pub fn spawn(
        runtime: &Runtime,
        options: IoSwitchboardOptions,
        logger: Arc<dyn ContainerLogger>,
    ) -> Self {
        Self {
            pid: runtime.spawn(IoSwitchboardProcess {
                options,
                logger,
                streams: BTreeMap::new(),
                servers: BTreeMap::new(),
            }),
        }
    }

    /// Takes up the servers of containers that run, and of orphans that are about to be destroyed.
    pub(crate) fn recover_servers(
        &self,
        containers: Vec<ContainerId>,
        orphans: Vec<ContainerId>,
    ) -> Answer<()> {
        self.pid
            .call(move |process, ctx| process.recover(&containers, &orphans, ctx))
    }

    /// Hands out the streams of a prepared container, once.
    pub(crate) fn extract(&self, id: &ContainerId) -> Future<Option<ContainerIo>> {
        let id = id.clone();
        self.pid.call(move |process, _| process.streams.remove(&id))
    }

    /// Connects to the server of a container, as soon as it listens.
    pub fn connect(&self, id: &ContainerId) -> Answer<Connection> {
        let id = id.clone();
        self.pid
            .call_future(move |process, ctx| process.connect(&id, ctx))
    }
}

impl Isolator for IoSwitchboard {
    fn name(&self) -> &'static str {
        "io/switchboard"
    }

    fn supports_nesting(&self) -> bool {
        true
    }

    fn supports_standalone(&self) -> bool {
        true
    }

    fn prepare(
        &self,
        id: &ContainerId,
        config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        let (id, config) = (id.clone(), config.clone());
        self.pid
            .call(move |process, ctx| process.prepare(&id, &config, ctx))
    }

    fn watch(&self, id: &ContainerId) -> Option<Future<ContainerLimitation>> {
        let id = id.clone();
        Some(self.pid.call_future(move |process, _| process.watch(&id)))
    }

    fn cleanup(&self, id: &ContainerId) -> IsolatorAnswer<()> {
        let id = id.clone();
        self.pid
            .call_future(move |process, ctx| process.cleanup(&id, ctx))
    }
}

/// Says whether clients may attach to a container of this configuration.
pub fn requires_server(config: &ContainerConfig) -> bool {
    has_terminal(config) || config.container_class() == ContainerClass::Debug
}

fn has_terminal(config: &ContainerConfig) -> bool {
    config
        .container_info
        .as_ref()
        .is_some_and(|info| info.tty_info.is_some())
}
