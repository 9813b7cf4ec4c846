//! How long one attempt to authenticate may take.

use std::time::Duration;

/// A range of durations that widens after each failure, so that clients do not come all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptWindow {
    min: Duration,
    max: Duration,
}

impl AttemptWindow {
    /// The window of a first attempt: from `min` to twice `factor` more, and never above `limit`.
    #[must_use]
    pub fn first(min: Duration, factor: Duration, limit: Duration) -> Self {
        Self {
            min,
            max: (min + factor * 2).min(limit),
        }
    }

    /// The window of the next attempt: twice as wide, and never above `limit`.
    #[must_use]
    pub fn next(self, limit: Duration) -> Self {
        let wider = self.min + self.max.saturating_sub(self.min) * 2;
        Self {
            min: self.min,
            max: wider.min(limit),
        }
    }

    /// A duration within the window; `random` is between 0 and 1.
    #[must_use]
    pub fn pick(self, random: f64) -> Duration {
        self.min + self.max.saturating_sub(self.min).mul_f64(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_doubles_up_to_the_limit() {
        let secs = Duration::from_secs;

        let first = AttemptWindow::first(secs(5), secs(1), secs(60));
        let second = first.next(secs(60));
        let last = (0..10).fold(second, |window, _| window.next(secs(60)));

        assert_eq!(
            first,
            AttemptWindow {
                min: secs(5),
                max: secs(7)
            }
        );
        assert_eq!(
            second,
            AttemptWindow {
                min: secs(5),
                max: secs(9)
            }
        );
        assert_eq!(
            last,
            AttemptWindow {
                min: secs(5),
                max: secs(60)
            }
        );
        assert_eq!(second.pick(0.5), secs(7));
    }
}
