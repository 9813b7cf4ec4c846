//! Frameworks: what they subscribe to, what they can do, what they refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use mesos_common::ids::FrameworkId;
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::resources::Resources;
use mesos_common::scalar::Scalar;
use mesos_proto::v1;
use mesos_proto::v1::framework_info::capability::Type as CapabilityType;
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::filters::{InverseFilter, OfferFilter};
use super::roles::RoleFrameworks;
use super::state::State;
use crate::amounts::AgentKey;
use crate::event::{Activity, FrameworkOptions};
use crate::offer_constraints::OfferConstraintsFilter;
use crate::sorter::Sorter;

/// Numbers a framework inside the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameworkKey(pub(super) usize);

/// What a framework can deal with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Several roles.
    MultiRole,
    /// Agents with graphics processors.
    Gpu,
    /// Agents in other regions.
    Region,
    /// Shared resources.
    Shared,
    /// Revocable resources.
    Revocable,
    /// More than one reservation.
    Refinement,
}

/// A set of abilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities(u8);

impl Abilities {
    fn of(info: &v1::FrameworkInfo) -> Self {
        let mut bits = 0;
        for capability in &info.capabilities {
            bits |= match capability.r#type() {
                CapabilityType::MultiRole => Self::bit(Ability::MultiRole),
                CapabilityType::GpuResources => Self::bit(Ability::Gpu),
                CapabilityType::RegionAware => Self::bit(Ability::Region),
                CapabilityType::SharedResources => Self::bit(Ability::Shared),
                CapabilityType::RevocableResources => Self::bit(Ability::Revocable),
                CapabilityType::ReservationRefinement => Self::bit(Ability::Refinement),
                CapabilityType::Unknown
                | CapabilityType::TaskKillingState
                | CapabilityType::PartitionAware => 0,
            };
        }
        Self(bits)
    }

    const fn bit(ability: Ability) -> u8 {
        1 << (ability as u8)
    }

    /// Whether the ability is among them.
    #[must_use]
    pub const fn has(self, ability: Ability) -> bool {
        self.0 & Self::bit(ability) != 0
    }
}

pub(super) type FiltersByAgent = HashMap<AgentKey, Vec<OfferFilter>, FxBuildHasher>;

/// One framework.
#[derive(Clone, Debug)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// Its id as the path of a sorter.
    pub(super) path: Arc<str>,
    /// Its description.
    pub info: Arc<v1::FrameworkInfo>,
    /// The roles that it subscribes to.
    pub roles: BTreeSet<Arc<str>>,
    /// The roles for which it wants no offers.
    pub suppressed: BTreeSet<Arc<str>>,
    /// What it can deal with.
    pub abilities: Abilities,
    /// Whether it is connected.
    pub activity: Activity,
    /// Agents from which it wants no offers.
    pub constraints: Arc<OfferConstraintsFilter>,
    pub(super) min_allocatable: BTreeMap<Arc<str>, Vec<ResourceQuantities>>,
    pub(super) offer_filters: HashMap<Arc<str>, FiltersByAgent, FxBuildHasher>,
    pub(super) inverse_filters: HashMap<AgentKey, Vec<InverseFilter>, FxBuildHasher>,
    /// The agents on which it holds something.
    pub(super) agents: FxHashSet<AgentKey>,
}

/// The roles of a description: `roles`, or the single `role` of old frameworks.
#[must_use]
pub fn roles_of(info: &v1::FrameworkInfo) -> BTreeSet<Arc<str>> {
    let multi = Abilities::of(info).has(Ability::MultiRole);
    if multi {
        info.roles.iter().map(|role| role.as_str().into()).collect()
    } else {
        BTreeSet::from([info.role().into()])
    }
}

fn min_allocatable_of(info: &v1::FrameworkInfo) -> BTreeMap<Arc<str>, Vec<ResourceQuantities>> {
    let mut result = BTreeMap::new();
    for (role, filters) in &info.offer_filters {
        if filters.min_allocatable_resources.is_none() {
            continue;
        }
        let sets = &filters.min_allocatable_resources().quantities;
        let sets = sets.iter().map(|set| {
            let mut quantities = ResourceQuantities::new();
            for (name, amount) in &set.quantities {
                quantities.add_amount(name, Scalar::from_f64(amount.value()));
            }
            quantities
        });
        result.insert(role.as_str().into(), sets.collect());
    }
    result
}

fn shared_names(roles: &BTreeSet<String>) -> BTreeSet<Arc<str>> {
    roles.iter().map(|role| role.as_str().into()).collect()
}

impl Framework {
    pub(super) fn new(
        id: FrameworkId,
        info: Arc<v1::FrameworkInfo>,
        activity: Activity,
        options: FrameworkOptions,
    ) -> Self {
        Self {
            path: id.as_str().into(),
            id,
            roles: roles_of(&info),
            suppressed: shared_names(&options.suppressed_roles),
            abilities: Abilities::of(&info),
            activity,
            constraints: Arc::new(options.offer_constraints),
            min_allocatable: min_allocatable_of(&info),
            info,
            offer_filters: HashMap::default(),
            inverse_filters: HashMap::default(),
            agents: FxHashSet::default(),
        }
    }
}

impl State {
    pub(super) fn add_framework(
        &mut self,
        framework: Framework,
        used: BTreeMap<mesos_common::ids::AgentId, Resources>,
    ) {
        if self.frameworks.find(&framework.id).is_some() {
            tracing::error!(framework = %framework.id, "ignoring a framework that is known");
            return;
        }
        let activity = framework.activity;
        let roles = framework.roles.clone();
        let suppressed = framework.suppressed.clone();
        let id = framework.id.clone();
        self.changes.frameworks.insert(id.clone());
        let key = self.frameworks.insert(id, framework);
        for role in &roles {
            self.track_under_role(key, role);
            if !suppressed.contains(role) {
                self.set_sorted(key, role, Activity::Active);
            }
        }
        self.adopt_held(key);
        for (agent_id, resources) in used {
            let Some(agent) = self.agents.find(&agent_id) else {
                continue;
            };
            self.track_offered(agent, key, &resources);
            self.track_allocated(&resources);
            self.framework_mut(key).agents.insert(agent);
        }
        match activity {
            Activity::Active => self.request_run_for_all(),
            Activity::Inactive => self.deactivate_framework(key),
        }
    }

    /// Notes the agents that joined with resources of this framework before it was known.
    fn adopt_held(&mut self, key: FrameworkKey) {
        let id = self.framework(key).id.clone();
        let joined = self.orphans.remove(&id).unwrap_or_default();
        let holds = |agent: &AgentKey| {
            self.agents
                .get(*agent)
                .is_some_and(|agent| agent.held_by(&id).is_some())
        };
        let holding: Vec<AgentKey> = joined
            .iter()
            .filter_map(|agent| self.agents.find(agent))
            .filter(holds)
            .collect();
        self.framework_mut(key).agents.extend(holding);
    }

    pub(super) fn remove_framework(&mut self, key: FrameworkKey) {
        let id = self.framework(key).id.clone();
        let mut holding: Vec<AgentKey> = self.framework(key).agents.iter().copied().collect();
        holding.sort_unstable();
        for agent in holding {
            let Some(held) = self
                .agents
                .get(agent)
                .and_then(|agent| agent.held_by(&id))
                .cloned()
            else {
                continue;
            };
            self.untrack_offered(agent, key, &held);
            self.agent_mut(agent).release(&id, &held);
        }
        for role in self.framework(key).roles.clone() {
            self.untrack_under_role(key, &role);
        }
        self.frameworks.remove(&id);
    }

    pub(super) fn activate_framework(&mut self, key: FrameworkKey) {
        self.framework_mut(key).activity = Activity::Active;
        let framework = self.framework(key);
        let wanted: Vec<Arc<str>> = framework
            .roles
            .difference(&framework.suppressed)
            .cloned()
            .collect();
        for role in wanted {
            self.set_sorted(key, &role, Activity::Active);
        }
        self.request_run_for_all();
    }

    pub(super) fn deactivate_framework(&mut self, key: FrameworkKey) {
        for role in self.framework(key).roles.clone() {
            self.set_sorted(key, &role, Activity::Inactive);
        }
        let framework = self.framework_mut(key);
        framework.activity = Activity::Inactive;
        framework.offer_filters.clear();
        framework.inverse_filters.clear();
    }

    pub(super) fn update_framework(
        &mut self,
        key: FrameworkKey,
        info: Arc<v1::FrameworkInfo>,
        options: FrameworkOptions,
    ) {
        let framework = self.framework(key);
        let old_roles = framework.roles.clone();
        let old_suppressed = framework.suppressed.clone();
        let activity = framework.activity;
        let new_roles = roles_of(&info);
        let new_suppressed = shared_names(&options.suppressed_roles);

        for role in new_roles.difference(&old_roles) {
            if !self.is_tracked(key, role) {
                self.track_under_role(key, role);
            }
            self.set_sorted(key, role, activity);
        }
        let framework = self.framework_mut(key);
        framework.abilities = Abilities::of(&info);
        framework.min_allocatable = min_allocatable_of(&info);
        framework.constraints = Arc::new(options.offer_constraints);
        framework.info = info;
        framework.roles.clone_from(&new_roles);
        for role in old_roles.difference(&new_roles) {
            self.set_sorted(key, role, Activity::Inactive);
            self.untrack_under_role(key, role);
            let framework = self.framework_mut(key);
            framework.offer_filters.remove(role);
            framework.suppressed.remove(role);
        }
        self.suppress_roles(
            key,
            new_suppressed
                .difference(&old_suppressed)
                .cloned()
                .collect(),
        );
        let revived = old_suppressed.difference(&new_suppressed);
        self.revive_roles(
            key,
            revived
                .filter(|role| new_roles.contains(*role))
                .cloned()
                .collect(),
        );
    }

    /// Stops offers for some roles.
    pub(super) fn suppress_roles(&mut self, key: FrameworkKey, roles: BTreeSet<Arc<str>>) {
        self.changes
            .frameworks
            .insert(self.framework(key).id.clone());
        for role in roles {
            self.set_sorted(key, &role, Activity::Inactive);
            self.framework_mut(key).suppressed.insert(role);
        }
    }

    /// Starts offers for some roles, and drops all inverse filters and those roles' filters.
    pub(super) fn revive_roles(&mut self, key: FrameworkKey, roles: BTreeSet<Arc<str>>) {
        self.changes
            .frameworks
            .insert(self.framework(key).id.clone());
        self.framework_mut(key).inverse_filters.clear();
        let activity = self.framework(key).activity;
        for role in roles {
            let framework = self.framework_mut(key);
            framework.offer_filters.remove(&role);
            framework.suppressed.remove(&role);
            self.set_sorted(key, &role, activity);
        }
    }

    /// The named roles, or all that the framework subscribes to when none is named.
    pub(super) fn chosen_roles(
        &self,
        key: FrameworkKey,
        roles: &BTreeSet<String>,
    ) -> BTreeSet<Arc<str>> {
        if roles.is_empty() {
            self.framework(key).roles.clone()
        } else {
            shared_names(roles)
        }
    }

    /// Lets a framework take part in the order of a role, or not.
    fn set_sorted(&mut self, key: FrameworkKey, role: &str, activity: Activity) {
        let path = Arc::clone(&self.framework(key).path);
        let Some(role) = self.roles.find(role) else {
            return;
        };
        let Some(frameworks) = self.roles.role_mut(role).frameworks.as_mut() else {
            return;
        };
        let Some(client) = frameworks.sorter.client(&path) else {
            return;
        };
        match activity {
            Activity::Active => frameworks.sorter.activate(client),
            Activity::Inactive => frameworks.sorter.deactivate(client),
        }
    }

    /// Counts a framework among those of a role; it is inactive there at first.
    pub(super) fn track_under_role(&mut self, key: FrameworkKey, role: &Arc<str>) {
        let path = Arc::clone(&self.framework(key).path);
        let role_key = self.roles.ensure(role);
        if self.roles.role(role_key).frameworks.is_none() {
            let role_client = self.role_sorter.add(role);
            self.role_sorter.activate(role_client);
            self.role_by_client.insert(role_client, role_key);
            self.changes.sorted_roles_changed = true;
            self.roles.role_mut(role_key).frameworks = Some(RoleFrameworks {
                sorter: Sorter::new(self.options.sorter),
                by_client: HashMap::default(),
                role_client,
            });
        }
        let Some(frameworks) = self.roles.role_mut(role_key).frameworks.as_mut() else {
            return;
        };
        let client = frameworks.sorter.add(&path);
        frameworks.by_client.insert(client, key);
    }

    /// Removes a framework from a role unless it holds something there.
    pub(super) fn untrack_under_role(&mut self, key: FrameworkKey, role: &str) {
        if self.holds_under_role(key, role) {
            return;
        }
        let path = Arc::clone(&self.framework(key).path);
        let Some(role_key) = self.roles.find(role) else {
            return;
        };
        let Some(frameworks) = self.roles.role_mut(role_key).frameworks.as_mut() else {
            return;
        };
        if let Some(client) = frameworks.sorter.client(&path) {
            frameworks.sorter.remove(&mut self.names, client);
            frameworks.by_client.remove(&client);
        }
        if frameworks.by_client.is_empty() {
            let role_client = frameworks.role_client;
            self.role_sorter.remove(&mut self.names, role_client);
            self.role_by_client.remove(&role_client);
            self.changes.sorted_roles_changed = true;
            self.roles.role_mut(role_key).frameworks = None;
            self.roles.tidy(role_key);
        }
    }

    /// Whether a framework is counted among those of a role.
    pub(super) fn is_tracked(&self, key: FrameworkKey, role: &str) -> bool {
        self.roles.has_framework(role, &self.framework(key).path)
    }

    fn holds_under_role(&self, key: FrameworkKey, role: &str) -> bool {
        let framework = self.framework(key);
        let held = |agent: &AgentKey| {
            self.agents
                .get(*agent)
                .and_then(|agent| agent.held_by(&framework.id))
        };
        framework.agents.iter().filter_map(held).any(|resources| {
            resources
                .iter()
                .any(|item| item.allocation_role().is_some_and(|own| **own == *role))
        })
    }
}
