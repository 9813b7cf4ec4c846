//! Starts and stops the master and the agents.
//!
//! # Owns
//! One runtime each, and the temporary folder.

use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use libprocess::{Runtime, RuntimeBuilder, StartError, Termination};
use mesos_agent::AgentHandle;
use mesos_common::flags::{FlagSet, Source, load};
use mesos_common::wire::{metric, variable};
use mesos_master::MasterHandle;
use tempfile::TempDir;

use super::flags::Flags;
use super::leftovers;
use super::sandbox::Sandboxes;
use crate::commands::daemon;

/// Programs that agents start by path: this binary under other names.
const HELPERS: [&str; 7] = [
    "mesos-containerizer",
    "mesos-default-executor",
    "mesos-docker-executor",
    "mesos-executor",
    "mesos-fetcher",
    "mesos-io-switchboard",
    "mesos-tcp-connect",
];

/// Longest wait for all agents to register.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time between two looks at the number of agents.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Longest wait for an agent to end what it runs.
const AGENT_END: Duration = Duration::from_secs(5);

/// A master with its agents.
pub(super) struct Cluster {
    master: Runtime,
    handle: MasterHandle,
    agents: Vec<Agent>,
    folder: TempDir,
}

struct Agent {
    runtime: Runtime,
    handle: AgentHandle,
}

impl Cluster {
    /// Starts everything; what was started until an error is stopped again.
    pub(super) fn start(flags: &Flags) -> Result<Self> {
        let ip: IpAddr = flags
            .ip
            .parse()
            .with_context(|| format!("Failed to parse --ip '{}'", flags.ip))?;
        let builder = runtime_at(ip, flags.port)?
            .reserved_arbiters(mesos_master::constants::RESERVED_ARBITERS)
            .delegate("master")
            .grpc(mesos_master::grpc::services())
            .realms("mesos-master-readonly", "mesos-master-readwrite");
        // First of all the port: nothing needs to be undone when it is taken.
        let master = daemon::start(builder)?;
        let folder = tempfile::Builder::new()
            .prefix("mesos-dev-")
            .tempdir()
            .context("make a temporary folder")?;
        let launcher_dir = helpers(folder.path())?;
        let arguments = [
            format!("--ip={ip}"),
            format!("--port={}", master.address().port),
            format!("--hostname={ip}"),
            format!("--work_dir={}", folder.path().join("master").display()),
            "--registry=in_memory".to_owned(),
        ];
        let handle = mesos_master::start(&master, parse(arguments)?).context("start the master")?;
        let mut cluster = Self {
            master,
            handle,
            agents: Vec::new(),
            folder,
        };
        for number in 1..=flags.agents {
            let agent = cluster.start_agent(flags, ip, number, &launcher_dir);
            match agent {
                Ok(agent) => cluster.agents.push(agent),
                Err(error) => {
                    cluster.stop();
                    return Err(error);
                }
            }
        }
        Ok(cluster)
    }

    fn start_agent(
        &self,
        flags: &Flags,
        ip: IpAddr,
        number: usize,
        launcher_dir: &Path,
    ) -> Result<Agent> {
        let wanted = u16::try_from(number)
            .ok()
            .and_then(|number| flags.port.checked_add(number));
        let runtime = start_agent_runtime(ip, wanted.unwrap_or(0))?;
        let name = format!("agent{number}");
        let below = |part: &str| {
            self.folder
                .path()
                .join(&name)
                .join(part)
                .display()
                .to_string()
        };
        let mut arguments = vec![
            format!("--master={}", self.master.address()),
            format!("--ip={ip}"),
            format!("--port={}", runtime.address().port),
            format!("--hostname={ip}"),
            format!("--work_dir={}", below("work")),
            format!("--runtime_dir={}", below("run")),
            format!("--fetcher_cache_dir={}", below("fetch")),
            format!("--appc_store_dir={}", below("appc")),
            format!("--docker_store_dir={}", below("docker")),
            format!("--launcher_dir={}", launcher_dir.display()),
            "--launcher=posix".to_owned(),
            "--isolation=posix/cpu,posix/mem".to_owned(),
            "--containerizers=mesos".to_owned(),
            "--http_command_executor".to_owned(),
            "--no-switch_user".to_owned(),
            "--no-systemd_enable_support".to_owned(),
            "--registration_backoff_factor=1ms".to_owned(),
            "--executor_shutdown_grace_period=1secs".to_owned(),
            format!("--executor_environment_variables={}", executor_variables()),
        ];
        if let Some(resources) = &flags.resources {
            arguments.push(format!("--resources={resources}"));
        }
        let handle = mesos_agent::start(&runtime, parse(arguments)?);
        let handle = handle.with_context(|| format!("start {name}"))?;
        Ok(Agent { runtime, handle })
    }

    /// The runtime of the master.
    pub(super) fn master(&self) -> &Runtime {
        &self.master
    }

    /// Waits until the master knows every agent.
    pub(super) async fn ready(&self) -> Result<()> {
        let mut looks = tokio::time::interval(LOOK_AGAIN);
        let all = async {
            loop {
                looks.tick().await;
                let metrics = self.master.metrics().snapshot(None).await.ready();
                let active = metrics.and_then(|all| all.get(metric::AGENTS_ACTIVE).copied());
                if active.is_some_and(|active| active >= count(self.agents.len())) {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            bail!("the agents did not register with the master in time");
        }
        Ok(())
    }

    /// What a user wants to know about a cluster that is ready.
    pub(super) fn banner(&self) -> String {
        let scheme = self.master.http_scheme();
        let mut lines = vec![format!("master: {scheme}://{}", self.master.address())];
        for agent in &self.agents {
            lines.push(format!("agent:  {scheme}://{}", agent.runtime.address()));
        }
        lines.push(format!(
            "Run a task with: mesos execute --master={} --name=hello --command='echo hello'",
            self.master.address()
        ));
        lines.push("Ctrl-C ends the cluster.".to_owned());
        lines.join("\n")
    }

    /// Where the agents keep the output of tasks.
    pub(super) fn sandboxes(&self) -> Sandboxes {
        let work_dirs = (1..=self.agents.len()).map(|number| {
            self.folder
                .path()
                .join(format!("agent{number}"))
                .join("work")
        });
        Sandboxes::below(work_dirs.collect())
    }

    /// Ends everything, with all tasks, and removes the folder.
    pub(super) fn stop(self) {
        for agent in &self.agents {
            agent.handle.unregister();
        }
        for agent in &self.agents {
            let ended = agent
                .runtime
                .wait(&agent.runtime.upid(variable::AGENT_PROCESS_ID));
            let waiting = async { tokio::time::timeout(AGENT_END, ended).await };
            if agent.runtime.block_on(waiting).is_err() {
                tracing::warn!("an agent did not end in time");
            }
        }
        for agent in self.agents {
            drop(agent.handle);
            agent.runtime.shutdown();
        }
        self.master
            .terminate(&self.master.upid("master"), Termination::Inject);
        drop(self.handle);
        self.master.shutdown();
        leftovers::kill();
        if let Err(error) = self.folder.close() {
            tracing::warn!(%error, "could not remove the temporary folder");
        }
    }
}

/// Every machine has fewer agents than a double can count.
fn count(agents: usize) -> f64 {
    u32::try_from(agents).map_or(f64::MAX, f64::from)
}

fn runtime_at(ip: IpAddr, port: u16) -> Result<RuntimeBuilder> {
    let transport = crate::runtime::transport()?;
    let builder = Runtime::builder().ip(ip).port(port).arbiters(1);
    crate::runtime::equip(builder.transport(transport))
}

/// What executors need besides what agents tell them: the agents' variables of TLS.
fn executor_variables() -> String {
    let tls = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("LIBPROCESS_SSL_"));
    let quiet = ("MESOS_LOGGING_LEVEL".to_owned(), "ERROR".to_owned());
    let all = tls.chain([quiet]).map(|(name, value)| (name, value.into()));
    serde_json::Value::Object(all.collect()).to_string()
}

/// Takes the port where it is free, else any other.
fn start_agent_runtime(ip: IpAddr, port: u16) -> Result<Runtime> {
    let builder = runtime_at(ip, port)?
        .delegate(variable::AGENT_PROCESS_ID)
        .grpc(mesos_agent::grpc::services())
        .realms("mesos-agent-readonly", "mesos-agent-readwrite");
    match builder.clone().start() {
        Err(StartError::Bind { .. }) if port != 0 => daemon::start(builder.port(0)),
        started => started.context("start the runtime of an agent"),
    }
}

fn parse<F: FlagSet>(arguments: impl IntoIterator<Item = String>) -> Result<F> {
    Ok(load::<F>(&Source::arguments(arguments)).into_result()?)
}

/// Makes the folder of helper programs.
fn helpers(folder: &Path) -> Result<PathBuf> {
    let program = std::env::current_exe().context("find this program")?;
    let directory = folder.join("libexec");
    std::fs::create_dir(&directory).context("make the folder of helper programs")?;
    for name in HELPERS {
        symlink(&program, directory.join(name)).with_context(|| format!("link {name}"))?;
    }
    Ok(directory)
}
