//! Percentiles of a time series.
//!
//! Mirrors `3rdparty/libprocess/include/process/statistics.hpp`.

use super::time_series::TimeSeries;

/// What a window of samples looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// How many samples.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The 25th percentile.
    pub p25: f64,
    /// The median.
    pub p50: f64,
    /// The 75th percentile.
    pub p75: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
    /// The 99.99th percentile.
    pub p9999: f64,
}

impl Statistics {
    /// The statistics of a series; there are none for fewer than two samples.
    #[must_use]
    pub fn of(series: &TimeSeries) -> Option<Self> {
        Self::of_values(series.values())
    }

    /// The statistics of some values, in any order; there are none for fewer than two.
    #[must_use]
    pub fn of_values(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        if values.len() < 2 {
            return None;
        }
        values.sort_by(f64::total_cmp);
        Some(Self {
            count: values.len(),
            min: *values.first()?,
            max: *values.last()?,
            p25: percentile(&values, 0.25)?,
            p50: percentile(&values, 0.5)?,
            p75: percentile(&values, 0.75)?,
            p90: percentile(&values, 0.9)?,
            p95: percentile(&values, 0.95)?,
            p99: percentile(&values, 0.99)?,
            p999: percentile(&values, 0.999)?,
            p9999: percentile(&values, 0.9999)?,
        })
    }

    /// The published values with the suffixes of their keys.
    pub(super) fn published(&self) -> [(&'static str, f64); 9] {
        [
            ("count", count(self.count)),
            ("max", self.max),
            ("min", self.min),
            ("p50", self.p50),
            ("p90", self.p90),
            ("p95", self.p95),
            ("p99", self.p99),
            ("p999", self.p999),
            ("p9999", self.p9999),
        ]
    }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// Linear between the two neighbours of the exact position.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the position lies between zero and the number of samples"
)]
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share * count(last);
    let below = position.floor();
    let index = (below as usize).min(last);
    let low = *sorted.get(index)?;
    let Some(high) = sorted.get(index + 1) else {
        return Some(low);
    };
    Some(low + (high - low) * (position - below))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::time::Time;

    fn series(values: impl IntoIterator<Item = f64>) -> TimeSeries {
        let mut series = TimeSeries::new(Duration::from_secs(1_000_000));
        let mut now = Time::EPOCH;
        for value in values {
            now += Duration::from_secs(1);
            series.set(now, value);
        }
        series
    }

    /// Mirrors: StatisticsTest.Empty
    /// Mirrors: StatisticsTest.Single
    #[test]
    fn fewer_than_two_samples_have_no_statistics() {
        assert_eq!(Statistics::of(&series([])), None);
        assert_eq!(Statistics::of(&series([1.0])), None);
    }

    /// Mirrors: StatisticsTest.StatisticsFromDurationList
    #[test]
    fn durations_have_statistics_too() {
        let durations = (0..=10).rev().map(|tens| Duration::from_secs(10 * tens));

        let statistics = Statistics::of_values(durations.map(|span| span.as_secs_f64()));

        let statistics = statistics.expect("statistics");
        assert_eq!(statistics.count, 11);
        for (found, expected) in [
            (statistics.min, 0.0),
            (statistics.p25, 25.0),
            (statistics.p50, 50.0),
            (statistics.p75, 75.0),
            (statistics.p90, 90.0),
            (statistics.max, 100.0),
        ] {
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
    }

    /// Mirrors: StatisticsTest.StatisticsFromTimeSeries
    #[test]
    fn percentiles_lie_between_their_neighbours() {
        let statistics = Statistics::of(&series((-5..=5).map(f64::from))).expect("statistics");

        assert_eq!(statistics.count, 11);
        assert!((statistics.min + 5.0).abs() < 1e-9);
        assert!((statistics.max - 5.0).abs() < 1e-9);
        assert!((statistics.p25 + 2.5).abs() < 1e-9);
        assert!(statistics.p50.abs() < 1e-9);
        assert!((statistics.p75 - 2.5).abs() < 1e-9);
        assert!((statistics.p90 - 4.0).abs() < 1e-9);
        assert!((statistics.p95 - 4.5).abs() < 1e-9);
        assert!((statistics.p99 - 4.9).abs() < 1e-9);
        assert!((statistics.p999 - 4.99).abs() < 1e-9);
        assert!((statistics.p9999 - 4.999).abs() < 1e-9);
    }
}
