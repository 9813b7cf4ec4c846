//! The master: who is there, what runs where, and who may use what.
//!
//! Mirrors `src/master/master.cpp`; this file holds the struct, the files below it one subject
//! each.
//!
//! # Owns
//! All agents, frameworks, tasks, offers, roles, machines and subscribers.
//!
//! # Invariants
//! - An agent is acknowledged only after the registry says that it is admitted.
//! - Messages are dropped until this master leads and has read the registry.
//!
//! # Timers
//! Heartbeats every 15 s, framework failover, offer timeouts, re-registration of agents,
//! registry garbage collection.

mod accept;
mod authenticate;
mod authorize;
mod counts;
mod deactivate;
mod decline;
mod draining;
mod executor_message;
mod framework_failover;
mod framework_lifecycle;
mod initialize;
mod inverse_offer;
mod kill;
mod leadership;
mod maintenance;
mod mark_gone;
mod offer;
mod operation;
mod operator_operation;
mod orphan_operation;
mod quota;
mod receive;
mod reconcile_agent;
mod reconcile_operations;
mod reconcile_tasks;
mod register_agent;
mod registry_gc;
mod removal_limit;
mod remove_agent;
mod reregister_agent;
mod rescind;
mod revive;
mod roles;
mod send;
mod status_update;
mod subscribe;
mod task;
mod teardown;
mod throttle;
mod unreachable;
mod update_agent;
mod views;
mod weights;

pub(crate) use self::authenticate::Deferred;
pub(crate) use self::draining::{Afterwards, DrainPlan};
pub(crate) use self::quota::Force;
pub(crate) use self::receive::{UpdateFrameworkError, subscription_of};
pub(crate) use self::removal_limit::RemovalLimit;
pub(crate) use self::roles::{RoleView, RolesView};
pub(crate) use self::send::time_info;
pub(crate) use self::subscribe::{Origin, Subscription};
use self::throttle::Throttle;

use std::fmt;
use std::sync::Arc;

use libprocess::{Clock, Context, Pid, Process, ProcessId, Promise, Time, Upid};
use mesos_allocator::AllocatorHandle;
use mesos_common::authorization::Authorizer;
use mesos_common::cram_md5::CramMd5Authenticator;
use mesos_common::files::Files;
use mesos_common::ids::{IdGenerator, MasterId};
use mesos_common::roles::parse_list;
use mesos_detector::{Contender, Detector};
use mesos_proto::v1;

use crate::agent_observer::AgentObserverProcess;
use crate::flags::Flags;
use crate::http::shared::SharedReads;
use crate::metrics::Metrics;
use crate::registrar::Registrar;
use crate::state::agents::Agents;
use crate::state::authentications::Authentications;
use crate::state::frameworks::Frameworks;
use crate::state::machines::Machines;
use crate::state::offers::Offers;
use crate::state::roles::Roles;
use crate::state::subscribers::Subscribers;
use crate::whitelist_watcher::WhitelistWatcherProcess;

/// What a master is made of.
pub struct MasterParts {
    /// How it is set up.
    pub flags: Arc<Flags>,
    /// Its id.
    pub id: MasterId,
    /// What it says about itself.
    pub info: v1::MasterInfo,
    /// Who shares out resources.
    pub allocator: AllocatorHandle,
    /// Who keeps the registry.
    pub registrar: Registrar,
    /// Who takes part in the election.
    pub contender: Box<dyn Contender>,
    /// Who says who leads.
    pub detector: Box<dyn Detector>,
    /// Who authenticates drivers and agents, if anybody.
    pub authenticator: Option<CramMd5Authenticator>,
    /// Decides who may do what; without one, everybody may do everything.
    pub authorizer: Option<Authorizer>,
    /// The files that operators may browse.
    pub files: Files,
    /// What time it is.
    pub clock: Clock,
    /// Kept when the master gives up, with the reason.
    pub end: Promise<String>,
}

impl fmt::Debug for MasterParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterParts")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How far this master is on its way to leading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Leadership {
    /// Somebody else leads, or nobody.
    Follower,
    /// It leads since then and reads the registry.
    Recovering {
        /// When it was elected.
        elected: Time,
    },
    /// It leads and serves.
    Serving {
        /// When it was elected.
        elected: Time,
    },
}

/// The actor `master`.
#[doc(alias = "Master")]
pub struct MasterProcess {
    flags: Arc<Flags>,
    info: v1::MasterInfo,
    allocator: AllocatorHandle,
    registrar: Registrar,
    contender: Box<dyn Contender>,
    detector: Box<dyn Detector>,
    end: Option<Promise<String>>,
    metrics: Metrics,
    leader: Option<v1::MasterInfo>,
    leadership: Leadership,
    start_time: Time,
    ids: IdGenerator,
    agents: Agents,
    /// Watches the agents, once there are any.
    observer: Option<Pid<AgentObserverProcess>>,
    frameworks: Frameworks,
    offers: Offers,
    roles: Roles,
    machines: Machines,
    schedules: Vec<v1::maintenance::Schedule>,
    subscribers: Subscribers,
    removal_limit: RemovalLimit,
    throttle: Throttle,
    authenticator: Option<CramMd5Authenticator>,
    authorizer: Option<Authorizer>,
    files: Files,
    pub(crate) shared_reads: SharedReads,
    authentications: Authentications<Deferred>,
    whitelist_watcher: Option<Pid<WhitelistWatcherProcess>>,
}

impl fmt::Debug for MasterProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterProcess")
            .field("id", &self.info.id())
            .field("leadership", &self.leadership)
            .field("agents", &self.agents.len())
            .finish_non_exhaustive()
    }
}

impl Process for MasterProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("master")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.install(ctx);
    }

    fn finalize(&mut self, ctx: &mut Context<Self>) {
        self.close_streams(ctx);
    }

    fn exited(&mut self, pid: &Upid, ctx: &mut Context<Self>) {
        self.on_exited(pid, ctx);
    }
}

impl MasterProcess {
    /// A master that does not lead yet.
    #[must_use]
    pub fn new(parts: MasterParts, metrics: Metrics, now: Time) -> Self {
        let flags = parts.flags;
        let whitelist = flags.roles.as_deref().map(|roles| {
            let roles = parse_list(roles).unwrap_or_default();
            roles.iter().map(ToString::to_string).collect()
        });
        Self {
            info: parts.info,
            allocator: parts.allocator,
            registrar: parts.registrar,
            contender: parts.contender,
            detector: parts.detector,
            end: Some(parts.end),
            metrics,
            leader: None,
            leadership: Leadership::Follower,
            start_time: now,
            ids: IdGenerator::new(parts.id),
            agents: Agents::default(),
            observer: None,
            frameworks: Frameworks::new(flags.max_completed_frameworks),
            offers: Offers::default(),
            roles: Roles::new(whitelist),
            machines: Machines::default(),
            schedules: Vec::new(),
            throttle: Throttle::new(
                flags.rate_limits.as_ref().map(|limits| limits.message()),
                &parts.clock,
            ),
            authenticator: parts.authenticator,
            authorizer: parts.authorizer,
            files: parts.files,
            shared_reads: SharedReads::default(),
            authentications: Authentications::default(),
            whitelist_watcher: None,
            subscribers: Subscribers::new(flags.max_operator_event_stream_subscribers),
            removal_limit: RemovalLimit::new(
                flags.agent_removal_rate_limit.as_deref(),
                &parts.clock,
            ),
            flags,
        }
    }

    /// Whether this master leads.
    pub(crate) fn is_elected(&self) -> bool {
        self.leadership != Leadership::Follower
    }

    /// Whether this master leads and has read the registry.
    pub(crate) fn is_serving(&self) -> bool {
        matches!(self.leadership, Leadership::Serving { .. })
    }

    /// When this master was elected.
    pub(crate) fn elected_time(&self) -> Option<Time> {
        match self.leadership {
            Leadership::Follower => None,
            Leadership::Recovering { elected } | Leadership::Serving { elected } => Some(elected),
        }
    }

    /// Gives up: another master takes over.
    pub(crate) fn step_down(&mut self, reason: String, ctx: &mut Context<Self>) {
        tracing::error!(%reason, "the master gives up");
        if let Some(end) = self.end.take() {
            end.set(reason);
        }
        ctx.terminate();
    }
}
