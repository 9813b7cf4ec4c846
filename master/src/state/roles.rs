//! Which frameworks are tracked under which role, with weights, quotas and the whitelist.

use std::collections::{BTreeMap, BTreeSet};

use mesos_allocator::Quota;
use mesos_common::ids::FrameworkId;

/// Roles as the master knows them.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    frameworks: BTreeMap<String, BTreeSet<FrameworkId>>,
    weights: BTreeMap<String, f64>,
    quotas: BTreeMap<String, Quota>,
    whitelist: Option<BTreeSet<String>>,
}

impl Roles {
    /// Nothing known; only the roles of `whitelist` (and `*`) may be used when it is set.
    #[must_use]
    pub fn new(whitelist: Option<BTreeSet<String>>) -> Self {
        let whitelist = whitelist.map(|mut roles| {
            roles.insert("*".to_owned());
            roles
        });
        Self {
            whitelist,
            ..Self::default()
        }
    }

    /// Whether a role may be used.
    #[must_use]
    pub fn is_whitelisted(&self, role: &str) -> bool {
        self.whitelist
            .as_ref()
            .is_none_or(|roles| roles.contains(role))
    }

    /// The roles that may be used; `None` when all may.
    #[must_use]
    pub fn whitelist(&self) -> Option<&BTreeSet<String>> {
        self.whitelist.as_ref()
    }

    /// Tracks a framework under a role.
    pub fn track(&mut self, role: &str, framework_id: &FrameworkId) {
        self.frameworks
            .entry(role.to_owned())
            .or_default()
            .insert(framework_id.clone());
    }

    /// Ends tracking a framework under a role.
    pub fn untrack(&mut self, role: &str, framework_id: &FrameworkId) {
        if let Some(frameworks) = self.frameworks.get_mut(role) {
            frameworks.remove(framework_id);
            if frameworks.is_empty() {
                self.frameworks.remove(role);
            }
        }
    }

    /// The frameworks tracked under exactly this role.
    #[must_use]
    pub fn frameworks(&self, role: &str) -> Option<&BTreeSet<FrameworkId>> {
        self.frameworks.get(role)
    }

    /// All roles with frameworks.
    pub fn active(&self) -> impl Iterator<Item = (&String, &BTreeSet<FrameworkId>)> {
        self.frameworks.iter()
    }

    /// The weight of a role.
    #[must_use]
    pub fn weight(&self, role: &str) -> f64 {
        self.weights.get(role).copied().unwrap_or(1.0)
    }

    /// All weights that were set.
    #[must_use]
    pub fn weights(&self) -> &BTreeMap<String, f64> {
        &self.weights
    }

    /// Sets a weight.
    pub fn set_weight(&mut self, role: &str, weight: f64) {
        self.weights.insert(role.to_owned(), weight);
    }

    /// The quota of a role, when one was set.
    #[must_use]
    pub fn quota(&self, role: &str) -> Option<&Quota> {
        self.quotas.get(role)
    }

    /// All quotas that were set, default ones included.
    #[must_use]
    pub fn quotas(&self) -> &BTreeMap<String, Quota> {
        &self.quotas
    }

    /// Sets a quota.
    pub fn set_quota(&mut self, role: &str, quota: Quota) {
        self.quotas.insert(role.to_owned(), quota);
    }

    /// Removes a quota.
    pub fn remove_quota(&mut self, role: &str) {
        self.quotas.remove(role);
    }
}

/// Whether `role` is `ancestor` or below it.
#[must_use]
pub fn is_in_subtree(role: &str, ancestor: &str) -> bool {
    role == ancestor
        || role
            .strip_prefix(ancestor)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// All strict ancestors of a role, nearest first.
pub fn ancestors(role: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(role.rsplit_once('/').map(|(parent, _)| parent), |role| {
        role.rsplit_once('/').map(|(parent, _)| parent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_is_always_whitelisted() {
        let roles = Roles::new(Some(BTreeSet::from(["eng".to_owned()])));

        assert!(roles.is_whitelisted("*"));
        assert!(!roles.is_whitelisted("ops"));
    }

    #[test]
    fn subtree_ends_at_component_boundaries() {
        assert!(is_in_subtree("eng/web", "eng"));
        assert!(is_in_subtree("eng", "eng"));
        assert!(!is_in_subtree("engineering", "eng"));
    }

    #[test]
    fn ancestors_are_listed_nearest_first() {
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), vec!["a/b", "a"]);
        assert_eq!(ancestors("a").count(), 0);
    }
}
