//! Permits at an even pace.
//!
//! Mirrors `3rdparty/libprocess/include/process/limiter.hpp`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::future::Future;
use crate::promise::Promise;

/// Gives permits, evenly spaced, in the order in which they were asked for.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use libprocess::{Clock, RateLimiter};
///
/// let clock = Clock::paused();
/// let limiter = RateLimiter::new(clock.clone(), 2, Duration::from_secs(1));
/// let first = limiter.acquire();
/// let second = limiter.acquire();
/// assert!(!first.is_pending());
/// assert!(second.is_pending());
/// clock.advance(Duration::from_millis(500));
/// clock.settle();
/// assert!(!second.is_pending());
/// ```
#[derive(Clone, Debug)]
pub struct RateLimiter {
    clock: Clock,
    pace: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(u64, Promise<()>)>,
    next: u64,
    /// When the last permit was given, on the clock that never jumps.
    last: Option<Duration>,
    timer_set: bool,
}

impl RateLimiter {
    /// `permits` in `interval`: one every `interval / permits`. No permits means no limit.
    #[must_use]
    pub fn new(clock: Clock, permits: u32, interval: Duration) -> Self {
        let pace = interval.checked_div(permits).unwrap_or_default();
        Self {
            clock,
            pace,
            state: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when it is the caller's turn. A discard leaves the queue.
    pub fn acquire(&self) -> Future<()> {
        let now = self.clock.elapsed();
        let mut state = self.lock();
        let free = state.last.is_none_or(|last| now >= last + self.pace);
        if state.waiting.is_empty() && free {
            state.last = Some(now);
            return Future::ready(());
        }
        let (promise, future) = Promise::new();
        let number = state.next;
        state.next += 1;
        let queue = Arc::downgrade(&self.state);
        promise.on_discard(move || {
            if let Some(queue) = queue.upgrade() {
                leave(&queue, number);
            }
        });
        state.waiting.push_back((number, promise));
        self.schedule(&mut state, now);
        future
    }

    fn schedule(&self, state: &mut State, now: Duration) {
        if state.timer_set || state.waiting.is_empty() {
            return;
        }
        state.timer_set = true;
        let due = state.last.map_or(now, |last| last + self.pace);
        let limiter = self.clone();
        self.clock
            .timer(due.saturating_sub(now), move || limiter.serve());
    }

    fn serve(&self) {
        let now = self.clock.elapsed();
        let mut state = self.lock();
        state.timer_set = false;
        // The timer may be that of one who has left the queue, and a permit may have been given since.
        let due = state.last.is_none_or(|last| now >= last + self.pace);
        let next = due.then(|| state.waiting.pop_front()).flatten();
        if next.is_some() {
            state.last = Some(now);
        }
        self.schedule(&mut state, now);
        drop(state);
        if let Some((_, promise)) = next {
            promise.set(());
        }
    }
}

fn leave(queue: &Mutex<State>, number: u64) {
    let mut state = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let at = state.waiting.iter().position(|(known, _)| *known == number);
    let left = at.and_then(|at| state.waiting.remove(at));
    drop(state);
    if let Some((_, promise)) = left {
        promise.discard();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> (Clock, RateLimiter) {
        let clock = Clock::paused();
        let limiter = RateLimiter::new(clock.clone(), 2, Duration::from_millis(4));
        (clock, limiter)
    }

    fn pass(clock: &Clock, millis: u64) {
        clock.advance(Duration::from_millis(millis));
        clock.settle();
    }

    /// Mirrors: LimiterTest.Acquire
    #[test]
    fn permits_come_evenly_spaced() {
        let (clock, limiter) = limiter();
        let permits: Vec<Future<()>> = (0..4).map(|_| limiter.acquire()).collect();
        let pending = || permits.iter().filter(|permit| permit.is_pending()).count();
        assert_eq!(pending(), 3);

        pass(&clock, 1);
        assert_eq!(pending(), 3);
        pass(&clock, 1);
        assert_eq!(pending(), 2);
        pass(&clock, 2);
        assert_eq!(pending(), 1);
        pass(&clock, 2);
        assert_eq!(pending(), 0);
    }

    /// Mirrors: LimiterTest.DiscardMiddle
    #[test]
    fn a_discard_in_the_middle_moves_the_rest_up() {
        let (clock, limiter) = limiter();
        let _first = limiter.acquire();
        let second = limiter.acquire();
        let third = limiter.acquire();

        second.discard();
        pass(&clock, 2);

        assert_eq!(second.now(), Some(crate::Outcome::Discarded));
        assert!(!third.is_pending());
    }

    #[test]
    fn the_timer_of_a_discarded_one_gives_nobody_else_a_permit() {
        let (clock, limiter) = limiter();
        let _first = limiter.acquire();
        let (tell, told) = std::sync::mpsc::channel();
        let asking = limiter.clone();
        // Fires just before that of the limiter.
        clock.timer(Duration::from_millis(2), move || {
            tell.send([asking.acquire(), asking.acquire()])
                .expect("the test waits");
        });
        limiter.acquire().discard();

        pass(&clock, 2);

        let [third, fourth] = told.recv().expect("both");
        assert!(!third.is_pending());
        assert!(fourth.is_pending(), "it comes at an even pace");
        pass(&clock, 2);
        assert!(!fourth.is_pending());
    }

    /// Mirrors: LimiterTest.DiscardLast
    #[test]
    fn a_discard_of_the_last_one_costs_no_permit() {
        let (clock, limiter) = limiter();
        let _first = limiter.acquire();
        let second = limiter.acquire();

        second.discard();
        pass(&clock, 2);

        assert!(!limiter.acquire().is_pending());
    }
}
