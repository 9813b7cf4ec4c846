//! The clock that every actor reads, and the timers that hang off it.
//!
//! Mirrors `3rdparty/libprocess/src/clock.cpp`.
//!
//! # Owns
//! All timers of the runtimes that share it, and one thread that fires them.
//!
//! # Invariants
//! - Timers fire in the order of their times, equal times in the order of creation.
//! - While paused, time moves only by [`Clock::advance`].
//! - [`Clock::settle`] returns when no actor has work, no timer is due and no message of a runtime on this clock
//!   is on its way to another one on this clock, all at once.
//!
//! Unlike C++, a paused clock has one time for all actors, not one per actor.

mod activity;
mod wheel;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) use self::activity::Activity;
pub(crate) use self::wheel::TimerKey;
use self::wheel::Wheel;
use crate::abort::AbortOnPanic;
use crate::time::Time;
use crate::timer::Timer;

type Action = Box<dyn FnOnce() + Send>;

/// A clock that can be paused; clones are the same clock.
///
/// # Examples
/// ```
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
/// use std::time::Duration;
/// use libprocess::Clock;
///
/// let clock = Clock::paused();
/// let rang = Arc::new(AtomicBool::new(false));
/// let bell = Arc::clone(&rang);
/// clock.timer(Duration::from_secs(3600), move || bell.store(true, Ordering::SeqCst));
///
/// clock.settle();
/// assert!(!rang.load(Ordering::SeqCst));
/// clock.advance(Duration::from_secs(3600));
/// clock.settle();
/// assert!(rang.load(Ordering::SeqCst));
/// ```
#[derive(Clone)]
pub struct Clock {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
}

/// Work that [`Clock::settle`] waits for.
#[derive(Debug)]
#[must_use = "the work counts until this is dropped"]
pub struct Working(Arc<Activity>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.exit();
    }
}

pub(crate) struct Core {
    state: Mutex<State>,
    changed: Condvar,
    /// Nanoseconds of the frozen wall time, zero while running.
    frozen: AtomicU64,
    /// Nanoseconds ever advanced.
    advanced: AtomicU64,
    started: Instant,
    activity: Arc<Activity>,
}

struct State {
    timers: Wheel<Action>,
    /// The frozen timer time, while paused.
    paused: Option<Duration>,
    firing: bool,
    stopped: bool,
}

impl Clock {
    /// A clock that shows the real time.
    #[must_use]
    pub fn real() -> Self {
        let core = Arc::new(Core {
            state: Mutex::new(State {
                timers: Wheel::new(),
                paused: None,
                firing: false,
                stopped: false,
            }),
            changed: Condvar::new(),
            frozen: AtomicU64::new(0),
            advanced: AtomicU64::new(0),
            started: real_instant(),
            activity: Arc::new(Activity::default()),
        });
        let runner = Arc::clone(&core);
        let spawned = thread::Builder::new()
            .name("libprocess-clock".to_owned())
            .spawn(move || runner.run());
        if let Err(error) = spawned {
            tracing::error!(%error, "failed to start the clock's thread: timers will not fire");
        }
        Self {
            handle: Arc::new(Handle { core }),
        }
    }

    /// A clock that stands still at the present time until it is advanced.
    #[must_use]
    pub fn paused() -> Self {
        let clock = Self::real();
        clock.pause();
        clock
    }

    /// A clock that stands still at a time of its own until it is advanced.
    #[must_use]
    pub fn paused_at(time: Time) -> Self {
        let clock = Self::paused();
        let frozen = time.as_nanos().max(1);
        clock.core().frozen.store(frozen, Ordering::Release);
        clock
    }

    fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.core().activity
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.core().now()
    }

    /// The time since this clock was made: unlike [`Clock::now`] it never jumps when somebody sets
    /// the machine's clock. Spans are measured with it.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let core = self.core();
        core.timer_time(&core.lock())
    }

    /// Whether time stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.core().frozen.load(Ordering::Acquire) != 0
    }

    /// Stops time. Does nothing when it stands already.
    pub fn pause(&self) {
        let core = self.core();
        let mut state = core.lock();
        if state.paused.is_none() {
            state.paused = Some(core.real_timer_time());
            core.frozen
                .store(core.real_now().as_nanos().max(1), Ordering::Release);
        }
    }

    /// Lets time run on: real time plus everything ever advanced.
    pub fn resume(&self) {
        let core = self.core();
        let mut state = core.lock();
        state.paused = None;
        core.frozen.store(0, Ordering::Release);
        drop(state);
        core.changed.notify_all();
    }

    /// Moves a paused clock on; what falls due is fired by the clock's thread. Does nothing while time runs.
    pub fn advance(&self, span: Duration) {
        let core = self.core();
        let mut state = core.lock();
        let Some(paused) = state.paused else { return };
        state.paused = Some(paused.saturating_add(span));
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let frozen = core.frozen.load(Ordering::Acquire);
        core.frozen
            .store(frozen.saturating_add(nanos), Ordering::Release);
        core.advanced.fetch_add(nanos, Ordering::AcqRel);
        drop(state);
        core.changed.notify_all();
    }

    /// Tells the clock of work on a thread outside of the library: it lasts until the answer is dropped.
    ///
    /// Whatever that work hands to actors has to be handed on before.
    pub fn working(&self) -> Working {
        let activity = Arc::clone(self.activity());
        activity.enter();
        Working(activity)
    }

    /// Blocks until no actor on this clock has work and no timer is due.
    ///
    /// Sees events, timers, blocking jobs, [`Clock::working`], and messages between runtimes on this clock.
    /// Does not see other threads outside of the library, HTTP exchanges and other input or output.
    /// Must not be called from an actor: that one never rests.
    pub fn settle(&self) {
        let core = self.core();
        loop {
            let seen = self.rest();
            // Tasks that are about to run are seen only by their threads: let each have its turn.
            core.activity.let_all_run();
            if core.activity.is_unchanged(seen) && !core.has_due(&core.lock()) {
                return;
            }
        }
    }

    /// Blocks until all that is counted rests and no timer is due; tells which rest it is.
    pub(crate) fn rest(&self) -> u64 {
        let core = self.core();
        loop {
            let seen = core.activity.wait_until_idle();
            let state = core.lock();
            if !state.stopped && (state.firing || core.has_due(&state)) {
                let waited = core.changed.wait_timeout(state, Duration::from_millis(1));
                drop(waited);
                continue;
            }
            drop(state);
            if core.activity.is_unchanged(seen) {
                return seen;
            }
        }
    }

    /// Runs `action` on the clock's thread once `after` has passed; it must be short.
    pub fn timer(&self, after: Duration, action: impl FnOnce() + Send + 'static) -> Timer {
        let core = self.core();
        let deadline = core.now() + after;
        let mut state = core.lock();
        let due = core.timer_time(&state).saturating_add(after);
        let (key, is_next) = state.timers.insert(due, Box::new(action));
        drop(state);
        if is_next {
            core.changed.notify_all();
        }
        Timer::new(Arc::downgrade(core), key, deadline)
    }

    /// How long until the next timer falls due; none when there is none.
    pub(crate) fn until_next_timer(&self) -> Option<Duration> {
        let core = self.core();
        let state = core.lock();
        let due = state.timers.next_due()?;
        Some(due.saturating_sub(core.timer_time(&state)))
    }

    /// How many timers wait to fire.
    #[must_use]
    pub fn pending_timers(&self) -> usize {
        self.core().lock().timers.len()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("now", &self.now())
            .field("paused", &self.is_paused())
            .finish()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let timers = {
            let mut state = self.core.lock();
            state.stopped = true;
            state.timers.clear()
        };
        self.core.changed.notify_all();
        drop(timers);
    }
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        match self.frozen.load(Ordering::Acquire) {
            0 => self.real_now(),
            frozen => Time::from_nanos(frozen),
        }
    }

    fn offset(&self) -> Duration {
        Duration::from_nanos(self.advanced.load(Ordering::Acquire))
    }

    fn real_now(&self) -> Time {
        Time::EPOCH + real_wall() + self.offset()
    }

    /// Timers follow the monotonic clock, so that setting the wall clock does not fire them.
    fn real_timer_time(&self) -> Duration {
        real_instant().saturating_duration_since(self.started) + self.offset()
    }

    fn timer_time(&self, state: &State) -> Duration {
        state.paused.unwrap_or_else(|| self.real_timer_time())
    }

    fn has_due(&self, state: &State) -> bool {
        let now = self.timer_time(state);
        state.timers.has_due(now)
    }

    pub(crate) fn cancel(&self, key: TimerKey) -> bool {
        let action = self.lock().timers.cancel(key);
        action.is_some()
    }

    /// The body of the clock's thread.
    fn run(&self) {
        let _guard = AbortOnPanic;
        let mut state = self.lock();
        while !state.stopped {
            let now = self.timer_time(&state);
            let due = state.timers.take_due(now);
            if !due.is_empty() {
                state.firing = true;
                drop(state);
                for action in due {
                    action();
                }
                state = self.lock();
                state.firing = false;
                self.changed.notify_all();
                continue;
            }
            let next = state.timers.next_look();
            state = match next {
                Some(next) if state.paused.is_none() => {
                    self.changed
                        .wait_timeout(state, next.saturating_sub(now))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                _ => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn real_wall() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn real_instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
