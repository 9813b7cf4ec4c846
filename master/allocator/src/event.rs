//! What happens to the allocator, as values that can be recorded and replayed.
//!
//! Mirrors the interface in `include/mesos/allocator/allocator.hpp`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resource_quantities::{ResourceLimits, ResourceQuantities};
use mesos_common::resources::{ApplyError, ResourceConversion, Resources};
use mesos_proto::v1;

use crate::hierarchical::filters::FilterTicket;
use crate::offer_constraints::OfferConstraintsFilter;

/// The quota of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// What the role is to get first.
    pub guarantees: ResourceQuantities,
    /// What the role may get at most.
    pub limits: ResourceLimits,
}

impl Quota {
    /// Whether nothing is guaranteed and nothing limited.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.guarantees.is_empty() && self.limits.is_empty()
    }
}

/// What a framework says besides its `FrameworkInfo`.
#[derive(Clone, Debug, Default)]
pub struct FrameworkOptions {
    /// Roles for which it wants no offers.
    pub suppressed_roles: BTreeSet<String>,
    /// Agents from which it wants no offers.
    pub offer_constraints: OfferConstraintsFilter,
}

/// Whether a framework is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It gets offers.
    Active,
    /// It gets none until it is activated.
    Inactive,
}

/// How resources were held that come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// They were only offered.
    Offered,
    /// Tasks or executors used them.
    Allocated,
}

/// An agent as it joins.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// Its id.
    pub id: AgentId,
    /// Its description.
    pub info: Arc<v1::AgentInfo>,
    /// What its software can do.
    pub capabilities: Vec<v1::agent_info::Capability>,
    /// When it is to be maintained.
    pub unavailability: Option<v1::Unavailability>,
    /// All its resources.
    pub total: Resources,
    /// What frameworks hold on it, allocated to their roles.
    pub used: BTreeMap<FrameworkId, Resources>,
}

/// One thing that happens to the allocator; methods of its handle make them.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "fields carry the names of the handle's parameters"
)]
pub enum Event {
    /// A master took over with agents to be expected.
    Recover {
        expected_agents: usize,
        quotas: BTreeMap<String, Quota>,
    },
    /// Waiting for agents took too long.
    RecoveryTimedOut,
    /// A framework joined.
    AddFramework {
        id: FrameworkId,
        info: Arc<v1::FrameworkInfo>,
        used: BTreeMap<AgentId, Resources>,
        activity: Activity,
        options: FrameworkOptions,
    },
    /// A framework is gone.
    RemoveFramework(FrameworkId),
    /// A framework is connected again.
    ActivateFramework(FrameworkId),
    /// A framework lost its connection.
    DeactivateFramework(FrameworkId),
    /// A framework described itself anew.
    UpdateFramework {
        id: FrameworkId,
        info: Arc<v1::FrameworkInfo>,
        options: FrameworkOptions,
    },
    /// An agent joined.
    AddAgent(NewAgent),
    /// An agent is gone.
    RemoveAgent(AgentId),
    /// An agent described itself anew.
    UpdateAgent {
        id: AgentId,
        info: Arc<v1::AgentInfo>,
        total: Option<Resources>,
        capabilities: Option<Vec<v1::agent_info::Capability>>,
    },
    /// A resource provider added resources to an agent.
    AddResourceProvider {
        id: AgentId,
        total: Resources,
        used: BTreeMap<FrameworkId, Resources>,
    },
    /// Resources of an agent may be offered.
    ActivateAgent(AgentId),
    /// Resources of an agent may not be offered.
    DeactivateAgent(AgentId),
    /// Only agents on these hosts count; `None` lets all in.
    UpdateWhitelist(Option<BTreeSet<String>>),
    /// A framework asked for resources; this has no effect.
    RequestResources(FrameworkId),
    /// A framework turned what it was offered into something else.
    UpdateAllocation {
        framework: FrameworkId,
        agent: AgentId,
        offered: Resources,
        conversions: Vec<ResourceConversion>,
    },
    /// An operator turned available resources into something else.
    UpdateAvailable {
        agent: AgentId,
        conversions: Vec<ResourceConversion>,
    },
    /// An agent is to be maintained, or no longer.
    UpdateUnavailability {
        agent: AgentId,
        unavailability: Option<v1::Unavailability>,
    },
    /// A framework answered an inverse offer, or it was taken back.
    UpdateInverseOffer {
        agent: AgentId,
        framework: FrameworkId,
        status: Option<v1::allocator::InverseOfferStatus>,
        filters: Option<v1::Filters>,
    },
    /// Offered resources are now used.
    TransitionOfferedToAllocated {
        agent: AgentId,
        resources: Resources,
    },
    /// Resources came back.
    RecoverResources {
        framework: FrameworkId,
        agent: AgentId,
        resources: Resources,
        filters: Option<v1::Filters>,
        ownership: Ownership,
    },
    /// A framework wants no offers for some roles; none means all.
    SuppressOffers {
        id: FrameworkId,
        roles: BTreeSet<String>,
    },
    /// A framework wants offers again for some roles; none means all.
    ReviveOffers {
        id: FrameworkId,
        roles: BTreeSet<String>,
    },
    /// A role's quota was set.
    UpdateQuota { role: String, quota: Quota },
    /// Weights of roles were set.
    UpdateWeights(Vec<(String, f64)>),
    /// No runs from now on.
    Pause,
    /// Undoes one pause.
    Resume,
    /// Time for a run over all agents.
    Tick,
    /// The queued run begins.
    Run,
    /// An offer filter has lived long enough.
    ExpireOfferFilter(FilterTicket),
    /// An inverse offer filter has lived long enough.
    ExpireInverseFilter(FilterTicket),
}

/// Resources for one role of one framework on one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The role.
    pub role: Arc<str>,
    /// The agent.
    pub agent_id: AgentId,
    /// The resources, allocated to the role.
    pub resources: Resources,
}

/// A request to leave an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct InverseOffer {
    /// The agent.
    pub agent_id: AgentId,
    /// When it will be unavailable.
    pub unavailability: v1::Unavailability,
}

/// What the allocator wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Offer resources to a framework.
    Offers {
        /// The framework.
        framework_id: FrameworkId,
        /// One entry per role and agent.
        offers: Vec<Offer>,
    },
    /// Ask a framework to leave agents.
    InverseOffers {
        /// The framework.
        framework_id: FrameworkId,
        /// One entry per agent.
        offers: Vec<InverseOffer>,
    },
    /// Apply [`Event::Run`] after the events that are already waiting.
    QueueRun,
    /// A run has ended; a periodic one is due after the interval.
    RunEnded,
    /// Apply [`Event::ExpireOfferFilter`] after a while, by way of one more event.
    ExpireOfferFilter {
        /// Which filter.
        ticket: FilterTicket,
        /// How long it lives.
        after: Duration,
    },
    /// Apply [`Event::ExpireInverseFilter`] after a while.
    ExpireInverseFilter {
        /// Which filter.
        ticket: FilterTicket,
        /// How long it lives.
        after: Duration,
    },
    /// Apply [`Event::RecoveryTimedOut`] after a while.
    StartRecoveryTimer {
        /// How long to wait for agents.
        after: Duration,
    },
}

/// Why available resources could not be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateAvailableError {
    /// The agent is not known.
    #[error("agent {agent} is not known to the allocator")]
    UnknownAgent {
        /// The agent.
        agent: String,
    },
    /// There is too little available.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// An event with the time at which it was applied.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When, since the epoch.
    pub at: Duration,
    /// What.
    pub event: Event,
}
