//! Locks that are waited for by futures, and a latch.
//!
//! Mirrors `3rdparty/libprocess/include/process/{mutex,rwlock,count_down_latch}.hpp`.
//! They order asynchronous work of actors; a lock that a future has given is given back by [`Mutex::unlock`] and the
//! like, not by a guard, because its holder is a chain of continuations.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use crate::future::Future;
use crate::promise::Promise;

fn lock<T>(state: &StdMutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
struct MutexState {
    locked: bool,
    waiting: VecDeque<Promise<()>>,
}

/// A lock for one holder at a time; clones are the same lock.
///
/// # Examples
/// ```
/// use libprocess::Mutex;
///
/// let mutex = Mutex::default();
/// let first = mutex.lock();
/// let second = mutex.lock();
/// assert!(!first.is_pending());
/// assert!(second.is_pending());
/// mutex.unlock();
/// assert!(!second.is_pending());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Mutex {
    state: Arc<StdMutex<MutexState>>,
}

impl Mutex {
    /// Ready when the caller holds the lock. First come, first served; a discard does not leave the line.
    pub fn lock(&self) -> Future<()> {
        let mut state = lock(&self.state);
        if !state.locked {
            state.locked = true;
            return Future::ready(());
        }
        let (promise, future) = Promise::new();
        state.waiting.push_back(promise);
        future
    }

    /// Gives the lock to the next in line.
    pub fn unlock(&self) {
        let mut state = lock(&self.state);
        let next = state.waiting.pop_front();
        state.locked = next.is_some();
        drop(state);
        if let Some(promise) = next {
            promise.set(());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

#[derive(Debug, Default)]
struct ReadWriteState {
    readers: usize,
    writing: bool,
    waiting: VecDeque<(Access, Promise<()>)>,
}

/// A lock for many readers or one writer; clones are the same lock.
///
/// Readers queue behind a writer that waits, so writers are not starved.
#[derive(Clone, Debug, Default)]
pub struct ReadWriteLock {
    state: Arc<StdMutex<ReadWriteState>>,
}

impl ReadWriteLock {
    /// Ready when the caller may read.
    pub fn read_lock(&self) -> Future<()> {
        let mut state = lock(&self.state);
        if !state.writing && state.waiting.is_empty() {
            state.readers += 1;
            return Future::ready(());
        }
        wait(&mut state, Access::Read)
    }

    /// Ready when the caller may write.
    pub fn write_lock(&self) -> Future<()> {
        let mut state = lock(&self.state);
        if !state.writing && state.readers == 0 {
            state.writing = true;
            return Future::ready(());
        }
        wait(&mut state, Access::Write)
    }

    /// One reader has finished; the last lets a writer in.
    pub fn read_unlock(&self) {
        let mut state = lock(&self.state);
        state.readers = state.readers.saturating_sub(1);
        let next = if state.readers == 0 {
            let_in(&mut state)
        } else {
            Vec::new()
        };
        drop(state);
        tell(next);
    }

    /// The writer has finished; the next writer, or all readers up to it, are let in.
    pub fn write_unlock(&self) {
        let mut state = lock(&self.state);
        state.writing = false;
        let next = let_in(&mut state);
        drop(state);
        tell(next);
    }
}

fn wait(state: &mut ReadWriteState, access: Access) -> Future<()> {
    let (promise, future) = Promise::new();
    state.waiting.push_back((access, promise));
    future
}

/// Takes the leading group out of the line: one writer, or readers.
fn let_in(state: &mut ReadWriteState) -> Vec<Promise<()>> {
    let mut group = Vec::new();
    while let Some((access, promise)) = state.waiting.pop_front() {
        match access {
            Access::Write if group.is_empty() => {
                state.writing = true;
                group.push(promise);
                break;
            }
            Access::Write => {
                state.waiting.push_front((access, promise));
                break;
            }
            Access::Read => {
                state.readers += 1;
                group.push(promise);
            }
        }
    }
    group
}

fn tell(group: Vec<Promise<()>>) {
    for promise in group {
        promise.set(());
    }
}

#[derive(Debug)]
struct LatchState {
    left: usize,
    waiting: Vec<Promise<()>>,
}

/// Opens after it has been counted down; clones are the same latch.
///
/// # Examples
/// ```
/// use libprocess::CountDownLatch;
///
/// let latch = CountDownLatch::new(2);
/// let open = latch.triggered();
/// latch.decrement();
/// assert!(open.is_pending());
/// latch.decrement();
/// assert!(!open.is_pending());
/// ```
#[derive(Clone, Debug)]
pub struct CountDownLatch {
    state: Arc<StdMutex<LatchState>>,
}

impl CountDownLatch {
    /// A latch that opens after so many decrements.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            state: Arc::new(StdMutex::new(LatchState {
                left: count,
                waiting: Vec::new(),
            })),
        }
    }

    /// Counts down by one.
    pub fn decrement(&self) {
        let mut state = lock(&self.state);
        state.left = state.left.saturating_sub(1);
        let told = if state.left == 0 {
            std::mem::take(&mut state.waiting)
        } else {
            Vec::new()
        };
        drop(state);
        tell(told);
    }

    /// Ready when the count is zero.
    pub fn triggered(&self) -> Future<()> {
        let mut state = lock(&self.state);
        if state.left == 0 {
            return Future::ready(());
        }
        let (promise, future) = Promise::new();
        state.waiting.push(promise);
        future
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: MutexTest.Lock
    /// Mirrors: MutexTest.Block
    /// Mirrors: MutexTest.Queue
    #[test]
    fn a_mutex_goes_to_who_waits_in_their_order() {
        let mutex = Mutex::default();
        let (first, second, third) = (mutex.lock(), mutex.lock(), mutex.lock());
        assert!(!first.is_pending() && second.is_pending());

        mutex.unlock();
        assert!(!second.is_pending() && third.is_pending());
        mutex.unlock();
        assert!(!third.is_pending());
        mutex.unlock();

        assert!(!mutex.lock().is_pending());
    }

    /// Mirrors: ReadWriteLockTest.LockWhenUnlocked
    /// Mirrors: ReadWriteLockTest.ConcurrentReads
    #[test]
    fn readers_share_and_a_writer_is_alone() {
        let shared = ReadWriteLock::default();
        assert!(!shared.read_lock().is_pending());
        assert!(!shared.read_lock().is_pending());
        let writer = shared.write_lock();

        shared.read_unlock();
        assert!(writer.is_pending());
        shared.read_unlock();
        assert!(!writer.is_pending());

        assert!(shared.read_lock().is_pending());
    }

    /// Mirrors: ReadWriteLockTest.BlockReads
    /// Mirrors: ReadWriteLockTest.BlockWrites
    #[test]
    fn a_writer_holds_up_readers_and_writers() {
        let shared = ReadWriteLock::default();
        assert!(!shared.write_lock().is_pending());
        let (one, two, writer) = (shared.read_lock(), shared.read_lock(), shared.write_lock());
        assert!(one.is_pending() && two.is_pending() && writer.is_pending());

        shared.write_unlock();

        assert!(
            !one.is_pending() && !two.is_pending(),
            "the leading readers go together"
        );
        assert!(writer.is_pending());
    }

    /// Mirrors: ReadWriteLockTest.NoStarvation
    #[test]
    fn readers_queue_behind_a_writer_that_waits() {
        let shared = ReadWriteLock::default();
        assert!(!shared.read_lock().is_pending());
        let (writer, reader) = (shared.write_lock(), shared.read_lock());

        shared.read_unlock();
        assert!(!writer.is_pending() && reader.is_pending());
        shared.write_unlock();

        assert!(!reader.is_pending());
    }

    /// Mirrors: CountDownLatchTest.Triggered
    /// Mirrors: CountDownLatchTest.Threads
    #[test]
    fn a_latch_opens_for_all_when_every_thread_has_counted() {
        let latch = CountDownLatch::new(10);
        let (one, two) = (latch.triggered(), latch.triggered());
        let threads: Vec<_> = (0..10)
            .map(|_| {
                let latch = latch.clone();
                std::thread::spawn(move || latch.decrement())
            })
            .collect();
        for thread in threads {
            thread.join().expect("a thread");
        }

        assert!(!one.is_pending() && !two.is_pending());
        assert!(!latch.triggered().is_pending());
    }
}
