//! Several masters on one ZooKeeper, as operating system processes of the built binary.
//!
//! # Owns
//! The ZooKeeper server, the masters and agents, one temporary folder.
//!
//! # Invariants
//! - Dropping the group ends every process that it or its agents started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::binary;
use crate::cluster::{ClusterError, Daemon, free_address, launch_as};
use crate::eventually::{NeverHappened, eventually};
use crate::hosts::{Hosts, HostsError, Place};
use crate::http_client::{self, Request};
use crate::leftovers;
use crate::zookeeper_server::{ZooKeeperServer, ZooKeeperServerError};

/// Why a group could not be started or steered.
#[derive(Debug, Error)]
pub enum GroupError {
    /// A daemon failed.
    #[error(transparent)]
    Daemon(#[from] ClusterError),
    /// ZooKeeper failed.
    #[error(transparent)]
    ZooKeeper(#[from] ZooKeeperServerError),
    /// Something that had to happen did not; the logs are shown.
    #[error("{reason}\n{logs}")]
    Never {
        /// What was waited for.
        reason: NeverHappened,
        /// What the daemons printed.
        logs: String,
    },
    /// The hosts failed.
    #[error(transparent)]
    Hosts(#[from] HostsError),
    /// No disk of limited size can be mounted; only root can.
    #[error("mount a small disk at {path}", path = _0.display())]
    NoDisk(PathBuf),
    /// There is no daemon of that number.
    #[error("there is no daemon {0}")]
    NoSuchDaemon(usize),
}

/// Masters and agents that find each other through ZooKeeper.
#[derive(Debug)]
pub struct MasterGroup {
    /// The server.
    pub zookeeper: ZooKeeperServer,
    /// The masters in the order they were started.
    pub masters: Vec<Daemon>,
    /// The agents in the order they were started.
    pub agents: Vec<Daemon>,
    mark: String,
    folder: tempfile::TempDir,
    setup: Setup,
}

/// What a group is started with beyond the usual.
#[derive(Debug, Default)]
pub struct Setup {
    /// Further flags of every master.
    pub flags: Vec<String>,
    /// Further flags of every agent.
    pub agent_flags: Vec<String>,
    /// Hosts of their own: the first for ZooKeeper, three for the masters, the rest for agents.
    pub hosts: Option<Hosts>,
    /// How large the disk of each master is; root alone can limit it.
    pub disk_bytes: Option<u64>,
    /// Whose clocks [`MasterGroup::set_clock`] can move.
    pub clocks: Clocks,
}

/// Which wall clock the masters see.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Clocks {
    /// That of the machine.
    #[default]
    Real,
    /// One that the test moves, through the library of Debian's package `faketime`.
    Steerable,
}

/// Where Debian has the library that fakes the time.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// How long ZooKeeper waits for a master that says nothing.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(4);

/// The host of the ZooKeeper server.
pub const ZOOKEEPER: usize = 0;
/// The host of the first agent; the masters come before it.
pub const FIRST_AGENT: usize = 4;

impl Setup {
    /// Where the daemon on the host of that number runs.
    fn place(&self, host: usize) -> Result<Place, HostsError> {
        self.hosts
            .as_ref()
            .map_or_else(|| Ok(Place::loopback()), |hosts| hosts.place(host))
    }
}

impl MasterGroup {
    /// Starts ZooKeeper and three masters with a quorum of two.
    ///
    /// # Errors
    /// [`GroupError`] with the log of what does not come up.
    pub fn start() -> Result<Self, GroupError> {
        Self::start_with(&[])
    }

    /// Starts ZooKeeper and three masters with a quorum of two and further flags.
    ///
    /// # Errors
    /// [`GroupError`] with the log of what does not come up.
    pub fn start_with(flags: &[&str]) -> Result<Self, GroupError> {
        Self::start_as(Setup {
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ..Setup::default()
        })
    }

    /// Starts ZooKeeper and three masters with a quorum of two in a certain setup.
    ///
    /// # Errors
    /// [`GroupError`] with the log of what does not come up.
    pub fn start_as(setup: Setup) -> Result<Self, GroupError> {
        let folder = tempfile::tempdir().map_err(|source| ClusterError::Io {
            step: "make a temporary folder",
            source,
        })?;
        let mut group = Self {
            zookeeper: ZooKeeperServer::start_at(setup.place(ZOOKEEPER)?)?,
            masters: Vec::new(),
            agents: Vec::new(),
            mark: uuid::Uuid::new_v4().to_string(),
            folder,
            setup,
        };
        for number in 1..=3 {
            group.make_disk(number)?;
            let ip = group.setup.place(number)?.ip;
            let address = SocketAddr::new(ip.into(), free_address()?.port());
            let master = group.launch_master(number, address)?;
            group.masters.push(master);
        }
        group.await_votes()?;
        Ok(group)
    }

    /// Waits until the log of every master votes.
    ///
    /// A master that dies before that leaves a voter and a stranger behind, who by the rules of the
    /// log wait for it: only the whole cluster may start itself.
    ///
    /// # Errors
    /// [`GroupError::Never`] with all logs.
    pub fn await_votes(&self) -> Result<(), GroupError> {
        self.wait("three replicas that vote", |group| {
            group
                .masters
                .iter()
                .all(|master| votes(master.address))
                .then_some(())
        })
    }

    /// `zk://127.0.0.1:port/mesos`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("zk://{}/mesos", self.zookeeper.address())
    }

    /// Where the master of that number, from zero, keeps its files.
    #[must_use]
    pub fn work_dir(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("master{}", index + 1))
    }

    /// Mounts a disk of limited size where the master will keep its files.
    fn make_disk(&self, number: usize) -> Result<(), GroupError> {
        let Some(bytes) = self.setup.disk_bytes else {
            return Ok(());
        };
        let work = self.work_dir(number - 1);
        let io = |step| move |source| ClusterError::Io { step, source };
        std::fs::create_dir_all(&work).map_err(io("make a folder"))?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={bytes}"))
            .arg("tmpfs")
            .arg(&work)
            .status()
            .map_err(io("run mount"))?;
        if mounted.success() {
            Ok(())
        } else {
            Err(GroupError::NoDisk(work))
        }
    }

    fn clock_file(&self, index: usize) -> PathBuf {
        self.folder
            .path()
            .join(format!("master{}.clock", index + 1))
    }

    /// Moves the wall clock of a master by so many seconds from the real time.
    ///
    /// # Errors
    /// [`ClusterError::Io`] when the file of the clock cannot be written.
    pub fn set_clock(&self, index: usize, seconds: i64) -> Result<(), GroupError> {
        let (file, new) = (self.clock_file(index), self.folder.path().join("clock.new"));
        // In one step: a reader must not find half of it.
        std::fs::write(&new, format!("{seconds:+}\n"))
            .and_then(|()| std::fs::rename(&new, file))
            .map_err(|source| ClusterError::Io {
                step: "set a clock",
                source,
            })?;
        Ok(())
    }

    /// The command of a daemon on the host of that number.
    fn command(&self, host: usize) -> Result<Command, GroupError> {
        let place = self.setup.place(host)?;
        Ok(binary::command_at(&self.mark, &place).map_err(ClusterError::from)?)
    }

    fn launch_master(&self, number: usize, address: SocketAddr) -> Result<Daemon, GroupError> {
        let name = format!("master{number}");
        let work = self.work_dir(number - 1);
        let mut arguments = vec![
            "master".to_owned(),
            format!("--ip={}", address.ip()),
            format!("--hostname={}", address.ip()),
            format!("--port={}", address.port()),
            format!("--work_dir={}", work.display()),
            format!("--zk={}", self.url()),
            format!("--zk_session_timeout={}secs", SESSION_TIMEOUT.as_secs()),
            "--quorum=2".to_owned(),
        ];
        let name_of = |flag: &str| flag.split('=').next().map(str::to_owned);
        let flags = &self.setup.flags;
        arguments.retain(|usual| flags.iter().all(|flag| name_of(flag) != name_of(usual)));
        arguments.extend(flags.iter().cloned());
        let mut command = self.command(number)?;
        if self.setup.clocks == Clocks::Steerable {
            self.set_clock(number - 1, 0)?;
            command
                .env("LD_PRELOAD", FAKETIME)
                .env("FAKETIME_TIMESTAMP_FILE", self.clock_file(number - 1))
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let folder = self.folder.path();
        Ok(launch_as(&name, address, arguments, command, folder)?)
    }

    /// Starts a master again on its directory and port, after it has ended.
    ///
    /// # Errors
    /// [`GroupError`] with its log when it does not come up.
    pub fn restart_master(&mut self, index: usize) -> Result<(), GroupError> {
        let old = self.masters.get(index);
        let address = old.ok_or(GroupError::NoSuchDaemon(index))?.address;
        let master = self.launch_master(index + 1, address)?;
        if let Some(place) = self.masters.get_mut(index) {
            *place = master;
        }
        Ok(())
    }

    /// Starts one agent; it is not waited for.
    ///
    /// # Errors
    /// [`GroupError`] with its log when it does not come up.
    pub fn add_agent(&mut self) -> Result<(), GroupError> {
        self.add_agent_of(&self.url())
    }

    /// Starts one agent that looks for its master at `master`; it is not waited for.
    ///
    /// # Errors
    /// [`GroupError`] with its log when it does not come up.
    pub fn add_agent_of(&mut self, master: &str) -> Result<(), GroupError> {
        let name = format!("agent{}", self.agents.len() + 1);
        let host = FIRST_AGENT + self.agents.len();
        let ip = self.setup.place(host)?.ip;
        let address = SocketAddr::new(ip.into(), free_address()?.port());
        let folder = self.folder.path().join(&name);
        let arguments = vec![
            "agent".to_owned(),
            format!("--master={master}"),
            "--zk_session_timeout=4secs".to_owned(),
            format!("--ip={ip}"),
            format!("--hostname={ip}"),
            format!("--port={}", address.port()),
            format!("--work_dir={}", folder.join("work").display()),
            format!("--runtime_dir={}", folder.join("run").display()),
            "--launcher=posix".to_owned(),
            "--isolation=posix/cpu,posix/mem".to_owned(),
            "--no-systemd_enable_support".to_owned(),
            "--registration_backoff_factor=100ms".to_owned(),
            "--resources=cpus:4;mem:1024;disk:1024;ports:[31000-32000]".to_owned(),
        ];
        let arguments = [arguments, self.setup.agent_flags.clone()].concat();
        let command = self.command(host)?;
        let agent = launch_as(&name, address, arguments, command, self.folder.path())?;
        self.agents.push(agent);
        Ok(())
    }

    /// Kills an agent with SIGKILL and starts it again on its directory and port.
    ///
    /// # Errors
    /// [`GroupError`] with its log when it does not come up.
    pub fn crash_agent(&mut self, index: usize) -> Result<(), GroupError> {
        let command = self.command(FIRST_AGENT + index)?;
        let folder = self.folder.path();
        let agent = self.agents.get_mut(index);
        let agent = agent.ok_or(GroupError::NoSuchDaemon(index))?;
        agent.kill()?;
        let (name, arguments) = (agent.name.clone(), agent.arguments().to_vec());
        *agent = launch_as(&name, agent.address, arguments, command, folder)?;
        Ok(())
    }

    /// A folder that ends with the group.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until a master leads and has read the registry; answers its number.
    ///
    /// # Errors
    /// [`GroupError::Never`] with all logs.
    pub fn leader(&self) -> Result<usize, GroupError> {
        self.wait("a leading master", |group| {
            group.masters.iter().position(|master| {
                let state = http_client::send(master.address, &Request::get("/master/state"));
                let leads = state.is_ok_and(|answer| answer.status() == 200);
                // Its first store writes its own name into the registry.
                leads && has_stored(master.address)
            })
        })
    }

    /// The hosts, when the group has hosts of its own.
    ///
    /// # Errors
    /// [`GroupError::Hosts`] when it has none.
    pub fn hosts(&self) -> Result<&Hosts, GroupError> {
        let hosts = self.setup.hosts.as_ref();
        Ok(hosts.ok_or_else(|| HostsError::Refused {
            command: "cut hosts apart".to_owned(),
            message: "everything runs on one host".to_owned(),
        })?)
    }

    /// Where the master of that number listens.
    ///
    /// # Errors
    /// [`GroupError::NoSuchDaemon`].
    pub fn address(&self, index: usize) -> Result<SocketAddr, GroupError> {
        let master = self.masters.get(index);
        Ok(master.ok_or(GroupError::NoSuchDaemon(index))?.address)
    }

    /// Kills a master with SIGKILL.
    ///
    /// # Errors
    /// [`GroupError`] when there is none.
    pub fn kill_master(&mut self, index: usize) -> Result<ExitStatus, GroupError> {
        let master = self.masters.get_mut(index);
        Ok(master.ok_or(GroupError::NoSuchDaemon(index))?.kill()?)
    }

    /// Waits until `master` counts an active agent; answers its id.
    ///
    /// # Errors
    /// [`GroupError::Never`] with all logs.
    pub fn registered_agent(&self, master: SocketAddr) -> Result<String, GroupError> {
        self.wait("a registered agent", |_| {
            let state = http_client::get_json(master, "/master/state").ok()?;
            let agents = state.get("slaves")?.as_array()?;
            let active =
                |agent: &&Value| agent.get("active").and_then(Value::as_bool) == Some(true);
            let id = agents.iter().find(active)?.get("id")?.as_str()?;
            Some(id.to_owned())
        })
    }

    /// Asks `probe` until it answers.
    ///
    /// # Errors
    /// [`GroupError::Never`] with all logs.
    pub fn wait<T>(
        &self,
        what: &str,
        mut probe: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, GroupError> {
        eventually(what, || probe(self)).map_err(|reason| GroupError::Never {
            reason,
            logs: self.logs(),
        })
    }

    /// Returns all logs, for the message of a failed test.
    #[must_use]
    pub fn logs(&self) -> String {
        let daemons = self.masters.iter().chain(&self.agents);
        daemons
            .map(|daemon| {
                format!(
                    "--- {} {} ---\n{}\n",
                    daemon.name,
                    daemon.address,
                    daemon.log()
                )
            })
            .collect()
    }
}

fn votes(master: SocketAddr) -> bool {
    let metrics = http_client::get_json(master, "/metrics/snapshot");
    metrics.is_ok_and(|all| all.get("registrar/log/recovered").and_then(Value::as_f64) == Some(1.0))
}

fn has_stored(master: SocketAddr) -> bool {
    let metrics = http_client::get_json(master, "/metrics/snapshot");
    metrics.is_ok_and(|all| all.get("registrar/state_store_ms").is_some())
}

impl Drop for MasterGroup {
    fn drop(&mut self) {
        for daemon in self.agents.iter_mut().chain(&mut self.masters) {
            drop(daemon.kill());
        }
        leftovers::kill_all(&self.mark, self.folder.path());
        if self.setup.disk_bytes.is_some() {
            for index in 0..3 {
                let unmount = Command::new("umount")
                    .arg("--lazy")
                    .arg(self.work_dir(index))
                    .status();
                drop(unmount);
            }
        }
    }
}
