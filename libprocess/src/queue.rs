//! A queue whose readers wait in line.
//!
//! Mirrors `3rdparty/libprocess/include/process/queue.hpp`.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::future::Future;
use crate::promise::Promise;

struct State<T: Send + 'static> {
    values: VecDeque<T>,
    readers: VecDeque<(u64, Promise<T>)>,
    next: u64,
}

/// A queue; clones are the same queue.
///
/// # Examples
/// ```
/// use libprocess::{Outcome, Queue};
///
/// let queue = Queue::new();
/// let first = queue.get();
/// assert!(first.is_pending());
/// queue.put("hello");
/// assert_eq!(first.now(), Some(Outcome::Ready("hello")));
/// ```
pub struct Queue<T: Send + 'static> {
    state: Arc<Mutex<State<T>>>,
}

impl<T: Send + 'static> Queue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            values: VecDeque::new(),
            readers: VecDeque::new(),
            next: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a value to the first reader in line, or keeps it.
    pub fn put(&self, value: T) {
        let mut state = self.lock();
        match state.readers.pop_front() {
            Some((_, reader)) => {
                drop(state);
                reader.set(value);
            }
            None => state.values.push_back(value),
        }
    }

    /// The oldest value, or the next that comes. A discard leaves the line.
    pub fn get(&self) -> Future<T> {
        let mut state = self.lock();
        if let Some(value) = state.values.pop_front() {
            return Future::ready(value);
        }
        let (promise, future) = Promise::new();
        let number = state.next;
        state.next += 1;
        let weak = Arc::downgrade(&self.state);
        promise.on_discard(move || {
            if let Some(state) = weak.upgrade() {
                leave(&state, number);
            }
        });
        state.readers.push_back((number, promise));
        future
    }

    /// How many values wait for a reader.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().values.len()
    }

    /// Whether no value waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn leave<T: Send + 'static>(state: &Mutex<State<T>>, number: u64) {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let at = state.readers.iter().position(|(known, _)| *known == number);
    let left = at.and_then(|at| state.readers.remove(at));
    drop(state);
    if let Some((_, promise)) = left {
        promise.discard();
    }
}

impl<T: Send + 'static> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + 'static> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::future::Outcome;

    /// Mirrors: QueueTest.Block
    /// Mirrors: QueueTest.Noblock
    /// Mirrors: QueueTest.Queue
    #[test]
    fn values_and_readers_meet_in_their_order() {
        let queue = Queue::new();
        let (first, second) = (queue.get(), queue.get());
        for value in 1..=4 {
            queue.put(value);
        }

        assert_eq!(first.now(), Some(Outcome::Ready(1)));
        assert_eq!(second.now(), Some(Outcome::Ready(2)));
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.get().now(), Some(Outcome::Ready(3)));
    }

    /// Mirrors: QueueTest.Discard
    #[test]
    fn a_reader_that_leaves_gets_nothing() {
        let queue = Queue::new();
        let (first, second) = (queue.get(), queue.get());

        first.discard();
        queue.put(1);

        assert_eq!(first.now(), Some(Outcome::Discarded));
        assert_eq!(second.now(), Some(Outcome::Ready(1)));
    }
}
