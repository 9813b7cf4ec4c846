//! Entities under small numbers, shared until changed.
//!
//! Cloning costs one reference count per entity, so a snapshot of the state is cheap.

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

/// A number that stands for an entity.
pub(crate) trait Key: Copy {
    /// Wraps the number.
    fn new(index: usize) -> Self;
    /// The number.
    fn index(self) -> usize;
}

impl Key for crate::amounts::AgentKey {
    fn new(index: usize) -> Self {
        Self(index)
    }

    fn index(self) -> usize {
        self.0
    }
}

impl Key for super::frameworks::FrameworkKey {
    fn new(index: usize) -> Self {
        Self(index)
    }

    fn index(self) -> usize {
        self.0
    }
}

/// Entities by number and by id.
#[derive(Clone, Debug)]
pub(crate) struct Arena<I, K, T> {
    items: Vec<Option<Arc<T>>>,
    free: Vec<usize>,
    by_id: HashMap<I, usize, rustc_hash::FxBuildHasher>,
    key: PhantomData<K>,
}

impl<I: Clone + Eq + Hash, K: Key, T: Clone> Arena<I, K, T> {
    /// An empty arena.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            items: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::default(),
            key: PhantomData,
        }
    }

    /// The number of an id.
    #[must_use]
    pub(crate) fn find(&self, id: &I) -> Option<K> {
        self.by_id.get(id).map(|index| K::new(*index))
    }

    /// The entity of a number.
    #[must_use]
    pub(crate) fn get(&self, key: K) -> Option<&T> {
        self.items.get(key.index()).and_then(Option::as_deref)
    }

    /// The entity of a number, to be changed; a snapshot keeps the old one.
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.items
            .get_mut(key.index())
            .and_then(Option::as_mut)
            .map(Arc::make_mut)
    }

    /// Adds an entity under a new id.
    pub(crate) fn insert(&mut self, id: I, item: T) -> K {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.items.push(None);
                self.items.len() - 1
            }
        };
        if let Some(slot) = self.items.get_mut(index) {
            *slot = Some(Arc::new(item));
        }
        self.by_id.insert(id, index);
        K::new(index)
    }

    /// Removes an entity.
    pub(crate) fn remove(&mut self, id: &I) {
        let Some(index) = self.by_id.remove(id) else {
            return;
        };
        if let Some(slot) = self.items.get_mut(index) {
            *slot = None;
        }
        self.free.push(index);
    }

    /// How many entities there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// All entities, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| Some((K::new(index), item.as_deref()?)))
    }

    /// All numbers in use.
    #[must_use]
    pub(crate) fn keys(&self) -> Vec<K> {
        self.iter().map(|(key, _)| key).collect()
    }
}

impl<I: Clone + Eq + Hash, K: Key, T: Clone> Default for Arena<I, K, T> {
    fn default() -> Self {
        Self::new()
    }
}
