//! A containerizer without an agent, with the real helper programs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use libprocess::Runtime;
use mesos_agent::container_logger::sandbox::SandboxContainerLogger;
use mesos_containerizer::{
    ContainerId, Containerizer, ContainerizerError, LaunchRequest, LaunchResult,
    container_logger::ContainerLogger,
    containerizer::{Answer, RecoverableContainer, settle},
    fetcher::{Fetcher, FetcherOptions},
    io_switchboard::{IoSwitchboard, IoSwitchboardOptions},
    isolators::{self, IsolatorOptions},
    launch_info::{ContainerClass, ContainerConfig, ContainerTermination},
    launcher::posix::PosixLauncher,
    mesos::{MesosContainerizer, MesosContainerizerOptions, MesosContainerizerParts},
    paths,
};
use mesos_proto::v1;

use crate::harness::{PATIENCE, Place};

/// A change of the parts that a containerizer is put together from, also when it is started again.
pub(crate) type Change = Box<dyn Fn(&Runtime, &Path, &mut MesosContainerizerParts)>;

/// A containerizer and the place it works in.
pub(crate) struct Containers {
    pub(crate) runtime: Runtime,
    pub(crate) containerizer: MesosContainerizer,
    pub(crate) place: Place,
    change: Change,
}

impl Containers {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| Arc::new(SandboxContainerLogger))
    }

    pub(crate) fn with(logger: impl FnOnce(&Runtime, &Path) -> Arc<dyn ContainerLogger>) -> Self {
        let place = Place::new();
        let runtime = start();
        let logger = logger(&runtime, &place.directory.path().join("libexec"));
        let change: Change = Box::new(|_, _, _| {});
        let containerizer = containerizer(&runtime, &place, logger, &change);
        Self {
            runtime,
            containerizer,
            place,
            change,
        }
    }

    /// A containerizer with other parts.
    pub(crate) fn changed(
        change: impl Fn(&Runtime, &Path, &mut MesosContainerizerParts) + 'static,
    ) -> Self {
        let place = Place::new();
        let runtime = start();
        let change: Change = Box::new(change);
        let logger = Arc::new(SandboxContainerLogger);
        let containerizer = containerizer(&runtime, &place, logger, &change);
        Self {
            runtime,
            containerizer,
            place,
            change,
        }
    }

    /// A containerizer with these isolators.
    pub(crate) fn isolated_by(isolation: &'static str) -> Self {
        Self::changed(move |runtime, root, parts| {
            let options = IsolatorOptions::at(root.join("work"));
            parts.isolators = isolators::create(runtime, isolation, &options).expect("isolators");
        })
    }

    pub(crate) fn wait<T: Send + 'static>(
        &self,
        answer: Answer<T>,
    ) -> Result<T, ContainerizerError> {
        settle(self.runtime.block_on(answer))
    }

    pub(crate) fn sandbox(&self, id: &ContainerId) -> PathBuf {
        self.place.directory.path().join("box").join(id.value())
    }

    pub(crate) fn runtime_path(&self, id: &ContainerId) -> PathBuf {
        paths::runtime_path(&self.place.directory.path().join("run"), id)
    }

    /// The configuration of an executor's container.
    pub(crate) fn root_config(&self, id: &ContainerId, command: &str) -> ContainerConfig {
        let sandbox = self.sandbox(id);
        fs::create_dir_all(&sandbox).expect("a sandbox");
        ContainerConfig {
            directory: Some(sandbox.display().to_string()),
            executor_info: Some(executor().into()),
            ..config(command)
        }
    }

    pub(crate) fn launch(&self, id: &ContainerId, config: ContainerConfig) {
        let launched = self.wait(self.containerizer.launch(request(id, config)));
        assert_eq!(launched.expect("launched"), LaunchResult::Success);
    }

    pub(crate) fn launch_root(&self, command: &str) -> ContainerId {
        let id = ContainerId::random();
        self.launch(&id, self.root_config(&id, command));
        id
    }

    pub(crate) fn launch_nested(&self, parent: &ContainerId, command: &str) -> ContainerId {
        let id = parent.child(ContainerId::random().value());
        self.launch(&id, config(command));
        id
    }

    /// Launches a container that looks into its parent.
    pub(crate) fn launch_debug(&self, parent: &ContainerId, command: &str) -> ContainerId {
        let id = parent.child(ContainerId::random().value());
        self.launch(
            &id,
            ContainerConfig {
                container_class: Some(ContainerClass::Debug.into()),
                ..config(command)
            },
        );
        id
    }

    /// Launches a container that ends by itself, and waits for that.
    pub(crate) fn run(&self, id: &ContainerId, config: ContainerConfig) -> ContainerTermination {
        let launched = self.containerizer.launch(request(id, config));
        // A root that has ended is not known any more, so this is asked before the launch is over.
        let ended = self.containerizer.wait(id);
        let launched = self.wait(launched).expect("launched");
        assert_eq!(launched, LaunchResult::Success);
        self.wait(ended).expect("waited").expect("known")
    }

    /// Waits for the end of a nested container, which is kept, or of one that cannot have ended yet.
    pub(crate) fn end(&self, id: &ContainerId) -> ContainerTermination {
        let ended = self.wait(self.containerizer.wait(id));
        ended.expect("waited").expect("known")
    }

    pub(crate) fn destroy(&self, id: &ContainerId) -> ContainerTermination {
        let destroyed = self.wait(self.containerizer.destroy(id));
        destroyed.expect("destroyed").expect("known")
    }

    pub(crate) fn pid(&self, id: &ContainerId) -> i32 {
        let status = self.wait(self.containerizer.status(id)).expect("known");
        i32::try_from(status.executor_pid()).expect("a pid")
    }

    /// Another containerizer takes these containers over.
    pub(crate) fn restart(&mut self, known: &[&ContainerId]) {
        let known = known.iter().map(|id| RecoverableContainer {
            id: (*id).clone(),
            executor_info: executor(),
            pid: self.pid(id),
            directory: self.sandbox(id),
        });
        let known: Vec<RecoverableContainer> = known.collect();
        self.runtime.shutdown();
        self.runtime = start();
        let logger = Arc::new(SandboxContainerLogger);
        self.containerizer = containerizer(&self.runtime, &self.place, logger, &self.change);
        self.wait(self.containerizer.recover(known))
            .expect("recovered");
    }

    /// Waits until something is true that nobody tells.
    pub(crate) fn eventually(&self, what: &str, condition: impl Fn() -> bool) {
        let clock = libprocess::Clock::real();
        let end = clock.now() + PATIENCE;
        while !condition() {
            assert!(clock.now() < end, "{what} did not come");
            self.runtime.block_on(async {
                let (promise, future) = libprocess::Promise::new();
                clock.timer(Duration::from_millis(20), move || promise.set(()));
                drop(future.await);
            });
        }
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        let ids = self.wait(self.containerizer.containers());
        for id in ids.unwrap_or_default().iter().filter(|id| !id.is_nested()) {
            drop(self.wait(self.containerizer.destroy(id)));
        }
        self.runtime.shutdown();
    }
}

fn start() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .start()
        .expect("runtime")
}

fn containerizer(
    runtime: &Runtime,
    place: &Place,
    logger: Arc<dyn ContainerLogger>,
    change: &Change,
) -> MesosContainerizer {
    let below = |name: &str| place.directory.path().join(name);
    let fetcher = Fetcher::spawn(
        runtime,
        FetcherOptions {
            launcher_dir: below("libexec"),
            cache_dir: below("cache"),
            cache_size: 1 << 20,
            frameworks_home: None,
            hadoop_home: None,
            stall_timeout: Duration::from_secs(60),
        },
    );
    let switchboard = IoSwitchboard::spawn(
        runtime,
        IoSwitchboardOptions {
            launcher_dir: below("libexec"),
            runtime_dir: below("run"),
            heartbeat_interval: Duration::from_secs(30),
        },
        logger,
    );
    let options = MesosContainerizerOptions {
        launcher_dir: below("libexec"),
        runtime_dir: below("run"),
        work_dir: below("work"),
    };
    let mut parts = MesosContainerizerParts {
        launcher: Box::new(PosixLauncher::new(runtime)),
        isolators: isolators::create(runtime, "posix/cpu", &IsolatorOptions::at(below("work")))
            .expect("isolators"),
        switchboard,
        fetcher,
        collector: None,
    };
    change(runtime, place.directory.path(), &mut parts);
    MesosContainerizer::spawn(runtime, options, parts)
}

/// A launch without variables, of which the agent keeps no pid.
pub(crate) fn request(id: &ContainerId, config: ContainerConfig) -> LaunchRequest {
    LaunchRequest {
        id: id.clone(),
        config,
        environment: BTreeMap::new(),
        pid_path: None,
    }
}

/// The configuration of a container that is no executor's.
pub(crate) fn config(command: &str) -> ContainerConfig {
    let command = v1::CommandInfo {
        value: Some(command.to_owned()),
        ..Default::default()
    };
    ContainerConfig {
        command_info: Some(command.into()),
        ..Default::default()
    }
}

/// Adds a variable to the command of a configuration.
pub(crate) fn with_variable(
    mut config: ContainerConfig,
    name: &str,
    value: &str,
) -> ContainerConfig {
    let variable = v1::environment::Variable {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
        ..Default::default()
    };
    let command = config.command_info.get_or_insert_default();
    let environment = command.environment.get_or_insert_default();
    environment.variables.push(variable);
    config
}

pub(crate) fn executor() -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: Some(v1::ExecutorId {
            value: Some("e".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) const SIGKILLED: Option<i32> = Some(9);

/// The wait status of a program that ended by itself.
pub(crate) const fn exited(code: i32) -> Option<i32> {
    Some(code << 8)
}
