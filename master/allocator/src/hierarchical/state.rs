//! Everything the allocator knows, and how events change it.
//!
//! Nothing here waits, reads a clock or talks to another actor: the same events applied at the
//! same times give the same commands.
//!
//! # Invariants
//! - What sorters and roles count is what agents are held for, for every known framework.
//! - At most one run is queued.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resources::Resources;
use tracing::error;

use super::agents::{Agent, AgentState, Maintenance};
use super::arena::Arena;
use super::candidates::Candidates;
use super::frameworks::{Framework, FrameworkKey};
use super::readings::Changes;
use super::recover::Recovery;
use super::roles::{RoleKey, RoleTree};
use crate::allocator::{AllocatorOptions, InverseOfferStatuses};
use crate::amounts::{AgentKey, Names, Weighed};
use crate::event::{Command, Event, Ownership};
use crate::rng::Rng;
use crate::sorter::{Change, ClientId, SortContext, Sorter, Totals};

/// Whether a run has been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunQueue {
    Empty,
    Queued,
}

/// The allocator's knowledge; cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) options: Arc<AllocatorOptions>,
    pub(super) now: Duration,
    pub(super) names: Names,
    pub(super) roles: RoleTree,
    pub(super) role_sorter: Sorter,
    pub(super) role_by_client: HashMap<ClientId, RoleKey, rustc_hash::FxBuildHasher>,
    pub(super) totals: Totals,
    pub(super) agents: Arena<AgentId, AgentKey, Agent>,
    pub(super) frameworks: Arena<FrameworkId, FrameworkKey, Framework>,
    pub(super) whitelist: Option<Arc<BTreeSet<String>>>,
    pub(super) candidates: Candidates,
    pub(super) queue: RunQueue,
    pub(super) pauses: usize,
    pub(super) recovery: Recovery,
    pub(super) rng: Rng,
    pub(super) changes: Changes,
    /// Agents that joined with resources of frameworks that are not known yet.
    pub(super) orphans: HashMap<FrameworkId, Vec<AgentId>, rustc_hash::FxBuildHasher>,
    last_number: u64,
    commands: Vec<Command>,
}

impl State {
    /// An allocator that knows nobody yet.
    #[must_use]
    pub fn new(options: AllocatorOptions) -> Self {
        let excluded = &options.fairness_exclude_resource_names;
        let excluded = excluded.iter().map(|name| name.as_str().into()).collect();
        Self {
            now: Duration::ZERO,
            names: Names::default(),
            roles: RoleTree::new(),
            role_sorter: Sorter::new(options.sorter),
            role_by_client: HashMap::default(),
            totals: Totals::new(excluded),
            agents: Arena::new(),
            frameworks: Arena::new(),
            whitelist: None,
            candidates: Candidates::default(),
            queue: RunQueue::Empty,
            pauses: 0,
            recovery: Recovery::None,
            rng: Rng::new(options.seed),
            changes: Changes::default(),
            orphans: HashMap::default(),
            last_number: 0,
            commands: Vec::new(),
            options: Arc::new(options),
        }
    }

    /// Applies one event at a time since the epoch, and returns what is to be done.
    ///
    /// An event about a framework or an agent that is not known is logged and ignored.
    #[expect(
        clippy::too_many_lines,
        reason = "a table with one row per event reads best whole"
    )]
    pub fn apply(&mut self, event: Event, now: Duration) -> Vec<Command> {
        self.now = now;
        match event {
            Event::Recover {
                expected_agents,
                quotas,
            } => self.recover(expected_agents, quotas),
            Event::RecoveryTimedOut => self.recovery = Recovery::None,
            Event::UpdateWhitelist(hosts) => self.whitelist = hosts.map(Arc::new),
            Event::UpdateQuota { role, quota } => self.update_quota(&role, &quota),
            Event::UpdateWeights(weights) => self.update_weights(&weights),
            Event::Pause => self.pauses += 1,
            Event::Resume => self.pauses = self.pauses.saturating_sub(1),
            Event::Tick => self.request_run_for_all(),
            Event::Run => self.run(),
            Event::ExpireOfferFilter(ticket) => self.expire_offer_filter(&ticket),
            Event::ExpireInverseFilter(ticket) => self.expire_inverse_filter(&ticket),
            Event::AddFramework {
                id,
                info,
                used,
                activity,
                options,
            } => {
                self.add_framework(Framework::new(id, info, activity, options), used);
            }
            Event::RemoveFramework(id) => self.with_framework(&id, Self::remove_framework),
            Event::ActivateFramework(id) => self.with_framework(&id, Self::activate_framework),
            Event::DeactivateFramework(id) => self.with_framework(&id, Self::deactivate_framework),
            Event::UpdateFramework { id, info, options } => {
                self.with_framework(&id, |state, key| {
                    state.update_framework(key, info, options);
                });
            }
            Event::RequestResources(id) => {
                tracing::info!(framework = %id, "a request for resources has no effect");
            }
            Event::SuppressOffers { id, roles } => self.with_framework(&id, |state, key| {
                state.suppress_roles(key, state.chosen_roles(key, &roles));
            }),
            Event::ReviveOffers { id, roles } => self.with_framework(&id, |state, key| {
                state.revive_roles(key, state.chosen_roles(key, &roles));
                state.request_run_for_all();
            }),
            Event::AddAgent(new) => self.add_agent(new),
            Event::RemoveAgent(id) => self.with_agent(&id, Self::remove_agent),
            Event::UpdateAgent {
                id,
                info,
                total,
                capabilities,
            } => {
                self.with_agent(&id, |state, key| {
                    state.update_agent(key, info, total, capabilities.as_deref());
                });
            }
            Event::AddResourceProvider { id, total, used } => {
                self.with_agent(&id, |state, key| {
                    state.add_resource_provider(key, &total, &used);
                });
            }
            Event::ActivateAgent(id) => self.with_agent(&id, |state, key| {
                state.agent_mut(key).state = AgentState::Activated;
            }),
            Event::DeactivateAgent(id) => self.with_agent(&id, |state, key| {
                state.agent_mut(key).state = AgentState::Deactivated;
            }),
            Event::UpdateAvailable { agent, conversions } => {
                if let Err(error) = self.update_available(&agent, &conversions) {
                    tracing::debug!(%error, "available resources were not changed");
                }
            }
            Event::UpdateUnavailability {
                agent,
                unavailability,
            } => {
                self.with_agent(&agent, |state, key| {
                    state.update_unavailability(key, unavailability);
                });
            }
            Event::TransitionOfferedToAllocated { agent, resources } => {
                self.with_agent(&agent, |state, key| {
                    state.agent_mut(key).allocated += &resources;
                    state.track_allocated(&resources);
                });
            }
            Event::UpdateAllocation {
                framework,
                agent,
                offered,
                conversions,
            } => {
                self.with_framework(&framework, |state, framework| {
                    state.with_agent(&agent, |state, agent| {
                        state.update_allocation((framework, agent), &offered, &conversions);
                    });
                });
            }
            Event::UpdateInverseOffer {
                agent,
                framework,
                status,
                filters,
            } => {
                self.update_inverse_offer(&agent, &framework, status, filters.as_ref());
            }
            Event::RecoverResources {
                framework,
                agent,
                resources,
                filters,
                ownership,
            } => {
                self.stop_using(&agent, &resources, ownership);
                let keys = (self.frameworks.find(&framework), self.agents.find(&agent));
                if let (Some(framework), Some(agent)) = keys {
                    self.recover_resources((framework, agent), &resources, filters.as_ref());
                }
            }
        }
        std::mem::take(&mut self.commands)
    }

    fn with_framework(&mut self, id: &FrameworkId, act: impl FnOnce(&mut Self, FrameworkKey)) {
        match self.frameworks.find(id) {
            Some(key) => act(self, key),
            None => error!(framework = %id, "ignoring an event for an unknown framework"),
        }
    }

    fn with_agent(&mut self, id: &AgentId, act: impl FnOnce(&mut Self, AgentKey)) {
        match self.agents.find(id) {
            Some(key) => act(self, key),
            None => error!(agent = %id, "ignoring an event for an unknown agent"),
        }
    }

    /// Replaces an agent's maintenance; what frameworks answered is lost.
    fn update_unavailability(
        &mut self,
        key: AgentKey,
        unavailability: Option<mesos_proto::v1::Unavailability>,
    ) {
        for framework in self.frameworks.keys() {
            self.framework_mut(framework).inverse_filters.remove(&key);
        }
        self.agent_mut(key).maintenance =
            unavailability.map(|when| Box::new(Maintenance::new(when)));
        self.request_run_for(key);
    }

    /// Notes that tasks or executors no longer use resources.
    fn stop_using(&mut self, agent: &AgentId, resources: &Resources, ownership: Ownership) {
        match (ownership, self.agents.find(agent)) {
            (Ownership::Allocated, Some(key)) if !self.agent(key).allocated.contains(resources) => {
                error!(%agent, %resources, "ignoring the end of a use that was not known");
            }
            (Ownership::Allocated, Some(key)) => {
                self.agent_mut(key).allocated -= resources;
                self.untrack_allocated(resources);
            }
            (Ownership::Allocated, None) | (Ownership::Offered, _) => {}
        }
    }

    fn recover_resources(
        &mut self,
        (framework, agent): (FrameworkKey, AgentKey),
        resources: &Resources,
        filters: Option<&mesos_proto::v1::Filters>,
    ) {
        let Some(role) = resources
            .iter()
            .find_map(|item| item.allocation_role())
            .cloned()
        else {
            return;
        };
        let id = self.framework(framework).id.clone();
        if !self
            .agent(agent)
            .held_by(&id)
            .is_some_and(|held| held.contains(resources))
        {
            error!(framework = %id, %resources, "ignoring resources that were not held");
            return;
        }
        self.agent_mut(agent).release(&id, resources);
        if self.agent(agent).held_by(&id).is_none() {
            self.framework_mut(framework).agents.remove(&agent);
        }
        self.untrack_offered(agent, framework, resources);
        if let Some(filters) = filters {
            self.refuse((framework, agent), &role, resources, filters);
        }
    }

    /// Counts what a framework was offered, in the sums of its roles.
    pub(super) fn track_offered(
        &mut self,
        agent: AgentKey,
        framework: FrameworkKey,
        resources: &Resources,
    ) {
        for (role, part) in by_role(resources) {
            if !self.is_tracked(framework, &role) {
                self.track_under_role(framework, &role);
            }
            let weighed = Weighed::new(&mut self.names, &part);
            self.track_weighed(agent, framework, &role, &weighed);
        }
    }

    fn track_weighed(
        &mut self,
        agent: AgentKey,
        framework: FrameworkKey,
        role: &str,
        weighed: &Weighed,
    ) {
        let path = Arc::clone(&self.framework(framework).path);
        let Some(key) = self.roles.find(role) else {
            return;
        };
        self.roles
            .track_offered(&mut self.names, key, agent, weighed);
        let Some(frameworks) = self.roles.role_mut(key).frameworks.as_mut() else {
            return;
        };
        let mut context = SortContext {
            names: &mut self.names,
            totals: &self.totals,
        };
        if let Some(client) = frameworks.sorter.client(&path) {
            frameworks
                .sorter
                .allocated(&mut context, client, agent, weighed);
        }
        self.role_sorter
            .allocated(&mut context, frameworks.role_client, agent, weighed);
    }

    /// Takes back what [`State::track_offered`] counted.
    pub(super) fn untrack_offered(
        &mut self,
        agent: AgentKey,
        framework: FrameworkKey,
        resources: &Resources,
    ) {
        for (role, part) in by_role(resources) {
            if !self.is_tracked(framework, &role) {
                continue;
            }
            let weighed = Weighed::new(&mut self.names, &part);
            let path = Arc::clone(&self.framework(framework).path);
            let Some(key) = self.roles.find(&role) else {
                continue;
            };
            self.roles
                .untrack_offered(&mut self.names, key, agent, &weighed);
            if let Some(frameworks) = self.roles.role_mut(key).frameworks.as_mut() {
                if let Some(client) = frameworks.sorter.client(&path) {
                    frameworks
                        .sorter
                        .unallocated(&mut self.names, client, agent, &weighed);
                }
                let client = frameworks.role_client;
                self.role_sorter
                    .unallocated(&mut self.names, client, agent, &weighed);
            }
            if !self.framework(framework).roles.contains(&role) {
                self.untrack_under_role(framework, &role);
            }
        }
    }

    /// Replaces an offer of one role in all sums; this does not count as a new allocation.
    pub(super) fn replace_offered(
        &mut self,
        agent: AgentKey,
        framework: FrameworkKey,
        old: &Resources,
        new: &Resources,
    ) {
        let Some(role) = old.iter().find_map(|item| item.allocation_role()).cloned() else {
            return;
        };
        let old = Weighed::new(&mut self.names, old);
        let new = Weighed::new(&mut self.names, new);
        let path = Arc::clone(&self.framework(framework).path);
        let Some(key) = self.roles.find(&role) else {
            return;
        };
        self.roles
            .untrack_offered(&mut self.names, key, agent, &old);
        self.roles.track_offered(&mut self.names, key, agent, &new);
        let Some(frameworks) = self.roles.role_mut(key).frameworks.as_mut() else {
            return;
        };
        let change = Change {
            old: &old,
            new: &new,
        };
        if let Some(client) = frameworks.sorter.client(&path) {
            frameworks
                .sorter
                .update(&mut self.names, client, agent, change);
        }
        self.role_sorter
            .update(&mut self.names, frameworks.role_client, agent, change);
    }

    /// Counts what tasks and executors use against the quota of their roles.
    pub(super) fn track_allocated(&mut self, resources: &Resources) {
        for (role, part) in by_role(resources) {
            let Some(key) = self.roles.find(&role) else {
                continue;
            };
            let weighed = Weighed::new(&mut self.names, &part);
            self.roles.track_allocated(key, &weighed.plain);
        }
    }

    /// Takes back what [`State::track_allocated`] counted.
    pub(super) fn untrack_allocated(&mut self, resources: &Resources) {
        for (role, part) in by_role(resources) {
            let Some(key) = self.roles.find(&role) else {
                continue;
            };
            let weighed = Weighed::new(&mut self.names, &part);
            self.roles.untrack_allocated(key, &weighed.plain);
        }
    }

    /// Whether runs are held back.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pauses > 0 || self.recovery.is_waiting()
    }

    /// Asks for a run over all agents.
    pub(super) fn request_run_for_all(&mut self) {
        if self.is_paused() {
            return;
        }
        for key in self.agents.keys() {
            self.candidates.insert(key);
        }
        self.queue_run();
    }

    /// Asks for a run over one agent.
    pub(super) fn request_run_for(&mut self, agent: AgentKey) {
        if self.is_paused() {
            return;
        }
        self.candidates.insert(agent);
        self.queue_run();
    }

    fn queue_run(&mut self) {
        if self.queue == RunQueue::Empty {
            self.queue = RunQueue::Queued;
            self.command(Command::QueueRun);
        }
    }

    fn run(&mut self) {
        self.queue = RunQueue::Empty;
        if !self.is_paused() {
            let candidates = self.candidates.take();
            let mut commands = super::generate_offers::generate_offers(
                self,
                &candidates,
                &mut super::explain::Silent,
            );
            commands.extend(super::inverse_offers::generate_inverse_offers(
                self,
                &candidates,
            ));
            self.commands.append(&mut commands);
        }
        self.command(Command::RunEnded);
    }

    pub(super) fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// An agent whose key was looked up in this event.
    pub(super) fn agent(&self, key: AgentKey) -> &Agent {
        self.agents
            .get(key)
            .expect("keys are looked up in the same event")
    }

    pub(super) fn agent_mut(&mut self, key: AgentKey) -> &mut Agent {
        self.agents
            .get_mut(key)
            .expect("keys are looked up in the same event")
    }

    /// A framework whose key was looked up in this event.
    pub(super) fn framework(&self, key: FrameworkKey) -> &Framework {
        self.frameworks
            .get(key)
            .expect("keys are looked up in the same event")
    }

    pub(super) fn framework_mut(&mut self, key: FrameworkKey) -> &mut Framework {
        self.frameworks
            .get_mut(key)
            .expect("keys are looked up in the same event")
    }

    /// The answers to inverse offers of agents that are to be maintained.
    #[must_use]
    pub fn inverse_offer_statuses(&self) -> InverseOfferStatuses {
        let with_maintenance = self.agents.iter().filter_map(|(_, agent)| {
            Some((
                agent.id.clone(),
                agent.maintenance.as_ref()?.statuses.clone(),
            ))
        });
        with_maintenance.collect::<BTreeMap<_, _>>()
    }
}

/// Splits resources by allocation role; resources of one role are not copied.
fn by_role(resources: &Resources) -> Vec<(Arc<str>, Resources)> {
    let mut roles = resources.iter().map(|item| item.allocation_role());
    let Some(Some(first)) = roles.next() else {
        return resources.allocations().into_iter().collect();
    };
    if roles.all(|role| role == Some(first)) {
        return vec![(Arc::clone(first), resources.clone())];
    }
    resources.allocations().into_iter().collect()
}
