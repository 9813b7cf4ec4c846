//! Loom's types in the place of `libprocess/src/sync.rs`.

pub(crate) use std::sync::PoisonError;

pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    /// Loom takes sequentially consistent accesses for acquire and release; a fence it knows.
    pub(crate) fn total_order() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }
}
