//! Puts an agent together and starts it.
//!
//! Mirrors `src/slave/main.cpp`, without what belongs to the program rather than to the agent.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use libprocess::{Future, Pid, Promise, Runtime};
use mesos_common::credentials::{CredentialsError, read_credential};
use mesos_common::{
    attributes::{AttributeError, Attributes},
    files::Files,
    resources::{ParseError, Resources},
    version::VersionProcess,
};
use mesos_containerizer::{
    containerizer::Containerizer,
    fetcher::{Fetcher, FetcherOptions},
    io_switchboard::{IoSwitchboard, IoSwitchboardOptions},
    isolator::IsolatorError,
    isolators,
    launcher::posix::PosixLauncher,
    mesos::{MesosContainerizer, MesosContainerizerOptions, MesosContainerizerParts},
};
use mesos_detector::{CreateError, Detector, create_detector};
use mesos_proto::v1;
use thiserror::Error;
use uuid::Uuid;

use crate::{
    agent::{AgentParts, AgentProcess, AgentResources, AgentState, ExecutorGate, MasterLink},
    container_logger::sandbox::SandboxContainerLogger,
    flags::Flags,
    gc::GarbageCollector,
    http::READONLY,
    metrics::AgentMetrics,
    modules::{BuiltInModules, ModuleError},
    operation_status_update_manager::OperationStatusUpdateManager,
    paths,
    qos_controller::{self, QoSController},
    resource_estimator::{self, ResourceEstimator, UsageSource},
    resources,
    state::{framework::Frameworks, operation::Operations},
    task_status_update_manager::TaskStatusUpdateManager,
};

/// Why an agent ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentExit {
    /// It was told to, and nothing runs any more.
    ShutDown,
    /// It could not go on; executors may still run.
    Failed(String),
}

/// An agent could not be put together.
#[derive(Debug, Error)]
pub enum StartError {
    /// Neither an address of a master nor a way to find one.
    #[error("Missing required option --master")]
    NoMaster,
    /// The master's address is unreadable.
    #[error("Failed to create a master detector")]
    Detector(#[from] CreateError),
    /// A directory cannot be made.
    #[error("Failed to create directory '{}'", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// `--credential` is unreadable.
    #[error(transparent)]
    Credential(#[from] CredentialsError),
    /// `--resources` is unreadable.
    #[error("Failed to determine agent resources")]
    Resources(#[from] ParseError),
    /// `--attributes` is unreadable.
    #[error("Failed to parse --attributes")]
    Attributes(#[from] AttributeError),
    /// `--isolation` names something that is not there.
    #[error("Failed to create isolators")]
    Isolation(#[from] IsolatorError),
    /// `--modules` or `--modules_dir` is unreadable or names what is not built in.
    #[error(transparent)]
    Modules(ModuleError),
    /// `--resource_estimator` cannot be had.
    #[error("Failed to create resource estimator")]
    ResourceEstimator(#[source] ModuleError),
    /// `--qos_controller` cannot be had.
    #[error("Failed to create QoS Controller")]
    QoSController(#[source] ModuleError),
    /// A flag asks for something that this agent cannot do yet.
    #[error("--{flag}={value} is not available in this agent")]
    Unavailable {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
    },
    /// A flag's value makes no sense.
    #[error("--{flag}: {problem}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// A running agent.
pub struct AgentHandle {
    pid: Pid<AgentProcess>,
    exit: Option<Future<AgentExit>>,
}

impl fmt::Debug for AgentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AgentHandle").field(self.pid.upid()).finish()
    }
}

impl AgentHandle {
    /// The agent's actor.
    pub fn pid(&self) -> &Pid<AgentProcess> {
        &self.pid
    }

    /// Tells the master that the agent goes away, shuts down all executors and ends the agent.
    pub fn unregister(&self) {
        self.pid
            .dispatch(|agent, ctx| agent.shut_down("asked by the operator", ctx));
    }

    /// The end of the agent; can be taken once.
    pub fn exited(&mut self) -> Option<Future<AgentExit>> {
        self.exit.take()
    }

    /// Ends the agent as a crash would: executors of checkpointing frameworks keep running.
    pub fn terminate(&self) {
        self.pid.terminate();
    }
}

/// Starts an agent in a runtime whose delegate is the agent's id.
///
/// # Errors
/// [`StartError`] names the flag or directory that is at fault.
pub fn start(runtime: &Runtime, flags: Flags) -> Result<AgentHandle, StartError> {
    let master = flags.master.as_ref().ok_or(StartError::NoMaster)?;
    let detector = create_detector(runtime, Some(master.value()), flags.zk_session_timeout)?;
    start_with_detector(runtime, flags, detector)
}

/// As [`start`], with a detector that the caller chose.
///
/// # Errors
/// As [`start`].
pub fn start_with_detector(
    runtime: &Runtime,
    flags: Flags,
    detector: Box<dyn Detector>,
) -> Result<AgentHandle, StartError> {
    check(&flags)?;
    let work_dir = PathBuf::from(&flags.work_dir);
    let runtime_dir = PathBuf::from(&flags.runtime_dir);
    for path in [&work_dir, &runtime_dir] {
        fs::create_dir_all(path).map_err(|source| StartError::Directory {
            path: path.clone(),
            source,
        })?;
    }
    // Links and virtual paths are absolute.
    let work_dir = work_dir
        .canonicalize()
        .map_err(|source| StartError::Directory {
            path: work_dir.clone(),
            source,
        })?;
    let credential = flags
        .credential
        .as_deref()
        .map(read_credential)
        .transpose()?
        .flatten();
    let info = describe(runtime, &flags, &work_dir)?;
    let containerizer = containerizer(runtime, &flags, &work_dir)?;
    let slot = Slot::default();
    let oversubscription = Oversubscription::from_flags(&flags, &slot)?;
    let metrics = Arc::new(AgentMetrics::new(runtime));
    let (promise, exit) = Promise::new();
    let mut process = AgentProcess {
        state: AgentState::Recovering(ExecutorGate::Closed),
        id: None,
        meta: paths::meta_root(&work_dir),
        work_dir,
        resources: AgentResources {
            total: Resources::from_proto(&info.resources),
            oversubscribed: None,
            checkpointed: Resources::new(),
            version: Uuid::new_v4(),
        },
        info,
        frameworks: Frameworks::default(),
        operations: Operations::default(),
        draining: None,
        master: MasterLink::default(),
        credential,
        required_agent_update: false,
        parts: None,
        metrics,
        started: runtime.clock().now(),
        max_age: flags.gc_delay,
        next_ticket: 0,
        exit: Some(promise),
        flags: Arc::new(flags),
    };
    drop(VersionProcess::spawn(runtime));
    process.parts = Some(parts(
        runtime,
        containerizer,
        detector,
        oversubscription,
        &slot,
    ));
    let pid = runtime.spawn(process);
    drop(slot.set(pid.clone()));
    AgentMetrics::ask(runtime, &pid);
    Ok(AgentHandle {
        pid,
        exit: Some(exit),
    })
}

/// Where the agent's handle will be once it runs.
type Slot = Arc<OnceLock<Pid<AgentProcess>>>;

/// Starts the actors that work for the agent.
///
/// The managers are paused until the agent, which they forward to, is registered.
fn parts(
    runtime: &Runtime,
    containerizer: Arc<dyn Containerizer>,
    detector: Box<dyn Detector>,
    oversubscription: Oversubscription,
    slot: &Slot,
) -> AgentParts {
    let (for_tasks, for_operations) = (slot.clone(), slot.clone());
    AgentParts {
        containerizer,
        detector,
        files: Files::spawn(runtime, Some(READONLY)),
        gc: GarbageCollector::spawn(runtime),
        updates: TaskStatusUpdateManager::spawn(
            runtime,
            Arc::new(move |update| {
                if let Some(agent) = for_tasks.get() {
                    agent.dispatch(move |agent, ctx| agent.forward_update(update, ctx));
                }
            }),
        ),
        operation_updates: OperationStatusUpdateManager::spawn(
            runtime,
            Arc::new(move |update| {
                if let Some(agent) = for_operations.get() {
                    agent.dispatch(move |agent, ctx| agent.forward_operation_update(&update, ctx));
                }
            }),
        ),
        estimator: oversubscription.estimator,
        qos_controller: oversubscription.qos_controller,
    }
}

/// Who says what may be given away twice, and who watches that.
struct Oversubscription {
    estimator: Box<dyn ResourceEstimator>,
    qos_controller: Box<dyn QoSController>,
}

impl Oversubscription {
    fn from_flags(flags: &Flags, slot: &Slot) -> Result<Self, StartError> {
        let modules = BuiltInModules::from_flags(flags).map_err(StartError::Modules)?;
        let slot = slot.clone();
        let usage: UsageSource = Arc::new(move || match slot.get() {
            Some(agent) => agent.call_future(|agent, ctx| agent.usage(ctx)),
            None => Future::failed("the agent has not started"),
        });
        let estimator = flags.resource_estimator.as_deref();
        let controller = flags.qos_controller.as_deref();
        Ok(Self {
            estimator: resource_estimator::create(estimator, &modules, usage.clone())
                .map_err(StartError::ResourceEstimator)?,
            qos_controller: qos_controller::create(controller, &modules, usage)
                .map_err(StartError::QoSController)?,
        })
    }
}

/// Checks what only the running agent can say about its flags.
fn check(flags: &Flags) -> Result<(), StartError> {
    let unavailable = |flag, value: &str| StartError::Unavailable {
        flag,
        value: value.to_owned(),
    };
    let wrong = |flag, problem: &str| StartError::Flag {
        flag,
        problem: problem.to_owned(),
    };
    if let Some(other) = flags
        .containerizers
        .split(',')
        .find(|name| *name != "mesos")
    {
        return Err(unavailable("containerizers", other));
    }
    if flags.launcher != "posix" {
        // Without cgroups there is only one launcher; the default of a root agent is the other one.
        tracing::warn!(
            launcher = flags.launcher,
            "using the posix launcher instead"
        );
    }
    if let Some(logger) = &flags.container_logger {
        return Err(unavailable("container_logger", logger));
    }
    if !(0.0..=1.0).contains(&flags.gc_disk_headroom) {
        return Err(wrong("gc_disk_headroom", "must be between 0 and 1"));
    }
    if !["equal", "additive"].contains(&flags.reconfiguration_policy.as_str()) {
        return Err(wrong(
            "reconfiguration_policy",
            "must be 'equal' or 'additive'",
        ));
    }
    if !["reconnect", "cleanup"].contains(&flags.recover.as_str()) {
        return Err(wrong("recover", "must be 'reconnect' or 'cleanup'"));
    }
    if flags.registration_backoff_factor > crate::constants::REGISTRATION_BACKOFF_MAX {
        return Err(wrong(
            "registration_backoff_factor",
            "must be at most 1mins",
        ));
    }
    Ok(())
}

/// Describes the agent to masters.
fn describe(
    runtime: &Runtime,
    flags: &Flags,
    work_dir: &Path,
) -> Result<v1::AgentInfo, StartError> {
    let resources = resources::detect(flags.resources.as_deref(), &flags.default_role, work_dir)?;
    for resource in &resources {
        let source = resource.disk().source.as_ref();
        if let Some(root) = source.and_then(|source| source.path.as_ref()?.root.clone()) {
            let path = if Path::new(&root).is_absolute() {
                PathBuf::from(root)
            } else {
                work_dir.join(root)
            };
            fs::create_dir_all(&path).map_err(|source| StartError::Directory { path, source })?;
        }
    }
    let attributes = Attributes::parse(flags.attributes.as_deref().unwrap_or_default())?;
    let domain = flags.domain.as_ref().map(|json| json.message().clone());
    Ok(v1::AgentInfo {
        hostname: Some(hostname(runtime, flags)),
        port: Some(i32::from(runtime.address().port)),
        resources,
        attributes: attributes.to_proto(),
        domain,
        checkpoint: Some(true),
        ..Default::default()
    })
}

fn hostname(runtime: &Runtime, flags: &Flags) -> String {
    let ip = runtime.address().ip.to_string();
    if let Some(hostname) = &flags.hostname {
        return hostname.clone();
    }
    if !flags.hostname_lookup {
        return ip;
    }
    if runtime.address().ip.is_loopback() {
        return "localhost".to_owned();
    }
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or(ip)
}

fn containerizer(
    runtime: &Runtime,
    flags: &Flags,
    work_dir: &Path,
) -> Result<Arc<dyn Containerizer>, StartError> {
    let launcher_dir = PathBuf::from(&flags.launcher_dir);
    let fetcher = Fetcher::spawn(
        runtime,
        FetcherOptions {
            launcher_dir: launcher_dir.clone(),
            cache_dir: PathBuf::from(&flags.fetcher_cache_dir),
            cache_size: flags.fetcher_cache_size.bytes(),
            frameworks_home: (!flags.frameworks_home.is_empty())
                .then(|| flags.frameworks_home.clone()),
            hadoop_home: flags.hadoop_home.clone(),
            stall_timeout: flags.fetcher_stall_timeout,
        },
    );
    let switchboard = IoSwitchboard::spawn(
        runtime,
        IoSwitchboardOptions {
            launcher_dir: launcher_dir.clone(),
            runtime_dir: PathBuf::from(&flags.runtime_dir),
            heartbeat_interval: flags.http_heartbeat_interval,
        },
        Arc::new(SandboxContainerLogger),
    );
    let parts = MesosContainerizerParts {
        launcher: Box::new(PosixLauncher::new(runtime)),
        isolators: isolators::create(runtime, &flags.isolation, work_dir)?,
        switchboard,
        fetcher,
    };
    let options = MesosContainerizerOptions {
        launcher_dir,
        runtime_dir: PathBuf::from(&flags.runtime_dir),
        work_dir: work_dir.to_owned(),
    };
    Ok(Arc::new(MesosContainerizer::spawn(runtime, options, parts)))
}
