//! Many futures as one.
//!
//! Mirrors `3rdparty/libprocess/include/process/collect.hpp`.

use std::sync::{Arc, Mutex, PoisonError};

use crate::future::{DiscardHandle, Future, Outcome};
use crate::promise::Promise;

/// Waits for all values, in the order of the list.
///
/// The first failure fails the whole with `Collect failed: <text>`, the first discarded member with
/// `Collect failed: future discarded`; an abandoned member abandons it.
/// A discard is passed to every member and honoured at once.
pub fn collect<T: Send + 'static>(futures: Vec<Future<T>>) -> Future<Vec<T>> {
    gather(futures, |outcome| match outcome {
        Outcome::Ready(value) => Ok(value),
        Outcome::Failed(text) => Err(Outcome::Failed(format!("Collect failed: {text}"))),
        Outcome::Discarded => Err(Outcome::Failed(
            "Collect failed: future discarded".to_owned(),
        )),
        Outcome::Abandoned => Err(Outcome::Abandoned),
    })
}

/// Waits until every member has ended in any way, and tells how.
///
/// An abandoned member abandons the whole. A discard is passed to every member and honoured at once.
pub fn await_all<T: Send + 'static>(futures: Vec<Future<T>>) -> Future<Vec<Outcome<T>>> {
    gather(futures, |outcome| match outcome {
        Outcome::Abandoned => Err(Outcome::Abandoned),
        other @ (Outcome::Ready(_) | Outcome::Failed(_) | Outcome::Discarded) => Ok(other),
    })
}

/// Completes with the first member that becomes ready; failed and discarded ones are passed over.
///
/// When no member can become ready any more, the result is abandoned.
pub fn select<T: Send + 'static>(futures: Vec<Future<T>>) -> Future<T> {
    let (promise, result) = Promise::new();
    forward_discard(&promise, &futures);
    let promise = Arc::new(Mutex::new(Some(promise)));
    for future in futures {
        let promise = Arc::clone(&promise);
        future.on_any(move |outcome| {
            if let Outcome::Ready(value) = outcome {
                let winner = promise
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                if let Some(winner) = winner {
                    winner.set(value);
                }
            }
        });
    }
    result
}

/// What one member means for the whole: a value, or the end.
type Verdict<U> = Result<U, Outcome<Vec<U>>>;

struct Gathering<U: Send + 'static> {
    promise: Option<Promise<Vec<U>>>,
    values: Vec<Option<U>>,
    missing: usize,
}

fn gather<T: Send + 'static, U: Send + 'static>(
    futures: Vec<Future<T>>,
    judge: fn(Outcome<T>) -> Verdict<U>,
) -> Future<Vec<U>> {
    if futures.is_empty() {
        return Future::ready(Vec::new());
    }
    let (promise, result) = Promise::new();
    let handles: Vec<DiscardHandle> = futures.iter().filter_map(Future::discard_handle).collect();
    let gathering = Arc::new(Mutex::new(Gathering {
        promise: None,
        values: futures.iter().map(|_| None).collect(),
        missing: futures.len(),
    }));
    let asked = Arc::downgrade(&gathering);
    promise.on_discard(move || {
        for handle in &handles {
            handle.discard();
        }
        let promise = asked.upgrade().and_then(|gathering| {
            gathering
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .promise
                .take()
        });
        if let Some(promise) = promise {
            promise.discard();
        }
    });
    gathering
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .promise = Some(promise);
    for (index, future) in futures.into_iter().enumerate() {
        let gathering = Arc::clone(&gathering);
        future.on_any(move |outcome| settle_one(&gathering, index, judge(outcome)));
    }
    result
}

fn settle_one<U: Send + 'static>(
    gathering: &Mutex<Gathering<U>>,
    index: usize,
    verdict: Verdict<U>,
) {
    let mut gathering = gathering.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = match verdict {
        Err(outcome) => outcome,
        Ok(value) => {
            if let Some(slot) = gathering.values.get_mut(index) {
                *slot = Some(value);
            }
            gathering.missing = gathering.missing.saturating_sub(1);
            if gathering.missing > 0 {
                return;
            }
            Outcome::Ready(
                std::mem::take(&mut gathering.values)
                    .into_iter()
                    .flatten()
                    .collect(),
            )
        }
    };
    let promise = gathering.promise.take();
    drop(gathering);
    if let Some(promise) = promise {
        promise.complete(outcome);
    }
}

fn forward_discard<T: Send + 'static, U: Send + 'static>(
    promise: &Promise<U>,
    futures: &[Future<T>],
) {
    let handles: Vec<DiscardHandle> = futures.iter().filter_map(Future::discard_handle).collect();
    promise.on_discard(move || {
        for handle in &handles {
            handle.discard();
        }
    });
}
