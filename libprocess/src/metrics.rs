//! Counters, gauges and timers by name.
//!
//! Mirrors `3rdparty/libprocess/include/process/metrics/`.
//!
//! # Invariants
//! - A name belongs to one metric; who asks for it again gets the same one.
//! - A snapshot is sorted by name and holds only values that were there in time.

mod counter;
mod gauge;
mod snapshot;
mod statistics;
mod time_series;
mod timer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use counter::Counter;
pub use gauge::PushGauge;
pub use statistics::Statistics;
pub use time_series::TimeSeries;
pub use timer::{Timer, Unit};

use crate::clock::Clock;
use crate::future::Future;

/// How often the snapshot endpoint answers. Requests beyond that are delayed, not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many requests…
    pub requests: u32,
    /// …in how long.
    pub interval: Duration,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            requests: 2,
            interval: Duration::from_secs(1),
        }
    }
}

type Pull = Arc<dyn Fn() -> Future<f64> + Send + Sync>;

#[derive(Clone)]
enum Metric {
    Counter(Counter),
    PushGauge(PushGauge),
    PullGauge(Pull),
    Timer(Timer),
}

/// The metrics of one runtime; clones are the same.
///
/// # Examples
/// ```
/// use libprocess::Runtime;
///
/// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// let launched = runtime.metrics().counter("master/tasks_launched");
/// launched.increment();
/// launched.add(2);
/// let values = runtime.block_on(runtime.metrics().snapshot(None)).ready();
/// assert_eq!(values.and_then(|all| all.get("master/tasks_launched").copied()), Some(3.0));
/// runtime.shutdown();
/// # Ok::<(), libprocess::StartError>(())
/// ```
#[derive(Clone)]
pub struct Metrics {
    clock: Clock,
    table: Arc<Mutex<BTreeMap<String, Metric>>>,
}

impl Metrics {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            table: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Metric>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counter of this name, made if it is not there.
    #[must_use]
    pub fn counter(&self, name: &str) -> Counter {
        self.counter_with(name, None)
    }

    /// As [`Metrics::counter`], with statistics over the values of a window.
    #[must_use]
    pub fn counter_with_window(&self, name: &str, window: Duration) -> Counter {
        self.counter_with(name, Some(window))
    }

    fn counter_with(&self, name: &str, window: Option<Duration>) -> Counter {
        let mut table = self.lock();
        if let Some(Metric::Counter(known)) = table.get(name) {
            return known.clone();
        }
        let counter = Counter::new(self.clock.clone(), window);
        enter(&mut table, name, Metric::Counter(counter.clone()));
        counter
    }

    /// The gauge of this name whose value is set by its owner, made if it is not there.
    #[must_use]
    pub fn push_gauge(&self, name: &str) -> PushGauge {
        let mut table = self.lock();
        if let Some(Metric::PushGauge(known)) = table.get(name) {
            return known.clone();
        }
        let gauge = PushGauge::default();
        enter(&mut table, name, Metric::PushGauge(gauge.clone()));
        gauge
    }

    /// Adds a gauge whose value is asked for at every snapshot. One that fails is left out.
    pub fn pull_gauge(&self, name: &str, pull: impl Fn() -> Future<f64> + Send + Sync + 'static) {
        enter(&mut self.lock(), name, Metric::PullGauge(Arc::new(pull)));
    }

    /// The timer of this name, made if it is not there. Its key ends in the unit: `name_ms`.
    #[must_use]
    pub fn timer(&self, name: &str, unit: Unit) -> Timer {
        self.timer_with(name, unit, None)
    }

    /// As [`Metrics::timer`], with statistics over the durations of a window.
    #[must_use]
    pub fn timer_with_window(&self, name: &str, unit: Unit, window: Duration) -> Timer {
        self.timer_with(name, unit, Some(window))
    }

    fn timer_with(&self, name: &str, unit: Unit, window: Option<Duration>) -> Timer {
        let key = format!("{name}_{}", unit.suffix());
        let mut table = self.lock();
        if let Some(Metric::Timer(known)) = table.get(&key) {
            return known.clone();
        }
        let timer = Timer::new(self.clock.clone(), unit, window);
        enter(&mut table, &key, Metric::Timer(timer.clone()));
        timer
    }

    /// Takes a metric out by its key; false when there is none.
    pub fn remove(&self, key: &str) -> bool {
        let removed = self.lock().remove(key);
        removed.is_some()
    }

    /// Whether a metric of this key is there.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.lock().contains_key(key)
    }

    /// All values by key. What fails, or is not there after `timeout`, is left out.
    pub fn snapshot(&self, timeout: Option<Duration>) -> Future<BTreeMap<String, f64>> {
        let metrics: Vec<(String, Metric)> = self
            .lock()
            .iter()
            .map(|(key, metric)| (key.clone(), metric.clone()))
            .collect();
        snapshot::take(&self.clock, metrics, timeout)
    }
}

fn enter(table: &mut BTreeMap<String, Metric>, name: &str, metric: Metric) {
    if table.contains_key(name) {
        tracing::warn!(
            name,
            "a metric of this name was already added; the first stays"
        );
        return;
    }
    table.insert(name.to_owned(), metric);
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("count", &self.lock().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
