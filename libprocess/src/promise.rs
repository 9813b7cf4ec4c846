//! The producer's end of a [`Future`].
//!
//! Mirrors `Promise` in `3rdparty/libprocess/include/process/future.hpp`.

use std::fmt;
use std::sync::Arc;

use crate::future::{Future, Outcome, Shared};

/// The right, and the duty, to complete one [`Future`].
///
/// Every method that completes consumes the promise, so the first completion is the only one.
/// A promise that is dropped without completing leaves its future [`Outcome::Abandoned`].
///
/// # Examples
/// ```
/// use libprocess::{Outcome, Promise};
///
/// let (promise, future) = Promise::new();
/// promise.set(7);
/// assert_eq!(future.now(), Some(Outcome::Ready(7)));
///
/// let (promise, future) = Promise::<u8>::new();
/// drop(promise);
/// assert_eq!(future.now(), Some(Outcome::Abandoned));
/// ```
pub struct Promise<T: Send + 'static> {
    shared: Option<Arc<Shared<T>>>,
}

impl<T: Send + 'static> Promise<T> {
    /// Makes a pending future and its promise.
    pub fn new() -> (Self, Future<T>) {
        let shared = Arc::new(Shared::pending());
        (
            Self {
                shared: Some(Arc::clone(&shared)),
            },
            Future::from_shared(shared),
        )
    }

    /// Completes with a value.
    pub fn set(self, value: T) {
        self.complete(Outcome::Ready(value));
    }

    /// Completes with a failure.
    pub fn fail(self, text: impl Into<String>) {
        self.complete(Outcome::Failed(text.into()));
    }

    /// Completes as discarded.
    pub fn discard(self) {
        self.complete(Outcome::Discarded);
    }

    /// Completes with any outcome.
    pub fn complete(mut self, outcome: Outcome<T>) {
        if let Some(shared) = self.shared.take() {
            shared.complete(outcome);
        }
    }

    /// Completes as `source` does, and passes a discard request on to it.
    pub fn associate(self, source: Future<T>) {
        if let Some(handle) = source.discard_handle() {
            self.on_discard(move || handle.discard());
        }
        source.on_any(move |outcome| self.complete(outcome));
    }

    /// Runs `f` once when the consumer asks for a discard, at once if it has already.
    ///
    /// Whether to honour the request is up to the producer.
    pub fn on_discard(&self, f: impl FnOnce() + Send + 'static) {
        if let Some(shared) = &self.shared {
            shared.on_discard(Box::new(f));
        }
    }

    /// Whether the consumer has asked for a discard.
    #[must_use]
    pub fn discard_requested(&self) -> bool {
        self.shared
            .as_ref()
            .is_some_and(|shared| shared.discard_requested())
    }
}

impl<T: Send + 'static> Drop for Promise<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.complete(Outcome::Abandoned);
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise")
            .field("discard_requested", &self.discard_requested())
            .finish()
    }
}
