//! A value that comes later, and the four ways it can end.
//!
//! Mirrors `3rdparty/libprocess/include/process/future.hpp`.
//! A future here has one consumer: the combinators take it by value.
//!
//! # Invariants
//! - A future completes once; its callback runs once, outside of any lock.
//! - A discard is a request: it runs the producer's `on_discard` callbacks once and changes nothing else.

mod outcome;
mod shared;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

pub use self::outcome::Outcome;
pub(crate) use self::shared::Shared;
use self::shared::describe;

use crate::clock::Clock;
use crate::promise::Promise;

/// Something that can be asked to discard.
trait Discard: Send + Sync {
    fn discard(&self);
}

impl<T: Send + 'static> Discard for Shared<T> {
    fn discard(&self) {
        Self::discard(self);
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

    /// Complete with a value, or as the future in its place, or failed with the text of an error.
    pub fn from_result<E: fmt::Display>(result: Result<impl Into<Self>, E>) -> Self {
        match result {
            Ok(value) => value.into(),
            Err(error) => Self::failed(error.to_string()),
        }
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
            Repr::Later(shared) => shared.is_pending(),
            Repr::Now(_) | Repr::Empty => false,
        }
    }

    /// Asks the producer to give up. The producer decides; the future may still become ready.
    pub fn discard(&self) {
        if let Repr::Later(shared) = &self.repr {
            shared.discard();
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
        match &self.repr {
            Repr::Now(outcome) => describe(outcome, "", f),
            Repr::Empty => f.write_str("Abandoned"),
            Repr::Later(shared) => shared.describe(f),
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
