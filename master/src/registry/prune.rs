//! Forgetting old unreachable and gone agents.
//!
//! Mirrors `Prune` of `src/master/registry_operations.cpp`, but removes exactly the named
//! entries: the original takes neighbours along.

use std::collections::HashSet;

use mesos_proto::internal::Registry;

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
    pub(super) fn apply(&self, registry: &mut Registry) -> Mutation {
        let mut removed = 0;
        if let Some(list) = registry.unreachable.as_mut() {
            let before = list.agents.len();
            list.agents
                .retain(|entry| !self.unreachable.contains(entry.id().value()));
            removed += before - list.agents.len();
        }
        if let Some(list) = registry.gone.as_mut() {
            let before = list.agents.len();
            list.agents
                .retain(|entry| !self.gone.contains(entry.id().value()));
            removed += before - list.agents.len();
        }
        if removed > 0 {
            Mutation::Changed
        } else {
            Mutation::Unchanged
        }
    }
}
