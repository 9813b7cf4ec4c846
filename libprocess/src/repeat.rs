//! Asynchronous loops.
//!
//! Mirrors `3rdparty/libprocess/include/process/loop.hpp`.

use std::sync::{Arc, Mutex, PoisonError};

use crate::future::{DiscardHandle, Future, Outcome};
use crate::promise::Promise;

/// What the body of a loop decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlFlow<T> {
    /// Another round.
    Continue,
    /// The loop's result.
    Break(T),
}

/// The future that is being waited for, and whether a discard was asked for.
#[derive(Default)]
struct Current {
    handle: Option<DiscardHandle>,
    discarded: bool,
}

struct Loop<I, B, U: Send + 'static> {
    iterate: I,
    body: B,
    promise: Promise<U>,
    current: Arc<Mutex<Current>>,
}

/// Runs `body` on what `iterate` gives, again and again, until the body breaks.
///
/// A discard goes to the future being waited for, and to each later one; the loop is discarded when such a future is.
/// A failed future fails the loop.
///
/// # Examples
/// ```
/// use libprocess::{ControlFlow, Future, Outcome, repeat};
///
/// let mut numbers = 0..;
/// let sum = repeat(
///     move || Future::ready(numbers.next().unwrap_or(0)),
///     |number: u32| Future::ready(if number < 5 { ControlFlow::Continue } else { ControlFlow::Break(number) }),
/// );
/// assert_eq!(sum.now(), Some(Outcome::Ready(5)));
/// ```
pub fn repeat<T, U, I, B>(iterate: I, body: B) -> Future<U>
where
    T: Send + 'static,
    U: Send + 'static,
    I: FnMut() -> Future<T> + Send + 'static,
    B: FnMut(T) -> Future<ControlFlow<U>> + Send + 'static,
{
    let (promise, result) = Promise::new();
    let current: Arc<Mutex<Current>> = Arc::default();
    let asked = Arc::clone(&current);
    promise.on_discard(move || {
        let mut current = asked.lock().unwrap_or_else(PoisonError::into_inner);
        current.discarded = true;
        let handle = current.handle.clone();
        drop(current);
        if let Some(handle) = handle {
            handle.discard();
        }
    });
    run(Loop {
        iterate,
        body,
        promise,
        current,
    });
    result
}

/// Goes round as long as the futures are ready; a pending one goes on by its callback.
fn run<T, U, I, B>(mut state: Loop<I, B, U>)
where
    T: Send + 'static,
    U: Send + 'static,
    I: FnMut() -> Future<T> + Send + 'static,
    B: FnMut(T) -> Future<ControlFlow<U>> + Send + 'static,
{
    loop {
        let next = (state.iterate)();
        watch(&state.current, &next);
        if next.is_pending() {
            next.on_any(move |outcome| {
                if let Some(state) = on_value(state, outcome) {
                    run(state);
                }
            });
            return;
        }
        let outcome = next.now().unwrap_or(Outcome::Abandoned);
        match on_value(state, outcome) {
            Some(again) => state = again,
            None => return,
        }
    }
}

/// Runs the body on a value; the loop again when it is to go on at once.
fn on_value<T, U, I, B>(mut state: Loop<I, B, U>, outcome: Outcome<T>) -> Option<Loop<I, B, U>>
where
    T: Send + 'static,
    U: Send + 'static,
    I: FnMut() -> Future<T> + Send + 'static,
    B: FnMut(T) -> Future<ControlFlow<U>> + Send + 'static,
{
    let value = match outcome {
        Outcome::Ready(value) => value,
        Outcome::Failed(text) => return end(state, Outcome::Failed(text)),
        Outcome::Discarded => return end(state, Outcome::Discarded),
        Outcome::Abandoned => return end(state, Outcome::Abandoned),
    };
    let decided = (state.body)(value);
    watch(&state.current, &decided);
    if decided.is_pending() {
        decided.on_any(move |outcome| {
            if let Some(state) = on_decision(state, outcome) {
                run(state);
            }
        });
        return None;
    }
    on_decision(state, decided.now().unwrap_or(Outcome::Abandoned))
}

fn on_decision<U: Send + 'static, I, B>(
    state: Loop<I, B, U>,
    outcome: Outcome<ControlFlow<U>>,
) -> Option<Loop<I, B, U>> {
    match outcome {
        Outcome::Ready(ControlFlow::Continue) => Some(state),
        Outcome::Ready(ControlFlow::Break(result)) => end(state, Outcome::Ready(result)),
        Outcome::Failed(text) => end(state, Outcome::Failed(text)),
        Outcome::Discarded => end(state, Outcome::Discarded),
        Outcome::Abandoned => end(state, Outcome::Abandoned),
    }
}

fn end<U: Send + 'static, I, B>(
    state: Loop<I, B, U>,
    outcome: Outcome<U>,
) -> Option<Loop<I, B, U>> {
    state.promise.complete(outcome);
    None
}

fn watch<T: Send + 'static>(current: &Mutex<Current>, future: &Future<T>) {
    let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
    current.handle = future.discard_handle();
    let discarded = current.discarded;
    drop(current);
    if discarded {
        future.discard();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Mirrors: LoopTest.Sync
    #[test]
    fn ready_futures_are_gone_through_without_recursion() {
        let mut values = 0..1_000_000_u32;
        let last = repeat(
            move || Future::ready(values.next()),
            |value| {
                Future::ready(match value {
                    Some(_) => ControlFlow::Continue,
                    None => ControlFlow::Break("done"),
                })
            },
        );

        assert_eq!(last.now(), Some(Outcome::Ready("done")));
    }

    /// Mirrors: LoopTest.Async
    #[test]
    fn pending_futures_carry_the_loop_on_when_they_come() {
        let (one, first) = Promise::new();
        let (two, second) = Promise::new();
        let mut futures = VecDeque::from([first, second]);
        let result = repeat(
            move || {
                futures
                    .pop_front()
                    .unwrap_or_else(|| Future::failed("no more"))
            },
            |value: u8| {
                Future::ready(if value == 2 {
                    ControlFlow::Break(value)
                } else {
                    ControlFlow::Continue
                })
            },
        );

        one.set(1);
        assert!(result.is_pending());
        two.set(2);

        assert_eq!(result.now(), Some(Outcome::Ready(2)));
    }

    /// Mirrors: LoopTest.DiscardIterate
    #[test]
    fn a_discard_reaches_what_the_loop_iterates_on() {
        let (promise, future) = Promise::<u8>::new();
        let mut future = Some(future);
        let result = repeat(
            move || future.take().unwrap_or_else(|| Future::failed("no more")),
            |_| Future::ready(ControlFlow::<u8>::Continue),
        );

        result.discard();

        assert!(promise.discard_requested());
        promise.discard();
        assert_eq!(result.now(), Some(Outcome::Discarded));
    }

    /// Mirrors: LoopTest.DiscardBody
    #[test]
    fn a_discard_reaches_what_the_body_waits_for() {
        let (promise, future) = Promise::<ControlFlow<u8>>::new();
        let mut future = Some(future);
        let result = repeat(
            || Future::ready(0),
            move |_: u8| future.take().unwrap_or_else(|| Future::failed("no more")),
        );

        result.discard();

        assert!(promise.discard_requested());
        promise.discard();
        assert_eq!(result.now(), Some(Outcome::Discarded));
    }
}
