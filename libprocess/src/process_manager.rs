//! The registry of a runtime's actors, and who waits for their end.
//!
//! Mirrors `ProcessManager` in `3rdparty/libprocess/src/process.cpp`.
//!
//! # Invariants
//! - An id belongs to one actor at a time.
//! - An actor leaves the registry before anybody is told that it has ended, and takes those along who wait for its end:
//!   who waits later waits for the next actor of that id.
//! - After [`ProcessManager::close`] no actor enters that [`ProcessManager::all`] does not give.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::event_queue::AnyQueue;
use crate::future::Future;
use crate::id::Ids;
use crate::promise::Promise;

const SHARDS: usize = 32;

type Shard = FxHashMap<Arc<str>, Arc<dyn AnyQueue>>;

/// Why an actor could not be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Another actor has the id.
    Taken,
    /// The runtime is being shut down.
    Closed,
}

/// The local actors by id.
pub(crate) struct ProcessManager {
    shards: Vec<Mutex<Shard>>,
    waiters: Mutex<HashMap<Arc<str>, Vec<Promise<()>>>>,
    count: AtomicUsize,
    closed: AtomicBool,
    pub(crate) ids: Ids,
}

impl ProcessManager {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            waiters: Mutex::default(),
            count: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            ids: Ids::default(),
        }
    }

    fn shard(&self, id: &str) -> Option<MutexGuard<'_, Shard>> {
        let hash = FxBuildHasher.hash_one(id);
        // The high bits pick the shard, the low ones the bucket within it.
        let index = usize::try_from(hash >> 48).unwrap_or_default() % SHARDS;
        let shard = self.shards.get(index)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn insert(&self, queue: Arc<dyn AnyQueue>) -> Result<(), Refused> {
        let id = Arc::clone(&queue.upid().id);
        let Some(mut shard) = self.shard(&id) else {
            return Err(Refused::Closed);
        };
        // Within the lock: who closes looks through all shards afterwards.
        if self.closed.load(Ordering::SeqCst) {
            return Err(Refused::Closed);
        }
        if shard.contains_key(&id) {
            return Err(Refused::Taken);
        }
        shard.insert(id, queue);
        self.count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<dyn AnyQueue>> {
        self.shard(id)?.get(id).cloned()
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.shard(id).is_some_and(|shard| shard.contains_key(id))
    }

    /// Takes an actor out, and with it those who wait for its end.
    pub(crate) fn remove(&self, id: &str) -> Removed {
        // Nobody can begin to wait meanwhile.
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = self.shard(id).and_then(|mut shard| shard.remove(id));
        if queue.is_some() {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
        Removed {
            _queue: queue,
            waiters: waiters.remove(id).unwrap_or_default(),
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyQueue>> {
        self.shards
            .iter()
            .flat_map(|shard| {
                let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                shard.values().cloned().collect::<Vec<_>>()
            })
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Refuses actors from now on; false when it did already.
    pub(crate) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn wait(&self, id: &Arc<str>) -> Future<()> {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.contains(id) {
            return Future::ready(());
        }
        let (promise, future) = Promise::new();
        waiters.entry(Arc::clone(id)).or_default().push(promise);
        future
    }
}

/// An actor that has left, and who waits for its end.
pub(crate) struct Removed {
    _queue: Option<Arc<dyn AnyQueue>>,
    waiters: Vec<Promise<()>>,
}

impl Removed {
    /// Tells those who wait.
    pub(crate) fn wake_waiters(self) {
        for promise in self.waiters {
            promise.set(());
        }
    }
}
