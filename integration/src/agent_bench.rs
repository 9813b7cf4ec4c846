//! Puts a load on one real agent and measures how it bears it.
//!
//! Master, agent, executors and tasks are processes of the built binary; only the framework is ours.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

use crate::cluster::{Cluster, ClusterError};
use crate::eventually::{NeverHappened, Stopwatch, within};
use crate::fake_executor::{ExecutorError, FakeExecutor};
use crate::fake_scheduler::{FakeScheduler, SchedulerError, command_task};
use crate::http_client;
use crate::leftovers;

/// How long one phase may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long the disk is measured.
const DISK_TIME: Duration = Duration::from_secs(2);
/// The name of the executor that only reports.
const REPORTER: &str = "reporter";

/// Why nothing could be measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// An argument is not understood.
    #[error("usage: agent-bench [--tasks=N] [--updates=N]; {0} is not understood")]
    Argument(String),
    /// The daemons.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The framework.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    /// The executor that only reports.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// A task ended that should run on.
    #[error("a task did not run on: {0}")]
    Task(String),
    /// A phase did not end.
    #[error(transparent)]
    Never(#[from] NeverHappened),
    /// The disk or procfs.
    #[error("{step}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many tasks are launched at once.
    pub tasks: usize,
    /// How many updates one executor reports.
    pub updates: usize,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    /// [`BenchError::Argument`] with what is not understood.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, BenchError> {
        let mut options = Self {
            tasks: 100,
            updates: 1000,
        };
        for argument in arguments {
            let unknown = || BenchError::Argument(argument.clone());
            let (name, value) = argument.split_once('=').ok_or_else(unknown)?;
            let number = value.parse().map_err(|_no_number| unknown())?;
            match name {
                "--tasks" => options.tasks = number,
                "--updates" => options.updates = number,
                _ => return Err(unknown()),
            }
        }
        Ok(options)
    }
}

/// The resident memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Memory {
    /// All of it, in kilobytes.
    pub resident: u64,
    /// What no other process shares and no file backs, in kilobytes.
    pub anonymous: u64,
}

impl Memory {
    /// Reads that of a process; none when it has ended.
    #[must_use]
    pub fn of(pid: i64) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        Some(Self {
            resident: field("VmRSS:")?,
            anonymous: field("RssAnon:")?,
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes =
            |kilobytes: u64| format!("{}.{}", kilobytes / 1024, kilobytes % 1024 * 10 / 1024);
        write!(
            f,
            "{} MB, {} MB of it anonymous",
            megabytes(self.resident),
            megabytes(self.anonymous)
        )
    }
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Figures {
    options: Options,
    idle_agent: Memory,
    busy_agent: Memory,
    executor: Memory,
    tasks_running: Duration,
    recovery: Duration,
    updates: Duration,
    syncs_per_second: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = self.options.tasks;
        let seconds = |name: &str, time: Duration, f: &mut fmt::Formatter<'_>| {
            writeln!(f, "{name:<34}{:.2} s", time.as_secs_f64())
        };
        writeln!(f, "{:<34}{}", "agent, idle", self.idle_agent)?;
        writeln!(
            f,
            "{:<34}{}",
            format!("agent, {tasks} tasks"),
            self.busy_agent
        )?;
        writeln!(f, "{:<34}{}", "command executor, median", self.executor)?;
        seconds(
            &format!("{tasks} tasks at once, all run"),
            self.tasks_running,
            f,
        )?;
        seconds(&format!("recovery of {tasks} executors"), self.recovery, f)?;
        let rate = rate(self.options.updates, self.updates);
        writeln!(
            f,
            "{:<34}{rate:.0} per second",
            "updates, written and acknowledged"
        )?;
        writeln!(
            f,
            "{:<34}{:.0} per second",
            "fdatasync of this disk", self.syncs_per_second
        )
    }
}

fn rate(count: usize, time: Duration) -> f64 {
    let count = u32::try_from(count).map_or_else(|_more| f64::from(u32::MAX), f64::from);
    count / time.as_secs_f64().max(1e-9)
}

/// Measures all of it.
///
/// # Errors
/// [`BenchError`] for the first thing that does not happen.
pub fn run(options: &Options) -> Result<Figures, BenchError> {
    let (mut cluster, mut scheduler) = start(options.tasks)?;
    let idle_agent = agent_memory(&cluster);
    let tasks_running = launch_all(&mut scheduler, options.tasks)?;
    let busy_agent = agent_memory(&cluster);
    let executor = executor_memory(&cluster);
    let recovery = recover(&mut cluster)?;
    let syncs_per_second = syncs_per_second(cluster.folder())?;
    drop((scheduler, cluster));
    let (cluster, mut scheduler) = start(1)?;
    let updates = report(&cluster, &mut scheduler, options.updates)?;
    Ok(Figures {
        options: options.clone(),
        idle_agent,
        busy_agent,
        executor,
        tasks_running,
        recovery,
        updates,
        syncs_per_second,
    })
}

/// Starts a master, an agent with room for so many tasks, and a framework.
fn start(tasks: usize) -> Result<(Cluster, FakeScheduler), BenchError> {
    let mut cluster = Cluster::start()?;
    let cpus = tasks + 1;
    let resources = format!("--resources=cpus:{cpus};mem:{};disk:1024", cpus * 64);
    // On a busy machine the last of many executors takes its time.
    cluster.add_agent_with(&[&resources, "--executor_registration_timeout=10mins"])?;
    let scheduler = FakeScheduler::subscribe_as(cluster.master.address, &framework())?;
    Ok((cluster, scheduler))
}

fn framework() -> Value {
    json!({
        "user": "root", "name": "bench", "roles": ["*"], "checkpoint": true,
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
    })
}

fn agent_memory(cluster: &Cluster) -> Memory {
    let agent = cluster.agents.first().map(|agent| i64::from(agent.pid()));
    agent.and_then(Memory::of).unwrap_or_default()
}

/// The median of all command executors.
fn executor_memory(cluster: &Cluster) -> Memory {
    let mut found: Vec<Memory> = leftovers::processes(cluster.mark(), cluster.folder())
        .iter()
        .filter(|process| process.command.starts_with("mesos-executor"))
        .filter_map(|process| Memory::of(process.pid.into()))
        .collect();
    found.sort();
    found.get(found.len() / 2).copied().unwrap_or_default()
}

/// Launches tasks on one offer, and waits until all of them run.
fn launch_all(scheduler: &mut FakeScheduler, count: usize) -> Result<Duration, BenchError> {
    let offer = scheduler.wait_for_offer()?;
    let tasks: Vec<Value> = (0..count)
        .map(|number| command_task(&format!("t{number}"), "sleep 100000", &offer))
        .collect();
    let watch = Stopwatch::start();
    scheduler.launch(&offer, &tasks)?;
    let mut running = 0;
    while running < count {
        let status = scheduler.wait_for_update()?;
        match status.get("state").and_then(Value::as_str) {
            Some("TASK_RUNNING") => running += 1,
            Some("TASK_STARTING") => {}
            Some(_) | None => return Err(BenchError::Task(status.to_string())),
        }
    }
    Ok(watch.elapsed())
}

/// Kills the agent; measures from the start of the next one until it is registered with all its executors.
fn recover(cluster: &mut Cluster) -> Result<Duration, BenchError> {
    if let Some(agent) = cluster.agents.first_mut() {
        agent.kill()?;
    }
    let watch = Stopwatch::start();
    cluster.restart_agent_with(0, &["--executor_reregistration_timeout=15secs"])?;
    within(PATIENCE, "registration with all executors", || {
        let agent = cluster.agents.first()?.address;
        let metrics = http_client::get_json(agent, "/metrics/snapshot").ok()?;
        (metrics.get("slave/registered")?.as_f64()? > 0.5).then_some(())
    })?;
    Ok(watch.elapsed())
}

/// One executor reports one update after the other as fast as the agent takes them; each is acknowledged to it when
/// it is on the disk.
fn report(
    cluster: &Cluster,
    scheduler: &mut FakeScheduler,
    count: usize,
) -> Result<Duration, BenchError> {
    let offer = scheduler.wait_for_offer()?;
    let mut task = command_task(REPORTER, "", &offer);
    if let Some(task) = task.as_object_mut() {
        task.remove("command");
        task.insert(
            "executor".to_owned(),
            json!({
                "type": "CUSTOM",
                "executor_id": {"value": REPORTER},
                "framework_id": {"value": scheduler.framework_id},
                "command": {"value": "sleep 100000"},
            }),
        );
    }
    scheduler.launch(&offer, &[task])?;
    let agent = cluster.agents.first().map(|agent| agent.address);
    let agent = agent.ok_or_else(|| BenchError::Argument("no agent".to_owned()))?;
    let id = scheduler.framework_id.clone();
    let mut executor = within(PATIENCE, "the executor that reports", || {
        FakeExecutor::subscribe(agent, &id, REPORTER).ok()
    })?;
    executor.wait_for("LAUNCH")?;
    let watch = Stopwatch::start();
    for _ in 0..count {
        executor.update(REPORTER, "TASK_RUNNING")?;
    }
    for _ in 0..count {
        executor.wait_for("ACKNOWLEDGED")?;
    }
    Ok(watch.elapsed())
}

/// How often per second a record can be written where the agent writes.
fn syncs_per_second(folder: &Path) -> Result<f64, BenchError> {
    let io = |step| move |source| BenchError::Io { step, source };
    let path: PathBuf = folder.join("sync");
    let mut file = File::create(path).map_err(io("create a file"))?;
    let record = [0; 256];
    let watch = Stopwatch::start();
    let mut count = 0;
    while watch.elapsed() < DISK_TIME {
        file.write_all(&record).map_err(io("write a record"))?;
        file.sync_data().map_err(io("sync a record"))?;
        count += 1;
    }
    Ok(rate(count, watch.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_change_the_load() {
        let arguments = ["--tasks=7", "--updates=9"].map(str::to_owned);
        let options = Options::from_arguments(arguments.into_iter()).expect("understood");
        assert_eq!((options.tasks, options.updates), (7, 9));

        let unknown = Options::from_arguments(std::iter::once("--tasks".to_owned()));
        assert!(matches!(unknown, Err(BenchError::Argument(_))));
    }

    #[test]
    fn own_memory_can_be_read() {
        let own = Memory::of(i64::from(std::process::id())).expect("procfs");
        assert!(own.resident >= own.anonymous && own.anonymous > 0);
    }
}
