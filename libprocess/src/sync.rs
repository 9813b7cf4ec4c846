//! What the primitives that threads share are made of.
//!
//! The models in `libprocess/loom` compile those primitives with loom's types in the place of these.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    /// Here all accesses with [`Ordering::SeqCst`] on both sides of this have one order for all threads.
    ///
    /// That costs nothing: they have it by themselves. Loom takes them for acquire and release and needs a fence.
    #[inline]
    pub(crate) const fn total_order() {}
}
