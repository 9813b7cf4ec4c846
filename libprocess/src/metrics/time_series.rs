//! Values over time, within a window and a capacity.
//!
//! Mirrors `3rdparty/libprocess/include/process/timeseries.hpp`.
//!
//! # Invariants
//! - Samples older than the window leave when a new one comes; at least one stays.
//! - Beyond the capacity every second sample of the older half leaves, one for each that comes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Time;

/// How many samples are kept.
const CAPACITY: usize = 1000;

/// Samples in the order of their times.
#[derive(Clone, Debug)]
pub struct TimeSeries {
    window: Duration,
    capacity: usize,
    samples: BTreeMap<Time, f64>,
    /// Where thinning goes on: the time of the last sample that was kept.
    thinned: Option<Time>,
}

impl TimeSeries {
    /// An empty series for a window.
    #[must_use]
    pub const fn new(window: Duration) -> Self {
        Self::with_capacity(window, CAPACITY)
    }

    /// An empty series for a window and a number of samples.
    #[must_use]
    pub const fn with_capacity(window: Duration, capacity: usize) -> Self {
        Self {
            window,
            capacity,
            samples: BTreeMap::new(),
            thinned: None,
        }
    }

    /// Adds a sample; one of the same time is replaced.
    pub fn set(&mut self, now: Time, value: f64) {
        self.truncate(now);
        self.thin();
        self.samples.insert(now, value);
    }

    /// All values in the order of their times.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.samples.values().copied()
    }

    /// All samples in the order of their times.
    pub fn iter(&self) -> impl Iterator<Item = (Time, f64)> + '_ {
        self.samples.iter().map(|(time, value)| (*time, *value))
    }

    /// The newest sample.
    #[must_use]
    pub fn latest(&self) -> Option<(Time, f64)> {
        self.samples
            .last_key_value()
            .map(|(time, value)| (*time, *value))
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    fn truncate(&mut self, now: Time) {
        let Some(oldest) = (now.as_nanos() >= nanos(self.window)).then(|| now - self.window) else {
            return;
        };
        while self.samples.len() > 1
            && self
                .samples
                .first_key_value()
                .is_some_and(|(time, _)| *time <= oldest)
        {
            self.samples.pop_first();
        }
    }

    fn thin(&mut self) {
        if self.samples.len() < self.capacity {
            return;
        }
        let middle = self.samples.keys().nth(self.samples.len() / 2).copied();
        let after_kept = |kept: Option<Time>| {
            let oldest = self.samples.keys().next().copied();
            let kept = kept.or(oldest);
            let mut following = self
                .samples
                .keys()
                .copied()
                .skip_while(|time| Some(*time) <= kept);
            Some((following.next()?, following.next()))
        };
        let found = after_kept(self.thinned)
            .filter(|(removed, _)| middle.is_none_or(|middle| *removed < middle))
            .or_else(|| after_kept(None));
        if let Some((removed, next_kept)) = found {
            self.samples.remove(&removed);
            self.thinned = next_kept;
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::EPOCH + Duration::from_secs(secs)
    }

    /// Mirrors: TimeSeriesTest.Set
    #[test]
    fn the_newest_sample_is_the_latest_and_equal_times_overwrite() {
        let mut series = TimeSeries::new(Duration::from_secs(100));
        assert!(series.is_empty());

        series.set(at(1000), 1.0);
        series.set(at(1001), 2.0);
        series.set(at(1001), 3.0);

        assert_eq!(series.latest(), Some((at(1001), 3.0)));
        assert_eq!(series.len(), 2);
    }

    /// Mirrors: TimeSeriesTest.Truncate
    #[test]
    fn samples_at_the_edge_of_the_window_leave_and_one_always_stays() {
        let mut series = TimeSeries::new(Duration::from_secs(10));
        series.set(at(1000), 1.0);
        series.set(at(1001), 2.0);

        series.set(at(1010), 3.0);
        assert_eq!(series.values().collect::<Vec<_>>(), [2.0, 3.0]);

        series.set(at(2000), 4.0);
        assert_eq!(series.values().collect::<Vec<_>>(), [3.0, 4.0]);
    }

    /// Mirrors: TimeSeriesTest.Sparsify
    #[test]
    fn beyond_the_capacity_every_second_of_the_older_half_leaves() {
        let mut series = TimeSeries::with_capacity(Duration::from_secs(1000), 10);
        for second in 0..10 {
            series.set(at(1000 + second), 0.0);
        }
        assert_eq!(series.len(), 10);

        series.set(at(1010), 0.0);
        series.set(at(1011), 0.0);

        let left: Vec<u64> = series
            .iter()
            .map(|(time, _)| time.as_secs() - 1000)
            .collect();
        assert_eq!(left.len(), 10);
        assert!(!left.contains(&1) && !left.contains(&3), "{left:?}");
        assert!(
            left.contains(&0) && left.contains(&2) && left.contains(&11),
            "{left:?}"
        );
    }
}
