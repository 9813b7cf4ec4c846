//! Threads for work that blocks.
//!
//! # Invariants
//! - At most [`MAX_THREADS`] jobs run at once; further ones wait their turn.
//! - A job counts as activity from the moment it is handed in until it has returned.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::abort::AbortOnPanic;
use crate::clock::Activity;

const MAX_THREADS: usize = 64;
const IDLE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Core {
    state: Mutex<State>,
    work: Condvar,
    activity: Arc<Activity>,
}

/// The pool of one runtime. Threads start when needed and end when idle.
#[derive(Clone)]
pub(crate) struct BlockingPool {
    core: Arc<Core>,
}

impl BlockingPool {
    pub(crate) fn new(activity: Arc<Activity>) -> Self {
        let core = Core {
            state: Mutex::default(),
            work: Condvar::new(),
            activity,
        };
        Self {
            core: Arc::new(core),
        }
    }

    /// Runs a job on some thread; after [`BlockingPool::close`] it is dropped.
    pub(crate) fn spawn(&self, job: Job) {
        let mut state = self.core.lock();
        if state.closed {
            return;
        }
        self.core.activity.enter();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() || state.threads >= MAX_THREADS {
            drop(state);
            self.core.work.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        let core = Arc::clone(&self.core);
        let spawned = thread::Builder::new()
            .name("libprocess-blocking".to_owned())
            .spawn(move || core.run());
        if let Err(error) = spawned {
            tracing::error!(%error, "failed to start a thread for blocking work");
            self.core.lock().threads -= 1;
        }
    }

    /// Drops what waits; what runs goes on to its end on its own.
    pub(crate) fn close(&self) {
        let mut state = self.core.lock();
        state.closed = true;
        let dropped = std::mem::take(&mut state.jobs);
        drop(state);
        self.core.activity.exit_many(dropped.len());
        self.core.work.notify_all();
    }
}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPool").finish_non_exhaustive()
    }
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let _guard = AbortOnPanic;
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                self.activity.exit();
                state = self.lock();
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let (woken, timeout) = self
                .work
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }
}
