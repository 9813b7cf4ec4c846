//! Waiting for operating-system processes to end.
//!
//! Mirrors `3rdparty/libprocess/include/process/reap.hpp`.
//! Where C++ polls every process ten times a second, here a descriptor of the process becomes readable when it ends.
//!
//! # Invariants
//! A child is collected once; everybody who waits for it is told the same.

use std::collections::HashMap;
use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, write};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};

use crate::future::Future;
use crate::promise::Promise;
use crate::runtime::Runtime;

/// The event that ends the thread; no process has this number.
const STOP: u64 = u64::MAX;

/// How many ends are taken at once.
const BATCH: usize = 64;

struct Watched {
    /// Closing it takes it out of the set that the thread waits for.
    _descriptor: OwnedFd,
    waiters: Vec<Promise<Option<ExitStatus>>>,
}

/// The thread that waits, with what it waits for.
struct Core {
    epoll: OwnedFd,
    stop: OwnedFd,
    watched: Mutex<HashMap<u64, Watched>>,
}

/// Waits for processes of the operating system, with a thread that starts when it is first needed.
#[derive(Default)]
pub(crate) struct Reaper {
    core: OnceLock<Option<Arc<Core>>>,
}

impl Reaper {
    fn wait(&self, pid: i32) -> Future<Option<ExitStatus>> {
        let process = (pid > 0).then(|| Pid::from_raw(pid)).flatten();
        let (Some(process), Some(core)) = (process, self.core()) else {
            return Future::ready(None);
        };
        let key = u64::from(pid.unsigned_abs());
        let mut watched = core.lock();
        let (promise, future) = Promise::new();
        if let Some(known) = watched.get_mut(&key) {
            known.waiters.push(promise);
            return future;
        }
        let Ok(descriptor) = pidfd_open(process, PidfdFlags::empty()) else {
            // There is no such process, or its end was collected by somebody else.
            return Future::ready(None);
        };
        let added = epoll::add(
            &core.epoll,
            &descriptor,
            EventData::new_u64(key),
            EventFlags::IN,
        );
        if let Err(error) = added {
            tracing::error!(%error, pid, "failed to watch a process");
            return Future::failed(format!("failed to watch process {pid}: {error}"));
        }
        watched.insert(
            key,
            Watched {
                _descriptor: descriptor,
                waiters: vec![promise],
            },
        );
        future
    }

    fn core(&self) -> Option<&Arc<Core>> {
        let core = self.core.get_or_init(|| {
            Core::start()
                .inspect_err(|error| tracing::error!(%error, "failed to start reaping"))
                .ok()
        });
        core.as_ref()
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        if let Some(Some(core)) = self.core.get() {
            // A full counter has been told already.
            let _ = write(&core.stop, &1_u64.to_ne_bytes());
        }
    }
}

impl Core {
    fn start() -> std::io::Result<Arc<Self>> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &stop, EventData::new_u64(STOP), EventFlags::IN)?;
        let core = Arc::new(Self {
            epoll,
            stop,
            watched: Mutex::default(),
        });
        let runner = Arc::clone(&core);
        thread::Builder::new()
            .name("libprocess-reaper".to_owned())
            .spawn(move || runner.run())?;
        Ok(core)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut events = Vec::with_capacity(BATCH);
        loop {
            events.clear();
            let waited = epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                None,
            );
            match waited {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "failed to wait for processes");
                    return;
                }
            }
            for event in &events {
                match event.data.u64() {
                    STOP => return,
                    key => self.collect(key),
                }
            }
        }
    }

    /// A process has ended: its status when it is our child.
    fn collect(&self, key: u64) {
        let Some(watched) = self.lock().remove(&key) else {
            return;
        };
        let process = i32::try_from(key).ok().and_then(Pid::from_raw);
        let collected =
            process.and_then(|process| waitpid(Some(process), WaitOptions::NOHANG).ok().flatten());
        let status = collected.map(|(_, status)| ExitStatus::from_raw(status.as_raw()));
        for promise in watched.waiters {
            promise.set(status);
        }
    }
}

impl fmt::Debug for Reaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reaper").finish_non_exhaustive()
    }
}

impl Runtime {
    /// Ready when that process of the operating system has ended: with its status when it is our child.
    ///
    /// Ready at once, without a status, when there is no such process.
    /// Nobody else may wait for the same child: who collects it first has its status.
    ///
    /// # Examples
    /// ```
    /// use libprocess::Runtime;
    ///
    /// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
    /// let child = std::process::Command::new("true").spawn().expect("a child");
    /// let pid = i32::try_from(child.id()).expect("a pid");
    /// let status = runtime.block_on(runtime.reap(pid)).ready().flatten();
    /// assert!(status.is_some_and(|status| status.success()));
    /// runtime.shutdown();
    /// # Ok::<(), libprocess::StartError>(())
    /// ```
    pub fn reap(&self, pid: i32) -> Future<Option<ExitStatus>> {
        self.inner().reaper.wait(pid)
    }
}
