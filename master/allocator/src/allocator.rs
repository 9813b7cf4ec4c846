//! The handle of the allocator, its options, and what it tells its owner.
//!
//! Mirrors `include/mesos/allocator/allocator.hpp`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use libprocess::http::Principal;
use libprocess::{Arbiter, Future, Pid, Runtime, Upid};
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::resources::{ResourceConversion, Resources};
use mesos_common::scalar::Scalar;
use mesos_proto::v1;

use crate::event::Event;
pub use crate::event::{
    Activity, FrameworkOptions, InverseOffer, NewAgent, Offer, Ownership, Quota,
    UpdateAvailableError,
};
use crate::hierarchical::HierarchicalAllocatorProcess;
pub use crate::hierarchical::explain::{Explanation, Question, Reason};
use crate::metrics::Dispatches;
pub use crate::sorter::SorterKind;

/// Offers smaller than this are not made: processors in thousandths.
pub const MIN_CPUS: Scalar = Scalar::from_thousandths(10);
/// Offers smaller than this are not made: megabytes of memory in thousandths.
pub const MIN_MEM: Scalar = Scalar::from_thousandths(32_000);

/// Who receives the offers. Called on the allocator's thread: implementers only dispatch.
pub trait AllocatorObserver: Send + 'static {
    /// Resources are set aside for a framework; one entry per role and agent.
    fn offers(&self, framework_id: FrameworkId, offers: Vec<Offer>);

    /// A framework is asked to leave agents.
    fn inverse_offers(&self, framework_id: FrameworkId, offers: Vec<InverseOffer>);
}

/// What to do with agents that have graphics processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuFiltering {
    /// Only frameworks that can use them are offered such agents.
    #[default]
    On,
    /// Everybody is.
    Off,
}

/// Whether every framework has metrics of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameworkMetrics {
    /// It has.
    #[default]
    Publish,
    /// It has not.
    Hide,
}

/// Tells which frameworks a principal may see.
pub type FrameworkFilter = Box<dyn Fn(&v1::FrameworkInfo) -> bool + Send>;

/// Answers which frameworks a principal may see, or why that cannot be told.
pub type FrameworkViewer =
    Box<dyn Fn(Option<Principal>) -> Future<Result<FrameworkFilter, String>> + Send>;

/// The settings of the allocator that decide about offers.
#[derive(Clone, Debug)]
pub struct AllocatorOptions {
    /// Time between two runs over all agents.
    pub allocation_interval: Duration,
    /// Resources that play no part in fairness.
    pub fairness_exclude_resource_names: BTreeSet<String>,
    /// What to do with agents that have graphics processors.
    pub gpu_filtering: GpuFiltering,
    /// Where the master is.
    pub domain: Option<v1::DomainInfo>,
    /// An offer must contain one of these; none means that any will do.
    pub min_allocatable_resources: Vec<ResourceQuantities>,
    /// How many removed frameworks keep their metrics.
    pub max_completed_frameworks: usize,
    /// Whether every framework has metrics of its own.
    pub framework_metrics: FrameworkMetrics,
    /// How long to wait for agents after a take-over.
    pub recovery_timeout: Duration,
    /// Which part of the known agents to wait for after a take-over.
    pub agent_recovery_factor: f64,
    /// How roles and frameworks are ordered.
    pub sorter: SorterKind,
    /// Starts the sequence of random numbers.
    pub seed: u64,
}

impl Default for AllocatorOptions {
    fn default() -> Self {
        let minimum = |name: &str, amount: Scalar| {
            let mut quantities = ResourceQuantities::new();
            quantities.add_amount(name, amount);
            quantities
        };
        Self {
            allocation_interval: Duration::from_secs(1),
            fairness_exclude_resource_names: BTreeSet::new(),
            gpu_filtering: GpuFiltering::On,
            domain: None,
            min_allocatable_resources: vec![minimum("cpus", MIN_CPUS), minimum("mem", MIN_MEM)],
            max_completed_frameworks: 50,
            framework_metrics: FrameworkMetrics::Publish,
            recovery_timeout: Duration::from_secs(600),
            agent_recovery_factor: 0.8,
            sorter: SorterKind::Drf,
            seed: 0,
        }
    }
}

/// Talks to the allocator; every call is a dispatch, in order, and none waits.
#[derive(Clone, Debug)]
pub struct AllocatorHandle {
    actor: Pid<HierarchicalAllocatorProcess>,
    dispatches: Dispatches,
}

impl AllocatorHandle {
    /// Starts the actor `allocator`, which makes no offers until it is initialized.
    ///
    /// It takes the first reserved thread of the runtime when there is one, so that a long run
    /// delays nobody else.
    #[must_use]
    pub fn start(runtime: &Runtime) -> Self {
        let dispatches = Dispatches::default();
        let process = HierarchicalAllocatorProcess::new(Arc::clone(&dispatches));
        Self {
            actor: runtime.spawn_on(Arbiter::Reserved(0), process),
            dispatches,
        }
    }

    /// The address of the actor.
    #[must_use]
    pub fn upid(&self) -> &Upid {
        self.actor.upid()
    }

    /// Ends the actor.
    pub fn terminate(&self) {
        self.actor.terminate();
    }

    /// Sets the options and starts the periodic runs.
    pub fn initialize(&self, options: AllocatorOptions, observer: impl AllocatorObserver) {
        let observer = Box::new(observer);
        self.actor.dispatch(move |process, ctx| {
            process.initialize_with(options, observer, ctx);
        });
    }

    /// Serves `/allocator/offer_constraints_debug` to those in the realm.
    pub fn serve_debug(&self, realm: Option<String>, viewer: FrameworkViewer) {
        self.actor.dispatch(move |process, ctx| {
            process.serve_debug(realm.as_deref(), viewer, ctx);
        });
    }

    fn apply(&self, event: Event) {
        let dispatches = Arc::clone(&self.dispatches);
        dispatches.fetch_add(1, Ordering::Relaxed);
        self.actor.dispatch(move |process, ctx| {
            dispatches.fetch_sub(1, Ordering::Relaxed);
            process.apply(event, ctx);
        });
    }

    /// Tells how many agents to expect after a take-over, and the quotas.
    ///
    /// Must come before any agent. With a quota, runs wait for agents or a timeout.
    pub fn recover(&self, expected_agents: usize, quotas: BTreeMap<String, Quota>) {
        self.apply(Event::Recover {
            expected_agents,
            quotas,
        });
    }

    /// Adds a framework that is not known yet.
    pub fn add_framework(
        &self,
        id: FrameworkId,
        info: Arc<v1::FrameworkInfo>,
        used: BTreeMap<AgentId, Resources>,
        activity: Activity,
        options: FrameworkOptions,
    ) {
        self.apply(Event::AddFramework {
            id,
            info,
            used,
            activity,
            options,
        });
    }

    /// Removes a framework; what it holds becomes available.
    pub fn remove_framework(&self, id: FrameworkId) {
        self.apply(Event::RemoveFramework(id));
    }

    /// Lets a framework have offers.
    pub fn activate_framework(&self, id: FrameworkId) {
        self.apply(Event::ActivateFramework(id));
    }

    /// Stops offers to a framework and drops its filters.
    pub fn deactivate_framework(&self, id: FrameworkId) {
        self.apply(Event::DeactivateFramework(id));
    }

    /// Takes a framework's new description.
    pub fn update_framework(
        &self,
        id: FrameworkId,
        info: Arc<v1::FrameworkInfo>,
        options: FrameworkOptions,
    ) {
        self.apply(Event::UpdateFramework { id, info, options });
    }

    /// Adds an agent that is not known yet.
    pub fn add_agent(&self, agent: NewAgent) {
        self.apply(Event::AddAgent(agent));
    }

    /// Removes an agent and all that is held on it.
    pub fn remove_agent(&self, id: AgentId) {
        self.apply(Event::RemoveAgent(id));
    }

    /// Takes an agent's new description.
    pub fn update_agent(
        &self,
        id: AgentId,
        info: Arc<v1::AgentInfo>,
        total: Option<Resources>,
        capabilities: Option<Vec<v1::agent_info::Capability>>,
    ) {
        self.apply(Event::UpdateAgent {
            id,
            info,
            total,
            capabilities,
        });
    }

    /// Adds a resource provider's resources to an agent.
    pub fn add_resource_provider(
        &self,
        id: AgentId,
        total: Resources,
        used: BTreeMap<FrameworkId, Resources>,
    ) {
        self.apply(Event::AddResourceProvider { id, total, used });
    }

    /// Lets an agent's resources be offered; new agents are active.
    pub fn activate_agent(&self, id: AgentId) {
        self.apply(Event::ActivateAgent(id));
    }

    /// Stops offers of an agent's resources.
    pub fn deactivate_agent(&self, id: AgentId) {
        self.apply(Event::DeactivateAgent(id));
    }

    /// Restricts offers to agents on these hosts; `None` lifts the restriction.
    pub fn update_whitelist(&self, hosts: Option<BTreeSet<String>>) {
        self.apply(Event::UpdateWhitelist(hosts));
    }

    /// Takes a request for resources, which has no effect.
    pub fn request_resources(&self, id: FrameworkId) {
        self.apply(Event::RequestResources(id));
    }

    /// Turns what a framework was offered into something else.
    ///
    /// `offered` and the conversions must be allocated to one role.
    pub fn update_allocation(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        offered: Resources,
        conversions: Vec<ResourceConversion>,
    ) {
        self.apply(Event::UpdateAllocation {
            framework,
            agent,
            offered,
            conversions,
        });
    }

    /// Turns available resources into something else.
    pub fn update_available(
        &self,
        agent: AgentId,
        conversions: Vec<ResourceConversion>,
    ) -> Future<Result<(), UpdateAvailableError>> {
        self.actor
            .call(move |process, _| process.update_available(&agent, &conversions))
    }

    /// Sets or clears the time at which an agent is to be maintained.
    pub fn update_unavailability(
        &self,
        agent: AgentId,
        unavailability: Option<v1::Unavailability>,
    ) {
        self.apply(Event::UpdateUnavailability {
            agent,
            unavailability,
        });
    }

    /// Takes a framework's answer to an inverse offer, or, without status, takes it back.
    pub fn update_inverse_offer(
        &self,
        agent: AgentId,
        framework: FrameworkId,
        status: Option<v1::allocator::InverseOfferStatus>,
        filters: Option<v1::Filters>,
    ) {
        self.apply(Event::UpdateInverseOffer {
            agent,
            framework,
            status,
            filters,
        });
    }

    /// The answers to inverse offers, by agent to be maintained and framework.
    pub fn inverse_offer_statuses(&self) -> Future<InverseOfferStatuses> {
        self.actor
            .call(|process, _| process.inverse_offer_statuses())
    }

    /// Notes that offered resources are now used by tasks or executors.
    pub fn transition_offered_to_allocated(&self, agent: AgentId, resources: Resources) {
        self.apply(Event::TransitionOfferedToAllocated { agent, resources });
    }

    /// Takes resources back, of one allocation role, and refuses them for a while if told so.
    pub fn recover_resources(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        resources: Resources,
        filters: Option<v1::Filters>,
        ownership: Ownership,
    ) {
        self.apply(Event::RecoverResources {
            framework,
            agent,
            resources,
            filters,
            ownership,
        });
    }

    /// Stops offers for some roles of a framework; none means all.
    pub fn suppress_offers(&self, id: FrameworkId, roles: BTreeSet<String>) {
        self.apply(Event::SuppressOffers { id, roles });
    }

    /// Starts offers for some roles of a framework and drops its filters; none means all.
    pub fn revive_offers(&self, id: FrameworkId, roles: BTreeSet<String>) {
        self.apply(Event::ReviveOffers { id, roles });
    }

    /// Sets a role's quota.
    pub fn update_quota(&self, role: String, quota: Quota) {
        self.apply(Event::UpdateQuota { role, quota });
    }

    /// Sets weights of roles.
    pub fn update_weights(&self, weights: Vec<(String, f64)>) {
        self.apply(Event::UpdateWeights(weights));
    }

    /// Stops runs until as many [`AllocatorHandle::resume`] follow.
    pub fn pause(&self) {
        self.apply(Event::Pause);
    }

    /// Undoes one [`AllocatorHandle::pause`]; waiting for agents after a take-over goes on.
    pub fn resume(&self) {
        self.apply(Event::Resume);
    }

    /// Why a framework, a role or an agent is or is not offered something now.
    pub fn explain(&self, question: Question) -> Future<Vec<Explanation>> {
        self.actor
            .call_future(move |process, ctx| process.explain(question, ctx))
    }
}

/// Answers to inverse offers, by agent and framework.
pub type InverseOfferStatuses =
    BTreeMap<AgentId, BTreeMap<FrameworkId, v1::allocator::InverseOfferStatus>>;
