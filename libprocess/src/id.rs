//! Ids of actors: fixed names, and prefixes that are numbered.
//!
//! Mirrors `3rdparty/libprocess/include/process/id.hpp`. Numbers count per runtime and prefix, from 1.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The id an actor wants: a fixed one, or the next of a numbered series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId {
    text: Cow<'static, str>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Fixed,
    Numbered,
}

impl ProcessId {
    /// Exactly this id, such as `master`. Spawning fails while another actor has it.
    #[must_use]
    pub fn fixed(id: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: id.into(),
            kind: Kind::Fixed,
        }
    }

    /// The next of `prefix(1)`, `prefix(2)`, … in the runtime it is spawned in.
    #[must_use]
    pub fn generated(prefix: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: prefix.into(),
            kind: Kind::Numbered,
        }
    }

    pub(crate) fn into_text(self, ids: &Ids) -> String {
        match self.kind {
            Kind::Fixed => self.text.into_owned(),
            Kind::Numbered => ids.next(&self.text),
        }
    }
}

/// The counters of one runtime.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    last: Mutex<HashMap<String, u64>>,
}

impl Ids {
    /// Never returns the same text twice.
    pub(crate) fn next(&self, prefix: &str) -> String {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match last.get_mut(prefix) {
            Some(number) => {
                *number += 1;
                *number
            }
            None => {
                last.insert(prefix.to_owned(), 1);
                1
            }
        };
        format!("{prefix}({number})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_counts_on_its_own() {
        let ids = Ids::default();

        assert_eq!(ids.next("slave"), "slave(1)");
        assert_eq!(ids.next("slave"), "slave(2)");
        assert_eq!(ids.next(""), "(1)");
        assert_eq!(ProcessId::generated("slave").into_text(&ids), "slave(3)");
        assert_eq!(ProcessId::fixed("master").into_text(&ids), "master");
    }
}
