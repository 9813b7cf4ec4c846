//! A count that threads can wait for to be zero.
//!
//! # Invariants
//! Two rests with work between them are told apart, however short that was.

use std::fmt;

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, total_order};
use crate::sync::{Condvar, Mutex, PoisonError};

/// One entry: the count in the low half, and a serial number in the high half that tells two rests apart.
const ENTRY: u64 = (1 << 32) + 1;
const COUNT: u64 = (1 << 32) - 1;

/// How many have work.
#[derive(Default)]
pub(crate) struct Count {
    state: AtomicU64,
    waiters: AtomicUsize,
    lock: Mutex<()>,
    idle: Condvar,
}

impl Count {
    /// Something has work.
    pub(crate) fn enter(&self) {
        self.state.fetch_add(ENTRY, Ordering::SeqCst);
    }

    /// So many have none any more.
    pub(crate) fn exit_many(&self, n: usize) {
        let Ok(n @ 1..) = u64::try_from(n) else {
            return;
        };
        let before = self.state.fetch_sub(n, Ordering::SeqCst);
        total_order();
        if before & COUNT == n && self.waiters.load(Ordering::SeqCst) > 0 {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.idle.notify_all();
        }
    }

    /// Blocks until the count is zero and tells which rest it is.
    pub(crate) fn wait_until_idle(&self) -> u64 {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        total_order();
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
    pub(crate) fn is_unchanged(&self, seen: u64) -> bool {
        self.state.load(Ordering::SeqCst) == seen
    }
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state.load(Ordering::Relaxed) & COUNT)
    }
}
