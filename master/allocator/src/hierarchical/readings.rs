//! What metrics and tests read from the state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::resources::Resources;
use mesos_common::scalar::Scalar;
use mesos_proto::v1;

use super::roles::RoleChanges;
use super::state::{RunQueue, State};

/// What changed since the metrics were last brought in line.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Roles that came, went or consumed otherwise.
    pub roles: RoleChanges,
    /// Whether a role came to, or left, the sorter.
    pub sorted_roles_changed: bool,
    /// Frameworks whose subscriptions changed.
    pub frameworks: BTreeSet<FrameworkId>,
}

impl State {
    /// Hands out the changes since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = std::mem::take(&mut self.changes);
        changes.roles = self.roles.take_changes();
        changes
    }

    /// Whether a run is queued.
    #[must_use]
    pub fn is_run_queued(&self) -> bool {
        self.queue == RunQueue::Queued
    }

    /// Whether the framework is known.
    #[must_use]
    pub fn knows_framework(&self, id: &FrameworkId) -> bool {
        self.frameworks.find(id).is_some()
    }

    /// How many agents and frameworks are known.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.agents.len(), self.frameworks.len())
    }

    /// What the cluster has of a scalar.
    #[must_use]
    pub fn total_of(&self, name: &str) -> f64 {
        let index = self.names.find(name);
        index.map_or(0.0, |index| self.totals.amounts().get(index).to_f64())
    }

    /// What is offered or in use of a scalar.
    #[must_use]
    pub fn held_of(&self, name: &str) -> f64 {
        let held: Scalar = self
            .agents
            .iter()
            .filter_map(|(_, agent)| agent.held_sum().scalar(name))
            .sum();
        held.to_f64()
    }

    /// What a role's clients in the sorter hold of a scalar.
    #[must_use]
    pub fn role_allocation(&self, role: &str, name: &str) -> f64 {
        let Some(client) = self.role_sorter.client(role) else {
            return 0.0;
        };
        let index = self.names.find(name);
        index.map_or(0.0, |index| {
            self.role_sorter.allocation(client).get(index).to_f64()
        })
    }

    /// The roles that compete in the sorter.
    #[must_use]
    pub fn sorted_roles(&self) -> BTreeSet<Arc<str>> {
        self.role_by_client
            .keys()
            .filter_map(|client| self.role_sorter.path(*client).cloned())
            .collect()
    }

    /// A role's dominant share.
    #[must_use]
    pub fn dominant_share(&self, role: &str) -> f64 {
        let client = self.role_sorter.client(role);
        client.map_or(0.0, |client| self.role_sorter.share(&self.totals, client))
    }

    /// What a role consumes of its quota, offers left out.
    #[must_use]
    pub fn quota_consumed(&self, role: &str) -> ResourceQuantities {
        self.roles
            .find(role)
            .map_or_else(ResourceQuantities::new, |key| {
                self.names
                    .quantities(&self.roles.role(key).quota_consumed())
            })
    }

    /// A framework's description, and for each of its roles whether it is suppressed.
    #[must_use]
    pub fn subscriptions(
        &self,
        id: &FrameworkId,
    ) -> Option<(Arc<v1::FrameworkInfo>, Subscriptions)> {
        let framework = self.frameworks.get(self.frameworks.find(id)?)?;
        let roles = framework.roles.iter();
        let roles = roles.map(|role| (Arc::clone(role), framework.suppressed.contains(role)));
        Some((Arc::clone(&framework.info), roles.collect()))
    }

    /// What an agent has in total, what is available, and what each framework holds.
    #[must_use]
    pub fn agent_resources(&self, id: &AgentId) -> Option<AgentResources> {
        let agent = self.agents.get(self.agents.find(id)?)?;
        let held = agent
            .held()
            .map(|(id, resources)| (id.clone(), resources.clone()));
        Some(AgentResources {
            total: agent.total().clone(),
            available: agent.available().clone(),
            held: held.collect(),
        })
    }
}

/// The roles of a framework, and whether each is suppressed.
pub type Subscriptions = BTreeMap<Arc<str>, bool>;

/// The resources of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentResources {
    /// All of them.
    pub total: Resources,
    /// What may be offered.
    pub available: Resources,
    /// What is offered or in use, by framework.
    pub held: BTreeMap<FrameworkId, Resources>,
}
