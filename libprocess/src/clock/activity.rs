//! Knows when all actors on a clock rest.
//!
//! # Invariants
//! Who hands work on enters for the receiver before leaving itself, so the count is zero only when all rest.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

use actix_rt::ArbiterHandle;

use crate::address::Address;

/// One entry: the count in the low half, and a serial number in the high half that tells two rests apart.
const ENTRY: u64 = (1 << 32) + 1;
const COUNT: u64 = (1 << 32) - 1;

/// How often a thread goes round its tasks before it counts as having run them.
const ROUNDS: usize = 3;

/// Counts what has work: actors with events, blocking jobs, messages between runtimes.
#[derive(Default)]
pub(crate) struct Activity {
    state: AtomicU64,
    waiters: AtomicUsize,
    lock: Mutex<()>,
    idle: Condvar,
    /// The runtimes on this clock with their threads.
    runtimes: Mutex<HashMap<Address, Vec<ArbiterHandle>>>,
}

impl Activity {
    pub(crate) fn add_runtime(&self, address: Address, threads: Vec<ArbiterHandle>) {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        runtimes.insert(address, threads);
    }

    pub(crate) fn remove_runtime(&self, address: Address) {
        self.runtimes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&address);
    }

    /// Whether a runtime of this address is on this clock.
    pub(crate) fn has_runtime(&self, address: Address) -> bool {
        self.runtimes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&address)
    }

    pub(crate) fn enter(&self) {
        self.state.fetch_add(ENTRY, Ordering::SeqCst);
    }

    pub(crate) fn exit(&self) {
        self.exit_many(1);
    }

    pub(crate) fn exit_many(&self, n: usize) {
        let Ok(n @ 1..) = u64::try_from(n) else {
            return;
        };
        let before = self.state.fetch_sub(n, Ordering::SeqCst);
        if before & COUNT == n && self.waiters.load(Ordering::SeqCst) > 0 {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.idle.notify_all();
        }
    }

    /// Blocks until the count is zero and tells which rest it is.
    pub(super) fn wait_until_idle(&self) -> u64 {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = loop {
            let state = self.state.load(Ordering::SeqCst);
            if state & COUNT == 0 {
                break state;
            }
            guard = self
                .idle
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        };
        drop(guard);
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        seen
    }

    /// Whether it is still the same rest.
    pub(super) fn is_unchanged(&self, seen: u64) -> bool {
        self.state.load(Ordering::SeqCst) == seen
    }

    /// Blocks until every thread has gone round its tasks.
    pub(super) fn let_all_run(&self) {
        let threads: Vec<ArbiterHandle> = {
            let runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
            runtimes.values().flatten().cloned().collect()
        };
        let (done, all_done) = mpsc::channel::<()>();
        for thread in threads {
            let done = done.clone();
            // A thread that has ended drops the task, and with it its end of the channel.
            thread.spawn(async move {
                for _ in 0..ROUNDS {
                    tokio::task::yield_now().await;
                }
                drop(done);
            });
        }
        drop(done);
        while all_done.recv().is_ok() {}
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activity")
            .field("count", &(self.state.load(Ordering::Relaxed) & COUNT))
            .finish_non_exhaustive()
    }
}
