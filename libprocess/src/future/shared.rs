//! What a promise and its future share.
//!
//! # Invariants
//! - A future completes once; its callback runs once, outside of the lock.
//! - A discard runs the producer's callbacks once, and none after the completion.

use std::fmt;
use std::task::{Context, Poll, Waker};

use super::Outcome;
use crate::sync::{Mutex, MutexGuard, PoisonError};

type Callback<T> = Box<dyn FnOnce(Outcome<T>) + Send>;
type DiscardCallback = Box<dyn FnOnce() + Send>;

enum Phase<T> {
    Pending {
        callback: Option<Callback<T>>,
        waker: Option<Waker>,
    },
    Complete(Outcome<T>),
    Taken,
}

struct State<T> {
    phase: Phase<T>,
    discard_requested: bool,
    on_discard: Vec<DiscardCallback>,
}

/// What promise and future share.
pub(crate) struct Shared<T> {
    state: Mutex<State<T>>,
}

impl<T: Send + 'static> Shared<T> {
    pub(crate) fn pending() -> Self {
        Self {
            state: Mutex::new(State {
                phase: Phase::Pending {
                    callback: None,
                    waker: None,
                },
                discard_requested: false,
                on_discard: Vec::new(),
            }),
        }
    }

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.lock().phase, Phase::Pending { .. })
    }

    /// Asks the producer to give up, once.
    pub(crate) fn discard(&self) {
        let callbacks = {
            let mut state = self.lock();
            if state.discard_requested || !matches!(state.phase, Phase::Pending { .. }) {
                return;
            }
            state.discard_requested = true;
            std::mem::take(&mut state.on_discard)
        };
        for callback in callbacks {
            callback();
        }
    }

    /// The outcome as a text, and whether a discard was asked for.
    pub(crate) fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let asked = if state.discard_requested {
            " (with discard)"
        } else {
            ""
        };
        match &state.phase {
            Phase::Pending { .. } => write!(f, "Pending{asked}"),
            Phase::Complete(outcome) => describe(outcome, asked, f),
            Phase::Taken => write!(f, "Abandoned{asked}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn complete(&self, outcome: Outcome<T>) {
        let mut state = self.lock();
        let forgotten = std::mem::take(&mut state.on_discard);
        match std::mem::replace(&mut state.phase, Phase::Taken) {
            Phase::Pending {
                callback: Some(callback),
                ..
            } => {
                drop(state);
                callback(outcome);
            }
            Phase::Pending {
                callback: None,
                waker,
            } => {
                state.phase = Phase::Complete(outcome);
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            earlier @ (Phase::Complete(_) | Phase::Taken) => state.phase = earlier,
        }
        drop(forgotten);
    }

    pub(crate) fn on_discard(&self, callback: DiscardCallback) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Pending { .. }) {
            return;
        }
        if state.discard_requested {
            drop(state);
            callback();
        } else {
            state.on_discard.push(callback);
        }
    }

    pub(crate) fn discard_requested(&self) -> bool {
        self.lock().discard_requested
    }

    pub(crate) fn on_any(&self, f: Callback<T>) {
        let mut state = self.lock();
        match std::mem::replace(&mut state.phase, Phase::Taken) {
            Phase::Pending { waker, .. } => {
                state.phase = Phase::Pending {
                    callback: Some(f),
                    waker,
                };
            }
            Phase::Complete(outcome) => {
                drop(state);
                f(outcome);
            }
            Phase::Taken => {
                drop(state);
                f(Outcome::Abandoned);
            }
        }
    }

    pub(crate) fn try_take(&self) -> Option<Outcome<T>> {
        let mut state = self.lock();
        match std::mem::replace(&mut state.phase, Phase::Taken) {
            Phase::Complete(outcome) => Some(outcome),
            pending @ Phase::Pending { .. } => {
                state.phase = pending;
                None
            }
            Phase::Taken => Some(Outcome::Abandoned),
        }
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Outcome<T>> {
        if let Some(outcome) = self.try_take() {
            return Poll::Ready(outcome);
        }
        let mut state = self.lock();
        if let Phase::Pending { waker, .. } = &mut state.phase {
            match waker {
                Some(known) => known.clone_from(cx.waker()),
                None => *waker = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        drop(state);
        self.try_take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Prints an outcome without its value.
pub(crate) fn describe<T>(
    outcome: &Outcome<T>,
    asked: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match outcome {
        Outcome::Ready(_) => write!(f, "Ready{asked}"),
        Outcome::Failed(text) => write!(f, "Failed{asked}: {text}"),
        Outcome::Discarded => write!(f, "Discarded{asked}"),
        Outcome::Abandoned => write!(f, "Abandoned{asked}"),
    }
}
