//! Names of messages, shared instead of copied.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashSet;

/// How many names a runtime remembers. Mesos has about a hundred; a hostile peer may invent more.
const CAPACITY: usize = 4096;

const SHARDS: usize = 16;

/// The message names a runtime has seen.
pub(crate) struct NameTable {
    shards: Vec<Mutex<FxHashSet<Arc<str>>>>,
}

impl Default for NameTable {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl NameTable {
    /// The one shared copy of a name; when the table is full, a copy of its own.
    pub(crate) fn intern(&self, name: &str) -> Arc<str> {
        let last = name.as_bytes().last().copied().unwrap_or_default();
        let index = (name.len() + usize::from(last)) % SHARDS;
        let Some(shard) = self.shards.get(index) else {
            return Arc::from(name);
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shard.get(name) {
            return Arc::clone(known);
        }
        let fresh: Arc<str> = Arc::from(name);
        if shard.len() < CAPACITY / SHARDS {
            shard.insert(Arc::clone(&fresh));
        }
        fresh
    }
}

impl fmt::Debug for NameTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameTable").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_and_the_table_does_not_grow_without_bound() {
        let table = NameTable::default();

        assert!(Arc::ptr_eq(&table.intern("ping"), &table.intern("ping")));
        for number in 0..2 * CAPACITY {
            table.intern(&number.to_string());
        }

        let kept: usize = table
            .shards
            .iter()
            .map(|shard| shard.lock().expect("a lock").len())
            .sum();
        assert!(kept <= CAPACITY);
    }
}
