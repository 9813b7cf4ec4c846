//! Waiting for what another operating system process does.
//!
//! Only for that: inside one process a test waits for an event or advances the clock.

use std::time::Duration;

use thiserror::Error;

/// How long [`eventually`] waits before it gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(10);

/// Nothing happened in time.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{what} did not happen within {waited:?}")]
pub struct NeverHappened {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub waited: Duration,
}

/// Asks `probe` until it answers, at most for [`PATIENCE`].
///
/// # Errors
/// [`NeverHappened`] names `what`.
pub fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> Result<T, NeverHappened> {
    within(PATIENCE, what, probe)
}

/// Asks `probe` until it answers, at most for `patience`.
///
/// # Errors
/// [`NeverHappened`] names `what`.
pub fn within<T>(
    patience: Duration,
    what: &str,
    mut probe: impl FnMut() -> Option<T>,
) -> Result<T, NeverHappened> {
    let watch = Stopwatch::start();
    loop {
        if let Some(answer) = probe() {
            return Ok(answer);
        }
        if watch.elapsed() > patience {
            return Err(NeverHappened {
                what: what.to_owned(),
                waited: patience,
            });
        }
        pause();
    }
}

/// Measures real time between two moments of a black-box test.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Default for Stopwatch {
    fn default() -> Self {
        Self::start()
    }
}

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "other processes run on real time"
    )]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Returns the time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no event tells about another process"
)]
pub(crate) fn pause() {
    std::thread::sleep(PAUSE);
}
