//! Pausing, advancing, settling.

use std::sync::{Arc, Mutex, mpsc};

use super::*;

type Log = Arc<Mutex<Vec<&'static str>>>;

fn set(clock: &Clock, log: &Log, secs: u64, name: &'static str) -> Timer {
    let log = Arc::clone(log);
    clock.timer(Duration::from_secs(secs), move || {
        log.lock().expect("a lock").push(name);
    })
}

fn fired(log: &Log) -> Vec<&'static str> {
    log.lock().expect("a lock").clone()
}

#[test]
fn timers_fire_in_the_order_of_their_times_and_then_of_creation() {
    let clock = Clock::paused();
    let log = Log::default();
    for (secs, name) in [(2, "c"), (1, "a"), (2, "d"), (1, "b"), (3, "e")] {
        set(&clock, &log, secs, name);
    }

    clock.advance(Duration::from_secs(2));
    clock.settle();

    assert_eq!(fired(&log), ["a", "b", "c", "d"]);
    assert_eq!(clock.pending_timers(), 1);
}

#[test]
fn a_cancelled_timer_does_not_fire_and_cancelling_twice_is_told() {
    let clock = Clock::paused();
    let log = Log::default();
    let timer = set(&clock, &log, 1, "never");
    let other = set(&clock, &log, 1, "other");

    assert!(timer.cancel());
    assert!(!timer.cancel());
    clock.advance(Duration::from_secs(1));
    clock.settle();

    assert_eq!(fired(&log), ["other"]);
    assert!(!other.cancel());
}

/// Mirrors: TimeTest.Now
#[test]
fn a_running_clock_shows_the_present() {
    let clock = Clock::real();
    let before = clock.now();

    let later = clock.now();

    assert!(before <= later);
    // The date of this test, to be sure that it is no clock of its own.
    assert!(before.as_secs() > 1_700_000_000);
}

#[test]
fn time_moves_only_by_advancing_while_paused() {
    let clock = Clock::paused();
    let before = clock.now();

    clock.advance(Duration::from_secs(90));

    assert_eq!(clock.now() - before, Duration::from_secs(90));
    clock.resume();
    assert!(clock.now() >= before + Duration::from_secs(90));
    assert!(!clock.is_paused());
}

#[test]
fn a_running_clock_fires_by_itself_and_does_not_advance() {
    let clock = Clock::real();
    let (tell, told) = mpsc::channel();
    clock.advance(Duration::from_secs(3600));
    let before = clock.now();
    clock.timer(Duration::from_millis(5), move || {
        tell.send(()).expect("the test waits");
    });

    told.recv_timeout(Duration::from_secs(60))
        .expect("the timer fires");

    assert!(clock.now() - before < Duration::from_secs(3600));
}

#[test]
fn what_is_set_while_paused_fires_after_resuming() {
    let clock = Clock::paused();
    let (tell, told) = mpsc::channel();
    clock.timer(Duration::from_millis(1), move || {
        tell.send(()).expect("the test waits");
    });

    clock.resume();

    told.recv_timeout(Duration::from_secs(60))
        .expect("the timer fires");
}

#[test]
fn a_timer_set_by_a_timer_fires_when_it_is_due() {
    let clock = Clock::paused();
    let log = Log::default();
    let (again, inner) = (clock.clone(), Arc::clone(&log));
    clock.timer(Duration::from_secs(1), move || {
        set(&again, &inner, 0, "at once");
        set(&again, &inner, 1, "later");
    });

    clock.advance(Duration::from_secs(1));
    clock.settle();
    assert_eq!(fired(&log), ["at once"]);

    clock.advance(Duration::from_secs(1));
    clock.settle();
    assert_eq!(fired(&log), ["at once", "later"]);
}

#[test]
fn a_million_pending_timers_are_no_burden() {
    let clock = Clock::paused();
    let log = Log::default();
    for secs in 0..1_000_000 {
        set(&clock, &log, 10 + secs, "far");
    }
    set(&clock, &log, 1, "near");

    clock.advance(Duration::from_secs(1));
    clock.settle();

    assert_eq!(fired(&log), ["near"]);
    assert_eq!(clock.pending_timers(), 1_000_000);
}
