//! Launches containers with the launcher and isolators of this project.
//!
//! Mirrors `MesosContainerizerProcess` of `src/slave/containerizer/mesos/containerizer.cpp`.
//!
//! # Owns
//! Every container it launched or recovered, from launch to the end of its cleanup.
//!
//! # Invariants
//! - A container leaves the list only after its processes are gone and every isolator has cleaned up.
//! - Isolators prepare one after another and clean up in reverse order.

mod collect;
mod container;
mod destroy;
mod isolate;
mod launch;
mod prepare;
mod recover;
mod update;
mod usage;
mod wait;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::Arc,
};

use libprocess::{Pid, Process, ProcessId, Runtime, http::client::Connection, metrics::Counter};
use mesos_proto::v1;

pub use self::launch::create_sandbox;

use self::container::Container;
use crate::{
    ContainerId,
    containerizer::{Answer, Containerizer, LaunchRequest, LaunchResult, RecoverableContainer},
    fetcher::Fetcher,
    io_switchboard::IoSwitchboard,
    isolator::Isolator,
    launch_info::ContainerTermination,
    launcher::Launcher,
    sandbox_collector::SandboxCollector,
};

/// Where the containerizer finds and keeps its files.
#[derive(Debug, Clone)]
pub struct MesosContainerizerOptions {
    /// `--launcher_dir`.
    pub launcher_dir: PathBuf,
    /// `--runtime_dir`.
    pub runtime_dir: PathBuf,
    /// `--work_dir`.
    pub work_dir: PathBuf,
}

/// The parts a containerizer is put together from.
#[derive(Debug)]
pub struct MesosContainerizerParts {
    /// Starts and kills processes.
    pub launcher: Box<dyn Launcher>,
    /// In the order in which they prepare; the switchboard comes behind them.
    pub isolators: Vec<Arc<dyn Isolator>>,
    /// Gives the containers their streams.
    pub switchboard: IoSwitchboard,
    /// Brings artifacts into sandboxes.
    pub fetcher: Fetcher,
    /// Removes the sandboxes of nested containers that have ended, with
    /// `--gc_non_executor_container_sandboxes`.
    pub collector: Option<Arc<dyn SandboxCollector>>,
}

/// The actor of the Mesos containerizer.
#[derive(Debug)]
pub struct MesosContainerizerProcess {
    options: MesosContainerizerOptions,
    parts: MesosContainerizerParts,
    containers: BTreeMap<ContainerId, Container>,
    destroy_errors: Counter,
}

impl Process for MesosContainerizerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("mesos-containerizer")
    }
}

/// The handle of the [`MesosContainerizerProcess`].
#[derive(Clone)]
pub struct MesosContainerizer {
    pid: Pid<MesosContainerizerProcess>,
}

impl fmt::Debug for MesosContainerizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MesosContainerizer")
            .field(self.pid.upid())
            .finish()
    }
}

impl MesosContainerizer {
    /// Starts the actor.
    pub fn spawn(
        runtime: &Runtime,
        options: MesosContainerizerOptions,
        mut parts: MesosContainerizerParts,
    ) -> Self {
        parts.isolators.push(Arc::new(parts.switchboard.clone()));
        let destroy_errors = runtime
            .metrics()
            .counter("containerizer/mesos/container_destroy_errors");
        let process = MesosContainerizerProcess {
            options,
            parts,
            containers: BTreeMap::new(),
            destroy_errors,
        };
        Self {
            pid: runtime.spawn(process),
        }
    }
}

impl Containerizer for MesosContainerizer {
    fn recover(&self, containers: Vec<RecoverableContainer>) -> Answer<()> {
        self.pid
            .call_future(move |process, ctx| process.recover(&containers, ctx))
    }

    fn launch(&self, request: LaunchRequest) -> Answer<LaunchResult> {
        self.pid
            .call_future(move |process, ctx| process.launch(request, ctx))
    }

    fn update(
        &self,
        id: &ContainerId,
        requests: Vec<v1::Resource>,
        limits: BTreeMap<String, v1::value::Scalar>,
    ) -> Answer<()> {
        let id = id.clone();
        self.pid
            .call_future(move |process, ctx| process.update(&id, requests, limits, ctx))
    }

    fn usage(&self, id: &ContainerId) -> Answer<v1::ResourceStatistics> {
        let id = id.clone();
        self.pid
            .call_future(move |process, ctx| process.usage(&id, ctx))
    }

    fn status(&self, id: &ContainerId) -> Answer<v1::ContainerStatus> {
        let id = id.clone();
        self.pid.call(move |process, _| process.status(&id))
    }

    fn wait(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        let id = id.clone();
        self.pid.call_future(move |process, _| process.wait(&id))
    }

    fn destroy(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        let id = id.clone();
        self.pid.call_future(move |process, ctx| {
            process.destroy(&id, &ContainerTermination::default(), ctx)
        })
    }

    fn attach(&self, id: &ContainerId) -> Answer<Connection> {
        let id = id.clone();
        self.pid.call_future(move |process, _| process.attach(&id))
    }

    fn kill(&self, id: &ContainerId, signal: i32) -> Answer<bool> {
        let id = id.clone();
        self.pid
            .call(move |process, ctx| process.kill(&id, signal, ctx))
    }

    fn remove(&self, id: &ContainerId) -> Answer<()> {
        let id = id.clone();
        self.pid
            .call_future(move |process, ctx| process.remove(&id, ctx))
    }

    fn containers(&self) -> Answer<BTreeSet<ContainerId>> {
        self.pid
            .call(|process, _| Ok(process.containers.keys().cloned().collect()))
    }
}
