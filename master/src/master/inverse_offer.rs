//! Asking frameworks to leave agents before maintenance.
//!
//! Mirrors `Master::inverseOffer`, `acceptInverseOffers` and `declineInverseOffers`.

use std::sync::Arc;

use libprocess::Context;
use mesos_allocator::InverseOffer as Request;
use mesos_common::ids::{FrameworkId, OfferId};
use mesos_proto::v1;
use mesos_proto::v1::allocator::{InverseOfferStatus, inverse_offer_status::Status};

use super::MasterProcess;
use super::offer::agent_url;
use super::send::time_info;
use crate::framework_message::FrameworkMessage;
use crate::state::offers::InverseOffer;

impl MasterProcess {
    /// The allocator asks a framework to leave agents.
    pub(super) fn on_inverse_offers(
        &mut self,
        framework_id: &FrameworkId,
        requests: Vec<Request>,
        ctx: &mut Context<Self>,
    ) {
        let ready = self
            .frameworks
            .get(framework_id)
            .is_some_and(|framework| framework.is_connected() && framework.is_active());
        let mut offers = Vec::new();
        let mut pids = Vec::new();
        for request in requests {
            let agent = self.agents.get(&request.agent_id).map(Arc::clone);
            let planned = |agent: &crate::state::agent::Agent| {
                self.machines
                    .get(agent.machine())
                    .is_some_and(|machine| machine.unavailability().is_some())
            };
            let Some(agent) = agent.filter(|agent| ready && agent.is_active() && planned(agent))
            else {
                // Unlike in C++ the allocator is told, so that it asks again.
                self.allocator.update_inverse_offer(
                    request.agent_id,
                    framework_id.clone(),
                    None,
                    None,
                );
                continue;
            };
            let id = self.ids.offer();
            let message = v1::InverseOffer {
                id: Some(id.to_proto()),
                framework_id: Some(framework_id.to_proto()),
                agent_id: Some(agent.id().to_proto()),
                url: Some(agent_url(&agent).into()),
                unavailability: Some(request.unavailability.into()),
                ..Default::default()
            };
            self.add_inverse_offer(framework_id, &agent, id, &message, ctx);
            offers.push(message);
            pids.push(agent.pid().to_string());
        }
        if !offers.is_empty() {
            let message = FrameworkMessage::InverseOffers { offers, pids };
            self.send_to_framework(framework_id, message, ctx);
        }
    }

    fn add_inverse_offer(
        &mut self,
        framework_id: &FrameworkId,
        agent: &crate::state::agent::Agent,
        id: OfferId,
        message: &v1::InverseOffer,
        ctx: &Context<Self>,
    ) {
        let timer = self.flags.offer_timeout.map(|timeout| {
            let id = id.clone();
            ctx.delay(timeout, move |master, ctx| master.rescind_inverse(&id, ctx))
        });
        if let Some(framework) = self.frameworks.get_mut(framework_id) {
            framework.add_inverse_offer(id.clone());
        }
        if let Some(agent) = self.agents.get_mut(agent.id()) {
            agent.add_inverse_offer(id.clone());
        }
        let offer = InverseOffer {
            id,
            framework_id: framework_id.clone(),
            agent_id: agent.id().clone(),
            message: Arc::new(message.clone()),
        };
        self.offers.add_inverse(Arc::new(offer), timer);
    }

    /// Notes what a framework answered to inverse offers of its own.
    pub(crate) fn answer_inverse_offers(
        &mut self,
        framework_id: &FrameworkId,
        offer_ids: &[v1::OfferId],
        filters: Option<&v1::Filters>,
        answer: Status,
        ctx: &Context<Self>,
    ) {
        for id in offer_ids {
            let offer_id = OfferId::from(id);
            let ours = self
                .offers
                .inverse(&offer_id)
                .is_some_and(|offer| &offer.framework_id == framework_id);
            if !ours {
                tracing::warn!(%framework_id, %offer_id, "ignoring a void inverse offer");
                continue;
            }
            let Some(offer) = self.remove_inverse(&offer_id) else {
                continue;
            };
            let status = InverseOfferStatus {
                status: Some(answer.into()),
                framework_id: Some(framework_id.to_proto()),
                timestamp: Some(time_info(ctx.now())),
                ..Default::default()
            };
            self.allocator.update_inverse_offer(
                offer.agent_id.clone(),
                framework_id.clone(),
                Some(status),
                Some(filters.cloned().unwrap_or_default()),
            );
        }
    }
}
