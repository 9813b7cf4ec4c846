//! One framework.
//!
//! # Invariants
//! - `used` counts the resources of running tasks, executors and pending disk operations.
//! - An inactive framework has no offers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use libprocess::{Time, Upid};
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId};
use mesos_common::resources::Resources;
use mesos_common::task_state::uses_resources;
use mesos_proto::v1;
use mesos_proto::v1::framework_info::capability::Type as Capability;
use uuid::Uuid;

use super::bounded::BoundedMap;
use super::task::Task;
use crate::http::stream::EventStream;
use crate::metrics::FrameworkMetrics;

/// How a framework is reached.
#[derive(Clone, Debug)]
pub enum Connection {
    /// It is known from agents only, since the last master died.
    Recovered,
    /// It lost its connection.
    Disconnected {
        /// Where its driver was; none for one on HTTP.
        last_pid: Option<Upid>,
    },
    /// A driver on the legacy protocol.
    Driver(Upid),
    /// A subscription on HTTP.
    Http(EventStream),
}

/// Whether a framework gets offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It does.
    Active,
    /// It does not.
    Inactive,
}

/// How many ended tasks are remembered of one framework.
#[derive(Clone, Copy, Debug)]
pub struct HistoryLimits {
    /// Completed tasks.
    pub completed: usize,
    /// Unreachable tasks.
    pub unreachable: usize,
}

/// A framework with everything it runs.
#[derive(Clone, Debug)]
pub struct Framework {
    id: FrameworkId,
    info: Arc<v1::FrameworkInfo>,
    roles: BTreeSet<String>,
    connection: Connection,
    activity: Activity,
    registered_time: Time,
    reregistered_time: Time,
    unregistered_time: Option<Time>,
    offer_constraints: Arc<v1::scheduler::OfferConstraints>,
    limits: HistoryLimits,
    tasks: BTreeMap<TaskId, Arc<Task>>,
    unreachable_tasks: BoundedMap<TaskId, Arc<Task>>,
    completed_tasks: VecDeque<Arc<Task>>,
    executors: BTreeMap<AgentId, BTreeMap<ExecutorId, Arc<v1::ExecutorInfo>>>,
    offers: BTreeSet<OfferId>,
    inverse_offers: BTreeSet<OfferId>,
    used: BTreeMap<AgentId, Resources>,
    offered: BTreeMap<AgentId, Resources>,
    operations: BTreeMap<Uuid, AgentId>,
    operation_ids: BTreeMap<String, Uuid>,
    metrics: FrameworkMetrics,
}

impl Framework {
    /// A framework that just subscribed, or that an agent reported.
    #[must_use]
    pub fn new(
        id: FrameworkId,
        info: Arc<v1::FrameworkInfo>,
        connection: Connection,
        now: Time,
        limits: HistoryLimits,
        metrics: FrameworkMetrics,
    ) -> Self {
        let roles = roles_of(&info);
        // One that only agents know has not registered with this master yet.
        let now = match connection {
            Connection::Recovered => Time::EPOCH,
            Connection::Http(_) | Connection::Driver(_) | Connection::Disconnected { .. } => now,
        };
        Self {
            id,
            info,
            roles,
            connection,
            activity: Activity::Inactive,
            registered_time: now,
            reregistered_time: now,
            unregistered_time: None,
            offer_constraints: Arc::default(),
            limits,
            tasks: BTreeMap::new(),
            unreachable_tasks: BoundedMap::new(limits.unreachable),
            completed_tasks: VecDeque::new(),
            executors: BTreeMap::new(),
            offers: BTreeSet::new(),
            inverse_offers: BTreeSet::new(),
            used: BTreeMap::new(),
            offered: BTreeMap::new(),
            operations: BTreeMap::new(),
            operation_ids: BTreeMap::new(),
            metrics,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &FrameworkId {
        &self.id
    }

    /// What it says about itself, with its id.
    #[must_use]
    pub fn info(&self) -> &Arc<v1::FrameworkInfo> {
        &self.info
    }

    /// The roles it subscribed to.
    #[must_use]
    pub fn roles(&self) -> &BTreeSet<String> {
        &self.roles
    }

    /// How it is reached.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Where its driver is, or was; none on HTTP.
    #[must_use]
    pub fn pid(&self) -> Option<&Upid> {
        match &self.connection {
            Connection::Driver(pid) => Some(pid),
            Connection::Disconnected { last_pid } => last_pid.as_ref(),
            Connection::Recovered | Connection::Http(_) => None,
        }
    }

    /// Its subscription on HTTP.
    #[must_use]
    pub fn stream(&self) -> Option<&EventStream> {
        match &self.connection {
            Connection::Http(stream) => Some(stream),
            Connection::Driver(_) | Connection::Disconnected { .. } | Connection::Recovered => None,
        }
    }

    /// Whether messages reach it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.connection, Connection::Driver(_) | Connection::Http(_))
    }

    /// Whether it was not heard of since the last master died.
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        matches!(self.connection, Connection::Recovered)
    }

    /// Whether it gets offers.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.activity == Activity::Active
    }

    /// Whether it can do something.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.info
            .capabilities
            .iter()
            .any(|known| known.r#type() == capability)
    }

    /// When it first subscribed.
    #[must_use]
    pub fn registered_time(&self) -> Time {
        self.registered_time
    }

    /// When it last subscribed.
    #[must_use]
    pub fn reregistered_time(&self) -> Time {
        self.reregistered_time
    }

    /// When it was removed.
    #[must_use]
    pub fn unregistered_time(&self) -> Option<Time> {
        self.unregistered_time
    }

    /// On which agents it wants offers.
    #[must_use]
    pub fn offer_constraints(&self) -> &Arc<v1::scheduler::OfferConstraints> {
        &self.offer_constraints
    }

    /// Its running and unacknowledged tasks.
    #[must_use]
    pub fn tasks(&self) -> &BTreeMap<TaskId, Arc<Task>> {
        &self.tasks
    }

    /// One running or unacknowledged task.
    #[must_use]
    pub fn task(&self, id: &TaskId) -> Option<&Arc<Task>> {
        self.tasks.get(id)
    }

    /// Tasks on agents that became unreachable.
    #[must_use]
    pub fn unreachable_tasks(&self) -> &BoundedMap<TaskId, Arc<Task>> {
        &self.unreachable_tasks
    }

    /// Ended tasks, oldest first.
    #[must_use]
    pub fn completed_tasks(&self) -> &VecDeque<Arc<Task>> {
        &self.completed_tasks
    }

    /// Its executors by agent.
    #[must_use]
    pub fn executors(&self) -> &BTreeMap<AgentId, BTreeMap<ExecutorId, Arc<v1::ExecutorInfo>>> {
        &self.executors
    }

    /// Its outstanding offers.
    #[must_use]
    pub fn offers(&self) -> &BTreeSet<OfferId> {
        &self.offers
    }

    /// Its outstanding inverse offers.
    #[must_use]
    pub fn inverse_offers(&self) -> &BTreeSet<OfferId> {
        &self.inverse_offers
    }

    /// What it uses on each agent.
    #[must_use]
    pub fn used(&self) -> &BTreeMap<AgentId, Resources> {
        &self.used
    }

    /// What it uses altogether.
    #[must_use]
    pub fn used_sum(&self) -> Resources {
        sum(&self.used)
    }

    /// What it is offered altogether.
    #[must_use]
    pub fn offered_sum(&self) -> Resources {
        sum(&self.offered)
    }

    /// Its operations, and where they run.
    #[must_use]
    pub fn operations(&self) -> &BTreeMap<Uuid, AgentId> {
        &self.operations
    }

    /// The uuid of the operation that it calls `id`.
    #[must_use]
    pub fn operation_uuid(&self, id: &str) -> Option<Uuid> {
        self.operation_ids.get(id).copied()
    }

    /// Its counters.
    #[must_use]
    pub fn metrics(&self) -> &FrameworkMetrics {
        &self.metrics
    }

    /// The URL that frameworks and operators find it at.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.info.principal.as_deref()
    }
}

/// Changes; each keeps the sums consistent.
impl Framework {
    /// Replaces how it is reached.
    pub fn set_connection(&mut self, connection: Connection) {
        self.connection = connection;
        if self.is_connected() {
            self.metrics.connected();
        } else {
            self.metrics.disconnected();
        }
    }

    /// Sets whether it gets offers.
    pub fn set_activity(&mut self, activity: Activity) {
        self.activity = activity;
    }

    /// Replaces what it says about itself; returns roles that it left and roles that are new.
    pub fn set_info(
        &mut self,
        info: Arc<v1::FrameworkInfo>,
        constraints: Arc<v1::scheduler::OfferConstraints>,
    ) -> RoleChange {
        let roles = roles_of(&info);
        let change = RoleChange {
            left: self.roles.difference(&roles).cloned().collect(),
            joined: roles.difference(&self.roles).cloned().collect(),
        };
        self.roles = roles;
        self.info = info;
        self.offer_constraints = constraints;
        change
    }

    /// Sets on which agents it wants offers.
    pub fn set_offer_constraints(&mut self, constraints: Arc<v1::scheduler::OfferConstraints>) {
        self.offer_constraints = constraints;
    }

    /// Notes that it subscribed for the first time at this master.
    pub fn set_registered_time(&mut self, now: Time) {
        self.registered_time = now;
        self.reregistered_time = now;
    }

    /// Notes that it subscribed again.
    pub fn set_reregistered_time(&mut self, now: Time) {
        self.reregistered_time = now;
    }

    /// Notes that it was removed.
    pub fn set_unregistered_time(&mut self, now: Time) {
        self.unregistered_time = Some(now);
    }

    /// Adds a task; a running one uses resources.
    pub fn add_task(&mut self, task: Arc<Task>) {
        if uses_resources(task.state()) {
            self.use_resources(task.agent_id(), task.resources());
        }
        self.metrics.enter_task_state(task.state());
        self.tasks.insert(task.id().clone(), task);
    }

    /// A task, for writing; a snapshot that is still read keeps the old value.
    pub fn task_mut(&mut self, id: &TaskId) -> Option<&mut Task> {
        self.tasks.get_mut(id).map(Arc::make_mut)
    }

    /// Takes a task out of the running ones.
    pub fn take_task(&mut self, id: &TaskId) -> Option<Arc<Task>> {
        let task = self.tasks.remove(id)?;
        if uses_resources(task.state()) {
            let resources = task.resources().clone();
            self.release_resources(task.agent_id(), &resources);
        }
        self.metrics.leave_task_state(task.state());
        Some(task)
    }

    /// Remembers an ended task.
    pub fn add_completed_task(&mut self, task: Arc<Task>) {
        if self.limits.completed == 0 {
            return;
        }
        while self.completed_tasks.len() >= self.limits.completed {
            self.completed_tasks.pop_front();
        }
        self.completed_tasks.push_back(task);
    }

    /// Remembers a task whose agent is unreachable.
    pub fn add_unreachable_task(&mut self, task: Arc<Task>) {
        self.unreachable_tasks.insert(task.id().clone(), task);
    }

    /// Forgets an unreachable task.
    pub fn take_unreachable_task(&mut self, id: &TaskId) -> Option<Arc<Task>> {
        self.unreachable_tasks.remove(id)
    }

    /// Moves every unreachable task to the completed ones, changed by `change`.
    pub fn complete_unreachable_tasks(&mut self, mut change: impl FnMut(&mut Task)) {
        let ids: Vec<TaskId> = self
            .unreachable_tasks
            .iter()
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            if let Some(mut task) = self.unreachable_tasks.remove(&id) {
                change(Arc::make_mut(&mut task));
                self.add_completed_task(task);
            }
        }
    }

    /// Forgets an ended task that turns out to run.
    pub fn forget_ended_task(&mut self, id: &TaskId) {
        self.unreachable_tasks.remove(id);
        self.completed_tasks.retain(|task| task.id() != id);
    }

    /// Counts resources as used on an agent.
    pub fn use_resources(&mut self, agent_id: &AgentId, resources: &Resources) {
        *self.used.entry(agent_id.clone()).or_default() += resources;
    }

    /// Counts resources as no longer used on an agent.
    pub fn release_resources(&mut self, agent_id: &AgentId, resources: &Resources) {
        subtract(&mut self.used, agent_id, resources);
    }

    /// Adds an executor and counts its resources as used.
    pub fn add_executor(&mut self, agent_id: &AgentId, executor: Arc<v1::ExecutorInfo>) {
        self.use_resources(agent_id, &Resources::from_proto(&executor.resources));
        let id = ExecutorId::from(executor.executor_id());
        self.executors
            .entry(agent_id.clone())
            .or_default()
            .insert(id, executor);
    }

    /// Forgets an executor.
    pub fn remove_executor(&mut self, agent_id: &AgentId, executor_id: &ExecutorId) {
        let Some(of_agent) = self.executors.get_mut(agent_id) else {
            return;
        };
        let Some(executor) = of_agent.remove(executor_id) else {
            return;
        };
        if of_agent.is_empty() {
            self.executors.remove(agent_id);
        }
        self.release_resources(agent_id, &Resources::from_proto(&executor.resources));
    }

    /// Adds an offer.
    pub fn add_offer(&mut self, offer_id: OfferId, agent_id: &AgentId, resources: &Resources) {
        self.offers.insert(offer_id);
        *self.offered.entry(agent_id.clone()).or_default() += resources;
    }

    /// Forgets an offer.
    pub fn remove_offer(&mut self, offer_id: &OfferId, agent_id: &AgentId, resources: &Resources) {
        if self.offers.remove(offer_id) {
            subtract(&mut self.offered, agent_id, resources);
        }
    }

    /// Adds an inverse offer.
    pub fn add_inverse_offer(&mut self, offer_id: OfferId) {
        self.inverse_offers.insert(offer_id);
    }

    /// Forgets an inverse offer.
    pub fn remove_inverse_offer(&mut self, offer_id: &OfferId) {
        self.inverse_offers.remove(offer_id);
    }

    /// Adds an operation.
    pub fn add_operation(&mut self, uuid: Uuid, agent_id: &AgentId, feedback_id: Option<&str>) {
        self.operations.insert(uuid, agent_id.clone());
        if let Some(id) = feedback_id {
            self.operation_ids.insert(id.to_owned(), uuid);
        }
    }

    /// Forgets an operation.
    pub fn remove_operation(&mut self, uuid: &Uuid) {
        self.operations.remove(uuid);
        self.operation_ids.retain(|_, known| known != uuid);
    }
}

/// How a framework's roles changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleChange {
    /// Roles it left.
    pub left: BTreeSet<String>,
    /// Roles that are new.
    pub joined: BTreeSet<String>,
}

/// The roles that a framework subscribes to.
#[must_use]
pub fn roles_of(info: &v1::FrameworkInfo) -> BTreeSet<String> {
    let multi_role = info
        .capabilities
        .iter()
        .any(|capability| capability.r#type() == Capability::MultiRole);
    if multi_role {
        info.roles.iter().cloned().collect()
    } else {
        BTreeSet::from([info.role().to_owned()])
    }
}

fn sum(parts: &BTreeMap<AgentId, Resources>) -> Resources {
    let mut sum = Resources::new();
    for resources in parts.values() {
        sum += resources;
    }
    sum
}

fn subtract(parts: &mut BTreeMap<AgentId, Resources>, agent_id: &AgentId, resources: &Resources) {
    if let Some(part) = parts.get_mut(agent_id) {
        *part -= resources;
        if part.is_empty() {
            parts.remove(agent_id);
        }
    }
}
