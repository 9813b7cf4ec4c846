//! Random pauses, from a seed when a run must be repeatable.

use std::time::Duration;

/// Draws pauses.
#[derive(Clone, Debug)]
pub(crate) struct Jitter {
    random: fastrand::Rng,
}

impl Jitter {
    /// Starts from the operating system's randomness.
    pub(crate) fn from_entropy() -> Self {
        Self {
            random: fastrand::Rng::new(),
        }
    }

    /// A pause of at least `shortest` and at most `longest`.
    pub(crate) fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let span = u64::try_from(longest.saturating_sub(shortest).as_micros()).unwrap_or(u64::MAX);
        shortest + Duration::from_micros(self.random.u64(0..=span))
    }
}
