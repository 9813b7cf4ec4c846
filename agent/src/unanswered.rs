//! Questions that stay open.

use std::fmt;
use std::sync::Mutex;

use libprocess::{Future, Promise};

/// Keeps every question open for as long as it lives.
pub(crate) struct Unanswered<T: Send + 'static>(Mutex<Vec<Promise<T>>>);

impl<T: Send + 'static> Default for Unanswered<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Send + 'static> fmt::Debug for Unanswered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unanswered").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Unanswered<T> {
    /// An answer that does not come.
    pub(crate) fn ask(&self) -> Future<T> {
        let (promise, future) = Promise::new();
        if let Ok(mut open) = self.0.lock() {
            open.push(promise);
        }
        future
    }
}
