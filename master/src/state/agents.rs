//! All agents: registered, recovered from the registry, unreachable, gone, and in between.
//!
//! # Invariants
//! - A pid leads to at most one registered agent.
//! - An id is in at most one of registered, recovered, unreachable and gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use libprocess::Upid;
use mesos_common::authorization::Approvers;
use mesos_common::ids::{AgentId, FrameworkId, TaskId};
use mesos_proto::v1;

use super::agent::Agent;
use super::bounded::BoundedMap;
use crate::constants::MAX_REMOVED_AGENTS;

/// A change of an agent's place in the registry that is still being stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// It is registering again.
    Reregistering,
    /// It is being marked unreachable.
    MarkingUnreachable,
    /// It is being marked gone.
    MarkingGone,
    /// It is being removed.
    Removing,
}

/// All that the master knows of agents.
#[derive(Debug)]
pub struct Agents {
    registered: BTreeMap<AgentId, Arc<Agent>>,
    by_pid: HashMap<Upid, AgentId>,
    recovered: BTreeMap<AgentId, v1::AgentInfo>,
    registering: HashSet<Upid>,
    transitions: HashSet<(AgentId, Transition)>,
    unreachable: IndexMap<AgentId, v1::TimeInfo>,
    gone: IndexMap<AgentId, v1::TimeInfo>,
    removed: BoundedMap<AgentId, ()>,
    unreachable_tasks: HashMap<AgentId, HashMap<FrameworkId, Vec<TaskId>>>,
    draining: BTreeMap<AgentId, v1::DrainInfo>,
    deactivated: BTreeSet<AgentId>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            registered: BTreeMap::new(),
            by_pid: HashMap::new(),
            recovered: BTreeMap::new(),
            registering: HashSet::new(),
            transitions: HashSet::new(),
            unreachable: IndexMap::new(),
            gone: IndexMap::new(),
            removed: BoundedMap::new(MAX_REMOVED_AGENTS),
            unreachable_tasks: HashMap::new(),
            draining: BTreeMap::new(),
            deactivated: BTreeSet::new(),
        }
    }
}

/// Registered agents.
impl Agents {
    /// A registered agent.
    #[must_use]
    pub fn get(&self, id: &AgentId) -> Option<&Arc<Agent>> {
        self.registered.get(id)
    }

    /// A registered agent, for writing; a snapshot that is still read keeps the old value.
    pub fn get_mut(&mut self, id: &AgentId) -> Option<&mut Agent> {
        self.registered.get_mut(id).map(Arc::make_mut)
    }

    /// The registered agent at an address.
    #[must_use]
    pub fn by_pid(&self, pid: &Upid) -> Option<&Arc<Agent>> {
        self.by_pid.get(pid).and_then(|id| self.registered.get(id))
    }

    /// All registered agents.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.registered.values()
    }

    /// The ids of all registered agents.
    #[must_use]
    pub fn ids(&self) -> Vec<AgentId> {
        self.registered.keys().cloned().collect()
    }

    /// How many agents are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.registered.len()
    }

    /// Whether no agent is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registered.is_empty()
    }

    /// Registers an agent; it leaves every other list.
    pub fn add(&mut self, agent: Agent) {
        let id = agent.id().clone();
        self.recovered.remove(&id);
        self.removed.remove(&id);
        self.unreachable.shift_remove(&id);
        self.by_pid.insert(agent.pid().clone(), id.clone());
        self.registered.insert(id, Arc::new(agent));
    }

    /// Forgets a registered agent, and remembers that messages from it are to be ignored.
    pub fn remove(&mut self, id: &AgentId) -> Option<Arc<Agent>> {
        let agent = self.registered.remove(id)?;
        if self.by_pid.get(agent.pid()) == Some(id) {
            self.by_pid.remove(agent.pid());
        }
        self.removed.insert(id.clone(), ());
        Some(agent)
    }

    /// Notes that a registered agent listens elsewhere now.
    pub fn move_pid(&mut self, id: &AgentId, old: &Upid, new: &Upid) {
        if self.by_pid.get(old) == Some(id) {
            self.by_pid.remove(old);
        }
        self.by_pid.insert(new.clone(), id.clone());
    }

    /// Whether messages from this agent are to be ignored.
    #[must_use]
    pub fn is_removed(&self, id: &AgentId) -> bool {
        self.removed.contains(id)
    }
}

/// Transitions.
impl Agents {
    /// Notes that an agent without id is registering; false when it already is.
    pub fn begin_registering(&mut self, pid: &Upid) -> Begun {
        if self.registering.insert(pid.clone()) {
            Begun::Now
        } else {
            Begun::Already
        }
    }

    /// Notes that a registration ended, one way or the other.
    pub fn end_registering(&mut self, pid: &Upid) {
        self.registering.remove(pid);
    }

    /// Starts a transition.
    pub fn begin(&mut self, id: &AgentId, transition: Transition) -> Begun {
        if self.transitions.insert((id.clone(), transition)) {
            Begun::Now
        } else {
            Begun::Already
        }
    }

    /// Ends a transition.
    pub fn end(&mut self, id: &AgentId, transition: Transition) {
        self.transitions.remove(&(id.clone(), transition));
    }

    /// Whether a transition is in flight.
    #[must_use]
    pub fn is(&self, id: &AgentId, transition: Transition) -> bool {
        self.transitions.contains(&(id.clone(), transition))
    }
}

/// Whether something was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It was.
    Now,
    /// It is in flight already.
    Already,
}

/// What the registry says of agents that are not here.
impl Agents {
    /// Takes over the lists of a registry.
    pub fn recover(&mut self, registry: &mesos_proto::internal::Registry) {
        for entry in &registry.agents().agents {
            let id = AgentId::from(entry.info().id());
            let mut info = entry.info().clone();
            crate::resource_format::upgrade(&mut info.resources);
            self.recover_plan(&id, entry.drain_info.as_ref().map(|_| entry.drain_info()));
            if entry.deactivated() {
                self.deactivated.insert(id.clone());
            }
            self.recovered.insert(id, info);
        }
        for entry in &registry.unreachable().agents {
            let id = AgentId::from(entry.id());
            self.recover_plan(&id, entry.drain_info.as_ref().map(|_| entry.drain_info()));
            if entry.deactivated() {
                self.deactivated.insert(id.clone());
            }
            self.unreachable.insert(id, entry.timestamp().clone());
        }
        for entry in &registry.gone().agents {
            self.gone
                .insert(AgentId::from(entry.id()), entry.timestamp().clone());
        }
    }

    fn recover_plan(&mut self, id: &AgentId, plan: Option<&v1::DrainInfo>) {
        if let Some(plan) = plan {
            self.draining.insert(id.clone(), plan.clone());
        }
    }

    /// Agents that the registry knows and that did not come back yet.
    #[must_use]
    pub fn recovered(&self) -> &BTreeMap<AgentId, v1::AgentInfo> {
        &self.recovered
    }

    /// Forgets that an agent is expected back.
    pub fn forget_recovered(&mut self, id: &AgentId) -> Option<v1::AgentInfo> {
        self.recovered.remove(id)
    }

    /// Unreachable agents, in the order in which they became so.
    #[must_use]
    pub fn unreachable(&self) -> &IndexMap<AgentId, v1::TimeInfo> {
        &self.unreachable
    }

    /// Notes an unreachable agent.
    pub fn add_unreachable(&mut self, id: AgentId, time: v1::TimeInfo) {
        self.unreachable.insert(id, time);
    }

    /// Forgets an unreachable agent.
    pub fn forget_unreachable(&mut self, id: &AgentId) {
        self.unreachable.shift_remove(id);
    }

    /// Gone agents, in the order in which they were declared so.
    #[must_use]
    pub fn gone(&self) -> &IndexMap<AgentId, v1::TimeInfo> {
        &self.gone
    }

    /// Notes a gone agent.
    pub fn add_gone(&mut self, id: AgentId, time: v1::TimeInfo) {
        self.gone.insert(id, time);
    }

    /// Forgets a gone agent.
    pub fn forget_gone(&mut self, id: &AgentId) {
        self.gone.shift_remove(id);
    }

    /// Whether the agent is registered, expected back or unreachable.
    #[must_use]
    pub fn is_known(&self, id: &AgentId) -> bool {
        self.registered.contains_key(id)
            || self.recovered.contains_key(id)
            || self.unreachable.contains_key(id)
    }
}

/// Draining and deactivation.
impl Agents {
    /// How an agent is being drained.
    #[must_use]
    pub fn drain_info(&self, id: &AgentId) -> Option<&v1::DrainInfo> {
        self.draining.get(id)
    }

    /// All agents that drain or are drained.
    #[must_use]
    pub fn draining(&self) -> &BTreeMap<AgentId, v1::DrainInfo> {
        &self.draining
    }

    /// Starts or changes draining.
    pub fn set_drain_info(&mut self, id: AgentId, info: v1::DrainInfo) {
        self.draining.insert(id, info);
    }

    /// Whether an operator keeps the agent from being offered.
    #[must_use]
    pub fn is_deactivated(&self, id: &AgentId) -> bool {
        self.deactivated.contains(id)
    }

    /// Every deactivated agent.
    #[must_use]
    pub fn deactivated(&self) -> &BTreeSet<AgentId> {
        &self.deactivated
    }

    /// Notes that an operator deactivated the agent.
    pub fn deactivate(&mut self, id: AgentId) {
        self.deactivated.insert(id);
    }

    /// Forgets draining and deactivation.
    pub fn forget_plans(&mut self, id: &AgentId) {
        self.draining.remove(id);
        self.deactivated.remove(id);
    }
}

/// Tasks that were on an agent when it became unreachable.
impl Agents {
    /// Remembers one.
    pub fn add_unreachable_task(
        &mut self,
        agent_id: &AgentId,
        framework_id: &FrameworkId,
        task_id: TaskId,
    ) {
        self.unreachable_tasks
            .entry(agent_id.clone())
            .or_default()
            .entry(framework_id.clone())
            .or_default()
            .push(task_id);
    }

    /// Forgets and returns all of an agent.
    pub fn take_unreachable_tasks(
        &mut self,
        agent_id: &AgentId,
    ) -> HashMap<FrameworkId, Vec<TaskId>> {
        self.unreachable_tasks.remove(agent_id).unwrap_or_default()
    }
}

/// What a reader outside the actor needs of agents.
#[derive(Clone, Debug)]
pub struct AgentsView {
    /// What the reader may see of them.
    pub approvers: Approvers,
    /// Registered agents.
    pub registered: Vec<Arc<Agent>>,
    /// Agents that did not come back yet.
    pub recovered: Vec<v1::AgentInfo>,
    /// Agents that drain or are drained.
    pub draining: BTreeMap<AgentId, v1::DrainInfo>,
    /// Deactivated agents.
    pub deactivated: BTreeSet<AgentId>,
    /// How many agents are unreachable.
    pub unreachable: usize,
}

impl Agents {
    /// A snapshot for readers.
    #[must_use]
    pub fn view(&self, approvers: Approvers) -> AgentsView {
        AgentsView {
            approvers,
            registered: self.registered.values().cloned().collect(),
            recovered: self.recovered.values().cloned().collect(),
            draining: self.draining.clone(),
            deactivated: self.deactivated.clone(),
            unreachable: self.unreachable.len(),
        }
    }
}
