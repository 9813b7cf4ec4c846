//! Knows when all actors on a clock rest.
//!
//! # Invariants
//! Who hands work on enters for the receiver before leaving itself, so the count is zero only when all rest.

mod count;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError, mpsc};

use actix_rt::ArbiterHandle;

pub(crate) use self::count::Count;
use crate::address::Address;

/// How often a thread goes round its tasks before it counts as having run them.
const ROUNDS: usize = 3;

/// Counts what has work: actors with events, blocking jobs, messages between runtimes.
#[derive(Default)]
pub(crate) struct Activity {
    count: Count,
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
        self.count.enter();
    }

    pub(crate) fn exit(&self) {
        self.count.exit_many(1);
    }

    pub(crate) fn exit_many(&self, n: usize) {
        self.count.exit_many(n);
    }

    /// Blocks until the count is zero and tells which rest it is.
    pub(super) fn wait_until_idle(&self) -> u64 {
        self.count.wait_until_idle()
    }

    /// Whether it is still the same rest.
    pub(super) fn is_unchanged(&self, seen: u64) -> bool {
        self.count.is_unchanged(seen)
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
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
