//! Subscribing a framework: new, known, recovered; by driver or on HTTP.
//!
//! Mirrors `Master::subscribe` and `_subscribe` of `src/master/master.cpp`.

use std::collections::BTreeSet;
use std::sync::Arc;

use libprocess::{Context, Upid};
use mesos_allocator::{FrameworkOptions, OfferConstraintsFilter};
use mesos_common::ids::FrameworkId;
use mesos_proto::v1;
use mesos_proto::v1::framework_info::capability::Type as Capability;
use mesos_proto::v1::master::{Event, event};

use super::MasterProcess;
use crate::framework_message::FrameworkMessage;
use crate::http::stream::EventStream;
use crate::state::framework::{Activity, Connection, Framework, HistoryLimits};
use crate::state::subscribers::Shown;
use crate::validation;

/// Where a subscription comes from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A driver; `force` takes over from another driver.
    Driver {
        /// Where it is.
        pid: Upid,
        /// Whether it takes over.
        takeover: Takeover,
    },
    /// A response that was opened for events.
    Http(EventStream),
}

/// Whether a driver takes over from another one of the same framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takeover {
    /// It does.
    Force,
    /// It gives way.
    Yield,
}

/// A framework that wants to subscribe.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    /// What it says about itself.
    pub(crate) info: v1::FrameworkInfo,
    /// Roles that shall get no offers for now.
    pub(crate) suppressed_roles: BTreeSet<String>,
    /// On which agents it wants offers.
    pub(crate) constraints: v1::scheduler::OfferConstraints,
}

impl Subscription {
    /// What the allocator needs beside the framework's description.
    pub(super) fn options(&self, filter: OfferConstraintsFilter) -> FrameworkOptions {
        FrameworkOptions {
            suppressed_roles: self.suppressed_roles.clone(),
            offer_constraints: filter,
        }
    }
}

impl MasterProcess {
    /// Subscribes a framework, or tells it why not.
    pub(crate) fn subscribe(
        &mut self,
        mut subscription: Subscription,
        origin: Origin,
        ctx: &mut Context<Self>,
    ) {
        let id = subscription.info.id().value().to_owned();
        let counters = self.metrics.counters();
        if id.is_empty() {
            counters.messages_register_framework.increment();
            subscription.info.id = None;
        } else {
            counters.messages_reregister_framework.increment();
        }
        let Some((mut subscription, origin)) = self.when_authenticated(subscription, origin) else {
            return;
        };
        let options = match self.check_subscription(&subscription, &origin) {
            Ok(filter) => subscription.options(filter),
            Err(text) => return self.refuse(&origin, &text, ctx),
        };
        if let Origin::Driver { pid, .. } = &origin
            && subscription.info.principal.is_none()
        {
            subscription.info.principal = self.authentications.principal(pid).map(str::to_owned);
        }
        if let Err(text) = self.authorize_registration(&subscription.info) {
            return self.refuse(&origin, &text, ctx);
        }
        if id.is_empty() {
            self.subscribe_new(subscription, options, origin, ctx);
        } else {
            let id = FrameworkId::from(subscription.info.id());
            self.subscribe_known(&id, subscription, options, origin, ctx);
        }
    }

    /// Gives a subscription back at once, unless its driver is being authenticated: then it begins
    /// anew when that is done.
    fn when_authenticated(
        &mut self,
        subscription: Subscription,
        origin: Origin,
    ) -> Option<(Subscription, Origin)> {
        match &origin {
            Origin::Driver { pid, .. } if self.authentications.is_running(pid) => {
                tracing::info!(%pid, "queueing a subscription: authentication is in progress");
                let pid = pid.clone();
                self.after_authentication(
                    &pid,
                    Box::new(move |master, ctx| master.subscribe(subscription, origin, ctx)),
                );
                None
            }
            Origin::Driver { .. } | Origin::Http(_) => Some((subscription, origin)),
        }
    }

    /// Checks everything about a subscription that does not depend on an older one.
    fn check_subscription(
        &self,
        subscription: &Subscription,
        origin: &Origin,
    ) -> Result<OfferConstraintsFilter, String> {
        validation::framework::validate(&subscription.info, &subscription.suppressed_roles, self)
            .map_err(|error| error.to_string())?;
        if let Origin::Driver { pid, .. } = origin {
            self.check_driver_authentication(pid, &subscription.info)?;
        }
        OfferConstraintsFilter::create(self.regex_limits(), &subscription.constraints)
            .map_err(|error| error.to_string())
    }

    fn refuse(&self, origin: &Origin, text: &str, ctx: &Context<Self>) {
        tracing::info!(text, "refusing a subscription");
        match origin {
            Origin::Driver { pid, .. } => Self::refuse_driver(pid, text, ctx),
            Origin::Http(stream) => Self::refuse_stream(stream, text),
        }
    }

    fn subscribe_new(
        &mut self,
        subscription: Subscription,
        options: FrameworkOptions,
        origin: Origin,
        ctx: &mut Context<Self>,
    ) {
        if let Origin::Driver { pid, .. } = &origin {
            let known = self
                .frameworks
                .by_pid(pid)
                .filter(|known| known.is_connected());
            if let Some(known) = known.map(|known| known.id().clone()) {
                tracing::info!(framework_id = %known, "already subscribed, acknowledging again");
                self.acknowledge_registration(&known, ctx);
                return;
            }
        }
        let id = self.ids.framework();
        let mut info = subscription.info.clone();
        info.id = Some(id.to_proto());
        let info = Arc::new(info);
        let mut framework =
            self.new_framework(&id, &info, Connection::Disconnected { last_pid: None }, ctx);
        framework.set_offer_constraints(Arc::new(subscription.constraints));
        framework.set_activity(Activity::Active);
        self.frameworks.add(framework);
        for role in crate::state::framework::roles_of(&info) {
            self.roles.track(&role, &id);
        }
        self.attach(&id, origin, ctx);
        self.allocator.add_framework(
            id.clone(),
            Arc::clone(&info),
            std::collections::BTreeMap::new(),
            mesos_allocator::Activity::Active,
            options,
        );
        tracing::info!(framework_id = %id, name = info.name(), "subscribed a framework");
        self.announce_framework_added(&id);
        self.acknowledge_registration(&id, ctx);
        self.start_heartbeats(&id, ctx);
    }

    /// A framework value with its metrics and limits.
    pub(super) fn new_framework(
        &self,
        id: &FrameworkId,
        info: &Arc<v1::FrameworkInfo>,
        connection: Connection,
        ctx: &Context<Self>,
    ) -> Framework {
        let metrics = if self.flags.publish_per_framework_metrics {
            crate::metrics::FrameworkMetrics::new(self.metrics.registry(), info.name(), id)
        } else {
            crate::metrics::FrameworkMetrics::default()
        };
        let limits = HistoryLimits {
            completed: self.flags.max_completed_tasks_per_framework,
            unreachable: self.flags.max_unreachable_tasks_per_framework,
        };
        Framework::new(
            id.clone(),
            Arc::clone(info),
            connection,
            ctx.now(),
            limits,
            metrics,
        )
    }

    fn subscribe_known(
        &mut self,
        id: &FrameworkId,
        mut subscription: Subscription,
        options: FrameworkOptions,
        origin: Origin,
        ctx: &mut Context<Self>,
    ) {
        if let Origin::Driver { pid, .. } = &origin {
            let other = self
                .frameworks
                .by_pid(pid)
                .filter(|known| known.is_connected());
            if other.is_some_and(|known| known.id() != id) {
                tracing::warn!(%pid, "dropping a subscription: the driver runs another framework");
                return;
            }
        }
        if self.frameworks.get(id).is_none() {
            self.recover_framework(&subscription.info, None, ctx);
        }
        let Some(framework) = self.frameworks.get(id).map(Arc::clone) else {
            return;
        };
        let old = framework.info();
        subscription.info.user.clone_from(&old.user);
        subscription.info.checkpoint = old.checkpoint;
        if old.principal() != subscription.info.principal() {
            let text = "Changing framework's principal is not allowed.";
            return self.refuse(&origin, text, ctx);
        }
        if let Origin::Driver {
            pid,
            takeover: Takeover::Yield,
        } = &origin
            && !framework.is_recovered()
            && framework.pid() != Some(pid)
        {
            return self.refuse(&origin, "Framework failed over", ctx);
        }
        self.update_framework(id, &subscription, options, ctx);
        let same_driver = matches!(
            &origin,
            Origin::Driver { pid, takeover: Takeover::Yield } if framework.pid() == Some(pid)
        );
        if framework.is_recovered() {
            self.activate_recovered(id, origin, ctx);
        } else if same_driver {
            self.refresh(id, ctx);
        } else {
            self.fail_over(id, origin, ctx);
        }
        self.announce_framework_updated(id);
        self.broadcast_framework_update(id, ctx);
    }

    /// Replaces what a known framework says about itself.
    pub(super) fn update_framework(
        &mut self,
        id: &FrameworkId,
        subscription: &Subscription,
        options: FrameworkOptions,
        ctx: &mut Context<Self>,
    ) {
        let info = Arc::new(subscription.info.clone());
        self.allocator
            .update_framework(id.clone(), Arc::clone(&info), options);
        let new_roles = crate::state::framework::roles_of(&info);
        self.rescind_offers_of_other_roles(id, &new_roles, ctx);
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let change = framework.set_info(info, Arc::new(subscription.constraints.clone()));
        for role in change.left {
            self.untrack_role_unless_used(&role, id);
        }
        for role in change.joined {
            self.roles.track(&role, id);
        }
    }

    /// Ends tracking a framework under a role that it left, unless it still uses resources there.
    pub(super) fn untrack_role_unless_used(&mut self, role: &str, id: &FrameworkId) {
        let in_use = self.frameworks.get(id).is_some_and(|framework| {
            framework.roles().contains(role)
                || framework.used().values().any(|used| {
                    used.iter().any(|one| {
                        one.allocation_role()
                            .is_some_and(|held| held.as_ref() == role)
                    })
                })
        });
        if !in_use {
            self.roles.untrack(role, id);
        }
    }

    /// Makes an origin the framework's connection; watches it for its end.
    pub(super) fn attach(&mut self, id: &FrameworkId, origin: Origin, ctx: &mut Context<Self>) {
        let principal = self
            .frameworks
            .get(id)
            .and_then(|known| known.info().principal.clone());
        if let Some(principal) = &principal {
            self.add_principal_metrics(principal);
        }
        match origin {
            Origin::Driver { pid, .. } => {
                self.frameworks.attach_pid(id, &pid);
                self.frameworks.set_principal(pid.clone(), principal);
                if let Some(framework) = self.frameworks.get_mut(id) {
                    framework.set_connection(Connection::Driver(pid.clone()));
                }
                ctx.link(&pid);
            }
            Origin::Http(stream) => {
                let stream_id = stream.id().to_owned();
                let closed = stream.closed();
                if let Some(framework) = self.frameworks.get_mut(id) {
                    framework.set_connection(Connection::Http(stream));
                }
                let id = id.clone();
                ctx.on_any(closed, move |master, _, ctx| {
                    master.on_stream_closed(&id, &stream_id, ctx);
                });
            }
        }
    }

    /// Tells a framework that it is registered.
    pub(super) fn acknowledge_registration(&self, id: &FrameworkId, ctx: &Context<Self>) {
        let message = FrameworkMessage::Registered {
            framework_id: id.clone(),
            master_info: self.info.clone(),
        };
        self.send_to_framework(id, message, ctx);
    }

    /// Tells a framework that it is registered again.
    pub(super) fn acknowledge_reregistration(&self, id: &FrameworkId, ctx: &Context<Self>) {
        let message = FrameworkMessage::Reregistered {
            framework_id: id.clone(),
            master_info: self.info.clone(),
        };
        self.send_to_framework(id, message, ctx);
    }

    /// Sends the first heartbeat on a framework's stream, and then one every 15 s.
    pub(super) fn start_heartbeats(&self, id: &FrameworkId, ctx: &Context<Self>) {
        let Some(stream) = self.frameworks.get(id).and_then(|known| known.stream()) else {
            return;
        };
        let stream_id = stream.id().to_owned();
        self.heartbeat(id, &stream_id, ctx);
    }

    fn heartbeat(&self, id: &FrameworkId, stream_id: &str, ctx: &Context<Self>) {
        let current = self.frameworks.get(id).and_then(|known| known.stream());
        if current.is_none_or(|stream| stream.id() != stream_id) {
            return;
        }
        self.send_to_framework(id, FrameworkMessage::Heartbeat, ctx);
        let (id, stream_id) = (id.clone(), stream_id.to_owned());
        ctx.delay(crate::constants::HEARTBEAT_INTERVAL, move |master, ctx| {
            master.heartbeat(&id, &stream_id, ctx);
        });
    }

    /// Tells subscribed operators of a new framework.
    pub(super) fn announce_framework_added(&mut self, id: &FrameworkId) {
        if self.subscribers.is_empty() {
            return;
        }
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let added = event::FrameworkAdded {
            framework: Some(crate::http::frameworks::event_model(framework).into()),
            ..Default::default()
        };
        let event = Event {
            r#type: Some(event::Type::FrameworkAdded.into()),
            framework_added: Some(added),
            ..Default::default()
        };
        let shown = Shown::Framework(framework.info());
        self.subscribers.send(&event, shown, &self.metrics);
    }

    /// Tells subscribed operators that a framework changed.
    pub(super) fn announce_framework_updated(&mut self, id: &FrameworkId) {
        if self.subscribers.is_empty() {
            return;
        }
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let updated = event::FrameworkUpdated {
            framework: Some(crate::http::frameworks::event_model(framework).into()),
            ..Default::default()
        };
        let event = Event {
            r#type: Some(event::Type::FrameworkUpdated.into()),
            framework_updated: Some(updated),
            ..Default::default()
        };
        let shown = Shown::Framework(framework.info());
        self.subscribers.send(&event, shown, &self.metrics);
    }

    /// Whether a framework learns of partitions.
    pub(super) fn is_partition_aware(&self, id: &FrameworkId) -> bool {
        self.frameworks
            .get(id)
            .is_some_and(|known| known.has(Capability::PartitionAware))
    }
}
