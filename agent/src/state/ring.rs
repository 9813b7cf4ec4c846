//! Remembers the latest few of something.

use std::collections::VecDeque;

/// A queue that forgets its oldest member when a new one does not fit.
#[derive(Debug, Clone)]
pub struct Ring<T> {
    members: VecDeque<T>,
    capacity: usize,
}

impl<T> Ring<T> {
    /// An empty ring.
    pub fn new(capacity: usize) -> Self {
        Self {
            members: VecDeque::new(),
            capacity,
        }
    }

    /// Adds a member; returns the one that is forgotten for it.
    pub fn push(&mut self, member: T) -> Option<T> {
        if self.capacity == 0 {
            return Some(member);
        }
        let forgotten = if self.members.len() == self.capacity {
            self.members.pop_front()
        } else {
            None
        };
        self.members.push_back(member);
        forgotten
    }

    /// Walks from the oldest to the newest.
    pub fn iter(&self) -> std::collections::vec_deque::Iter<'_, T> {
        self.members.iter()
    }

    /// Takes out the members that satisfy a condition, oldest first.
    pub fn extract(&mut self, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let (taken, kept) = self.members.drain(..).partition(|member| wanted(member));
        self.members = kept;
        Vec::from_iter::<VecDeque<T>>(taken)
    }
}

impl<'a, T> IntoIterator for &'a Ring<T> {
    type Item = &'a T;
    type IntoIter = std::collections::vec_deque::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_member_is_forgotten() {
        let mut ring = Ring::new(2);

        assert_eq!(ring.push(1), None);
        assert_eq!(ring.push(2), None);
        assert_eq!(ring.push(3), Some(1));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn members_can_be_taken_back() {
        let mut ring = Ring::new(4);
        for member in 1..=4 {
            ring.push(member);
        }

        assert_eq!(ring.extract(|member| member % 2 == 0), [2, 4]);
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [1, 3]);
    }
}
