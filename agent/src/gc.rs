//! Removes directories some time after they were last used, sooner when the disk fills.
//!
//! Mirrors `src/slave/gc.cpp`.
//!
//! # Owns
//! The directories that wait for their removal, by the time of it.
//!
//! # Timers
//! One, for the earliest removal.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use libprocess::{
    Context, Future, Pid, Process, ProcessId, Promise, Runtime, Time, Timer, metrics::Counter,
};
use mesos_containerizer::sandbox_collector::SandboxCollector;

/// What happened to a request to keep a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unscheduled {
    /// It was to be removed and stays.
    Kept,
    /// It was not to be removed, or its removal had begun and is over now.
    NotScheduled,
}

#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    at: Time,
    done: Promise<Result<(), String>>,
}

/// The actor that removes directories.
#[derive(Debug)]
pub struct GarbageCollectorProcess {
    waiting: Vec<Waiting>,
    removing: BTreeMap<PathBuf, Vec<Promise<Unscheduled>>>,
    timer: Option<Timer>,
    /// Removals go one after the other: one directory may lie in another.
    turn: Arc<Mutex<()>>,
    succeeded: Counter,
    failed: Counter,
}

impl Process for GarbageCollectorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("agent-garbage-collector")
    }
}

impl GarbageCollectorProcess {
    fn schedule(
        &mut self,
        after: Duration,
        path: PathBuf,
        ctx: &mut Context<Self>,
    ) -> Future<Result<(), String>> {
        self.waiting.retain(|waiting| waiting.path != path);
        let (done, future) = Promise::new();
        self.waiting.push(Waiting {
            path,
            at: ctx.now() + after,
            done,
        });
        self.arm(ctx);
        future
    }

    fn unschedule(&mut self, path: &Path) -> Future<Unscheduled> {
        if let Some(waiters) = self.removing.get_mut(path) {
            let (promise, future) = Promise::new();
            waiters.push(promise);
            return future;
        }
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.path != path);
        Future::ready(if self.waiting.len() < before {
            Unscheduled::Kept
        } else {
            Unscheduled::NotScheduled
        })
    }

    /// Removes at once what would be removed within `within`.
    fn prune(&mut self, within: Duration, ctx: &mut Context<Self>) {
        let limit = ctx.now() + within;
        self.remove_due(limit, ctx);
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        let Some(earliest) = self.waiting.iter().map(|waiting| waiting.at).min() else {
            return;
        };
        let now = ctx.now();
        let after = if earliest > now {
            earliest - now
        } else {
            Duration::ZERO
        };
        self.timer = Some(ctx.delay(after, |collector, ctx| {
            let now = ctx.now();
            collector.remove_due(now, ctx);
        }));
    }

    fn remove_due(&mut self, limit: Time, ctx: &mut Context<Self>) {
        let (due, later) = self
            .waiting
            .drain(..)
            .partition(|waiting| waiting.at <= limit);
        self.waiting = later;
        let due: Vec<Waiting> = due;
        if !due.is_empty() {
            let paths: Vec<PathBuf> = due.iter().map(|waiting| waiting.path.clone()).collect();
            for path in &paths {
                self.removing.insert(path.clone(), Vec::new());
            }
            let turn = Arc::clone(&self.turn);
            ctx.perform_blocking(
                move || {
                    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                    paths.iter().map(|path| remove(path)).collect::<Vec<_>>()
                },
                move |collector, results, _| {
                    for (waiting, result) in due.into_iter().zip(results) {
                        collector.on_removed(waiting, result);
                    }
                },
            );
        }
        self.arm(ctx);
    }

    fn on_removed(&mut self, waiting: Waiting, result: io::Result<()>) {
        for waiter in self.removing.remove(&waiting.path).unwrap_or_default() {
            waiter.set(Unscheduled::NotScheduled);
        }
        match &result {
            Ok(()) => self.succeeded.increment(),
            // Somebody else removed it: that is neither a success nor a failure.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, path = %waiting.path.display(), "directory cannot be removed");
                self.failed.increment();
            }
        }
        waiting.done.set(result.map_err(|error| error.to_string()));
    }
}

/// Removes a directory with everything that can be removed, after what was mounted there.
///
/// A task may have mounted a volume in its sandbox: what the volume holds is not to be lost with the sandbox.
fn remove(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    let real = fs::canonicalize(path)?;
    for target in mounts_below(&real)?.iter().rev() {
        tracing::warn!(mount = %target.display(), "unmounting what was left mounted");
        nix::mount::umount(target)?;
    }
    remove_tree(&real)
}

/// The mount points below a directory, in the order in which they were mounted.
fn mounts_below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let own = procfs::process::Process::myself().map_err(io::Error::other)?;
    let mounts = own.mountinfo().map_err(io::Error::other)?;
    let targets = mounts.into_iter().map(|mount| mount.mount_point);
    Ok(targets
        .filter(|target| target.starts_with(directory))
        .collect())
}

/// Removes as much of a directory as can be removed; the first failure is returned.
fn remove_tree(directory: &Path) -> io::Result<()> {
    let mut first = Ok(());
    for entry in fs::read_dir(directory)? {
        let removed = entry.and_then(|entry| {
            if entry.file_type()?.is_dir() {
                remove_tree(&entry.path())
            } else {
                fs::remove_file(entry.path())
            }
        });
        // Its parent may be on its way out too.
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => first = first.and(Err(error)),
            Ok(()) | Err(_) => {}
        }
    }
    first.and_then(|()| fs::remove_dir(directory))
}

/// The handle of the [`GarbageCollectorProcess`].
#[derive(Clone)]
pub struct GarbageCollector {
    pid: Pid<GarbageCollectorProcess>,
}

impl fmt::Debug for GarbageCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GarbageCollector")
            .field(self.pid.upid())
            .finish()
    }
}

impl GarbageCollector {
    /// Starts the actor.
    pub fn spawn(runtime: &Runtime) -> Self {
        let metrics = runtime.metrics();
        let pid = runtime.spawn(GarbageCollectorProcess {
            waiting: Vec::new(),
            removing: BTreeMap::new(),
            timer: None,
            turn: Arc::default(),
            succeeded: metrics.counter("gc/path_removals_succeeded"),
            failed: metrics.counter("gc/path_removals_failed"),
        });
        let asked = pid.clone();
        metrics.pull_gauge("gc/path_removals_pending", move || {
            asked.call(|collector, _| count(collector.waiting.len()))
        });
        Self { pid }
    }

    /// Removes a directory later; the answer comes with its removal. A second call replaces the first.
    pub fn schedule(&self, after: Duration, path: PathBuf) -> Future<Result<(), String>> {
        self.pid
            .call_future(move |collector, ctx| collector.schedule(after, path, ctx))
    }

    /// Keeps a directory; while it is being removed, the answer waits for the end of that.
    pub fn unschedule(&self, path: PathBuf) -> Future<Unscheduled> {
        self.pid
            .call_future(move |collector, _| collector.unschedule(&path))
    }

    /// Removes at once what would be removed within a time.
    pub fn prune(&self, within: Duration) {
        self.pid
            .dispatch(move |collector, ctx| collector.prune(within, ctx));
    }
}

/// Has the sandboxes of containers other than executors' removed a while after they were last used.
#[derive(Debug)]
pub struct ContainerSandboxes {
    collector: GarbageCollector,
    delay: Duration,
}

impl ContainerSandboxes {
    /// They stay for `--gc_delay`.
    pub const fn new(collector: GarbageCollector, delay: Duration) -> Self {
        Self { collector, delay }
    }
}

impl SandboxCollector for ContainerSandboxes {
    fn schedule(&self, path: &Path, age: Duration) {
        let after = self.delay.saturating_sub(age);
        drop(self.collector.schedule(after, path.to_owned()));
    }

    fn unschedule(&self, path: &Path) -> Future<()> {
        self.collector.unschedule(path.to_owned()).map(drop)
    }
}

fn count(length: usize) -> f64 {
    u32::try_from(length).map_or_else(|_more| f64::from(u32::MAX), f64::from)
}

/// How long directories may stay: the fuller the disk, the shorter. Both shares are between 0 and 1.
pub fn max_allowed_age(gc_delay: Duration, headroom: f64, usage: f64) -> Duration {
    gc_delay.mul_f64((1.0 - headroom - usage).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
