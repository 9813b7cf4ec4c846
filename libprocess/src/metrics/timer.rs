//! How long something took the last time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::statistics::Statistics;
use super::time_series::TimeSeries;
use crate::clock::Clock;
use crate::future::Future;
use crate::promise::Promise;
use crate::time::Time;

/// The unit a timer's value is given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds, suffix `ns`.
    Nanoseconds,
    /// Microseconds, suffix `us`.
    Microseconds,
    /// Milliseconds, suffix `ms`.
    Milliseconds,
    /// Seconds, suffix `secs`.
    Seconds,
    /// Minutes, suffix `mins`.
    Minutes,
    /// Hours, suffix `hrs`.
    Hours,
    /// Days, suffix `days`.
    Days,
    /// Weeks, suffix `weeks`.
    Weeks,
}

impl Unit {
    /// What a timer's key ends in.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Seconds => "secs",
            Self::Minutes => "mins",
            Self::Hours => "hrs",
            Self::Days => "days",
            Self::Weeks => "weeks",
        }
    }

    /// A span in this unit.
    #[must_use]
    pub fn of(self, span: Duration) -> f64 {
        span.as_secs_f64()
            * match self {
                Self::Nanoseconds => 1e9,
                Self::Microseconds => 1e6,
                Self::Milliseconds => 1e3,
                Self::Seconds => 1.0,
                Self::Minutes => 1.0 / 60.0,
                Self::Hours => 1.0 / 3_600.0,
                Self::Days => 1.0 / 86_400.0,
                Self::Weeks => 1.0 / 604_800.0,
            }
    }
}

#[derive(Default)]
struct State {
    started: Option<Duration>,
    last: Option<f64>,
    samples: Option<TimeSeries>,
}

/// A timer; clones are the same timer.
#[derive(Clone)]
pub struct Timer {
    clock: Clock,
    unit: Unit,
    state: Arc<Mutex<State>>,
}

impl Timer {
    pub(super) fn new(clock: Clock, unit: Unit, window: Option<Duration>) -> Self {
        let state = State {
            samples: window.map(TimeSeries::new),
            ..State::default()
        };
        Self {
            clock,
            unit,
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to measure; a second start replaces the first.
    pub fn start(&self) {
        self.lock().started = Some(self.clock.elapsed());
    }

    /// Ends the measurement that was started, and gives what it took.
    pub fn stop(&self) -> Option<Duration> {
        let ended = self.clock.elapsed();
        let mut state = self.lock();
        let took = ended.saturating_sub(state.started.take()?);
        self.record(&mut state, self.clock.now(), took);
        Some(took)
    }

    /// Measures until the future ends in any way, and passes it on.
    pub fn time<T: Send + 'static>(&self, future: Future<T>) -> Future<T> {
        let timer = self.clone();
        let started = self.clock.elapsed();
        let (promise, result) = Promise::new();
        if let Some(handle) = future.discard_handle() {
            promise.on_discard(move || handle.discard());
        }
        future.on_any(move |outcome| {
            let took = timer.clock.elapsed().saturating_sub(started);
            timer.record(&mut timer.lock(), timer.clock.now(), took);
            promise.complete(outcome);
        });
        result
    }

    fn record(&self, state: &mut State, now: Time, took: Duration) {
        let value = self.unit.of(took);
        state.last = Some(value);
        if let Some(samples) = &mut state.samples {
            samples.set(now, value);
        }
    }

    /// What the last measurement gave, in the timer's unit.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.lock().last
    }

    pub(super) fn statistics(&self) -> Option<Statistics> {
        Statistics::of(self.lock().samples.as_ref()?)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("unit", &self.unit)
            .field("last", &self.value())
            .finish()
    }
}
