//! When readers poll, and when they stop.

use std::cell::Cell;
use std::rc::Rc;

use futures::FutureExt;
use tokio::sync::oneshot;
use tokio::task::{LocalSet, yield_now};

use super::*;
use crate::clock::Clock;

const SPAN: Duration = Duration::from_micros(100);

/// Longer than any test takes.
const AGES: Duration = Duration::from_secs(3600);

fn pollers(span: Duration, readers: usize) -> Rc<Pollers> {
    let metrics = Metrics::new(Clock::paused());
    Rc::new(Pollers::new(Polling { span, readers }, &metrics))
}

/// A reader whose peer has been quick for long enough.
fn keen() -> Attention {
    let mut attention = Attention::default();
    for _ in 0..SHORTEST_RUN {
        attention.slept(Duration::ZERO, SPAN);
    }
    attention
}

/// Bytes that come when the test says so; counts how often somebody looked for them.
fn bytes() -> (oneshot::Sender<u8>, Rc<Cell<u64>>, impl Future<Output = u8>) {
    let (send, mut receive) = oneshot::channel();
    let looks = Rc::new(Cell::new(0));
    let counted = Rc::clone(&looks);
    let bytes = poll_fn(move |cx| {
        counted.set(counted.get() + 1);
        Pin::new(&mut receive)
            .poll(cx)
            .map(|byte| byte.expect("the test sends it"))
    });
    (send, looks, bytes)
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, test);
}

/// Gives every task of the thread many turns.
async fn many_turns() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[test]
fn a_slow_or_idle_connection_is_never_polled() {
    let mut attention = Attention::default();

    for _ in 0..10_000 {
        for _ in 1..SHORTEST_RUN {
            attention.slept(Duration::ZERO, SPAN);
            assert!(!attention.is_keen());
        }
        attention.slept(2 * SPAN, SPAN);
        assert!(!attention.is_keen());
    }
}

#[test]
fn polls_that_do_not_pay_die_out() {
    let mut attention = Attention::default();
    let mut polls = 0;

    for _ in 0..100 * LONGEST_RUN {
        if attention.is_keen() {
            polls += 1;
            attention.in_vain();
        } else {
            attention.slept(Duration::ZERO, SPAN);
        }
    }

    assert!((100..=108).contains(&polls), "{polls}");
}

#[test]
fn as_many_polls_must_pay_as_a_poll_in_vain_has_cost() {
    let mut attention = keen();
    attention.in_vain();
    let costs = attention.needed - SHORTEST_RUN;

    for left in (0..costs).rev() {
        attention.paid();
        assert_eq!(attention.needed, SHORTEST_RUN + left);
    }
    attention.paid();

    assert_eq!(attention.needed, SHORTEST_RUN);
}

#[test]
fn bytes_that_come_while_a_reader_polls_are_read_without_sleep() {
    run(async {
        let pollers = pollers(AGES, 1);
        let (send, looks, bytes) = bytes();
        let polling = Rc::clone(&pollers);
        let waiting = tokio::task::spawn_local(async move { keen().wait(&polling, bytes).await });
        many_turns().await;
        assert!(looks.get() > 50, "it looks again and again");

        send.send(7).expect("somebody waits");

        assert_eq!(waiting.await.expect("the reader"), 7);
        assert_eq!((pollers.polls.value(), pollers.in_vain.value()), (1, 0));
        assert_eq!(pollers.present.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_reader_whose_poll_was_in_vain_sleeps_and_still_gets_its_bytes() {
    run(async {
        let pollers = pollers(SPAN, 1);
        let (send, looks, bytes) = bytes();
        let polling = Rc::clone(&pollers);
        let waiting = tokio::task::spawn_local(async move {
            let mut attention = keen();
            let byte = attention.wait(&polling, bytes).await;
            (byte, attention)
        });
        while pollers.in_vain.value() == 0 {
            yield_now().await;
        }
        let before = looks.get();
        many_turns().await;
        assert_eq!(looks.get(), before, "it sleeps");
        assert_eq!(pollers.present.load(Ordering::Relaxed), 0);

        send.send(7).expect("somebody waits");

        let (byte, attention) = waiting.await.expect("the reader");
        assert_eq!(byte, 7);
        assert!(!attention.is_keen());
    });
}

#[test]
fn no_more_readers_poll_at_the_same_time_than_may() {
    run(async {
        let pollers = pollers(AGES, 1);
        let (first_send, first_looks, first) = bytes();
        let (second_send, second_looks, second) = bytes();
        for bytes in [first.boxed_local(), second.boxed_local()] {
            let polling = Rc::clone(&pollers);
            tokio::task::spawn_local(async move { keen().wait(&polling, bytes).await });
        }

        many_turns().await;

        assert!(first_looks.get() > 50, "the first polls");
        assert!(second_looks.get() <= 2, "the second sleeps");
        assert_eq!(pollers.polls.value(), 1);
        assert_eq!(pollers.present.load(Ordering::Relaxed), 1);
        first_send.send(1).expect("somebody waits");
        second_send.send(2).expect("somebody waits");
    });
}

#[test]
fn a_reader_that_is_given_up_makes_room_for_another() {
    run(async {
        let pollers = pollers(AGES, 1);
        let (_send, _looks, bytes) = bytes();
        let polling = Rc::clone(&pollers);
        let waiting = tokio::task::spawn_local(async move { keen().wait(&polling, bytes).await });
        while pollers.present.load(Ordering::Relaxed) == 0 {
            yield_now().await;
        }

        waiting.abort();

        assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(pollers.present.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn spans_are_written_as_in_mesos() {
    assert_eq!(
        "50us".parse(),
        Ok(Polling {
            span: Duration::from_micros(50),
            ..Polling::default()
        })
    );
    assert_eq!("0secs".parse(), Ok(Polling::OFF));
    let error = "5".parse::<Polling>().expect_err("no span");
    assert_eq!(error.to_string(), "Invalid duration '5'");
}
