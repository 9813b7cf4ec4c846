//! A number that only grows, but for resets.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::statistics::Statistics;
use super::time_series::TimeSeries;
use crate::clock::Clock;

/// A counter; clones are the same counter.
#[derive(Clone)]
pub struct Counter {
    value: Arc<AtomicU64>,
    history: Option<Arc<History>>,
}

struct History {
    clock: Clock,
    samples: Mutex<TimeSeries>,
}

impl Counter {
    pub(super) fn new(clock: Clock, window: Option<Duration>) -> Self {
        let counter = Self {
            value: Arc::default(),
            history: window.map(|window| {
                Arc::new(History {
                    clock,
                    samples: Mutex::new(TimeSeries::new(window)),
                })
            }),
        };
        counter.remember(0);
        counter
    }

    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        let before = self.value.fetch_add(n, Ordering::Relaxed);
        self.remember(before.wrapping_add(n));
    }

    /// Starts over at zero.
    pub fn reset(&self) {
        self.value.store(0, Ordering::Relaxed);
        self.remember(0);
    }

    /// The present count.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    fn remember(&self, value: u64) {
        if let Some(history) = &self.history {
            let now = history.clock.now();
            let mut samples = history
                .samples
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            samples.set(now, number(value));
        }
    }

    pub(super) fn statistics(&self) -> Option<Statistics> {
        let history = self.history.as_ref()?;
        Statistics::of(
            &history
                .samples
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    pub(super) fn number(&self) -> f64 {
        number(self.value())
    }
}

/// The nearest double; counts beyond 2^53 lose their last digits, as in Mesos.
#[expect(clippy::cast_precision_loss, reason = "snapshots are doubles")]
const fn number(value: u64) -> f64 {
    value as f64
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.value()).finish()
    }
}
