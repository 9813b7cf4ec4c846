//! What is known of each role, for readers and for quota.
//!
//! Mirrors `Master::knownRoles` and `Role` of `src/master/master.cpp`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_allocator::Quota;
use mesos_common::ids::FrameworkId;
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::resources::Resources;

use super::MasterProcess;
use crate::state::agent::Agent;
use crate::state::roles::{Roles, ancestors, is_in_subtree};

/// A snapshot of everything that is said about roles.
#[derive(Clone, Debug)]
pub(crate) struct RolesView {
    pub(crate) roles: Roles,
    pub(crate) agents: Vec<Arc<Agent>>,
    pub(crate) offered: BTreeMap<String, Resources>,
}

/// One role as `/roles` shows it.
#[derive(Clone, Debug)]
pub(crate) struct RoleView {
    pub(crate) name: String,
    pub(crate) weight: f64,
    pub(crate) quota: Quota,
    pub(crate) consumed: ResourceQuantities,
    pub(crate) allocated: ResourceQuantities,
    pub(crate) offered: ResourceQuantities,
    pub(crate) reserved: ResourceQuantities,
    pub(crate) frameworks: BTreeSet<FrameworkId>,
}

impl MasterProcess {
    /// A snapshot for readers of roles.
    pub(crate) fn roles_view(&self) -> RolesView {
        let mut offered: BTreeMap<String, Resources> = BTreeMap::new();
        for offer_id in self.offers.ids() {
            if let Some(offer) = self.offers.get(&offer_id) {
                *offered.entry(offer.role.to_string()).or_default() += &offer.resources;
            }
        }
        RolesView {
            roles: self.roles.clone(),
            agents: self.agents.iter().cloned().collect(),
            offered,
        }
    }
}

impl RolesView {
    /// Every role that anything is known of, with its ancestors; where `--roles` lists them, those.
    pub(crate) fn known(&self) -> BTreeSet<String> {
        let mut known: BTreeSet<String> = BTreeSet::new();
        if let Some(whitelist) = self.roles.whitelist() {
            known.extend(whitelist.iter().cloned());
        } else {
            known.extend(self.roles.weights().keys().cloned());
            known.extend(self.roles.quotas().keys().cloned());
            known.extend(self.roles.active().map(|(role, _)| role.clone()));
            for agent in &self.agents {
                known.extend(agent.total().reservations().keys().map(ToString::to_string));
            }
        }
        let parents: Vec<String> = known
            .iter()
            .flat_map(|role| ancestors(role))
            .map(str::to_owned)
            .collect();
        known.extend(parents);
        known
    }

    /// What a role's subtree uses, and what is reserved to it and not used.
    pub(crate) fn consumed(&self, role: &str) -> ResourceQuantities {
        let mut consumed = ResourceQuantities::default();
        for agent in &self.agents {
            let used = agent.used_sum();
            let allocated = used.allocated_to_subtree(role);
            let mut used_reserved = used.reserved_to_subtree(role);
            used_reserved.unallocate();
            let idle = &agent.total().reserved_to_subtree(role) - &used_reserved;
            consumed += &ResourceQuantities::from_resources(&allocated);
            consumed += &ResourceQuantities::from_resources(&idle);
        }
        consumed
    }

    fn allocated(&self, role: &str) -> ResourceQuantities {
        let mut allocated = ResourceQuantities::default();
        for agent in &self.agents {
            let used = agent.used_sum().allocated_to_subtree(role);
            allocated += &ResourceQuantities::from_resources(&used);
        }
        allocated
    }

    /// What is offered to a role's subtree.
    pub(crate) fn offered(&self, role: &str) -> ResourceQuantities {
        let mut offered = ResourceQuantities::default();
        for (offered_role, resources) in &self.offered {
            if is_in_subtree(offered_role, role) {
                offered += &ResourceQuantities::from_resources(resources);
            }
        }
        offered
    }

    fn reserved(&self, role: &str) -> ResourceQuantities {
        let mut reserved = ResourceQuantities::default();
        for agent in &self.agents {
            let part = agent.total().reserved_to_subtree(role);
            reserved += &ResourceQuantities::from_resources(&part);
        }
        reserved
    }

    /// Everything about one role.
    pub(crate) fn view(&self, role: &str) -> RoleView {
        RoleView {
            name: role.to_owned(),
            weight: self.roles.weight(role),
            quota: self.roles.quota(role).cloned().unwrap_or_default(),
            consumed: self.consumed(role),
            allocated: self.allocated(role),
            offered: self.offered(role),
            reserved: self.reserved(role),
            frameworks: self.roles.frameworks(role).cloned().unwrap_or_default(),
        }
    }
}
