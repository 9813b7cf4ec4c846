//! Agents: what they have, who holds it, and what is left.
//!
//! # Invariants
//! - `available` is the total less everything offered or in use; shared resources always count.
//! - An agent whose total shrank may be held beyond it; then nothing is available.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resources::{ResourceConversion, Resources};
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as CapabilityType;
use smallvec::SmallVec;

use super::state::State;
use crate::amounts::AgentKey;
use crate::event::{NewAgent, UpdateAvailableError};

/// What an agent's software can do, as far as offers depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentAbilities {
    /// It can serve frameworks with several roles.
    pub multi_role: bool,
    /// It can serve roles with a slash.
    pub hierarchical_role: bool,
}

impl AgentAbilities {
    fn of(capabilities: &[v1::agent_info::Capability]) -> Self {
        let has = |wanted| capabilities.iter().any(|one| one.r#type() == wanted);
        Self {
            multi_role: has(CapabilityType::MultiRole),
            hierarchical_role: has(CapabilityType::HierarchicalRole),
        }
    }
}

/// Whether an agent's resources may be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// They may.
    Activated,
    /// They may not.
    Deactivated,
}

/// An agent's coming unavailability and what frameworks say to it.
#[derive(Clone, Debug)]
pub struct Maintenance {
    pub(super) unavailability: v1::Unavailability,
    pub(super) statuses: BTreeMap<FrameworkId, v1::allocator::InverseOfferStatus>,
    pub(super) outstanding: std::collections::BTreeSet<FrameworkId>,
}

impl Maintenance {
    pub(super) const fn new(unavailability: v1::Unavailability) -> Self {
        Self {
            unavailability,
            statuses: BTreeMap::new(),
            outstanding: std::collections::BTreeSet::new(),
        }
    }
}

/// One agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its description.
    pub info: Arc<v1::AgentInfo>,
    pub(super) abilities: AgentAbilities,
    /// Whether its resources may be offered.
    pub state: AgentState,
    pub(super) total: Resources,
    pub(super) shared: Resources,
    pub(super) gpus: Gpus,
    held: SmallVec<[(FrameworkId, Resources); 1]>,
    held_sum: Resources,
    pub(super) allocated: Resources,
    pub(super) available: Resources,
    pub(super) maintenance: Option<Box<Maintenance>>,
}

/// Whether an agent has graphics processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gpus {
    /// It has some.
    Some,
    /// It has none.
    None,
}

impl Agent {
    fn new(new: NewAgent) -> Self {
        let mut agent = Self {
            id: new.id,
            info: new.info,
            abilities: AgentAbilities::of(&new.capabilities),
            state: AgentState::Activated,
            total: Resources::new(),
            shared: Resources::new(),
            gpus: Gpus::None,
            allocated: new.used.values().sum(),
            held: SmallVec::new(),
            held_sum: Resources::new(),
            available: Resources::new(),
            maintenance: new
                .unavailability
                .map(|when| Box::new(Maintenance::new(when))),
        };
        for (framework, resources) in new.used {
            agent.add_held(&framework, &resources);
        }
        agent.set_total(new.total);
        agent
    }

    fn set_total(&mut self, total: Resources) {
        self.shared = total.shared();
        let has_gpu = total.gpus().is_some_and(|gpus| !gpus.is_zero());
        self.gpus = if has_gpu { Gpus::Some } else { Gpus::None };
        self.total = total;
        self.update_available();
    }

    /// All its resources.
    #[must_use]
    pub const fn total(&self) -> &Resources {
        &self.total
    }

    /// What may be offered.
    #[must_use]
    pub const fn available(&self) -> &Resources {
        &self.available
    }

    /// What is offered or in use, without allocation roles.
    #[must_use]
    pub const fn held_sum(&self) -> &Resources {
        &self.held_sum
    }

    /// Who holds what.
    pub fn held(&self) -> impl Iterator<Item = (&FrameworkId, &Resources)> {
        self.held
            .iter()
            .map(|(framework, resources)| (framework, resources))
    }

    /// What a framework holds.
    #[must_use]
    pub fn held_by(&self, framework: &FrameworkId) -> Option<&Resources> {
        self.held
            .iter()
            .find(|(id, _)| id == framework)
            .map(|(_, resources)| resources)
    }

    fn add_held(&mut self, framework: &FrameworkId, resources: &Resources) {
        if resources.is_empty() {
            return;
        }
        match self.held.iter_mut().find(|(id, _)| id == framework) {
            Some((_, held)) => *held += resources,
            None => self.held.push((framework.clone(), resources.clone())),
        }
        let mut plain = resources.clone();
        plain.unallocate();
        self.held_sum += &plain;
    }

    /// Gives resources to a framework.
    pub(super) fn take(&mut self, framework: &FrameworkId, resources: &Resources) {
        self.add_held(framework, resources);
        self.update_available();
    }

    /// Gives everything that is available to a framework.
    pub(super) fn take_all(&mut self, framework: &FrameworkId, resources: &Resources) {
        let everything = std::mem::take(&mut self.available);
        match self.held.iter_mut().find(|(id, _)| id == framework) {
            Some((_, held)) => *held += resources,
            None => self.held.push((framework.clone(), resources.clone())),
        }
        self.held_sum += &everything;
        if !self.shared.is_empty() {
            self.update_available();
        }
    }

    /// Takes resources back from a framework.
    pub(super) fn release(&mut self, framework: &FrameworkId, resources: &Resources) {
        let Some(position) = self.held.iter().position(|(id, _)| id == framework) else {
            return;
        };
        if let Some((_, held)) = self.held.get_mut(position) {
            *held -= resources;
            if held.is_empty() {
                self.held.swap_remove(position);
            }
        }
        if self.held.is_empty() {
            self.held_sum = Resources::new();
        } else {
            let mut plain = resources.clone();
            plain.unallocate();
            self.held_sum -= &plain;
        }
        self.update_available();
    }

    fn update_available(&mut self) {
        self.available = if self.held_sum.is_empty() {
            self.total.clone()
        } else if self.shared.is_empty() {
            &self.total - &self.held_sum
        } else {
            let left = self.total.non_shared() - &self.held_sum.non_shared();
            left + &self.shared
        };
    }
}

impl State {
    pub(super) fn add_agent(&mut self, new: NewAgent) {
        if self.agents.find(&new.id).is_some() {
            tracing::error!(agent = %new.id, "ignoring an agent that is known");
            return;
        }
        let used = new.used.clone();
        let id = new.id.clone();
        let total = new.total.clone();
        let key = self.agents.insert(id, Agent::new(new));
        self.roles.track_reservations(&mut self.names, &total);
        let amounts = self.names.sum(&total);
        self.totals.add(&self.names, &amounts);
        for (framework_id, resources) in used {
            let Some(framework) = self.frameworks.find(&framework_id) else {
                let id = self.agent(key).id.clone();
                self.orphans.entry(framework_id).or_default().push(id);
                continue;
            };
            self.track_offered(key, framework, &resources);
            self.track_allocated(&resources);
            self.framework_mut(framework).agents.insert(key);
        }
        self.agent_joined();
        self.request_run_for(key);
    }

    pub(super) fn remove_agent(&mut self, key: AgentKey) {
        let Some(agent) = self.agents.get(key).cloned() else {
            return;
        };
        self.untrack_allocated(&agent.allocated);
        for (framework_id, resources) in agent.held() {
            let Some(framework) = self.frameworks.find(framework_id) else {
                self.forget_orphan(framework_id, &agent.id);
                continue;
            };
            self.framework_mut(framework).agents.remove(&key);
            self.untrack_offered(key, framework, resources);
        }
        self.roles
            .untrack_reservations(&mut self.names, &agent.total);
        let amounts = self.names.sum(&agent.total);
        self.totals.subtract(&self.names, &amounts);
        self.remove_filters_of_agent(key);
        self.candidates.remove(key);
        self.agents.remove(&agent.id);
    }

    fn forget_orphan(&mut self, framework: &FrameworkId, agent: &AgentId) {
        let Some(agents) = self.orphans.get_mut(framework) else {
            return;
        };
        agents.retain(|other| other != agent);
        if agents.is_empty() {
            self.orphans.remove(framework);
        }
    }

    pub(super) fn update_agent(
        &mut self,
        key: AgentKey,
        info: Arc<v1::AgentInfo>,
        total: Option<Resources>,
        capabilities: Option<&[v1::agent_info::Capability]>,
    ) {
        let mut changed = false;
        let agent = self.agent(key);
        if !same_attributes(&agent.info, &info) {
            self.remove_filters_of_agent(key);
            changed = true;
        }
        let agent = self.agent_mut(key);
        if agent.info != info {
            agent.info = info;
            changed = true;
        }
        if let Some(capabilities) = capabilities {
            let abilities = AgentAbilities::of(capabilities);
            changed |= agent.abilities != abilities;
            agent.abilities = abilities;
        }
        if let Some(total) = total {
            changed |= self.update_agent_total(key, &total) == TotalUpdate::Changed;
        }
        if changed {
            self.request_run_for(key);
        }
    }

    /// Replaces an agent's resources; filters stay.
    fn update_agent_total(&mut self, key: AgentKey, total: &Resources) -> TotalUpdate {
        let old = self.agent(key).total.clone();
        if old == *total {
            return TotalUpdate::Unchanged;
        }
        self.agent_mut(key).set_total(total.clone());
        // The new reservations come first, so that a role kept by both is not made anew.
        self.roles.track_reservations(&mut self.names, total);
        self.roles.untrack_reservations(&mut self.names, &old);
        let before = self.names.sum(&old);
        let after = self.names.sum(total);
        self.totals.subtract(&self.names, &before);
        self.totals.add(&self.names, &after);
        TotalUpdate::Changed
    }

    pub(super) fn add_resource_provider(
        &mut self,
        key: AgentKey,
        total: &Resources,
        used: &BTreeMap<FrameworkId, Resources>,
    ) {
        let grown = self.agent(key).total() + total;
        self.update_agent_total(key, &grown);
        for (framework_id, resources) in used {
            let Some(framework) = self.frameworks.find(framework_id) else {
                continue;
            };
            self.agent_mut(key).take(framework_id, resources);
            self.framework_mut(framework).agents.insert(key);
            self.track_offered(key, framework, resources);
        }
    }

    /// Applies conversions to what is available on an agent, and to its total.
    ///
    /// # Errors
    /// When the agent is not known or has too little available; nothing is changed.
    pub fn update_available(
        &mut self,
        agent: &AgentId,
        conversions: &[ResourceConversion],
    ) -> Result<(), UpdateAvailableError> {
        let Some(key) = self.agents.find(agent) else {
            return Err(UpdateAvailableError::UnknownAgent {
                agent: agent.to_string(),
            });
        };
        self.agent(key).available.apply_all(conversions)?;
        let total = self.agent(key).total.apply_all(conversions)?;
        self.update_agent_total(key, &total);
        Ok(())
    }

    /// Turns what a framework was offered into something else, on the agent and in all sums.
    pub(super) fn update_allocation(
        &mut self,
        (framework, agent): (super::frameworks::FrameworkKey, AgentKey),
        offered: &Resources,
        conversions: &[ResourceConversion],
    ) {
        let updated = match offered.apply_all(conversions) {
            Ok(updated) => updated,
            Err(error) => {
                tracing::error!(%error, "ignoring conversions that do not fit the offer");
                return;
            }
        };
        let mut total = self.agent(agent).total.clone();
        for conversion in conversions.iter().filter(|one| !one.consumed.is_empty()) {
            let mut plain = conversion.clone();
            plain.consumed.unallocate();
            plain.converted.unallocate();
            plain.condition = mesos_common::resources::PostCondition::None;
            match total.apply(&plain) {
                Ok(changed) => total = changed,
                Err(error) => {
                    tracing::error!(%error, "ignoring conversions that do not fit the agent");
                    return;
                }
            }
        }
        let id = self.framework(framework).id.clone();
        self.replace_offered(agent, framework, offered, &updated);
        let entry = self.agent_mut(agent);
        entry.release(&id, offered);
        entry.take(&id, &updated);
        let holds = self.agent(agent).held_by(&id).is_some();
        let agents = &mut self.framework_mut(framework).agents;
        if holds {
            agents.insert(agent);
        } else {
            agents.remove(&agent);
        }
        self.update_agent_total(agent, &total);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TotalUpdate {
    Changed,
    Unchanged,
}

fn same_attributes(left: &v1::AgentInfo, right: &v1::AgentInfo) -> bool {
    left.attributes.len() == right.attributes.len()
        && left
            .attributes
            .iter()
            .all(|attribute| right.attributes.contains(attribute))
}
