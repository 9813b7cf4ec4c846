//! Forgetting old unreachable and gone agents.
//!
//! Mirrors `Prune` of `src/master/registry_operations.cpp`, but removes exactly the named
//! entries: the original takes neighbours along.

use std::collections::HashSet;

use super::book::RegistryBook;
use super::operation::Mutation;

/// Removes entries of the unreachable and gone lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prune {
    /// Unreachable agents to forget.
    pub unreachable: HashSet<String>,
    /// Gone agents to forget.
    pub gone: HashSet<String>,
}

impl Prune {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let mut mutation = Mutation::Unchanged;
        for agent_id in &self.unreachable {
            if book.unreachable.take(agent_id).is_some() {
                mutation = Mutation::Changed;
            }
        }
        for agent_id in &self.gone {
            if book.gone.take(agent_id).is_some() {
                mutation = Mutation::Changed;
            }
        }
        mutation
    }
}
