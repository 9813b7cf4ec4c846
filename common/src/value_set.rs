//! Sets of words that remember the order in which they were given.
//!
//! Mirrors the set half of `src/common/values.cpp`.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Above this many items membership is looked up by hash.
const SMALL: usize = 16;

/// A set of words; cheap to clone, and equal regardless of order.
#[derive(Clone, Debug, Default)]
pub struct ValueSet(Arc<[Arc<str>]>);

impl ValueSet {
    /// Builds the set; repeated items count once.
    #[must_use]
    pub fn new<S: Into<Arc<str>>>(items: impl IntoIterator<Item = S>) -> Self {
        let mut seen = HashSet::new();
        let kept: Vec<Arc<str>> = items
            .into_iter()
            .map(Into::into)
            .filter(|item| seen.insert(Arc::clone(item)))
            .collect();
        Self(kept.into())
    }

    /// The items, in the order in which they were given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.0.iter()
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every item of `other` is in this set.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        if other.len() > self.len() {
            return false;
        }
        let index = Index::of(self);
        other.iter().all(|item| index.has(item))
    }

    /// The items of either set, own ones first.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let index = Index::of(self);
        let added = other.iter().filter(|item| !index.has(item));
        Self(self.iter().chain(added).cloned().collect())
    }

    /// The items of this set that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let index = Index::of(other);
        Self(
            self.iter()
                .filter(|item| !index.has(item))
                .cloned()
                .collect(),
        )
    }
}

impl PartialEq for ValueSet {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.contains(other)
    }
}

impl Eq for ValueSet {}

impl fmt::Display for ValueSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(item)?;
        }
        f.write_str("}")
    }
}

/// Finds items by scan in small sets and by hash in large ones.
enum Index<'a> {
    Scan(&'a [Arc<str>]),
    Hash(HashSet<&'a str>),
}

impl<'a> Index<'a> {
    fn of(set: &'a ValueSet) -> Self {
        if set.len() <= SMALL {
            return Self::Scan(&set.0);
        }
        Self::Hash(set.iter().map(AsRef::as_ref).collect())
    }

    fn has(&self, item: &str) -> bool {
        match self {
            Self::Scan(items) => items.iter().any(|other| other.as_ref() == item),
            Self::Hash(items) => items.contains(item),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_but_does_not_matter() {
        let left = ValueSet::new(["b", "a", "b"]);

        assert_eq!(left.to_string(), "{b, a}");
        assert_eq!(left, ValueSet::new(["a", "b"]));
        assert_ne!(left, ValueSet::new(["a", "c"]));
    }

    #[test]
    fn large_sets_behave_like_small_ones() {
        let all = ValueSet::new((0..100).map(|n| n.to_string()));
        let even = ValueSet::new((0..100).step_by(2).map(|n| n.to_string()));

        assert!(all.contains(&even) && !even.contains(&all));
        assert_eq!(all.subtract(&even).len(), 50);
        assert_eq!(all.subtract(&even).union(&even), all);
    }
}
