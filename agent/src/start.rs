//! Puts an agent together and starts it.
//!
//! Mirrors `src/slave/main.cpp`, without what belongs to the program rather than to the agent.

mod containers;

use std::{
    fmt, fs, io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use libprocess::{Future, Pid, Promise, Runtime};
use mesos_common::credentials::{CredentialsError, read_credential};
use mesos_common::{
    attributes::{AttributeError, Attributes},
    authorization::{AuthorizationError, Authorizer},
    files::Files,
    flags::JsonMessage,
    resources::{ParseError, Resources},
    version::VersionProcess,
};
use mesos_containerizer::{containerizer::Containerizer, isolator::IsolatorError};
use mesos_detector::{CreateError, Detector, create_detector};
use mesos_proto::v1;
use thiserror::Error;
use uuid::Uuid;

use crate::{
    agent::{AgentParts, AgentProcess, AgentResources, AgentState, ExecutorGate, MasterLink},
    authentication::{AuthenticationError, close_realms, token_key},
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
    secret_generator::{JwtSecretGenerator, SecretGenerator},
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
    /// Identities cannot be proved as the flags ask.
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    /// Nobody can decide who may do what.
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    /// The unix socket for executors cannot be made.
    #[error("Failed to create domain socket: Failed to bind domain socket to path {}", path.display())]
    DomainSocket {
        /// Its path.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
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
    /// `--container_logger` cannot be had.
    #[error("Cannot create container logger")]
    ContainerLogger(#[source] ModuleError),
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

    /// What the executors have, and what they use.
    pub fn usage(&self) -> Future<v1::ResourceUsage> {
        self.pid.call_future(|agent, ctx| agent.usage(ctx))
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

/// Changes the containerizer that the flags name.
pub type WrapContainerizer = Box<dyn FnOnce(Arc<dyn Containerizer>) -> Arc<dyn Containerizer>>;

/// Parts that stand in for those that the flags name.
#[derive(Default)]
pub struct Replacements {
    /// Finds the master.
    pub detector: Option<Box<dyn Detector>>,
    /// Stands before the containerizer.
    pub containerizer: Option<WrapContainerizer>,
    /// Gives executors their tokens.
    pub secret_generator: Option<Arc<dyn SecretGenerator>>,
}

impl fmt::Debug for Replacements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replacements").finish_non_exhaustive()
    }
}

/// Starts an agent in a runtime whose delegate is the agent's id.
///
/// # Errors
/// [`StartError`] names the flag or directory that is at fault.
pub fn start(runtime: &Runtime, flags: Flags) -> Result<AgentHandle, StartError> {
    start_with(runtime, flags, Replacements::default())
}

/// As [`start`], with parts that the caller chose.
///
/// # Errors
/// As [`start`].
pub fn start_with(
    runtime: &Runtime,
    flags: Flags,
    replacements: Replacements,
) -> Result<AgentHandle, StartError> {
    let detector = match replacements.detector {
        Some(detector) => detector,
        None => {
            let master = flags.master.as_ref().ok_or(StartError::NoMaster)?;
            create_detector(runtime, Some(master.value()), flags.zk_session_timeout)?
        }
    };
    check(&flags)?;
    let work_dir = directories(&flags)?;
    let credential = flags
        .credential
        .as_deref()
        .map(read_credential)
        .transpose()?
        .flatten();
    let security = Security::from_flags(runtime, &flags, replacements.secret_generator)?;
    let info = describe(runtime, &flags, &work_dir)?;
    let gc = GarbageCollector::spawn(runtime);
    let mut containerizer = containers::create(runtime, &flags, &work_dir, &gc)?;
    if let Some(wrap) = replacements.containerizer {
        containerizer = wrap(containerizer);
    }
    listen_for_executors(runtime, &flags)?;
    choose_endpoints(runtime, &flags);
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
        authorizer: security.authorizer,
        secrets: security.secrets,
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
        Workers {
            containerizer,
            detector,
            oversubscription,
            gc,
        },
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

/// Makes the directories of the agent; returns the work directory.
fn directories(flags: &Flags) -> Result<PathBuf, StartError> {
    let work_dir = PathBuf::from(&flags.work_dir);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StartError::Directory { path, source }
    };
    for path in [&work_dir, &PathBuf::from(&flags.runtime_dir)] {
        fs::create_dir_all(path).map_err(failed(path))?;
    }
    // Links and virtual paths are absolute.
    work_dir.canonicalize().map_err(failed(&work_dir))
}

/// Who decides who may do what, and who proves who is who.
struct Security {
    authorizer: Option<Authorizer>,
    secrets: Option<Arc<dyn SecretGenerator>>,
}

impl Security {
    fn from_flags(
        runtime: &Runtime,
        flags: &Flags,
        given: Option<Arc<dyn SecretGenerator>>,
    ) -> Result<Self, StartError> {
        let acls = flags.acls.as_ref().map(JsonMessage::message);
        let authorizer = Authorizer::from_flag(runtime, "authorizer", &flags.authorizer, acls)?;
        let key = token_key(flags)?;
        close_realms(runtime, flags, key.as_deref())?;
        let secrets = given.or_else(|| {
            key.map(|key| Arc::new(JwtSecretGenerator::new(key)) as Arc<dyn SecretGenerator>)
        });
        Ok(Self {
            authorizer,
            secrets,
        })
    }
}

/// The unix socket by which executors reach the agent, if they shall.
pub(crate) fn domain_socket(flags: &Flags) -> Option<PathBuf> {
    let default = || Path::new(&flags.runtime_dir).join("agent.sock");
    let given = flags.domain_socket_location.as_ref().map(PathBuf::from);
    flags
        .http_executor_domain_sockets
        .then(|| given.unwrap_or_else(default))
}

/// Switches endpoints off, and old names of theirs on.
fn choose_endpoints(runtime: &Runtime, flags: &Flags) {
    if let Some(rules) = &flags.firewall_rules {
        let disabled = &rules.message().disabled_endpoints().paths;
        runtime.set_disabled_endpoints(disabled.iter().cloned());
    }
    if flags.json_aliases == Some(true) {
        runtime.serve_json_aliases();
    }
}

/// Serves the unix socket; one that a former agent left is taken away.
fn listen_for_executors(runtime: &Runtime, flags: &Flags) -> Result<(), StartError> {
    let Some(path) = domain_socket(flags) else {
        return Ok(());
    };
    let is_socket = fs::symlink_metadata(&path).is_ok_and(|found| found.file_type().is_socket());
    let removed = if is_socket {
        fs::remove_file(&path)
    } else {
        Ok(())
    };
    removed
        .and_then(|()| runtime.listen_unix(&path))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o666)))
        .map_err(|source| StartError::DomainSocket { path, source })
}

/// Where the agent's handle will be once it runs.
type Slot = Arc<OnceLock<Pid<AgentProcess>>>;

/// Who works for the agent and was started before it.
struct Workers {
    containerizer: Arc<dyn Containerizer>,
    detector: Box<dyn Detector>,
    oversubscription: Oversubscription,
    gc: GarbageCollector,
}

/// Starts the actors that work for the agent.
///
/// The managers are paused until the agent, which they forward to, is registered.
fn parts(runtime: &Runtime, workers: Workers, slot: &Slot) -> AgentParts {
    let Workers {
        containerizer,
        detector,
        oversubscription,
        gc,
    } = workers;
    let (for_tasks, for_operations) = (slot.clone(), slot.clone());
    AgentParts {
        containerizer,
        detector,
        files: Files::spawn(runtime, Some(READONLY)),
        gc,
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
    if let Some(location) =
        domain_socket(flags).filter(|path| path.to_string_lossy().starts_with("systemd:"))
    {
        // A socket of systemd comes as an open file.
        return Err(unavailable(
            "domain_socket_location",
            &location.display().to_string(),
        ));
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
