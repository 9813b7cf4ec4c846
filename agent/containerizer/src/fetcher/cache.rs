//! Decides which artifacts are kept, and which give way to others.
//!
//! Mirrors `FetcherProcess::Cache` of `src/slave/containerizer/fetcher.cpp`.
//! Nothing here touches a file: the owner of the cache performs what it decides.
//!
//! # Invariants
//! - What is reserved never exceeds the capacity.
//! - An entry that is in use is never evicted.

use std::collections::BTreeMap;

use thiserror::Error;

/// There is no room for an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum CacheError {
    /// The artifact is larger than what can be freed.
    #[error("not enough space in the cache: {wanted} bytes are wanted and {free} can be freed")]
    NoSpace {
        /// What the artifact needs.
        wanted: u64,
        /// What could be had.
        free: u64,
    },
}

/// Whether the file of an entry is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    /// Somebody downloads it.
    Pending,
    /// It can be used.
    Complete,
}

#[derive(Debug, Clone)]
struct Entry {
    file: String,
    size: u64,
    completion: Completion,
    users: u32,
    used: u64,
}

/// What is in the cache.
#[derive(Debug)]
pub(crate) struct Cache {
    capacity: u64,
    reserved: u64,
    serial: u64,
    clock: u64,
    entries: BTreeMap<String, Entry>,
}

impl Cache {
    /// An empty cache.
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            reserved: 0,
            serial: 0,
            clock: 0,
            entries: BTreeMap::new(),
        }
    }

    /// How much it can hold, in bytes.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// How much is taken, in bytes.
    pub(crate) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Names the artifact of a user.
    pub(crate) fn key(user: Option<&str>, uri: &str) -> String {
        user.map_or_else(|| uri.to_owned(), |user| format!("{user}@{uri}"))
    }

    /// Finds an entry and takes part in it; tells its file and whether that is whole.
    pub(crate) fn acquire(&mut self, key: &str) -> Option<(String, Completion)> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.users += 1;
        entry.used = self.clock;
        Some((entry.file.clone(), entry.completion))
    }

    /// Makes an entry that is about to be downloaded, of a size that is not known yet; returns its file.
    pub(crate) fn begin(&mut self, key: &str, uri: &str) -> String {
        self.serial += 1;
        self.clock += 1;
        let file = format!("c{:011}-{}", self.serial, short_name(uri));
        let entry = Entry {
            file: file.clone(),
            size: 0,
            completion: Completion::Pending,
            users: 1,
            used: self.clock,
        };
        self.entries.insert(key.to_owned(), entry);
        file
    }

    /// Sets space aside for an entry; returns the files that have to go for it.
    ///
    /// # Errors
    /// [`CacheError::NoSpace`] when what is not in use is too little; nothing changes then.
    pub(crate) fn reserve(&mut self, key: &str, size: u64) -> Result<Vec<String>, CacheError> {
        let evicted = self.make_room(size)?;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.size += size;
            self.reserved += size;
        }
        Ok(evicted)
    }

    /// Finds the least recently used entries that nobody uses and that free enough together.
    fn make_room(&mut self, size: u64) -> Result<Vec<String>, CacheError> {
        let mut idle: Vec<(u64, String, u64)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.users == 0 && entry.completion == Completion::Complete)
            .map(|(key, entry)| (entry.used, key.clone(), entry.size))
            .collect();
        idle.sort();
        let mut free = self.capacity.saturating_sub(self.reserved);
        let mut chosen = Vec::new();
        for (_, key, freed) in idle {
            if free >= size {
                break;
            }
            free += freed;
            chosen.push(key);
        }
        if free < size {
            return Err(CacheError::NoSpace { wanted: size, free });
        }
        Ok(chosen.iter().filter_map(|key| self.remove(key)).collect())
    }

    /// Ends the use of an entry.
    pub(crate) fn release(&mut self, key: &str) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.users = entry.users.saturating_sub(1);
        }
    }

    /// Marks the file of an entry as whole, with its real size; false when it is larger than was reserved.
    pub(crate) fn complete(&mut self, key: &str, size: u64) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        if size > entry.size {
            return false;
        }
        self.reserved -= entry.size - size;
        entry.size = size;
        entry.completion = Completion::Complete;
        true
    }

    /// Forgets an entry; returns the file to delete.
    pub(crate) fn remove(&mut self, key: &str) -> Option<String> {
        let entry = self.entries.remove(key)?;
        self.reserved = self.reserved.saturating_sub(entry.size);
        Some(entry.file)
    }
}

/// What stands behind the last slash, at most 21 characters of it.
fn short_name(uri: &str) -> String {
    let name = uri
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let letters: Vec<char> = name.chars().collect();
    match (
        letters.get(..10),
        letters
            .len()
            .checked_sub(10)
            .and_then(|at| letters.get(at..)),
    ) {
        (Some(first), Some(last)) if letters.len() > 20 => {
            format!(
                "{}_{}",
                first.iter().collect::<String>(),
                last.iter().collect::<String>()
            )
        }
        (Some(_) | None, _) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(cache: &mut Cache, key: &str, size: u64) -> Result<Vec<String>, CacheError> {
        cache.begin(key, key);
        cache.reserve(key, size)
    }

    fn stored(cache: &mut Cache, key: &str, size: u64) -> String {
        let file = cache.begin(key, key);
        cache.reserve(key, size).expect("room");
        assert!(cache.complete(key, size));
        cache.release(key);
        file
    }

    #[test]
    fn artifact_is_found_again_by_the_same_user() {
        let mut cache = Cache::new(10);
        let key = Cache::key(Some("user"), "http://host/file");
        let file = stored(&mut cache, &key, 4);

        assert_eq!(file, "c00000000001-file");
        assert_eq!(cache.acquire(&key), Some((file, Completion::Complete)));
        assert_eq!(cache.acquire(&Cache::key(None, "http://host/file")), None);
    }

    /// Mirrors: FetcherCacheTest.SimpleEviction
    /// Mirrors: FetcherCacheTest.RemoveLRUCacheEntries
    #[test]
    fn least_recently_used_artifact_gives_way() {
        let mut cache = Cache::new(10);
        let first = stored(&mut cache, "first", 4);
        let second = stored(&mut cache, "second", 4);
        cache.acquire("first");
        cache.release("first");

        let evicted = create(&mut cache, "third", 5).expect("room");

        assert_eq!(evicted, [second]);
        assert_eq!(cache.acquire("first"), Some((first, Completion::Complete)));
        assert_eq!(cache.reserved(), 9);
    }

    /// Mirrors: FetcherCacheTest.FallbackFromEviction
    #[test]
    fn artifact_in_use_does_not_give_way() {
        let mut cache = Cache::new(10);
        stored(&mut cache, "first", 8);
        cache.acquire("first");

        let outcome = create(&mut cache, "second", 5);

        assert_eq!(outcome, Err(CacheError::NoSpace { wanted: 5, free: 2 }));
        assert_eq!(cache.reserved(), 8);
    }

    #[test]
    fn smaller_file_gives_space_back_and_a_larger_one_is_refused() {
        let mut cache = Cache::new(10);
        create(&mut cache, "a", 6).expect("room");

        assert!(cache.complete("a", 4));
        assert_eq!(cache.reserved(), 4);
        create(&mut cache, "b", 2).expect("room");
        assert!(!cache.complete("b", 3));
    }

    #[test]
    fn long_names_are_shortened_in_the_middle() {
        assert_eq!(
            short_name("/a/exactly-twenty-chars"),
            "exactly-twenty-chars"
        );
        assert_eq!(
            short_name("/a/more-than-twenty-chars!"),
            "more-than-_nty-chars!"
        );
    }
}
