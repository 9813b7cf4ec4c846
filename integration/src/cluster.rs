//! A master and its agents as operating system processes of the built binary.
//!
//! # Owns
//! The processes, one temporary folder, the log files.
//!
//! # Invariants
//! - Dropping the cluster ends every process that it or its agents started.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use thiserror::Error;

use crate::binary::{self, BinaryError};
use crate::eventually::{NeverHappened, eventually};
use crate::hosts::{Hosts, HostsError, Place};
use crate::http_client::{self, Request};
use crate::{leftovers, ports};

/// Why a cluster could not be started or steered.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// There is no binary.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// A file, a port or a process failed.
    #[error("{step}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A daemon did not become ready; its log is shown.
    #[error("{name} is not ready: {reason}\n{log}")]
    NotReady {
        /// Which daemon.
        name: String,
        /// What was waited for.
        reason: NeverHappened,
        /// What it printed.
        log: String,
    },
    /// The hosts failed.
    #[error(transparent)]
    Hosts(#[from] HostsError),
    /// A signal could not be sent.
    #[error("signal {name}")]
    Signal {
        /// Which daemon.
        name: String,
        /// What the operating system said.
        source: rustix::io::Errno,
    },
}

/// Environment variable with the wire that all masters and agents take whose test does not care: with `legacy` the
/// whole suite runs on the wire of C++ Mesos.
const TRANSPORT: &str = "TEST_TRANSPORT";

/// The flag for the wire that [`TRANSPORT`] names, when the test has none of its own.
fn usual_transport(flags: &[&str]) -> Option<String> {
    let wire = std::env::var(TRANSPORT).ok()?;
    let chosen = flags.iter().any(|flag| flag.starts_with("--transport="));
    (!chosen).then(|| format!("--transport={wire}"))
}

/// One running daemon.
#[derive(Debug)]
pub struct Daemon {
    /// `master`, or the name of the agent.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    arguments: Vec<String>,
    log: PathBuf,
    child: Child,
}

impl Daemon {
    /// Returns what the daemon printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns the process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns what it was started with.
    pub(crate) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Tells whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills the process with SIGKILL and waits for its end.
    ///
    /// # Errors
    /// [`ClusterError::Io`] when it cannot be killed.
    pub fn kill(&mut self) -> Result<ExitStatus, ClusterError> {
        self.child.kill().map_err(io_error("kill a daemon"))?;
        self.child.wait().map_err(io_error("wait for a daemon"))
    }

    /// Sends `signal` to the process.
    ///
    /// # Errors
    /// [`ClusterError::Signal`] when the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<(), ClusterError> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let send = |pid| kill_process(pid, signal);
        pid.map_or(Err(rustix::io::Errno::SRCH), send)
            .map_err(|source| ClusterError::Signal {
                name: self.name.clone(),
                source,
            })
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    /// [`ClusterError::NotReady`] when it goes on.
    pub fn wait(&mut self) -> Result<ExitStatus, ClusterError> {
        let what = format!("the end of {}", self.name);
        let child = &mut self.child;
        eventually(&what, || child.try_wait().ok().flatten()).map_err(|reason| {
            ClusterError::NotReady {
                name: self.name.clone(),
                reason,
                log: self.log(),
            }
        })
    }
}

/// A master and its agents on this machine.
#[derive(Debug)]
pub struct Cluster {
    /// The master.
    pub master: Daemon,
    /// The agents in the order they were started.
    pub agents: Vec<Daemon>,
    /// Hosts of their own: the first for the master, the others for the agents.
    pub hosts: Option<Hosts>,
    /// What daemons that are started from now on find in their environment.
    pub variables: Vec<(&'static str, &'static str)>,
    mark: String,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts a master with default flags and waits until it answers.
    ///
    /// # Errors
    /// [`ClusterError`] with the log of the master when it does not come up.
    pub fn start() -> Result<Self, ClusterError> {
        Self::start_with(&[])
    }

    /// Starts a master with further flags and waits until it answers.
    ///
    /// # Errors
    /// [`ClusterError`] with the log of the master when it does not come up.
    pub fn start_with(flags: &[&str]) -> Result<Self, ClusterError> {
        Self::start_at(None, flags)
    }

    /// Starts a master on the first of some hosts; each agent gets the next one.
    ///
    /// # Errors
    /// [`ClusterError`] with the log of the master when it does not come up.
    pub fn start_on(hosts: Hosts, flags: &[&str]) -> Result<Self, ClusterError> {
        Self::start_at(Some(hosts), flags)
    }

    /// Starts `mesos dev`, a master and one agent in one process, and waits until both are there.
    ///
    /// # Errors
    /// [`ClusterError`] with the log when they do not come up.
    pub fn dev() -> Result<Self, ClusterError> {
        let folder = tempfile::tempdir().map_err(io_error("make a temporary folder"))?;
        let mark = uuid::Uuid::new_v4().to_string();
        let address = free_address()?;
        let arguments = vec![
            "dev".to_owned(),
            format!("--port={}", address.port()),
            "--resources=cpus:4;mem:1024;disk:1024;ports:[31000-32000]".to_owned(),
            "--logging_level=INFO".to_owned(),
        ];
        let mut command = binary::command_at(&mark, &Place::loopback())?;
        command.env("TMPDIR", folder.path());
        let master = launch_as("dev", address, arguments, command, folder.path())?;
        let mut cluster = Self {
            master,
            agents: Vec::new(),
            hosts: None,
            variables: Vec::new(),
            mark,
            folder,
        };
        let came = eventually("registration of the agent", || {
            cluster.active_agents().filter(|count| *count > 0)
        });
        if let Err(reason) = came {
            let log = cluster.logs();
            let _ended = cluster.master.kill();
            let name = "dev".to_owned();
            return Err(ClusterError::NotReady { name, reason, log });
        }
        Ok(cluster)
    }

    fn start_at(hosts: Option<Hosts>, flags: &[&str]) -> Result<Self, ClusterError> {
        let place = place(hosts.as_ref(), 0)?;
        let folder = tempfile::tempdir().map_err(io_error("make a temporary folder"))?;
        let mark = uuid::Uuid::new_v4().to_string();
        let address = SocketAddr::new(place.ip.into(), free_address()?.port());
        let mut arguments = vec![
            "master".to_owned(),
            format!("--ip={}", place.ip),
            format!("--hostname={}", hostname(&place)),
            format!("--port={}", address.port()),
            format!("--work_dir={}", folder.path().join("master").display()),
        ];
        if !flags.iter().any(|flag| flag.starts_with("--registry=")) {
            arguments.push("--registry=in_memory".to_owned());
        }
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        arguments.extend(usual_transport(flags));
        let command = binary::command_at(&mark, &place)?;
        let master = launch_as("master", address, arguments, command, folder.path())?;
        await_recovery(&master)?;
        Ok(Self {
            master,
            agents: Vec::new(),
            hosts,
            variables: Vec::new(),
            mark,
            folder,
        })
    }

    /// Starts one agent and waits until the master counts it as active.
    ///
    /// # Errors
    /// [`ClusterError`] with the log of the agent when it does not register.
    pub fn add_agent(&mut self) -> Result<&mut Daemon, ClusterError> {
        self.add_agent_with(&["--resources=cpus:4;mem:1024;disk:1024;ports:[31000-32000]"])
    }

    /// Starts one agent with further flags and waits until the master counts it as active.
    ///
    /// # Errors
    /// [`ClusterError`] with the log of the agent when it does not register.
    pub fn add_agent_with(&mut self, flags: &[&str]) -> Result<&mut Daemon, ClusterError> {
        let index = self.agents.len();
        let name = agent_name(index);
        let place = place(self.hosts.as_ref(), self.agents.len() + 1)?;
        let address = SocketAddr::new(place.ip.into(), free_address()?.port());
        let runtime_dir = self.folder().join(&name).join("run");
        let mut arguments = vec![
            "agent".to_owned(),
            format!("--master={}", self.master.address),
            format!("--ip={}", place.ip),
            format!("--hostname={}", hostname(&place)),
            format!("--port={}", address.port()),
            format!("--work_dir={}", self.agent_work_dir(index).display()),
            format!("--runtime_dir={}", runtime_dir.display()),
            "--launcher=posix".to_owned(),
            "--isolation=posix/cpu,posix/mem".to_owned(),
            "--no-systemd_enable_support".to_owned(),
        ];
        let name_of = |flag: &str| flag.split('=').next().map(str::to_owned);
        arguments.retain(|usual| flags.iter().all(|flag| name_of(flag) != name_of(usual)));
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        arguments.extend(usual_transport(flags));
        let wanted = self.agents.len() + 1;
        let command = self.command_at(&place)?;
        let mut agent = launch_as(&name, address, arguments, command, self.folder.path())?;
        if let Err(reason) = eventually("registration with the master", || {
            self.active_agents().filter(|count| *count >= wanted)
        }) {
            let log = format!("{}\n--- master ---\n{}", agent.log(), self.master.log());
            let _ended = agent.kill();
            return Err(ClusterError::NotReady { name, reason, log });
        }
        Ok(self.agents.push_mut(agent))
    }

    /// Kills the master, if nobody has, and starts it again with the same flags.
    ///
    /// # Errors
    /// [`ClusterError`] with its log when it does not come up.
    pub fn restart_master(&mut self) -> Result<(), ClusterError> {
        // The port would answer for the new one otherwise.
        self.master.kill()?;
        let (address, arguments) = (self.master.address, self.master.arguments.clone());
        let command = self.command_at(&place(self.hosts.as_ref(), 0)?)?;
        self.master = launch_as("master", address, arguments, command, self.folder.path())?;
        await_recovery(&self.master)
    }

    /// Kills an agent, if nobody has, and starts it again with the same flags.
    ///
    /// # Errors
    /// [`ClusterError`] with its log when it does not come up, or when there is no such agent.
    pub fn restart_agent(&mut self, index: usize) -> Result<(), ClusterError> {
        self.restart_agent_with(index, &[])
    }

    /// As [`Cluster::restart_agent`], with some flags that it did not have or that were different.
    ///
    /// # Errors
    /// As [`Cluster::restart_agent`].
    pub fn restart_agent_with(&mut self, index: usize, flags: &[&str]) -> Result<(), ClusterError> {
        if let Some(old) = self.agents.get_mut(index) {
            old.kill()?;
        }
        let agent = await_health(self.spawn_agent(index, flags)?)?;
        if let Some(old) = self.agents.get_mut(index) {
            *old = agent;
        }
        Ok(())
    }

    /// As [`Cluster::restart_agent_with`] for an agent that will end by itself; waits for that.
    ///
    /// # Errors
    /// [`ClusterError`] with its log when it goes on, or when there is no such agent.
    pub fn run_agent_to_its_end(
        &mut self,
        index: usize,
        flags: &[&str],
    ) -> Result<ExitStatus, ClusterError> {
        self.spawn_agent(index, flags)?.wait()
    }

    /// Starts the successor of an agent.
    fn spawn_agent(&self, index: usize, flags: &[&str]) -> Result<Daemon, ClusterError> {
        let old = self.agents.get(index).ok_or_else(|| ClusterError::Io {
            step: "restart an agent that was never started",
            source: io::ErrorKind::NotFound.into(),
        })?;
        let mut arguments = old.arguments.clone();
        for flag in flags {
            let name = flag.split('=').next();
            arguments.retain(|old| old.split('=').next() != name);
            arguments.push((*flag).to_owned());
        }
        let place = place(self.hosts.as_ref(), index + 1)?;
        let command = self.command_at(&place)?;
        spawn(
            &old.name,
            old.address,
            arguments,
            command,
            self.folder.path(),
        )
    }

    fn command_at(&self, place: &Place) -> Result<Command, ClusterError> {
        let mut command = binary::command_at(&self.mark, place)?;
        command.envs(self.variables.iter().copied());
        Ok(command)
    }

    /// Returns the temporary folder of the cluster.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the work directory of an agent, told by its place in the order of starts.
    #[must_use]
    pub fn agent_work_dir(&self, index: usize) -> PathBuf {
        self.folder().join(agent_name(index)).join("work")
    }

    /// Returns the mark that every process of the cluster carries.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Returns the number of active agents as the master tells it.
    #[must_use]
    pub fn active_agents(&self) -> Option<usize> {
        let state = http_client::get_json(self.master.address, "/master/state").ok()?;
        let count = wire_number(state.get("activated_slaves")?)?;
        usize::try_from(count).ok()
    }

    /// Returns all logs, for the message of a failed test.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut text = format!("--- master ---\n{}", self.master.log());
        for agent in &self.agents {
            text.push_str(&format!("\n--- {} ---\n{}", agent.name, agent.log()));
        }
        text
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for agent in &mut self.agents {
            let _ended = agent.kill();
        }
        let _ended = self.master.kill();
        leftovers::kill_all(&self.mark, self.folder.path());
    }
}

/// What the agent at a place in the order of starts is called.
fn agent_name(index: usize) -> String {
    format!("agent{}", index + 1)
}

/// Where the daemon of that number runs.
fn place(hosts: Option<&Hosts>, number: usize) -> Result<Place, HostsError> {
    hosts.map_or_else(|| Ok(Place::loopback()), |hosts| hosts.place(number))
}

fn hostname(place: &Place) -> String {
    if *place == Place::loopback() {
        "localhost".to_owned()
    } else {
        place.ip.to_string()
    }
}

/// Reads a number that legacy answers may write as `1` or `1.0`.
fn wire_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let text = value.as_f64()?.to_string();
        text.split('.').next()?.parse().ok()
    })
}

/// Returns an address of this machine for a daemon, see [`ports::reserve`].
///
/// # Errors
/// [`ClusterError::Io`] when no port is free.
pub fn free_address() -> Result<SocketAddr, ClusterError> {
    ports::reserve().map_err(io_error("find a free port"))
}

/// Launches a daemon by a command that already knows where it runs.
pub(crate) fn launch_as(
    name: &str,
    address: SocketAddr,
    arguments: Vec<String>,
    command: Command,
    folder: &Path,
) -> Result<Daemon, ClusterError> {
    await_health(spawn(name, address, arguments, command, folder)?)
}

fn spawn(
    name: &str,
    address: SocketAddr,
    arguments: Vec<String>,
    mut command: Command,
    folder: &Path,
) -> Result<Daemon, ClusterError> {
    let log = folder.join(format!("{name}.log"));
    let file = File::options()
        .create(true)
        .append(true)
        .open(&log)
        .map_err(io_error("open a log file"))?;
    let copy = file.try_clone().map_err(io_error("open a log file"))?;
    let child = command
        .args(&arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::from(file))
        .stderr(Stdio::from(copy))
        .spawn()
        .map_err(io_error("start a daemon"))?;
    Ok(Daemon {
        name: name.to_owned(),
        address,
        arguments,
        log,
        child,
    })
}

/// Waits until a daemon answers, or has ended.
fn await_health(mut daemon: Daemon) -> Result<Daemon, ClusterError> {
    let ready = eventually("an answer of /health, or the end", || {
        let healthy = http_client::send(daemon.address, &Request::get("/health"))
            .is_ok_and(|answer| answer.status() == 200);
        (healthy || !daemon.is_running()).then_some(healthy)
    });
    let reason = match ready {
        Ok(true) => return Ok(daemon),
        Ok(false) => NeverHappened {
            what: format!("that {} goes on", daemon.name),
            waited: std::time::Duration::ZERO,
        },
        Err(reason) => {
            let _ended = daemon.kill();
            reason
        }
    };
    Err(ClusterError::NotReady {
        name: daemon.name.clone(),
        reason,
        log: daemon.log(),
    })
}

/// Waits until a master has read its registry: before that it takes no calls.
fn await_recovery(master: &Daemon) -> Result<(), ClusterError> {
    let call = Request::post_json("/api/v1/scheduler", &serde_json::json!({}));
    let recovered = eventually("recovery", || {
        let answer = http_client::send(master.address, &call).ok()?;
        (answer.status() != 503).then_some(())
    });
    recovered.map_err(|reason| ClusterError::NotReady {
        name: master.name.clone(),
        reason,
        log: master.log(),
    })
}

fn io_error(step: &'static str) -> impl FnOnce(io::Error) -> ClusterError {
    move |source| ClusterError::Io { step, source }
}
