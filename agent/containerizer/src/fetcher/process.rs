//! Runs the fetcher program for containers.
//!
//! # Owns
//! The fetches that are under way, by container.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use libprocess::{
    Context, Future, Process, ProcessId, Promise, Runtime, await_all, metrics::Counter,
};
use mesos_linux::{
    process_tree::{Follow, ProcFs, kill_tree},
    wait_status::WaitStatus,
};
use mesos_proto::{
    fetcher::{
        FetcherInfo,
        fetcher_info::{Item, item::Action},
    },
    v1,
};
use mesos_proto_codec::{Dialect, to_json};
use nix::sys::signal::Signal;

use super::{
    FetchError, FetcherOptions,
    cache::{Cache, Completion},
    program::local_path,
    validate,
};
use crate::{ContainerId, launch_info::ContainerConfig, programs, reap};

/// Variables of the agent that the program gets although they begin with `MESOS_`.
const KEPT: [&str; 6] = [
    "MESOS_EXTERNAL_LOG_FILE",
    "MESOS_INITIALIZE_DRIVER_LOGGING",
    "MESOS_LOG_DIR",
    "MESOS_LOGBUFSECS",
    "MESOS_LOGGING_LEVEL",
    "MESOS_QUIET",
];

/// The actor that fetches.
#[derive(Debug)]
pub struct FetcherProcess {
    options: FetcherOptions,
    running: BTreeMap<ContainerId, i32>,
    cache: Cache,
    waiting: BTreeMap<String, Vec<Promise<Filled>>>,
    succeeded: Counter,
    failed: Counter,
}

impl Process for FetcherProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("fetcher")
    }
}

impl FetcherProcess {
    pub(super) fn new(runtime: &Runtime, options: FetcherOptions) -> Self {
        let metrics = runtime.metrics();
        // Nobody knows any more what a former agent cached.
        if let Err(error) = fs::remove_dir_all(&options.cache_dir)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %options.cache_dir.display(), "cache is not emptied");
        }
        Self {
            cache: Cache::new(options.cache_size),
            waiting: BTreeMap::new(),
            options,
            running: BTreeMap::new(),
            succeeded: metrics.counter("containerizer/fetcher/task_fetches_succeeded"),
            failed: metrics.counter("containerizer/fetcher/task_fetches_failed"),
        }
    }

    /// Fetches the artifacts of a container.
    pub(super) fn fetch(
        &mut self,
        id: &ContainerId,
        config: &ContainerConfig,
        ctx: &mut Context<Self>,
    ) -> Future<Result<(), FetchError>> {
        let command = config.command_info();
        let job = Job {
            id: id.clone(),
            sandbox: PathBuf::from(config.directory()),
            user: config.user.clone(),
            cache_user: command.user.clone().or_else(|| config.user.clone()),
            uris: command.uris.clone(),
        };
        let output = match job.prepare() {
            Ok(output) => output,
            Err(error) => {
                self.failed.increment();
                return Future::ready(Err(error));
            }
        };
        if job.uris.is_empty() {
            return Future::ready(Ok(()));
        }
        let plan = self.plan(&job);
        let (promise, future) = Promise::new();
        let asked: Vec<String> = plan.created.iter().map(|(_, uri)| uri.clone()).collect();
        let home = self.options.frameworks_home.clone();
        ctx.perform_blocking(
            move || {
                let sizes = asked.iter().map(|uri| size_of(uri, home.as_deref()));
                sizes.collect::<Vec<_>>()
            },
            move |process, sizes, ctx| {
                let plan = process.reserve(plan, &sizes);
                process.await_others(job, plan, output, promise, ctx);
            },
        );
        future
    }

    /// The sizes of what shall be cached are known; what finds no room is fetched past the cache.
    fn reserve(&mut self, plan: Plan, sizes: &[Option<u64>]) -> Plan {
        let mut refused = Vec::new();
        for ((key, uri), size) in plan.created.iter().zip(sizes) {
            let reserved = size
                .ok_or_else(|| "its size cannot be told".to_owned())
                .and_then(|size| {
                    let reserved = self.cache.reserve(key, size);
                    reserved.map_err(|error| error.to_string())
                });
            match reserved {
                Ok(evicted) => evicted.iter().for_each(|gone| self.delete(gone)),
                Err(error) => {
                    tracing::warn!(%uri, %error, "artifact is fetched past the cache");
                    self.cache.remove(key);
                    self.tell(key, Filled::No);
                    refused.push(key.clone());
                }
            }
        }
        plan.without(&refused)
    }

    /// Others may be downloading what this container wants too.
    fn await_others(
        &mut self,
        job: Job,
        plan: Plan,
        output: Output,
        promise: Promise<Result<(), FetchError>>,
        ctx: &mut Context<Self>,
    ) {
        let waits: Vec<Future<Filled>> = plan
            .awaited
            .iter()
            .map(|key| {
                let (filled, future) = Promise::new();
                self.waiting.entry(key.clone()).or_default().push(filled);
                future
            })
            .collect();
        ctx.on_any(await_all(waits), move |process, outcome, ctx| {
            let filled = outcome.ready().unwrap_or_default();
            let lost = plan.awaited.iter().zip(filled);
            let lost: Vec<String> = lost
                .filter(|(_, one)| one.clone().ready() != Some(Filled::Yes))
                .map(|(key, _)| key.clone())
                .collect();
            process.run(job, plan.without(&lost), output, promise, ctx);
        });
    }

    fn run(
        &mut self,
        job: Job,
        plan: Plan,
        output: Output,
        promise: Promise<Result<(), FetchError>>,
        ctx: &mut Context<Self>,
    ) {
        match self.start(&job, plan.items(), output) {
            Ok(pid) => {
                self.running.insert(job.id.clone(), pid);
                ctx.perform(reap::reap(pid), move |process, status, _| {
                    let result = process.on_ended(&job.id, status);
                    let fetched = if result.is_ok() {
                        Filled::Yes
                    } else {
                        Filled::No
                    };
                    process.settle(&job, plan, fetched);
                    promise.set(result);
                });
            }
            Err(error) => {
                self.failed.increment();
                self.settle(&job, plan, Filled::No);
                promise.set(Err(error));
            }
        }
    }

    /// Decides for each artifact whether it goes through the cache.
    fn plan(&mut self, job: &Job) -> Plan {
        let directory = self.cache_dir(job.cache_user.as_deref());
        let mut plan = Plan::default();
        for uri in &job.uris {
            let way = if uri.cache() {
                self.way(job, uri, &directory, &mut plan)
            } else {
                Way::Bypass
            };
            plan.ways.push((uri.clone(), way));
        }
        plan
    }

    fn way(
        &mut self,
        job: &Job,
        uri: &v1::command_info::Uri,
        directory: &Path,
        plan: &mut Plan,
    ) -> Way {
        let key = Cache::key(job.cache_user.as_deref(), uri.value());
        if let Some((file, completion)) = self.cache.acquire(&key) {
            let own = plan.created.iter().any(|(created, _)| *created == key);
            if completion == Completion::Pending || own || directory.join(&file).is_file() {
                plan.held.push(key.clone());
                if completion == Completion::Pending && !own {
                    plan.awaited.push(key.clone());
                    return Way::Await { key, file };
                }
                return Way::Retrieve { key, file };
            }
            // Somebody removed the file: it is fetched anew.
            self.cache.remove(&key);
        }
        let file = self.cache.begin(&key, uri.value());
        plan.created.push((key.clone(), uri.value().to_owned()));
        plan.held.push(key.clone());
        Way::Download { key, file }
    }

    /// Brings the cache in line with what a fetch left behind.
    fn settle(&mut self, job: &Job, plan: Plan, fetched: Filled) {
        let directory = self.cache_dir(job.cache_user.as_deref());
        for key in plan.held {
            self.cache.release(&key);
        }
        for (key, _) in plan.created {
            let filled = fetched == Filled::Yes && self.fill(&key, &directory);
            if !filled && let Some(file) = self.cache.remove(&key) {
                self.delete(&file);
            }
            let filled = if filled { Filled::Yes } else { Filled::No };
            self.tell(&key, filled);
        }
    }

    /// Tells containers that wait for an artifact what became of it.
    fn tell(&mut self, key: &str, filled: Filled) {
        for waiter in self.waiting.remove(key).unwrap_or_default() {
            waiter.set(filled);
        }
    }

    fn fill(&mut self, key: &str, directory: &Path) -> bool {
        let Some((file, _)) = self.cache.acquire(key) else {
            return false;
        };
        self.cache.release(key);
        fs::metadata(directory.join(file)).is_ok_and(|found| self.cache.complete(key, found.len()))
    }

    /// Files of all users lie below one directory.
    fn delete(&self, file: &str) {
        let root = &self.options.cache_dir;
        let users = fs::read_dir(root)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        for directory in users.chain([root.clone()]) {
            let path = directory.join(file);
            if path.is_file()
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(%error, path = %path.display(), "evicted file stays behind");
            }
        }
    }

    fn cache_dir(&self, user: Option<&str>) -> PathBuf {
        user.map_or_else(
            || self.options.cache_dir.clone(),
            |user| self.options.cache_dir.join(user),
        )
    }

    /// Ends the program of a container and all it started.
    pub(super) fn kill(&mut self, id: &ContainerId) {
        let Some(pid) = self.running.get(id) else {
            return;
        };
        if let Err(error) = kill_tree(
            &ProcFs::default(),
            *pid,
            Signal::SIGKILL,
            Follow::GroupsAndSessions,
        ) {
            tracing::warn!(%id, %error, "fetcher cannot be killed");
        }
    }

    fn on_ended(&mut self, id: &ContainerId, status: Option<i32>) -> Result<(), FetchError> {
        self.running.remove(id);
        if status == Some(0) {
            self.succeeded.increment();
            return Ok(());
        }
        self.failed.increment();
        let status = status.map_or_else(
            || "unknown status".to_owned(),
            |raw| WaitStatus::from_raw(raw).to_string(),
        );
        Err(FetchError::Failed {
            id: id.clone(),
            status,
        })
    }

    /// Starts the program.
    fn start(&self, job: &Job, items: Vec<Item>, output: Output) -> Result<i32, FetchError> {
        let program = programs::resolve(&self.options.launcher_dir, "mesos-fetcher")?;
        tracing::info!(id = %job.id, uris = job.uris.len(), "fetching");
        let nanoseconds = i64::try_from(self.options.stall_timeout.as_nanos()).unwrap_or(i64::MAX);
        let info = FetcherInfo {
            sandbox_directory: Some(job.sandbox.display().to_string()),
            cache_directory: Some(
                self.cache_dir(job.cache_user.as_deref())
                    .display()
                    .to_string(),
            ),
            items,
            user: job.user.clone(),
            frameworks_home: self.options.frameworks_home.clone(),
            stall_timeout: Some(v1::DurationInfo {
                nanoseconds: Some(nanoseconds),
                ..Default::default()
            }),
            ..Default::default()
        };
        let child = Command::new(&program.path)
            .arg0(&program.name)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| is_inherited(name)))
            .envs(
                self.options
                    .hadoop_home
                    .iter()
                    .map(|home| ("HADOOP_HOME", home)),
            )
            .env("MESOS_FETCHER_INFO", to_json(&info, Dialect::V0))
            .env("LIBPROCESS_IP", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(output.out)
            .stderr(output.err)
            .spawn()
            .map_err(FetchError::Start)?;
        Ok(i32::try_from(child.id()).unwrap_or(i32::MAX))
    }
}

/// Reads a figure of the fetcher.
pub(super) type Gauge = fn(&FetcherProcess) -> f64;

/// The gauges of the cache.
pub(super) const GAUGES: [(&str, Gauge); 2] = [
    ("containerizer/fetcher/cache_size_total_bytes", |fetcher| {
        bytes(fetcher.cache.capacity())
    }),
    ("containerizer/fetcher/cache_size_used_bytes", |fetcher| {
        bytes(fetcher.cache.reserved())
    }),
];

/// Numbers of bytes are exact up to four terabytes.
fn bytes(number: u64) -> f64 {
    let (kilobytes, rest) = (number / 1024, number % 1024);
    let part = |n: u64| u32::try_from(n).map_or_else(|_more| f64::from(u32::MAX), f64::from);
    part(kilobytes).mul_add(1024.0, part(rest))
}

/// What one container wants.
#[derive(Debug)]
struct Job {
    id: ContainerId,
    sandbox: PathBuf,
    /// Who owns what is fetched.
    user: Option<String>,
    /// Whose part of the cache serves.
    cache_user: Option<String>,
    uris: Vec<v1::command_info::Uri>,
}

/// Where the program writes to.
#[derive(Debug)]
struct Output {
    out: File,
    err: File,
}

impl Job {
    /// Checks the addresses and makes the output files, which are there in any case.
    fn prepare(&self) -> Result<Output, FetchError> {
        self.uris.iter().try_for_each(validate)?;
        let user = self.user.as_deref();
        Ok(Output {
            out: create_output(&self.sandbox.join("stdout"), user)?,
            err: create_output(&self.sandbox.join("stderr"), user)?,
        })
    }
}

/// Whether a download brought what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    Yes,
    No,
}

/// How an artifact reaches the sandbox.
#[derive(Debug, Clone)]
enum Way {
    /// Directly.
    Bypass,
    /// Into the cache first.
    Download { key: String, file: String },
    /// From the cache.
    Retrieve { key: String, file: String },
    /// From the cache, once another container has filled it.
    Await { key: String, file: String },
}

/// What is done for one container.
#[derive(Debug, Default)]
struct Plan {
    ways: Vec<(v1::command_info::Uri, Way)>,
    /// Entries that this container fills, with their addresses.
    created: Vec<(String, String)>,
    held: Vec<String>,
    awaited: Vec<String>,
}

impl Plan {
    /// Fetches directly what the cache will not have.
    fn without(mut self, lost: &[String]) -> Self {
        for (_, way) in &mut self.ways {
            let key = match way {
                Way::Bypass => continue,
                Way::Download { key, .. } | Way::Retrieve { key, .. } | Way::Await { key, .. } => {
                    key
                }
            };
            if lost.contains(key) {
                *way = Way::Bypass;
            }
        }
        self.created.retain(|(key, _)| !lost.contains(key));
        self.held.retain(|key| !lost.contains(key));
        self
    }

    fn items(&self) -> Vec<Item> {
        let item = |uri: &v1::command_info::Uri, way: &Way| {
            let (action, file) = match way {
                Way::Bypass => (Action::BypassCache, None),
                Way::Download { file, .. } => (Action::DownloadAndCache, Some(file.clone())),
                Way::Retrieve { file, .. } | Way::Await { file, .. } => {
                    (Action::RetrieveFromCache, Some(file.clone()))
                }
            };
            Item {
                uri: Some(uri.clone()),
                action: Some(action.into()),
                cache_filename: file,
                ..Default::default()
            }
        };
        self.ways.iter().map(|(uri, way)| item(uri, way)).collect()
    }
}

/// The size of an artifact that shall be cached; none when it cannot be told.
fn size_of(uri: &str, home: Option<&str>) -> Option<u64> {
    let address = uri.trim_start();
    if let Some(path) = local_path(address, home).ok()? {
        return fs::metadata(path).ok().map(|found| found.len());
    }
    let output = Command::new("curl")
        .args(["-s", "-L", "-I", "-g", address])
        .output()
        .ok()?;
    let head = String::from_utf8_lossy(&output.stdout).to_ascii_lowercase();
    let length = head
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    length.trim().parse().ok().filter(|length| *length > 0)
}

fn is_inherited(name: &str) -> bool {
    KEPT.contains(&name) || !(name.starts_with("LIBPROCESS_") || name.starts_with("MESOS_"))
}

/// Makes an output file of the sandbox, empty, belonging to the container's user.
fn create_output(path: &Path, user: Option<&str>) -> Result<File, FetchError> {
    let failed = |source| FetchError::Output {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(path)
        .map_err(failed)?;
    let Some(name) = user else { return Ok(file) };
    let refused = |source| FetchError::Owner {
        path: path.to_owned(),
        user: name.to_owned(),
        source,
    };
    let user = nix::unistd::User::from_name(name)
        .map_err(|errno| refused(errno.into()))?
        .ok_or_else(|| refused(io::Error::new(io::ErrorKind::NotFound, "no such user")))?;
    nix::unistd::chown(path, Some(user.uid), Some(user.gid))
        .map_err(|errno| refused(errno.into()))?;
    Ok(file)
}
