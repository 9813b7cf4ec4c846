//! Gathers all values, or as many as come in time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Metric, Statistics};
use crate::clock::Clock;
use crate::future::{Future, Outcome};
use crate::promise::Promise;

type Values = BTreeMap<String, f64>;

struct Gathering {
    values: Values,
    missing: usize,
    promise: Option<Promise<Values>>,
    timer: Option<crate::timer::Timer>,
}

type Shared = Arc<Mutex<Gathering>>;

/// Asks every metric at once; statistics are taken now.
pub(super) fn take(
    clock: &Clock,
    metrics: Vec<(String, Metric)>,
    timeout: Option<Duration>,
) -> Future<Values> {
    let (promise, result) = Promise::new();
    let gathering = Arc::new(Mutex::new(Gathering {
        values: Values::new(),
        // One more than there are, so that it cannot end while they are still being asked.
        missing: metrics.len() + 1,
        promise: Some(promise),
        timer: None,
    }));
    if let Some(timeout) = timeout {
        let late = Arc::downgrade(&gathering);
        let timer = clock.timer(timeout, move || {
            if let Some(gathering) = late.upgrade() {
                finish(&gathering);
            }
        });
        gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .timer = Some(timer);
    }
    for (key, metric) in metrics {
        ask(&gathering, key, metric);
    }
    arrived(&gathering, None);
    result
}

fn ask(gathering: &Shared, key: String, metric: Metric) {
    match metric {
        Metric::Counter(counter) => {
            enter_statistics(gathering, &key, counter.statistics());
            arrived(gathering, Some((key, counter.number())));
        }
        Metric::PushGauge(gauge) => arrived(gathering, Some((key, gauge.value()))),
        Metric::Timer(timer) => {
            enter_statistics(gathering, &key, timer.statistics());
            arrived(gathering, timer.value().map(|value| (key, value)));
        }
        Metric::PullGauge(pull) => {
            let gathering = Arc::clone(gathering);
            pull().on_any(move |outcome| match outcome {
                Outcome::Ready(value) => arrived(&gathering, Some((key, value))),
                Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
                    arrived(&gathering, None);
                }
            });
        }
    }
}

fn enter_statistics(gathering: &Shared, key: &str, statistics: Option<Statistics>) {
    if let Some(statistics) = statistics {
        let mut gathering = gathering.lock().unwrap_or_else(PoisonError::into_inner);
        for (suffix, value) in statistics.published() {
            gathering.values.insert(format!("{key}/{suffix}"), value);
        }
    }
}

fn arrived(gathering: &Shared, entry: Option<(String, f64)>) {
    let mut state = gathering.lock().unwrap_or_else(PoisonError::into_inner);
    state.values.extend(entry);
    state.missing = state.missing.saturating_sub(1);
    let complete = state.missing == 0;
    drop(state);
    if complete {
        finish(gathering);
    }
}

fn finish(gathering: &Shared) {
    let mut state = gathering.lock().unwrap_or_else(PoisonError::into_inner);
    let values = std::mem::take(&mut state.values);
    let promise = state.promise.take();
    let timer = state.timer.take();
    drop(state);
    if let Some(timer) = timer {
        timer.cancel();
    }
    if let Some(promise) = promise {
        promise.set(values);
    }
}
