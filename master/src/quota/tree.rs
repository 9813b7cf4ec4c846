//! Quotas along the hierarchy of roles.
//!
//! Mirrors `QuotaTree` of `src/master/quota_handler.cpp`.

use std::collections::BTreeMap;

use mesos_allocator::Quota;
use mesos_common::resource_quantities::ResourceQuantities;

/// Roles below a role are guaranteed more than the role itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid quota configuration. Parent role '{parent}' with guarantees ({guarantees}) does not \
     contain the sum of its children's guarantees ({children})"
)]
pub struct QuotaTreeError {
    /// The last component of the parent's name.
    pub parent: String,
    /// What the parent is guaranteed.
    pub guarantees: ResourceQuantities,
    /// What the roles directly below it are guaranteed together.
    pub children: ResourceQuantities,
}

/// The quotas of a cluster by role.
///
/// # Examples
/// ```
/// use mesos_allocator::Quota;
/// use mesos_master::quota::QuotaTree;
///
/// let tree: QuotaTree = [("eng", Quota::default())].into_iter().collect();
/// assert!(tree.validate().is_ok());
/// assert!(tree.total_guarantees().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct QuotaTree {
    children: BTreeMap<String, Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    quota: Quota,
    children: BTreeMap<String, Node>,
}

impl QuotaTree {
    /// Sets the quota of a role.
    pub fn set(&mut self, role: &str, quota: Quota) {
        let mut components = role.split('/').filter(|component| !component.is_empty());
        let Some(first) = components.next() else {
            return;
        };
        let mut node = self.children.entry(first.to_owned()).or_default();
        for component in components {
            node = node.children.entry(component.to_owned()).or_default();
        }
        node.quota = quota;
    }

    /// Whether every role is guaranteed at least what the roles directly below it are together.
    ///
    /// # Errors
    /// The first role that is not; deeper roles come first.
    pub fn validate(&self) -> Result<(), QuotaTreeError> {
        self.children
            .iter()
            .try_for_each(|(name, node)| node.validate(name))
    }

    /// What all roles are guaranteed: lower ones have their part of their ancestors' guarantees.
    #[must_use]
    pub fn total_guarantees(&self) -> ResourceQuantities {
        sum_of_guarantees(&self.children)
    }
}

impl<'a> FromIterator<(&'a str, Quota)> for QuotaTree {
    fn from_iter<I: IntoIterator<Item = (&'a str, Quota)>>(quotas: I) -> Self {
        let mut tree = Self::default();
        for (role, quota) in quotas {
            tree.set(role, quota);
        }
        tree
    }
}

impl Node {
    fn validate(&self, name: &str) -> Result<(), QuotaTreeError> {
        self.children
            .iter()
            .try_for_each(|(name, node)| node.validate(name))?;
        let children = sum_of_guarantees(&self.children);
        if self.quota.guarantees.contains(&children) {
            return Ok(());
        }
        Err(QuotaTreeError {
            parent: name.to_owned(),
            guarantees: self.quota.guarantees.clone(),
            children,
        })
    }
}

fn sum_of_guarantees(nodes: &BTreeMap<String, Node>) -> ResourceQuantities {
    let mut sum = ResourceQuantities::default();
    for node in nodes.values() {
        sum += &node.quota.guarantees;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guaranteed(text: &str) -> Quota {
        Quota {
            guarantees: ResourceQuantities::parse(text).expect("quantities"),
            ..Quota::default()
        }
    }

    fn tree(quotas: &[(&str, &str)]) -> QuotaTree {
        quotas
            .iter()
            .map(|(role, text)| (*role, guaranteed(text)))
            .collect()
    }

    #[test]
    fn parents_guarantee_holds_those_of_its_children_together() {
        let fits = tree(&[("eng", "cpus:3"), ("eng/a", "cpus:1"), ("eng/b", "cpus:2")]);
        let exceeds = tree(&[("eng", "cpus:3"), ("eng/a", "cpus:2"), ("eng/b", "cpus:2")]);

        assert_eq!(fits.validate(), Ok(()));
        assert_eq!(
            exceeds.validate().expect_err("too much").to_string(),
            "Invalid quota configuration. Parent role 'eng' with guarantees (cpus:3) does not \
             contain the sum of its children's guarantees (cpus:4)"
        );
    }

    #[test]
    fn child_needs_a_parent_with_a_guarantee() {
        let orphan = tree(&[("eng/a", "cpus:1")]);

        assert_eq!(
            orphan.validate().expect_err("no parent").to_string(),
            "Invalid quota configuration. Parent role 'eng' with guarantees ({}) does not \
             contain the sum of its children's guarantees (cpus:1)"
        );
    }

    #[test]
    fn deepest_broken_rule_is_named() {
        let deep = tree(&[("a", "cpus:9"), ("a/b", "cpus:1"), ("a/b/c", "cpus:2")]);

        assert_eq!(deep.validate().expect_err("too much").parent, "b");
    }

    #[test]
    fn total_counts_top_level_roles_only() {
        let tree = tree(&[("a", "cpus:4"), ("a/b", "cpus:3"), ("c", "cpus:1;mem:5")]);

        assert_eq!(tree.total_guarantees().to_string(), "cpus:5; mem:5");
    }
}
