//! Sets of whole numbers kept as sorted, disjoint intervals.
//!
//! Mirrors the ranges half of `src/common/values.cpp`.
//!
//! # Invariants
//! - Intervals are sorted, do not overlap and do not touch.

use std::fmt;
use std::sync::Arc;

/// An interval with both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// The first number.
    pub begin: u64,
    /// The last number.
    pub end: u64,
}

/// A set of numbers as intervals; cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Arc<[Range]>);

impl Ranges {
    /// Builds the set from intervals in any order; inverted ones are ignored.
    #[must_use]
    pub fn new(intervals: impl IntoIterator<Item = (u64, u64)>) -> Self {
        intervals
            .into_iter()
            .filter(|(begin, end)| begin <= end)
            .map(|(begin, end)| Range { begin, end })
            .collect()
    }

    /// The intervals, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Range> + '_ {
        self.0.iter().copied()
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers the set has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.iter().fold(0u64, |sum, range| {
            sum.saturating_add(range.end - range.begin)
                .saturating_add(1)
        })
    }

    /// Whether one interval of this set holds the number.
    #[must_use]
    pub fn contains_number(&self, number: u64) -> bool {
        let after = self.0.partition_point(|range| range.begin <= number);
        after
            .checked_sub(1)
            .and_then(|index| self.0.get(index))
            .is_some_and(|range| number <= range.end)
    }

    /// Whether every number of `other` is in this set.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let mut mine = self.0.iter();
        let mut current = mine.next();
        for theirs in other.iter() {
            while current.is_some_and(|range| range.end < theirs.begin) {
                current = mine.next();
            }
            if !current.is_some_and(|range| range.begin <= theirs.begin && theirs.end <= range.end)
            {
                return false;
            }
        }
        true
    }

    /// The numbers of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        if self.is_empty() {
            return other.clone();
        }
        self.iter().chain(other.iter()).collect()
    }

    /// The numbers of this set that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        let mut kept = Vec::with_capacity(self.0.len());
        let mut cuts = other.0.iter().peekable();
        for range in self.iter() {
            let mut begin = Some(range.begin);
            while let Some(cut) = cuts.peek() {
                let Some(from) = begin else { break };
                if cut.end < from {
                    cuts.next();
                    continue;
                }
                if cut.begin > range.end {
                    break;
                }
                if cut.begin > from {
                    kept.push(Range {
                        begin: from,
                        end: cut.begin - 1,
                    });
                }
                begin = cut.end.checked_add(1).filter(|next| *next <= range.end);
            }
            if let Some(begin) = begin {
                kept.push(Range {
                    begin,
                    end: range.end,
                });
            }
        }
        Self(kept.into())
    }
}

impl FromIterator<Range> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range>>(intervals: I) -> Self {
        let mut sorted: Vec<Range> = intervals.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if range.begin <= last.end.saturating_add(1) => {
                    last.end = last.end.max(range.end);
                }
                Some(_) | None => merged.push(range),
            }
        }
        Self(merged.into())
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, range) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}-{}", range.begin, range.end)?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(intervals: &[(u64, u64)]) -> Ranges {
        Ranges::new(intervals.iter().copied())
    }

    /// Mirrors: ValuesTest.RangesCoalesce
    /// Mirrors: ValuesTest.AddRangeCoalesce
    /// Mirrors: ValuesTest.IntervalSetToRanges
    #[test]
    fn touching_and_overlapping_intervals_merge() {
        for (given, added, merged) in [
            (vec![(1, 4), (3, 5), (7, 8), (8, 10)], (7, 7), "[1-5, 7-10]"),
            (vec![(1, 4), (8, 10)], (4, 8), "[1-10]"),
            (vec![(1, 4), (8, 10)], (5, 7), "[1-10]"),
            (vec![(1, 10)], (5, 7), "[1-10]"),
            (vec![(1, 10)], (20, 21), "[1-10, 20-21]"),
            (vec![(1, 1), (3, 4)], (7, 9), "[1-1, 3-4, 7-9]"),
        ] {
            assert_eq!(ranges(&given).union(&ranges(&[added])).to_string(), merged);
        }
        assert_eq!(
            ranges(&[(3, 4), (1, 2), (4, 7), (9, 9)]).to_string(),
            "[1-7, 9-9]"
        );
    }

    #[test]
    fn cutting_the_middle_splits_an_interval() {
        let left = ranges(&[(1, 10), (20, 30)]);

        let rest = left.subtract(&ranges(&[(0, 0), (3, 4), (10, 22), (30, 40)]));

        assert_eq!(rest, ranges(&[(1, 2), (5, 9), (23, 29)]));
    }

    #[test]
    fn one_cut_can_span_several_intervals() {
        assert_eq!(
            ranges(&[(1, 2), (4, 5), (7, 8)])
                .subtract(&ranges(&[(2, 7)]))
                .to_string(),
            "[1-1, 8-8]"
        );
        assert!(
            ranges(&[(1, 2), (4, 5)])
                .subtract(&ranges(&[(0, 9)]))
                .is_empty()
        );
    }

    #[test]
    fn the_largest_number_does_not_overflow() {
        let top = ranges(&[(u64::MAX - 1, u64::MAX), (0, 3)]);

        assert_eq!(
            top.subtract(&ranges(&[(u64::MAX, u64::MAX)])),
            ranges(&[(0, 3), (u64::MAX - 1, u64::MAX - 1)])
        );
        assert_eq!(ranges(&[(0, u64::MAX)]).count(), u64::MAX);
    }

    /// Mirrors: ValuesTest.RangesToIntervalSet
    #[test]
    fn intervals_are_read_in_order() {
        let set = ranges(&[(7, 8), (1, 1), (3, 5)]);

        let read: Vec<(u64, u64)> = set.iter().map(|range| (range.begin, range.end)).collect();

        assert_eq!(read, [(1, 1), (3, 5), (7, 8)]);
        assert_eq!(set.count(), 6);
    }

    #[test]
    fn containment_needs_every_number() {
        let large = ranges(&[(1, 5), (10, 20)]);

        assert!(large.contains(&ranges(&[(2, 3), (11, 11), (20, 20)])));
        assert!(!large.contains(&ranges(&[(5, 6)])));
        assert!(large.contains(&ranges(&[])));
        assert!(large.contains_number(10) && !large.contains_number(9));
    }
}
