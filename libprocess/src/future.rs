//! A value that comes later, and the four ways it can end.
//!
//! Mirrors `3rdparty/libprocess/include/process/future.hpp`.
//! A future here has one consumer: the combinators take it by value.
//!
//! # Invariants
//! - A future completes once; its callback runs once, outside of any lock.
//! - A discard is a request: it runs the producer's `on_discard` callbacks once and changes nothing else.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::Clock;
use crate::promise::Promise;

/// How a [`Future`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The value came.
    Ready(T),
    /// The producer failed, with a text.
    Failed(String),
    /// The producer honoured a discard.
    Discarded,
    /// The producer went away without a word.
    Abandoned,
}

impl<T> Outcome<T> {
    /// The value, if it came.
    pub fn ready(self) -> Option<T> {
        match self {
            Self::Ready(value) => Some(value),
            Self::Failed(_) | Self::Discarded | Self::Abandoned => None,
        }
    }

    /// Whether the value came.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// The failure's text, if there is one.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(text) => Some(text),
            Self::Ready(_) | Self::Discarded | Self::Abandoned => None,
        }
    }

    /// Turns the value and keeps the other cases.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Ready(value) => Outcome::Ready(f(value)),
            Self::Failed(text) => Outcome::Failed(text),
            Self::Discarded => Outcome::Discarded,
            Self::Abandoned => Outcome::Abandoned,
        }
    }
}

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
    pub(crate) fn pending() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                phase: Phase::Pending {
                    callback: None,
                    waker: None,
                },
                discard_requested: false,
                on_discard: Vec::new(),
            }),
        })
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

    fn on_any(&self, f: Callback<T>) {
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

    fn try_take(&self) -> Option<Outcome<T>> {
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

    fn poll(&self, cx: &Context<'_>) -> Poll<Outcome<T>> {
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

/// Something that can be asked to discard.
trait Discard: Send + Sync {
    fn discard(&self);
}

impl<T: Send + 'static> Discard for Shared<T> {
    fn discard(&self) {
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
}

/// Asks for the discard of a future that has been given away.
#[derive(Clone)]
pub struct DiscardHandle {
    target: Weak<dyn Discard>,
}

impl DiscardHandle {
    /// Asks the producer to give up; does nothing when the future is complete.
    pub fn discard(&self) {
        if let Some(target) = self.target.upgrade() {
            target.discard();
        }
    }
}

impl fmt::Debug for DiscardHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscardHandle").finish_non_exhaustive()
    }
}

enum Repr<T: Send + 'static> {
    Now(Outcome<T>),
    Later(Arc<Shared<T>>),
    Empty,
}

/// A value that comes later.
///
/// Inside an actor, hand it to `ctx.on_ready` or `ctx.on_any`; outside, await it.
///
/// # Examples
/// ```
/// use libprocess::{Future, Outcome, Promise};
///
/// let (promise, future) = Promise::new();
/// let doubled = future.map(|value: u32| value * 2);
/// promise.set(21);
/// assert_eq!(doubled.now(), Some(Outcome::Ready(42)));
///
/// let failed = Future::<u32>::failed("no luck").then(|value| Future::ready(value + 1));
/// assert_eq!(failed.now(), Some(Outcome::Failed("no luck".into())));
/// ```
///
/// A discard is a request that reaches the producer:
/// ```
/// use libprocess::Promise;
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
///
/// let asked = Arc::new(AtomicBool::new(false));
/// let (promise, future) = Promise::<u32>::new();
/// let seen = Arc::clone(&asked);
/// promise.on_discard(move || seen.store(true, Ordering::Relaxed));
/// future.discard();
/// assert!(asked.load(Ordering::Relaxed));
/// assert!(future.is_pending());
/// ```
#[must_use = "nobody learns how it ended unless it is awaited or given a callback"]
pub struct Future<T: Send + 'static> {
    repr: Repr<T>,
}

impl<T: Send + 'static> Future<T> {
    pub(crate) const fn from_shared(shared: Arc<Shared<T>>) -> Self {
        Self {
            repr: Repr::Later(shared),
        }
    }

    /// A future that is complete with a value.
    pub const fn ready(value: T) -> Self {
        Self::complete(Outcome::Ready(value))
    }

    /// A future that has failed.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::complete(Outcome::Failed(text.into()))
    }

    /// A future that has ended in the given way.
    pub const fn complete(outcome: Outcome<T>) -> Self {
        Self {
            repr: Repr::Now(outcome),
        }
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        match &self.repr {
            Repr::Later(shared) => matches!(shared.lock().phase, Phase::Pending { .. }),
            Repr::Now(_) | Repr::Empty => false,
        }
    }

    /// Asks the producer to give up. The producer decides; the future may still become ready.
    pub fn discard(&self) {
        if let Repr::Later(shared) = &self.repr {
            Discard::discard(&**shared);
        }
    }

    /// A handle that can ask for the discard after the future has been given away.
    ///
    /// There is none when the future is complete.
    #[must_use]
    pub fn discard_handle(&self) -> Option<DiscardHandle> {
        match &self.repr {
            Repr::Later(shared) => {
                let strong: Arc<dyn Discard> = Arc::<Shared<T>>::clone(shared);
                Some(DiscardHandle {
                    target: Arc::downgrade(&strong),
                })
            }
            Repr::Now(_) | Repr::Empty => None,
        }
    }

    /// The outcome if there is one already.
    #[must_use]
    pub fn now(self) -> Option<Outcome<T>> {
        match self.repr {
            Repr::Now(outcome) => Some(outcome),
            Repr::Later(shared) => shared.try_take(),
            Repr::Empty => None,
        }
    }

    /// Runs `f` with the outcome: at once if it is there, else on the thread that completes it.
    pub fn on_any(self, f: impl FnOnce(Outcome<T>) + Send + 'static) {
        match self.repr {
            Repr::Now(outcome) => f(outcome),
            Repr::Later(shared) => shared.on_any(Box::new(f)),
            Repr::Empty => f(Outcome::Abandoned),
        }
    }

    /// A future that ends as `f` decides from this one's outcome.
    ///
    /// Discards of the result reach this future, and then the one that `f` returns.
    pub fn chain<U: Send + 'static>(
        self,
        f: impl FnOnce(Outcome<T>) -> Future<U> + Send + 'static,
    ) -> Future<U> {
        let (promise, result) = Promise::new();
        if let Some(handle) = self.discard_handle() {
            promise.on_discard(move || handle.discard());
        }
        self.on_any(move |outcome| promise.associate(f(outcome)));
        result
    }

    /// Turns the value when it comes; failure, discard and abandonment pass through.
    pub fn map<U: Send + 'static>(self, f: impl FnOnce(T) -> U + Send + 'static) -> Future<U> {
        self.then(move |value| Future::ready(f(value)))
    }

    /// Goes on with another future when the value comes; the other outcomes pass through.
    ///
    /// When a discard was asked for before the value came, the result is discarded and `f` is not called.
    pub fn then<U: Send + 'static>(
        self,
        f: impl FnOnce(T) -> Future<U> + Send + 'static,
    ) -> Future<U> {
        if let Repr::Now(outcome) = self.repr {
            return pass_on(outcome, f);
        }
        let (promise, result) = Promise::new();
        if let Some(handle) = self.discard_handle() {
            promise.on_discard(move || handle.discard());
        }
        self.on_any(move |outcome| {
            if outcome.is_ready() && promise.discard_requested() {
                promise.discard();
            } else {
                promise.associate(pass_on(outcome, f));
            }
        });
        result
    }

    /// Goes on with another future when this one failed, was discarded or abandoned.
    pub fn recover(self, f: impl FnOnce(Outcome<T>) -> Self + Send + 'static) -> Self {
        let (promise, result) = Promise::new();
        if let Some(handle) = self.discard_handle() {
            promise.on_discard(move || handle.discard());
        }
        self.on_any(move |outcome| match outcome {
            Outcome::Ready(value) => promise.set(value),
            // The recovery is not discarded at birth by the request that made it necessary.
            other @ (Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned) => {
                f(other).on_any(move |outcome| promise.complete(outcome));
            }
        });
        result
    }

    /// Goes on with another future when this one failed; the other outcomes pass through.
    pub fn repair(self, f: impl FnOnce(String) -> Self + Send + 'static) -> Self {
        self.chain(move |outcome| match outcome {
            Outcome::Failed(text) => f(text),
            other @ (Outcome::Ready(_) | Outcome::Discarded | Outcome::Abandoned) => {
                Self::complete(other)
            }
        })
    }

    /// The same outcome if it comes within `span`; else `f` decides, and gets this future back, still pending.
    ///
    /// `f` may discard it; nobody else does.
    pub fn after(
        self,
        clock: &Clock,
        span: Duration,
        f: impl FnOnce(Self) -> Self + Send + 'static,
    ) -> Self {
        if !self.is_pending() {
            return self;
        }
        let (promise, result) = Promise::new();
        let (relay, late) = Promise::new();
        let handle = self.discard_handle();
        if let Some(handle) = handle.clone() {
            promise.on_discard(move || handle.discard());
        }
        if let Some(handle) = handle {
            relay.on_discard(move || handle.discard());
        }
        let race = Arc::new(Mutex::new(Some((promise, late, f))));
        let timed = Arc::clone(&race);
        let timer = clock.timer(span, move || {
            let late = timed.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((promise, late, f)) = late {
                promise.associate(f(late));
            }
        });
        self.on_any(move |outcome| {
            let in_time = race.lock().unwrap_or_else(PoisonError::into_inner).take();
            match in_time {
                Some((promise, ..)) => {
                    timer.cancel();
                    promise.complete(outcome);
                }
                None => relay.complete(outcome),
            }
        });
        result
    }

    /// The same outcome; discard requests stop here.
    pub fn undiscardable(self) -> Self {
        let (promise, result) = Promise::new();
        self.on_any(move |outcome| promise.complete(outcome));
        result
    }
}

fn pass_on<T, U: Send + 'static>(outcome: Outcome<T>, f: impl FnOnce(T) -> Future<U>) -> Future<U> {
    match outcome {
        Outcome::Ready(value) => f(value),
        Outcome::Failed(text) => Future::complete(Outcome::Failed(text)),
        Outcome::Discarded => Future::complete(Outcome::Discarded),
        Outcome::Abandoned => Future::complete(Outcome::Abandoned),
    }
}

/// Awaiting is for tasks outside of actors; awaiting an outcome twice gives [`Outcome::Abandoned`].
impl<T: Send + 'static> std::future::Future for Future<T> {
    type Output = Outcome<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        if let Repr::Later(shared) = &self.repr {
            return shared.poll(cx);
        }
        match std::mem::replace(&mut self.repr, Repr::Empty) {
            Repr::Now(outcome) => Poll::Ready(outcome),
            Repr::Later(_) | Repr::Empty => Poll::Ready(Outcome::Abandoned),
        }
    }
}

// The value is moved in and out as a whole and never pinned.
impl<T: Send + 'static> Unpin for Future<T> {}

impl<T: Send + 'static> From<T> for Future<T> {
    fn from(value: T) -> Self {
        Self::ready(value)
    }
}

/// Prints `Pending`, `Ready`, `Failed: <text>`, `Discarded` or `Abandoned`;
/// ` (with discard)` follows the word when a discard was asked for.
impl<T: Send + 'static> fmt::Display for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let describe = |outcome: &Outcome<T>, asked: &str, f: &mut fmt::Formatter<'_>| match outcome
        {
            Outcome::Ready(_) => write!(f, "Ready{asked}"),
            Outcome::Failed(text) => write!(f, "Failed{asked}: {text}"),
            Outcome::Discarded => write!(f, "Discarded{asked}"),
            Outcome::Abandoned => write!(f, "Abandoned{asked}"),
        };
        match &self.repr {
            Repr::Now(outcome) => describe(outcome, "", f),
            Repr::Empty => f.write_str("Abandoned"),
            Repr::Later(shared) => {
                let state = shared.lock();
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
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Future({self})")
    }
}

#[cfg(test)]
mod tests;
