//! The allocator's decisions become offers.
//!
//! Mirrors `Master::offer` of `src/master/master.cpp`.

use std::sync::Arc;

use libprocess::Context;
use mesos_allocator::{Offer as Allocation, Ownership};
use mesos_common::ids::FrameworkId;
use mesos_proto::v1;
use mesos_proto::v1::framework_info::capability::Type as Capability;

use super::MasterProcess;
use crate::framework_message::FrameworkMessage;
use crate::resource_format::downgrade;
use crate::state::agent::Agent;
use crate::state::offers::Offer;

/// A resource of the port mapping isolator that frameworks never see.
const EPHEMERAL_PORTS: &str = "ephemeral_ports";

impl MasterProcess {
    /// The allocator gives resources to a framework.
    pub(super) fn on_offers(
        &mut self,
        framework_id: &FrameworkId,
        allocations: Vec<Allocation>,
        ctx: &mut Context<Self>,
    ) {
        let ready = self
            .frameworks
            .get(framework_id)
            .is_some_and(|framework| framework.is_connected() && framework.is_active());
        let mut offers = Vec::with_capacity(allocations.len());
        let mut pids = Vec::with_capacity(allocations.len());
        for allocation in allocations {
            let agent = self
                .agents
                .get(&allocation.agent_id)
                .filter(|agent| ready && agent.is_active())
                .map(Arc::clone);
            let Some(agent) = agent else {
                self.give_back(framework_id, allocation, None);
                continue;
            };
            if self.has_too_many_executors(&agent) {
                tracing::warn!(agent_id = %agent.id(), "returning resources: too many executors");
                let for_a_while = v1::Filters::default();
                self.give_back(framework_id, allocation, Some(for_a_while));
                continue;
            }
            let message = self.add_offer(framework_id, &agent, allocation, ctx);
            pids.push(agent.pid().to_string());
            offers.push(self.offer_for(framework_id, &message));
        }
        if offers.is_empty() {
            return;
        }
        if let Some(framework) = self.frameworks.get(framework_id) {
            framework
                .metrics()
                .offers_sent(u64::try_from(offers.len()).unwrap_or(u64::MAX));
        }
        let message = FrameworkMessage::Offers { offers, pids };
        self.send_to_framework(framework_id, message, ctx);
    }

    /// Whether an agent has as many executors as `--max_executors_per_agent` allows.
    fn has_too_many_executors(&self, agent: &Agent) -> bool {
        let count = || -> usize { agent.executors().values().map(|of_one| of_one.len()).sum() };
        self.flags
            .max_executors_per_agent
            .is_some_and(|limit| limit <= count())
    }

    fn give_back(
        &self,
        framework_id: &FrameworkId,
        allocation: Allocation,
        filters: Option<v1::Filters>,
    ) {
        tracing::info!(
            %framework_id,
            agent_id = %allocation.agent_id,
            "returning resources: the framework or the agent cannot be offered now"
        );
        self.allocator.recover_resources(
            framework_id.clone(),
            allocation.agent_id,
            allocation.resources,
            filters,
            Ownership::Offered,
        );
    }

    fn add_offer(
        &mut self,
        framework_id: &FrameworkId,
        agent: &Agent,
        allocation: Allocation,
        ctx: &Context<Self>,
    ) -> Arc<v1::Offer> {
        let id = self.ids.offer();
        let mut message = v1::Offer {
            id: Some(id.to_proto()),
            framework_id: Some(framework_id.to_proto()),
            agent_id: Some(agent.id().to_proto()),
            hostname: Some(agent.info().hostname().to_owned()),
            url: Some(agent_url(agent).into()),
            resources: allocation.resources.to_proto(),
            attributes: agent.info().attributes.clone(),
            domain: agent.info().domain.clone(),
            ..Default::default()
        };
        message.allocation_info = Some(v1::resource::AllocationInfo {
            role: Some(allocation.role.to_string()),
            ..Default::default()
        });
        if let Some(executors) = agent.executors().get(framework_id) {
            message.executor_ids = executors.keys().map(|id| id.to_proto()).collect();
        }
        let unavailability = self
            .machines
            .get(agent.machine())
            .and_then(|machine| machine.unavailability());
        message.unavailability = unavailability.cloned().map(Into::into);
        let message = Arc::new(message);
        let timer = self.flags.offer_timeout.map(|timeout| {
            let id = id.clone();
            ctx.delay(timeout, move |master, ctx| master.rescind(&id, None, ctx))
        });
        if let Some(framework) = self.frameworks.get_mut(framework_id) {
            framework.add_offer(id.clone(), agent.id(), &allocation.resources);
        }
        if let Some(agent) = self.agents.get_mut(agent.id()) {
            agent.add_offer(id.clone(), &allocation.resources);
        }
        let offer = Offer {
            id,
            framework_id: framework_id.clone(),
            agent_id: agent.id().clone(),
            role: allocation.role,
            resources: allocation.resources,
            message: Arc::clone(&message),
        };
        self.offers.add(Arc::new(offer), timer);
        message
    }

    /// The offer as the framework understands it.
    fn offer_for(&self, framework_id: &FrameworkId, offer: &v1::Offer) -> v1::Offer {
        let mut offer = offer.clone();
        offer
            .resources
            .retain(|resource| resource.name() != EPHEMERAL_PORTS);
        let Some(framework) = self.frameworks.get(framework_id) else {
            return offer;
        };
        if !framework.has(Capability::MultiRole) {
            offer.allocation_info = None;
            for resource in &mut offer.resources {
                resource.allocation_info = None;
            }
        }
        if !framework.has(Capability::ReservationRefinement) {
            downgrade(&mut offer.resources);
        }
        offer
    }
}

/// Where an agent's API is.
#[must_use]
pub(super) fn agent_url(agent: &Agent) -> v1::Url {
    let address = agent.pid().address;
    v1::Url {
        scheme: Some("http".to_owned()),
        address: Some(v1::Address {
            hostname: Some(agent.info().hostname().to_owned()),
            ip: Some(address.ip.to_string()),
            port: Some(i32::from(address.port)),
            ..Default::default()
        }),
        path: Some(format!("/{}", agent.pid().id)),
        ..Default::default()
    }
}
