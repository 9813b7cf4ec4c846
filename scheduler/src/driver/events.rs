//! What the master tells the framework.

use libprocess::{Context, Upid};
use mesos_common::ids;
use mesos_proto::internal::{
    ExecutorToFrameworkMessage, ExitedExecutorMessage, FrameworkErrorMessage,
    FrameworkRegisteredMessage, FrameworkReregisteredMessage, LostSlaveMessage,
    RescindResourceOfferMessage, ResourceOffersMessage, StatusUpdate, StatusUpdateMessage,
};
use mesos_proto::v1::scheduler::{Event, event};
use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId};

use super::process::{Link, SchedulerProcess, UpdateDue};
use super::{Acknowledgements, Failover};

/// Whether a status update came from the master or was made by the driver itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From the master, about a task of the agent whose actor is named, if any.
    Master,
    /// From the driver, or from the master itself: nobody waits for an acknowledgement.
    Unacknowledged,
}

impl SchedulerProcess {
    pub(super) fn install_messages(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(|process: &mut Self, from, event: Event, ctx| {
            process.receive(from, &event, ctx);
        });
        ctx.install_protobuf(
            |process: &mut Self, from, message: FrameworkRegisteredMessage, ctx| {
                process.registered(from, message.framework_id(), message.master_info(), ctx);
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, from, message: FrameworkReregisteredMessage, ctx| {
                process.reregistered(from, message.framework_id(), message.master_info(), ctx);
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, from, message: ResourceOffersMessage, _| {
                process.resource_offers(from, &message.offers, &message.pids);
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, from, message: RescindResourceOfferMessage, _| {
                process.rescind_offer(from, message.offer_id());
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, from, message: StatusUpdateMessage, ctx| {
                let known = message
                    .pid()
                    .parse::<Upid>()
                    .is_ok_and(|pid| !pid.is_empty());
                let origin = if known {
                    Origin::Master
                } else {
                    Origin::Unacknowledged
                };
                process.status_update_from(from, message.update(), origin, ctx);
            },
        );
        ctx.install_protobuf(|process: &mut Self, from, message: LostSlaveMessage, _| {
            process.lost_agent(from, message.agent_id());
        });
        ctx.install_protobuf(
            |process: &mut Self, from, message: ExitedExecutorMessage, _| {
                let (executor, agent) = (message.executor_id(), message.agent_id());
                process.lost_executor(from, executor, agent, message.status());
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, _, message: ExecutorToFrameworkMessage, _| {
                let (executor, agent) = (message.executor_id(), message.agent_id());
                process.framework_message(executor, agent, message.data());
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, _, message: FrameworkErrorMessage, ctx| {
                process.error(message.message(), ctx);
            },
        );
    }

    /// The newer form of all these messages.
    fn receive(&mut self, from: &Upid, event: &Event, ctx: &mut Context<Self>) {
        match event.r#type() {
            event::Type::Subscribed => self.subscribed(from, event, ctx),
            event::Type::Offers => {
                let offers = &event.offers().offers;
                let pids: Vec<String> = offers.iter().map(agent_of_offer).collect();
                self.resource_offers(from, offers, &pids);
            }
            event::Type::Rescind => self.rescind_offer(from, event.rescind().offer_id()),
            event::Type::Update => {
                let status = event.update().status();
                let update = StatusUpdate {
                    framework_id: self.framework.id.clone(),
                    executor_id: status.executor_id.clone(),
                    agent_id: status.agent_id.clone(),
                    timestamp: Some(status.timestamp()),
                    uuid: status.uuid.clone(),
                    status: Some(status.clone().into()),
                    ..Default::default()
                };
                self.status_update_from(from, &update, Origin::Unacknowledged, ctx);
            }
            event::Type::Message => {
                let message = event.message();
                self.framework_message(message.executor_id(), message.agent_id(), message.data());
            }
            event::Type::Failure => self.failure(from, event),
            event::Type::Error => self.error(event.error().message(), ctx),
            event::Type::UpdateOperationStatus
            | event::Type::InverseOffers
            | event::Type::RescindInverseOffer
            | event::Type::Heartbeat => {}
            event::Type::Unknown => tracing::warn!("dropping an unknown event"),
        }
    }

    fn subscribed(&mut self, from: &Upid, event: &Event, ctx: &mut Context<Self>) {
        let Some(master) = &self.master else { return };
        let info = mesos_detector::master_info_from_pid(master);
        let framework_id = event.subscribed().framework_id();
        self.stop_registering();
        if self.framework.id().value().is_empty() || self.failover == Failover::Yes {
            self.registered(from, framework_id, &info, ctx);
        } else {
            self.reregistered(from, framework_id, &info, ctx);
        }
    }

    fn failure(&mut self, from: &Upid, event: &Event) {
        let failure = event.failure();
        match (&failure.agent_id, &failure.executor_id) {
            (Some(agent), Some(executor)) => {
                self.lost_executor(from, executor, agent, failure.status());
            }
            (Some(agent), None) => self.lost_agent(from, agent),
            (None, _) => tracing::warn!("dropping a failure without an agent"),
        }
    }

    /// Whether a message comes from the leading master while the framework is registered there.
    fn is_from_master(&self, from: &Upid) -> bool {
        self.is_running() && self.link == Link::Connected && self.master.as_ref() == Some(from)
    }

    fn may_register(&self, from: &Upid) -> bool {
        self.is_running() && self.link == Link::Disconnected && self.master.as_ref() == Some(from)
    }

    fn connected(&mut self, ctx: &mut Context<Self>) {
        self.stop_registering();
        self.link = Link::Connected;
        self.failover = Failover::No;
        if std::mem::replace(&mut self.update_due, UpdateDue::No) == UpdateDue::Yes {
            self.send_framework_update(ctx);
        }
    }

    fn registered(
        &mut self,
        from: &Upid,
        framework_id: &FrameworkId,
        master: &MasterInfo,
        ctx: &mut Context<Self>,
    ) {
        if !self.may_register(from) {
            return;
        }
        tracing::info!(framework = framework_id.value(), "framework registered");
        self.framework.id = Some(framework_id.clone());
        self.connected(ctx);
        self.scheduler
            .registered(&self.driver, framework_id, master);
    }

    fn reregistered(
        &mut self,
        from: &Upid,
        framework_id: &FrameworkId,
        master: &MasterInfo,
        ctx: &mut Context<Self>,
    ) {
        if !self.may_register(from) {
            return;
        }
        if self.framework.id() != framework_id {
            tracing::warn!(
                framework = framework_id.value(),
                "re-registered with another id"
            );
            return;
        }
        tracing::info!(framework = framework_id.value(), "framework reregistered");
        self.connected(ctx);
        self.scheduler.reregistered(&self.driver, master);
    }

    fn resource_offers(&mut self, from: &Upid, offers: &[Offer], pids: &[String]) {
        if !self.is_from_master(from) || offers.is_empty() {
            return;
        }
        for (offer, pid) in offers.iter().zip(pids) {
            if let Ok(pid) = pid.parse::<Upid>() {
                let agents = self.offered.entry(offer.id().into()).or_default();
                agents.insert(offer.agent_id().into(), pid);
            }
        }
        self.scheduler.resource_offers(&self.driver, offers);
    }

    fn rescind_offer(&mut self, from: &Upid, offer_id: &OfferId) {
        if self.is_from_master(from) {
            self.offered.remove(&ids::OfferId::from(offer_id));
            self.scheduler.offer_rescinded(&self.driver, offer_id);
        }
    }

    fn status_update_from(
        &mut self,
        from: &Upid,
        update: &StatusUpdate,
        origin: Origin,
        ctx: &mut Context<Self>,
    ) {
        if self.is_from_master(from) {
            self.status_update(update, origin, ctx);
        }
    }

    pub(super) fn status_update(
        &mut self,
        update: &StatusUpdate,
        origin: Origin,
        ctx: &mut Context<Self>,
    ) {
        if !self.is_running() {
            return;
        }
        let uuid = update.uuid.clone().filter(|uuid| !uuid.is_empty());
        let mut status = update.status().clone();
        // A status with a UUID is one that wants to be acknowledged.
        status.uuid = uuid.filter(|_| origin == Origin::Master);
        self.scheduler.status_update(&self.driver, &status);
        let acknowledges = self.acknowledgements == Acknowledgements::Implicit
            // The callback may have stopped the driver: then the update must come again.
            && self.is_running();
        if acknowledges && let Some(uuid) = status.uuid {
            let (agent, task) = (update.agent_id().clone(), status.task_id.clone());
            self.send_acknowledgement(agent, task, uuid, ctx);
        }
    }

    fn lost_agent(&mut self, from: &Upid, agent_id: &AgentId) {
        if self.is_from_master(from) {
            self.agents.remove(&ids::AgentId::from(agent_id));
            self.scheduler.agent_lost(&self.driver, agent_id);
        }
    }

    fn lost_executor(
        &mut self,
        from: &Upid,
        executor_id: &ExecutorId,
        agent_id: &AgentId,
        status: i32,
    ) {
        if self.is_from_master(from) {
            self.scheduler
                .executor_lost(&self.driver, executor_id, agent_id, status);
        }
    }

    /// Comes from the master or from the agent directly.
    fn framework_message(&mut self, executor_id: &ExecutorId, agent_id: &AgentId, data: &[u8]) {
        if self.is_running() {
            self.scheduler
                .framework_message(&self.driver, executor_id, agent_id, data);
        }
    }
}

/// The name of the agent's actor behind an offer, as its URL tells.
fn agent_of_offer(offer: &Offer) -> String {
    let url = offer.url();
    let address = url.address();
    format!(
        "{}@{}:{}",
        url.path().trim_matches('/'),
        address.ip(),
        address.port()
    )
}
