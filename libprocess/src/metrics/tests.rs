//! Counters, gauges, timers and snapshots.

use super::*;
use crate::future::Outcome;
use crate::promise::Promise;

fn metrics() -> (Clock, Metrics) {
    let clock = Clock::paused();
    (clock.clone(), Metrics::new(clock))
}

fn now(metrics: &Metrics) -> BTreeMap<String, f64> {
    metrics
        .snapshot(None)
        .now()
        .and_then(Outcome::ready)
        .expect("nothing is pending")
}

fn is(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() < 1e-9)
}

/// Mirrors: MetricsTest.Counter
#[test]
fn a_counter_counts_and_is_reset() {
    let (_, metrics) = metrics();
    let counter = metrics.counter("test/counter");

    counter.increment();
    counter.add(41);
    assert!(is(now(&metrics).get("test/counter").copied(), 42.0));

    counter.reset();
    assert!(is(now(&metrics).get("test/counter").copied(), 0.0));
    assert!(metrics.remove("test/counter"));
    assert!(!metrics.remove("test/counter"));
    assert!(now(&metrics).is_empty());
}

/// Mirrors: MetricsTest.PushGauge
#[test]
fn a_push_gauge_is_set_and_changed() {
    let (_, metrics) = metrics();
    let gauge = metrics.push_gauge("test/gauge");

    gauge.set(2.5);
    gauge.add(-1.0);

    assert!(is(now(&metrics).get("test/gauge").copied(), 1.5));
}

/// Mirrors: MetricsTest.PullGauge
#[test]
fn a_pull_gauge_is_asked_at_every_snapshot_and_left_out_when_it_fails() {
    let (_, metrics) = metrics();
    metrics.pull_gauge("test/good", || Future::ready(1.0));
    metrics.pull_gauge("test/bad", || Future::failed("no"));

    let values = now(&metrics);

    assert_eq!(values.keys().collect::<Vec<_>>(), ["test/good"]);
}

#[test]
fn a_name_belongs_to_its_first_metric() {
    let (_, metrics) = metrics();
    metrics.counter("test/name").add(3);

    metrics.push_gauge("test/name").set(9.0);

    assert!(is(now(&metrics).get("test/name").copied(), 3.0));
    assert_eq!(metrics.counter("test/name").value(), 3);
}

/// Mirrors: MetricsTest.THREADSAFE_SnapshotTimeout
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn what_is_pending_at_the_timeout_is_left_out() {
    let (clock, metrics) = metrics();
    metrics.counter("test/there").increment();
    let late = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&late);
    metrics.pull_gauge("test/late", move || {
        let (promise, future) = Promise::new();
        asked.lock().expect("a lock").push(promise);
        future
    });

    let snapshot = metrics.snapshot(Some(Duration::from_secs(1)));
    let patient = metrics.snapshot(None);
    clock.advance(Duration::from_secs(1));
    clock.settle();

    let values = snapshot.now().and_then(Outcome::ready).expect("in time");
    assert_eq!(values.keys().collect::<Vec<_>>(), ["test/there"]);
    assert!(patient.is_pending());
    for promise in late.lock().expect("a lock").drain(..) {
        promise.set(5.0);
    }
    let values = patient.now().and_then(Outcome::ready).expect("all came");
    assert!(is(values.get("test/late").copied(), 5.0));
}

/// Mirrors: MetricsTest.Statistics
/// Mirrors: MetricsTest.SnapshotStatistics
#[test]
fn a_counter_with_a_window_has_percentiles() {
    let (clock, metrics) = metrics();
    let counter = metrics.counter_with_window("test/counter", Duration::from_secs(3600));
    for _ in 0..10 {
        clock.advance(Duration::from_secs(1));
        counter.increment();
    }

    let values = now(&metrics);

    let of = |suffix: &str| values.get(&format!("test/counter/{suffix}")).copied();
    assert!(is(of("count"), 11.0));
    assert!(is(of("min"), 0.0));
    assert!(is(of("max"), 10.0));
    assert!(is(of("p50"), 5.0));
    assert!(is(of("p90"), 9.0));
    assert!(is(of("p95"), 9.5));
    assert!(is(of("p99"), 9.9));
    assert!(is(of("p999"), 9.99));
    assert!(is(of("p9999"), 9.999));
    assert_eq!(values.len(), 10);
}

/// Mirrors: MetricsTest.Timer
#[test]
fn a_timer_shows_its_last_measurement_under_a_key_with_its_unit() {
    let (clock, metrics) = metrics();
    let timer = metrics.timer("test/timer", Unit::Milliseconds);
    assert!(now(&metrics).is_empty());

    timer.start();
    clock.advance(Duration::from_micros(1500));
    assert_eq!(timer.stop(), Some(Duration::from_micros(1500)));

    assert!(is(now(&metrics).get("test/timer_ms").copied(), 1.5));
    assert_eq!(timer.stop(), None);
}

/// Mirrors: MetricsTest.AsyncTimer
#[test]
fn a_timer_measures_a_future_until_it_ends_in_any_way() {
    let (clock, metrics) = metrics();
    let timer = metrics.timer_with_window("test/timer", Unit::Seconds, Duration::from_secs(3600));
    for secs in [2, 4] {
        let (promise, future) = Promise::<u8>::new();
        let timed = timer.time(future);
        clock.advance(Duration::from_secs(secs));

        promise.fail("x");

        assert_eq!(timed.now(), Some(Outcome::Failed("x".into())));
    }

    let values = now(&metrics);
    assert!(is(values.get("test/timer_secs").copied(), 4.0));
    assert!(is(values.get("test/timer_secs/min").copied(), 2.0));
}

/// Mirrors: MetricsTest.SnapshotAlphabetical
#[test]
fn keys_are_sorted() {
    let (_, metrics) = metrics();
    for name in ["b", "a/z", "a", "A"] {
        metrics.counter(name).increment();
    }

    assert_eq!(
        now(&metrics).keys().collect::<Vec<_>>(),
        ["A", "a", "a/z", "b"]
    );
}
