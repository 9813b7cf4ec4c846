//! Futures, promises and the functions on many of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::collect::{await_all, collect, select};

fn counter() -> (Arc<AtomicUsize>, impl FnOnce() + Send + Clone + 'static) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    (count, move || {
        counted.fetch_add(1, Ordering::SeqCst);
    })
}

fn times(count: &AtomicUsize) -> usize {
    count.load(Ordering::SeqCst)
}

/// Mirrors: FutureTest.Future
#[test]
fn a_promise_that_is_set_makes_its_future_ready() {
    let (promise, future) = Promise::new();
    assert!(future.is_pending());

    promise.set(true);

    assert!(!future.is_pending());
    assert_eq!(future.now(), Some(Outcome::Ready(true)));
}

/// Mirrors: FutureTest.Stringify
#[test]
fn the_text_of_a_future_is_its_state() {
    let (promise, future) = Promise::<bool>::new();
    assert_eq!(future.to_string(), "Pending");
    future.discard();
    assert_eq!(future.to_string(), "Pending (with discard)");
    promise.fail("Failure");
    assert_eq!(future.to_string(), "Failed (with discard): Failure");

    let (promise, future) = Promise::<bool>::new();
    promise.discard();
    assert_eq!(future.to_string(), "Discarded");
    let (promise, future) = Promise::<bool>::new();
    drop(promise);
    assert_eq!(future.to_string(), "Abandoned");
    assert_eq!(Future::ready(true).to_string(), "Ready");
    assert_eq!(Future::<bool>::failed("x").to_string(), "Failed: x");
}

/// Mirrors: FutureTest.Associate
#[test]
fn an_associated_promise_ends_as_its_source_and_passes_discards_on() {
    let (outer, result) = Promise::new();
    let (inner, source) = Promise::new();
    let (asked, ask) = counter();
    inner.on_discard(ask);
    outer.associate(source);

    result.discard();
    assert_eq!(times(&asked), 1);
    assert!(result.is_pending());

    inner.set(1);
    assert_eq!(result.now(), Some(Outcome::Ready(1)));
}

#[test]
fn a_discard_asked_for_before_the_association_is_passed_on_at_once() {
    let (outer, result) = Promise::<u8>::new();
    let (inner, source) = Promise::new();
    let (asked, ask) = counter();
    inner.on_discard(ask);
    result.discard();

    outer.associate(source);

    assert_eq!(times(&asked), 1);
    inner.discard();
    assert_eq!(result.now(), Some(Outcome::Discarded));
}

/// Mirrors: FutureTest.OnAny
#[test]
fn a_callback_runs_once_whether_it_comes_before_or_after_the_end() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |seen: &Arc<Mutex<Vec<Outcome<u8>>>>| {
        let seen = Arc::clone(seen);
        move |outcome| seen.lock().expect("a lock").push(outcome)
    };
    let (promise, future) = Promise::new();
    future.on_any(note(&seen));
    assert!(seen.lock().expect("a lock").is_empty());

    promise.set(1);
    Future::ready(2).on_any(note(&seen));
    Future::failed("3").on_any(note(&seen));

    assert_eq!(
        *seen.lock().expect("a lock"),
        [
            Outcome::Ready(1),
            Outcome::Ready(2),
            Outcome::Failed("3".into())
        ]
    );
}

/// Mirrors: FutureTest.Then
/// Mirrors: FutureTest.Chain
#[test]
fn chains_go_on_with_values_and_stop_at_the_rest() {
    let chain = |future: Future<u32>| {
        future
            .then(|value| Future::ready(format!("{value}")))
            .then(|text| {
                if text == "13" {
                    Future::failed("unlucky")
                } else {
                    Future::ready(text)
                }
            })
            .map(|text| text + "!")
            .now()
    };

    assert_eq!(chain(Future::ready(7)), Some(Outcome::Ready("7!".into())));
    assert_eq!(
        chain(Future::ready(13)),
        Some(Outcome::Failed("unlucky".into()))
    );
    assert_eq!(
        chain(Future::failed("no")),
        Some(Outcome::Failed("no".into()))
    );
    assert_eq!(
        chain(Future::complete(Outcome::Discarded)),
        Some(Outcome::Discarded)
    );
}

/// Mirrors: FutureTest.CallableOnce
#[test]
fn a_continuation_may_own_what_cannot_be_copied() {
    struct Token(u8);
    let token = Token(9);
    let (promise, future) = Promise::new();

    let result = future.then(move |()| Future::ready(token.0));
    promise.set(());

    assert_eq!(result.now(), Some(Outcome::Ready(9)));
}

/// Mirrors: FutureTest.Discard1
/// Mirrors: FutureTest.Discard2
/// Mirrors: FutureTest.Discard3
#[test]
fn a_discard_is_a_request_that_the_producer_decides_on() {
    let (promise, future) = Promise::new();
    let (asked, ask) = counter();
    promise.on_discard(ask);
    future.discard();
    future.discard();
    assert_eq!(times(&asked), 1, "it is asked once");
    assert!(promise.discard_requested());
    promise.set(1);
    assert_eq!(future.now(), Some(Outcome::Ready(1)));

    let (promise, future) = Promise::<u8>::new();
    future.discard();
    let (late, ask) = counter();
    promise.on_discard(ask);
    assert_eq!(times(&late), 1, "who comes later is told at once");
    promise.discard();
    assert_eq!(future.now(), Some(Outcome::Discarded));

    let (promise, future) = Promise::new();
    let (never, ask) = counter();
    promise.on_discard(ask);
    promise.set(2);
    future.discard();
    assert_eq!(times(&never), 0, "what has ended cannot be discarded");
}

#[test]
fn a_value_that_comes_after_a_discard_is_not_passed_to_the_continuation() {
    let (promise, future) = Promise::new();
    let (called, call) = counter();
    let result = future.then(move |value: u8| {
        call();
        Future::ready(value)
    });

    result.discard();
    promise.set(1);

    assert_eq!(result.now(), Some(Outcome::Discarded));
    assert_eq!(times(&called), 0);
}

#[test]
fn a_discard_of_a_chain_reaches_the_link_that_is_being_waited_for() {
    let (promise, future) = Promise::new();
    let (inner, waited) = Promise::<u8>::new();
    let (asked, ask) = counter();
    inner.on_discard(ask);
    let result = future.then(move |()| waited);
    promise.set(());

    result.discard();

    assert_eq!(times(&asked), 1);
    inner.discard();
    assert_eq!(result.now(), Some(Outcome::Discarded));
}

/// Mirrors: FutureTest.Select
#[test]
fn select_is_the_first_that_becomes_ready() {
    let (one, first) = Promise::<u8>::new();
    let (two, second) = Promise::new();
    let (_three, third) = Promise::new();
    let selected = select(vec![first, second, third]);

    one.fail("passed over");
    assert!(selected.is_pending());
    two.set(2);

    assert_eq!(selected.now(), Some(Outcome::Ready(2)));
    let (last, only) = Promise::<u8>::new();
    let none = select(vec![only]);
    last.discard();
    assert_eq!(none.now(), Some(Outcome::Abandoned));
}

/// Mirrors: FutureTest.UndiscardableFuture
/// Mirrors: FutureTest.UndiscardableLambda
#[test]
fn an_undiscardable_future_keeps_discards_to_itself() {
    let (promise, future) = Promise::new();
    let (asked, ask) = counter();
    promise.on_discard(ask);
    let result = future.undiscardable();

    result.discard();

    assert_eq!(times(&asked), 0);
    promise.set(1);
    assert_eq!(result.now(), Some(Outcome::Ready(1)));
}

/// Mirrors: FutureTest.Abandoned
/// Mirrors: FutureTest.AbandonedChain
#[test]
fn a_producer_that_goes_away_abandons_the_whole_chain() {
    let (promise, future) = Promise::<u8>::new();
    let chain = future
        .then(|value| Future::ready(value + 1))
        .map(|value| value + 1);
    assert!(chain.is_pending());

    drop(promise);

    assert_eq!(chain.now(), Some(Outcome::Abandoned));
}

/// Mirrors: FutureTest.RecoverDiscarded
/// Mirrors: FutureTest.RecoverFailed
/// Mirrors: FutureTest.RecoverAbandoned
#[test]
fn recover_takes_over_after_every_bad_end() {
    let recovered = |future: Future<u8>| future.recover(|_| Future::ready(42)).now();

    assert_eq!(
        recovered(Future::complete(Outcome::Discarded)),
        Some(Outcome::Ready(42))
    );
    assert_eq!(recovered(Future::failed("x")), Some(Outcome::Ready(42)));
    let (promise, future) = Promise::new();
    drop(promise);
    assert_eq!(recovered(future), Some(Outcome::Ready(42)));
    assert_eq!(recovered(Future::ready(1)), Some(Outcome::Ready(1)));
}

/// Mirrors: FutureTest.RecoverDiscard
#[test]
fn the_discard_that_made_a_recovery_necessary_does_not_discard_it() {
    let (promise, future) = Promise::<u8>::new();
    let (recovery, waited) = Promise::new();
    let (asked, ask) = counter();
    recovery.on_discard(ask);
    let result = future.recover(move |_| waited);
    result.discard();
    promise.discard();

    recovery.set(5);

    assert_eq!(times(&asked), 0);
    assert_eq!(result.now(), Some(Outcome::Ready(5)));
}

/// Mirrors: FutureTest.Repair
#[test]
fn repair_takes_over_after_failures_only() {
    let repaired = |future: Future<u8>| {
        future
            .repair(|text| Future::failed(format!("{text} again")))
            .now()
    };

    assert_eq!(
        repaired(Future::failed("broken")),
        Some(Outcome::Failed("broken again".into()))
    );
    assert_eq!(
        repaired(Future::complete(Outcome::Discarded)),
        Some(Outcome::Discarded)
    );
    assert_eq!(repaired(Future::ready(1)), Some(Outcome::Ready(1)));
}

/// Mirrors: FutureTest.After1
/// Mirrors: AfterTest.After
#[test]
fn after_a_time_the_future_is_handed_back_still_pending() {
    let clock = Clock::paused();
    let (promise, future) = Promise::<u8>::new();
    let (asked, ask) = counter();
    promise.on_discard(ask);
    let result = future.after(&clock, Duration::from_secs(10), |late| {
        late.discard();
        Future::ready(99)
    });
    assert!(result.is_pending());

    clock.advance(Duration::from_secs(10));
    clock.settle();

    assert_eq!(result.now(), Some(Outcome::Ready(99)));
    assert_eq!(times(&asked), 1);
}

/// Mirrors: FutureTest.After2
#[test]
fn a_future_that_comes_in_time_cancels_the_timer() {
    let clock = Clock::paused();
    let (promise, future) = Promise::new();
    let result = future.after(&clock, Duration::from_secs(10), |_| Future::failed("late"));
    assert_eq!(clock.pending_timers(), 1);

    promise.set(1);

    assert_eq!(clock.pending_timers(), 0);
    assert_eq!(result.now(), Some(Outcome::Ready(1)));
}

/// Mirrors: FutureTest.After3
#[test]
fn a_timer_that_has_fired_keeps_nothing_of_its_future() {
    let clock = Clock::paused();
    let (promise, future) = Promise::<u8>::new();
    let Repr::Later(shared) = &future.repr else {
        unreachable!("it is pending");
    };
    let shared = Arc::downgrade(shared);
    let result = future.after(&clock, Duration::from_millis(1), |late| {
        late.discard();
        Future::ready(0)
    });

    clock.advance(Duration::from_millis(1));
    clock.settle();
    assert_eq!(result.now(), Some(Outcome::Ready(0)));
    drop(promise);

    assert!(shared.upgrade().is_none());
}

/// Mirrors: FutureTest.FromTry
/// Mirrors: FutureTest.FromTryFuture
#[test]
fn a_result_becomes_a_future_with_its_value_its_future_or_its_error() {
    let value: Result<u8, String> = Ok(1);
    assert_eq!(Future::from_result(value).now(), Some(Outcome::Ready(1)));
    let error: Result<u8, &str> = Err("error");
    assert_eq!(
        Future::<u8>::from_result(error).now(),
        Some(Outcome::Failed("error".into()))
    );

    let (promise, future) = Promise::<u8>::new();
    let later = Future::<u8>::from_result(Ok::<_, String>(future));
    assert!(later.is_pending());
    promise.set(1);
    assert_eq!(later.now(), Some(Outcome::Ready(1)));
    let error: Result<Future<u8>, &str> = Err("error");
    assert_eq!(
        Future::<u8>::from_result(error).now(),
        Some(Outcome::Failed("error".into()))
    );
}

/// Mirrors: CollectTest.Ready
#[test]
fn collect_has_the_values_in_the_order_of_the_list() {
    let (one, first) = Promise::new();
    let (two, second) = Promise::new();
    let all = collect(vec![first, second, Future::ready(3)]);

    two.set(2);
    assert!(all.is_pending());
    one.set(1);

    assert_eq!(all.now(), Some(Outcome::Ready(vec![1, 2, 3])));
    assert_eq!(collect::<u8>(vec![]).now(), Some(Outcome::Ready(vec![])));
}

/// Mirrors: CollectTest.Failure
#[test]
fn collect_fails_with_the_first_failure_or_discard() {
    let (_pending, first) = Promise::<u8>::new();
    let failed = collect(vec![first, Future::failed("no")]);
    let discarded = collect(vec![Future::<u8>::complete(Outcome::Discarded)]);

    assert_eq!(
        failed.now(),
        Some(Outcome::Failed("Collect failed: no".into()))
    );
    assert_eq!(
        discarded.now(),
        Some(Outcome::Failed("Collect failed: future discarded".into()))
    );
}

/// Mirrors: CollectTest.DiscardPropagation
/// Mirrors: AwaitTest.DiscardPropagation
/// Mirrors: AwaitTest.AwaitSingleDiscard
#[test]
fn a_discard_reaches_all_members_and_does_not_wait_for_them() {
    let (one, first) = Promise::<u8>::new();
    let (two, second) = Promise::<u8>::new();
    let (asked, ask) = counter();
    one.on_discard(ask.clone());
    two.on_discard(ask);
    let collected = collect(vec![first]);
    let awaited = await_all(vec![second]);

    collected.discard();
    awaited.discard();

    assert_eq!(times(&asked), 2);
    assert_eq!(collected.now(), Some(Outcome::Discarded));
    assert_eq!(awaited.now(), Some(Outcome::Discarded));
}

/// Mirrors: CollectTest.AbandonedPropagation
/// Mirrors: AwaitTest.AbandonedPropagation
/// Mirrors: AwaitTest.AwaitSingleAbandon
#[test]
fn an_abandoned_member_abandons_the_whole() {
    let (one, first) = Promise::<u8>::new();
    let (two, second) = Promise::<u8>::new();
    let collected = collect(vec![first, Future::ready(1)]);
    let awaited = await_all(vec![second, Future::ready(1)]);

    drop((one, two));

    assert_eq!(collected.now(), Some(Outcome::Abandoned));
    assert_eq!(awaited.now(), Some(Outcome::Abandoned));
}

/// Mirrors: AwaitTest.Success
/// Mirrors: AwaitTest.Failure
/// Mirrors: AwaitTest.Discarded
#[test]
fn await_tells_how_every_member_ended() {
    let all = await_all(vec![
        Future::ready(1),
        Future::failed("x"),
        Future::complete(Outcome::Discarded),
    ]);

    assert_eq!(
        all.now(),
        Some(Outcome::Ready(vec![
            Outcome::Ready(1),
            Outcome::Failed("x".into()),
            Outcome::Discarded
        ]))
    );
}

#[test]
fn awaiting_wakes_when_the_value_comes_from_another_thread() {
    let (promise, future) = Promise::new();
    let thread = std::thread::spawn(move || promise.set(3));

    assert_eq!(futures::executor::block_on(future), Outcome::Ready(3));

    thread.join().expect("the thread");
}
