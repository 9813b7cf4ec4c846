//! A map that remembers insertion order and forgets its oldest entries.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A map with a capacity; the oldest entry leaves when a new one does not fit.
#[derive(Clone, Debug)]
pub struct BoundedMap<K, V> {
    capacity: usize,
    order: VecDeque<(u64, K)>,
    entries: HashMap<K, (u64, V)>,
    next: u64,
}

impl<K: Clone + Eq + Hash, V> BoundedMap<K, V> {
    /// An empty map for at most `capacity` entries.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            order: VecDeque::new(),
            entries: HashMap::new(),
            next: 0,
        }
    }

    /// Inserts an entry as the newest; returns the entries that had to leave.
    pub fn insert(&mut self, key: K, value: V) -> Vec<(K, V)> {
        if self.capacity == 0 {
            return vec![(key, value)];
        }
        self.next += 1;
        self.order.push_back((self.next, key.clone()));
        self.entries.insert(key, (self.next, value));
        let mut evicted = Vec::new();
        while self.entries.len() > self.capacity || self.order.len() > 4 * self.capacity + 16 {
            let Some((ticket, key)) = self.order.pop_front() else {
                break;
            };
            if self
                .entries
                .get(&key)
                .is_none_or(|(current, _)| *current != ticket)
            {
                continue;
            }
            if self.entries.len() > self.capacity {
                if let Some((_, value)) = self.entries.remove(&key) {
                    evicted.push((key, value));
                }
            } else {
                self.next += 1;
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.0 = self.next;
                }
                self.order.push_front((self.next, key));
                self.compact();
            }
        }
        evicted
    }

    fn compact(&mut self) {
        let entries = &self.entries;
        self.order.retain(|(ticket, key)| {
            entries
                .get(key)
                .is_some_and(|(current, _)| current == ticket)
        });
    }

    /// The entry under a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The entry under a key, for writing.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// Whether there is an entry under a key.
    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.iter().filter_map(|(ticket, key)| {
            let (current, value) = self.entries.get(key)?;
            (current == ticket).then_some((key, value))
        })
    }

    /// All values, oldest first.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::BoundedMap;

    #[test]
    fn oldest_entry_leaves_first() {
        let mut map = BoundedMap::new(2);
        map.insert("a", 1);
        map.insert("b", 2);

        let evicted = map.insert("c", 3);

        assert_eq!(evicted, vec![("a", 1)]);
        assert_eq!(map.iter().collect::<Vec<_>>(), vec![(&"b", &2), (&"c", &3)]);
    }

    #[test]
    fn replaced_entry_counts_as_newest() {
        let mut map = BoundedMap::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        map.insert("a", 3);

        let evicted = map.insert("c", 4);

        assert_eq!(evicted, vec![("b", 2)]);
        assert_eq!(map.values().copied().collect::<Vec<_>>(), vec![3, 4]);
    }

    #[test]
    fn bookkeeping_of_replaced_entries_stays_bounded() {
        let mut map = BoundedMap::new(2);
        map.insert("old", 0);
        for round in 0..1000 {
            map.insert("a", round);
        }

        assert!(map.order.len() <= 24 + 1);
        assert_eq!(
            map.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
            vec!["old", "a"]
        );
    }

    #[test]
    fn nothing_is_kept_without_capacity() {
        let mut map = BoundedMap::new(0);

        let evicted = map.insert("a", 1);

        assert_eq!(evicted.len(), 1);
        assert!(map.is_empty());
    }
}
