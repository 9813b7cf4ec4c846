//! Sets of log positions, kept as closed intervals.

use std::ops::RangeInclusive;

use rangemap::RangeInclusiveSet;

/// A set of positions; neighbouring ones cost one interval together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    intervals: RangeInclusiveSet<u64>,
}

impl Positions {
    /// Adds `from..=to`; nothing when `from > to`.
    pub fn insert(&mut self, from: u64, to: u64) {
        if from <= to {
            self.intervals.insert(from..=to);
        }
    }

    /// Removes `from..=to`; nothing when `from > to`.
    pub fn remove(&mut self, from: u64, to: u64) {
        if from <= to {
            self.intervals.remove(from..=to);
        }
    }

    /// Adds every position of `other`.
    pub fn insert_all(&mut self, other: &Self) {
        for interval in other.intervals.iter() {
            self.intervals.insert(interval.clone());
        }
    }

    /// Removes every position of `other`.
    pub fn remove_all(&mut self, other: &Self) {
        for interval in other.intervals.iter() {
            self.intervals.remove(interval.clone());
        }
    }

    /// The positions of this set that lie in `from..=to`.
    #[must_use]
    pub fn intersect(&self, from: u64, to: u64) -> Self {
        let mut result = Self::default();
        for interval in self.intervals.iter() {
            result.insert(from.max(*interval.start()), to.min(*interval.end()));
        }
        result
    }

    /// Whether `position` is in the set.
    #[must_use]
    pub fn contains(&self, position: u64) -> bool {
        self.intervals.contains(&position)
    }

    /// Whether the set has no position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// The intervals in ascending order; they neither touch nor overlap.
    pub fn iter(&self) -> impl Iterator<Item = &RangeInclusive<u64>> {
        self.intervals.iter()
    }

    /// The lowest position.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.intervals
            .iter()
            .next()
            .map(|interval| *interval.start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_interval() {
        let mut positions = Positions::default();
        positions.insert(1, 2);
        positions.insert(3, 5);

        assert_eq!(positions.iter().cloned().collect::<Vec<_>>(), vec![1..=5]);
    }

    #[test]
    fn an_empty_interval_changes_nothing() {
        let mut positions = Positions::default();
        positions.insert(5, 4);

        assert!(positions.is_empty());
    }

    #[test]
    fn an_intersection_keeps_only_what_both_hold() {
        let mut positions = Positions::default();
        positions.insert(0, 3);
        positions.insert(8, 9);

        let cut = positions.intersect(2, 8);

        assert_eq!(cut.iter().cloned().collect::<Vec<_>>(), vec![2..=3, 8..=8]);
    }
}
