//! One registered agent.
//!
//! # Invariants
//! - An agent that is not connected is not active.
//! - `used` counts what tasks, executors and pending operations of frameworks hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libprocess::{Time, Upid};
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId};
use mesos_common::resources::{
    CheckpointError, ResourceConversion, Resources, apply_checkpointed_resources,
};
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use uuid::Uuid;

use super::machines::MachineKey;
use super::operations::Operation;

/// Whether messages reach an agent, and whether its resources are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentLink {
    /// The socket is up and resources are offered.
    Active,
    /// The socket is up; resources are not offered.
    Inactive,
    /// The socket broke; the agent may come back.
    Disconnected,
}

/// A resource provider of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceProvider {
    /// What it says about itself.
    pub info: v1::ResourceProviderInfo,
    /// All its resources.
    pub total: Resources,
    /// The version of its resources.
    pub resource_version: Vec<u8>,
    /// Its operations.
    pub operations: BTreeMap<Uuid, Operation>,
}

/// What a registration brings.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// The agent's description, with its id, resources in the new spelling.
    pub info: Arc<v1::AgentInfo>,
    /// Where it listens.
    pub pid: Upid,
    /// Its version.
    pub version: String,
    /// What it can do.
    pub capabilities: Vec<v1::agent_info::Capability>,
    /// Reservations and volumes that it has stored.
    pub checkpointed: Resources,
    /// The version of its own resources.
    pub resource_version: Option<Vec<u8>>,
}

/// An agent with everything that runs on it.
#[derive(Clone, Debug)]
pub struct Agent {
    id: AgentId,
    info: Arc<v1::AgentInfo>,
    pid: Upid,
    machine: MachineKey,
    version: String,
    capabilities: Vec<v1::agent_info::Capability>,
    link: AgentLink,
    registered_time: Time,
    reregistered_time: Option<Time>,
    disconnected_time: Option<Time>,
    drain_start: Option<Time>,
    checkpointed: Resources,
    total: Resources,
    resource_version: Option<Vec<u8>>,
    used: BTreeMap<FrameworkId, Resources>,
    offered: Resources,
    tasks: BTreeMap<FrameworkId, BTreeSet<TaskId>>,
    executors: BTreeMap<FrameworkId, BTreeMap<ExecutorId, Arc<v1::ExecutorInfo>>>,
    killed_tasks: BTreeMap<FrameworkId, BTreeSet<TaskId>>,
    offers: BTreeSet<OfferId>,
    inverse_offers: BTreeSet<OfferId>,
    operations: BTreeMap<Uuid, Operation>,
    providers: BTreeMap<String, ResourceProvider>,
}

impl Agent {
    /// A connected, active agent.
    ///
    /// # Errors
    /// The checkpointed resources do not fit the agent's resources.
    pub fn new(new: NewAgent, now: Time) -> Result<Self, CheckpointError> {
        let total = total_of(&new.info, &new.checkpointed)?;
        let id = AgentId::from(new.info.id());
        let machine = MachineKey::new(new.info.hostname(), &new.pid.address.ip.to_string());
        Ok(Self {
            id,
            info: new.info,
            pid: new.pid,
            machine,
            version: new.version,
            capabilities: new.capabilities,
            link: AgentLink::Active,
            registered_time: now,
            reregistered_time: None,
            disconnected_time: None,
            drain_start: None,
            checkpointed: new.checkpointed,
            total,
            resource_version: new.resource_version,
            used: BTreeMap::new(),
            offered: Resources::new(),
            tasks: BTreeMap::new(),
            executors: BTreeMap::new(),
            killed_tasks: BTreeMap::new(),
            offers: BTreeSet::new(),
            inverse_offers: BTreeSet::new(),
            operations: BTreeMap::new(),
            providers: BTreeMap::new(),
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &AgentId {
        &self.id
    }

    /// What it says about itself.
    #[must_use]
    pub fn info(&self) -> &Arc<v1::AgentInfo> {
        &self.info
    }

    /// Where it listens.
    #[must_use]
    pub fn pid(&self) -> &Upid {
        &self.pid
    }

    /// The machine it runs on.
    #[must_use]
    pub fn machine(&self) -> &MachineKey {
        &self.machine
    }

    /// The machine it runs on, as a message.
    #[must_use]
    pub fn machine_id(&self) -> v1::MachineId {
        v1::MachineId {
            hostname: Some(self.info.hostname().to_owned()),
            ip: Some(self.pid.address.ip.to_string()),
            ..Default::default()
        }
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it can do.
    #[must_use]
    pub fn capabilities(&self) -> &[v1::agent_info::Capability] {
        &self.capabilities
    }

    /// Whether it can do something.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        has_capability(&self.capabilities, capability)
    }

    /// Whether messages reach it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link != AgentLink::Disconnected
    }

    /// Whether its resources are offered.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.link == AgentLink::Active
    }

    /// When it registered with this master.
    #[must_use]
    pub fn registered_time(&self) -> Time {
        self.registered_time
    }

    /// When it registered again.
    #[must_use]
    pub fn reregistered_time(&self) -> Option<Time> {
        self.reregistered_time
    }

    /// When its link broke last.
    #[must_use]
    pub fn disconnected_time(&self) -> Option<Time> {
        self.disconnected_time
    }

    /// About when it was told to drain.
    #[must_use]
    pub fn drain_start(&self) -> Option<Time> {
        self.drain_start
    }

    /// Everything it has, provider resources and oversubscribed ones included.
    #[must_use]
    pub fn total(&self) -> &Resources {
        &self.total
    }

    /// Reservations and volumes that it has stored.
    #[must_use]
    pub fn checkpointed(&self) -> &Resources {
        &self.checkpointed
    }

    /// The version of its own resources.
    #[must_use]
    pub fn resource_version(&self) -> Option<&[u8]> {
        self.resource_version.as_deref()
    }

    /// What each framework uses.
    #[must_use]
    pub fn used(&self) -> &BTreeMap<FrameworkId, Resources> {
        &self.used
    }

    /// What all frameworks use together.
    #[must_use]
    pub fn used_sum(&self) -> Resources {
        let mut sum = Resources::new();
        for resources in self.used.values() {
            sum += resources;
        }
        sum
    }

    /// What is offered.
    #[must_use]
    pub fn offered(&self) -> &Resources {
        &self.offered
    }

    /// The tasks it runs, unacknowledged terminal ones included.
    #[must_use]
    pub fn tasks(&self) -> &BTreeMap<FrameworkId, BTreeSet<TaskId>> {
        &self.tasks
    }

    /// The executors it runs; not those that were made for a command task.
    #[must_use]
    pub fn executors(&self) -> &BTreeMap<FrameworkId, BTreeMap<ExecutorId, Arc<v1::ExecutorInfo>>> {
        &self.executors
    }

    /// One executor.
    #[must_use]
    pub fn executor(
        &self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) -> Option<&Arc<v1::ExecutorInfo>> {
        self.executors.get(framework_id)?.get(executor_id)
    }

    /// Whether somebody asked to kill the task.
    #[must_use]
    pub fn is_killed(&self, framework_id: &FrameworkId, task_id: &TaskId) -> bool {
        self.killed_tasks
            .get(framework_id)
            .is_some_and(|tasks| tasks.contains(task_id))
    }

    /// The offers of its resources.
    #[must_use]
    pub fn offers(&self) -> &BTreeSet<OfferId> {
        &self.offers
    }

    /// The inverse offers for it.
    #[must_use]
    pub fn inverse_offers(&self) -> &BTreeSet<OfferId> {
        &self.inverse_offers
    }

    /// Operations on its own resources.
    #[must_use]
    pub fn operations(&self) -> &BTreeMap<Uuid, Operation> {
        &self.operations
    }

    /// Its resource providers.
    #[must_use]
    pub fn providers(&self) -> &BTreeMap<String, ResourceProvider> {
        &self.providers
    }

    /// All operations, on its own resources and on its providers'.
    pub fn all_operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values().chain(
            self.providers
                .values()
                .flat_map(|provider| provider.operations.values()),
        )
    }

    /// One operation, wherever it is.
    #[must_use]
    pub fn operation(&self, uuid: &Uuid) -> Option<&Operation> {
        self.operations.get(uuid).or_else(|| {
            self.providers
                .values()
                .find_map(|provider| provider.operations.get(uuid))
        })
    }

    /// One operation, for writing.
    pub fn operation_mut(&mut self, uuid: &Uuid) -> Option<&mut Operation> {
        if self.operations.contains_key(uuid) {
            return self.operations.get_mut(uuid);
        }
        self.providers
            .values_mut()
            .find_map(|provider| provider.operations.get_mut(uuid))
    }

    /// Resources on persistent volumes and elsewhere that frameworks hold, without their roles.
    #[must_use]
    pub fn used_unallocated(&self) -> Resources {
        let mut sum = self.used_sum();
        sum.unallocate();
        sum
    }
}

/// Changes; each keeps the indexes consistent.
impl Agent {
    /// Notes whether messages reach it.
    pub fn set_link(&mut self, link: AgentLink) {
        self.link = link;
    }

    /// Notes that it registered again.
    pub fn set_reregistered_time(&mut self, now: Time) {
        self.reregistered_time = Some(now);
    }

    /// Notes when its link broke.
    pub fn set_disconnected_time(&mut self, now: Option<Time>) {
        self.disconnected_time = now;
    }

    /// Notes about when it was told to drain.
    pub fn set_drain_start(&mut self, now: Option<Time>) {
        self.drain_start = now;
    }

    /// Takes over what a registration of a known agent brings.
    ///
    /// # Errors
    /// The checkpointed resources do not fit; the agent is then unchanged.
    pub fn refresh(&mut self, new: NewAgent) -> Result<(), CheckpointError> {
        let checkpointed = if self.has(Capability::ResourceProvider) {
            new.checkpointed
        } else {
            self.checkpointed.clone()
        };
        let total = total_of(&new.info, &checkpointed)?;
        self.info = new.info;
        self.pid = new.pid;
        self.version = new.version;
        self.capabilities = new.capabilities;
        self.resource_version = new.resource_version;
        self.checkpointed = checkpointed;
        self.total = total;
        Ok(())
    }

    /// Replaces the whole of its resources.
    pub fn set_total(&mut self, total: Resources) {
        self.total = total;
    }

    /// Replaces the version of its own resources.
    pub fn set_resource_version(&mut self, version: Option<Vec<u8>>) {
        self.resource_version = version;
    }

    /// Applies conversions to its total, its stored resources and its providers' totals.
    ///
    /// # Errors
    /// The total does not contain what a conversion consumes; nothing changed then.
    pub fn convert(
        &mut self,
        conversions: &[ResourceConversion],
    ) -> Result<(), mesos_common::resources::ApplyError> {
        let total = self.total.apply_all(conversions)?;
        for provider in self.providers.values_mut() {
            if let Ok(converted) = provider.total.apply_all(conversions) {
                provider.total = converted;
            }
        }
        self.total = total;
        self.checkpointed = self
            .total
            .filter(|resource| resource.provider_id().is_none() && resource.needs_checkpointing());
        Ok(())
    }

    /// Adds a task; running tasks use resources.
    pub fn add_task(&mut self, framework_id: &FrameworkId, task_id: &TaskId) {
        self.tasks
            .entry(framework_id.clone())
            .or_default()
            .insert(task_id.clone());
    }

    /// Forgets a task.
    pub fn remove_task(&mut self, framework_id: &FrameworkId, task_id: &TaskId) {
        remove_nested(&mut self.tasks, framework_id, task_id);
        remove_nested(&mut self.killed_tasks, framework_id, task_id);
    }

    /// Counts resources as used by a framework.
    pub fn use_resources(&mut self, framework_id: &FrameworkId, resources: &Resources) {
        *self.used.entry(framework_id.clone()).or_default() += resources;
    }

    /// Counts resources as no longer used by a framework.
    pub fn release_resources(&mut self, framework_id: &FrameworkId, resources: &Resources) {
        if let Some(used) = self.used.get_mut(framework_id) {
            *used -= resources;
            if used.is_empty() {
                self.used.remove(framework_id);
            }
        }
    }

    /// Adds an executor and counts its resources as used.
    pub fn add_executor(&mut self, framework_id: &FrameworkId, executor: Arc<v1::ExecutorInfo>) {
        let resources = Resources::from_proto(&executor.resources);
        self.use_resources(framework_id, &resources);
        let id = ExecutorId::from(executor.executor_id());
        self.executors
            .entry(framework_id.clone())
            .or_default()
            .insert(id, executor);
    }

    /// Forgets an executor; returns it when it was known.
    pub fn remove_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) -> Option<Arc<v1::ExecutorInfo>> {
        let of_framework = self.executors.get_mut(framework_id)?;
        let executor = of_framework.remove(executor_id)?;
        if of_framework.is_empty() {
            self.executors.remove(framework_id);
        }
        self.release_resources(framework_id, &Resources::from_proto(&executor.resources));
        Some(executor)
    }

    /// Remembers that a task shall be killed.
    pub fn note_killed(&mut self, framework_id: &FrameworkId, task_id: &TaskId) {
        self.killed_tasks
            .entry(framework_id.clone())
            .or_default()
            .insert(task_id.clone());
    }

    /// Adds an offer.
    pub fn add_offer(&mut self, offer_id: OfferId, resources: &Resources) {
        self.offers.insert(offer_id);
        self.offered += resources;
    }

    /// Forgets an offer.
    pub fn remove_offer(&mut self, offer_id: &OfferId, resources: &Resources) {
        if self.offers.remove(offer_id) {
            self.offered -= resources;
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

    /// Adds an operation to the agent or to the provider that it concerns.
    pub fn add_operation(&mut self, operation: Operation) {
        let provider = operation.provider_id().map(str::to_owned);
        let operations = match provider.and_then(|id| self.providers.get_mut(&id)) {
            Some(provider) => &mut provider.operations,
            None => &mut self.operations,
        };
        operations.insert(operation.uuid(), operation);
    }

    /// Forgets an operation; returns it when it was known.
    pub fn remove_operation(&mut self, uuid: &Uuid) -> Option<Operation> {
        self.operations.remove(uuid).or_else(|| {
            self.providers
                .values_mut()
                .find_map(|provider| provider.operations.remove(uuid))
        })
    }

    /// Adds or replaces a resource provider.
    pub fn set_provider(&mut self, id: String, provider: ResourceProvider) {
        self.providers.insert(id, provider);
    }

    /// A resource provider, for writing.
    pub fn provider_mut(&mut self, id: &str) -> Option<&mut ResourceProvider> {
        self.providers.get_mut(id)
    }

    /// Forgets a resource provider.
    pub fn remove_provider(&mut self, id: &str) -> Option<ResourceProvider> {
        self.providers.remove(id)
    }
}

/// Whether a list of capabilities has one.
#[must_use]
pub fn has_capability(capabilities: &[v1::agent_info::Capability], capability: Capability) -> bool {
    capabilities
        .iter()
        .any(|known| known.r#type() == capability)
}

/// An agent's resources with its stored reservations and volumes put in.
fn total_of(info: &v1::AgentInfo, checkpointed: &Resources) -> Result<Resources, CheckpointError> {
    apply_checkpointed_resources(&Resources::from_proto(&info.resources), checkpointed)
}

fn remove_nested(
    map: &mut BTreeMap<FrameworkId, BTreeSet<TaskId>>,
    framework_id: &FrameworkId,
    task_id: &TaskId,
) {
    if let Some(tasks) = map.get_mut(framework_id) {
        tasks.remove(task_id);
        if tasks.is_empty() {
            map.remove(framework_id);
        }
    }
}
