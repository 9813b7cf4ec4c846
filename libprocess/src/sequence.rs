//! One asynchronous thing after the other.
//!
//! Mirrors `3rdparty/libprocess/include/process/sequence.hpp`.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::future::Future;
use crate::promise::Promise;

/// A callback that waits for its turn.
trait Job: Send {
    fn run(self: Box<Self>, sequence: &Arc<Mutex<State>>);
    fn discard(self: Box<Self>);
}

struct Work<T: Send + 'static, F> {
    promise: Promise<T>,
    callback: F,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(u64, Box<dyn Job>)>,
    next: u64,
    running: bool,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts every callback when the future of the one before has ended in any way.
///
/// Dropping it discards what has not started, the last first.
///
/// # Examples
/// ```
/// use libprocess::{Future, Promise, Sequence};
///
/// let sequence = Sequence::new();
/// let (promise, slow) = Promise::new();
/// let first = sequence.add(move || slow);
/// let second = sequence.add(|| Future::ready("second"));
/// assert!(second.is_pending());
/// promise.set("first");
/// assert!(!second.is_pending());
/// # drop(first);
/// ```
#[derive(Default)]
pub struct Sequence {
    state: Arc<Mutex<State>>,
}

impl Sequence {
    /// An empty sequence.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a callback. A discard before it has started takes it out; afterwards it goes to its future.
    pub fn add<T: Send + 'static>(
        &self,
        callback: impl FnOnce() -> Future<T> + Send + 'static,
    ) -> Future<T> {
        let (promise, result) = Promise::new();
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        let weak = Arc::downgrade(&self.state);
        promise.on_discard(move || {
            let taken = weak.upgrade().and_then(|state| take(&state, number));
            if let Some(job) = taken {
                job.discard();
            }
        });
        state
            .waiting
            .push_back((number, Box::new(Work { promise, callback })));
        let idle = !std::mem::replace(&mut state.running, true);
        drop(state);
        if idle {
            run_next(&self.state);
        }
        result
    }
}

fn take(state: &Mutex<State>, number: u64) -> Option<Box<dyn Job>> {
    let mut state = lock(state);
    let at = state
        .waiting
        .iter()
        .position(|(known, _)| *known == number)?;
    state.waiting.remove(at).map(|(_, job)| job)
}

fn run_next(sequence: &Arc<Mutex<State>>) {
    let mut state = lock(sequence);
    let next = state.waiting.pop_front();
    state.running = next.is_some();
    drop(state);
    if let Some((_, job)) = next {
        job.run(sequence);
    }
}

impl<T: Send + 'static, F: FnOnce() -> Future<T> + Send> Job for Work<T, F> {
    fn run(self: Box<Self>, sequence: &Arc<Mutex<State>>) {
        let Self { promise, callback } = *self;
        let future = callback();
        if let Some(handle) = future.discard_handle() {
            promise.on_discard(move || handle.discard());
        }
        let sequence = Arc::clone(sequence);
        future.on_any(move |outcome| {
            promise.complete(outcome);
            run_next(&sequence);
        });
    }

    fn discard(self: Box<Self>) {
        self.promise.discard();
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        let mut waiting = std::mem::take(&mut lock(&self.state).waiting);
        while let Some((_, job)) = waiting.pop_back() {
            job.discard();
        }
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence")
            .field("waiting", &lock(&self.state).waiting.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::future::Outcome;

    type Log = Arc<Mutex<Vec<u8>>>;

    fn held(sequence: &Sequence, log: &Log, name: u8) -> (Promise<u8>, Future<u8>) {
        let (promise, future) = Promise::new();
        let log = Arc::clone(log);
        let result = sequence.add(move || {
            log.lock().expect("a lock").push(name);
            future
        });
        (promise, result)
    }

    fn started(log: &Log) -> Vec<u8> {
        log.lock().expect("a lock").clone()
    }

    /// Mirrors: SequenceTest.Serialize
    #[test]
    fn a_callback_starts_when_the_one_before_has_ended() {
        let (sequence, log) = (Sequence::new(), Log::default());
        let (one, first) = held(&sequence, &log, 1);
        let (two, second) = held(&sequence, &log, 2);
        let (_three, _third) = held(&sequence, &log, 3);
        assert_eq!(started(&log), [1]);

        one.set(10);
        assert_eq!(started(&log), [1, 2]);
        two.fail("no matter");
        assert_eq!(started(&log), [1, 2, 3]);

        assert_eq!(first.now(), Some(Outcome::Ready(10)));
        assert_eq!(second.now(), Some(Outcome::Failed("no matter".into())));
    }

    /// Mirrors: SequenceTest.DiscardOne
    #[test]
    fn a_discarded_entry_is_skipped() {
        let (sequence, log) = (Sequence::new(), Log::default());
        let (one, _first) = held(&sequence, &log, 1);
        let (_two, second) = held(&sequence, &log, 2);
        let (_three, _third) = held(&sequence, &log, 3);

        second.discard();
        assert_eq!(second.now(), Some(Outcome::Discarded));
        one.set(0);

        assert_eq!(started(&log), [1, 3]);
    }

    /// Mirrors: SequenceTest.DiscardAll
    #[test]
    fn dropping_the_sequence_discards_what_has_not_started() {
        let (sequence, log) = (Sequence::new(), Log::default());
        let (one, first) = held(&sequence, &log, 1);
        let (_two, second) = held(&sequence, &log, 2);

        drop(sequence);

        assert_eq!(second.now(), Some(Outcome::Discarded));
        assert!(first.is_pending());
        one.set(1);
        assert_eq!(first.now(), Some(Outcome::Ready(1)));
    }

    /// Mirrors: SequenceTest.Random
    #[test]
    fn what_is_added_never_sees_another_one_half_done() {
        let mut random = crate::simulation::Random::new(5);
        let (sequence, halves) = (Sequence::new(), Arc::new(Mutex::new(Vec::new())));
        let results: Vec<Future<bool>> = (0..100)
            .map(|_| {
                let halves = Arc::clone(&halves);
                let slow = random.chance(500);
                sequence.add(move || {
                    let mut open = halves.lock().expect("a lock");
                    let alone = open.is_empty();
                    if slow {
                        let (promise, done) = Promise::new();
                        open.push(promise);
                        done.map(move |()| alone)
                    } else {
                        Future::ready(alone)
                    }
                })
            })
            .collect();

        loop {
            let half = halves.lock().expect("a lock").pop();
            let Some(half) = half else { break };
            half.set(());
        }

        for result in results {
            assert_eq!(result.now(), Some(Outcome::Ready(true)));
        }
    }

    #[test]
    fn a_discard_of_what_has_started_goes_to_its_future() {
        let (sequence, log) = (Sequence::new(), Log::default());
        let (one, first) = held(&sequence, &log, 1);

        first.discard();

        assert!(one.discard_requested());
    }
}
