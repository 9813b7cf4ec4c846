//! Taking offers back.
//!
//! Mirrors `Master::rescindOffer`, `discardOffer` and their inverse twins.

use std::collections::BTreeSet;
use std::sync::Arc;

use libprocess::Context;
use mesos_allocator::Ownership;
use mesos_common::ids::{FrameworkId, OfferId};
use mesos_proto::v1;

use super::MasterProcess;
use crate::framework_message::FrameworkMessage;
use crate::state::offers::{InverseOffer, Offer};

impl MasterProcess {
    /// Takes an offer back and tells its framework.
    pub(super) fn rescind(
        &mut self,
        offer_id: &OfferId,
        filters: Option<v1::Filters>,
        ctx: &Context<Self>,
    ) {
        let Some(offer) = self.remove_offer(offer_id) else {
            return;
        };
        if let Some(framework) = self.frameworks.get(&offer.framework_id) {
            framework.metrics().offers_rescinded(1);
        }
        let message = FrameworkMessage::Rescind(offer_id.clone());
        self.send_to_framework(&offer.framework_id, message, ctx);
        self.return_offered(&offer, filters);
    }

    /// Takes an offer back silently.
    pub(super) fn discard(&mut self, offer_id: &OfferId, filters: Option<v1::Filters>) {
        if let Some(offer) = self.remove_offer(offer_id) {
            self.return_offered(&offer, filters);
        }
    }

    fn return_offered(&self, offer: &Offer, filters: Option<v1::Filters>) {
        self.allocator.recover_resources(
            offer.framework_id.clone(),
            offer.agent_id.clone(),
            offer.resources.clone(),
            filters,
            Ownership::Offered,
        );
    }

    /// Forgets an offer; its resources are the caller's business.
    pub(super) fn remove_offer(&mut self, offer_id: &OfferId) -> Option<Arc<Offer>> {
        let offer = self.offers.remove(offer_id)?;
        if let Some(framework) = self.frameworks.get_mut(&offer.framework_id) {
            framework.remove_offer(offer_id, &offer.agent_id, &offer.resources);
        }
        if let Some(agent) = self.agents.get_mut(&offer.agent_id) {
            agent.remove_offer(offer_id, &offer.resources);
        }
        Some(offer)
    }

    /// Takes all offers and inverse offers of a framework back and tells it.
    pub(super) fn rescind_all_offers(&mut self, id: &FrameworkId, ctx: &Context<Self>) {
        let Some(framework) = self.frameworks.get(id).map(Arc::clone) else {
            return;
        };
        for offer_id in framework.offers() {
            self.rescind(offer_id, None, ctx);
        }
        for offer_id in framework.inverse_offers() {
            self.rescind_inverse(offer_id, ctx);
        }
    }

    /// Takes all offers and inverse offers of a framework back silently.
    pub(super) fn discard_all_offers(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id).map(Arc::clone) else {
            return;
        };
        for offer_id in framework.offers() {
            self.discard(offer_id, None);
        }
        for offer_id in framework.inverse_offers() {
            if let Some(offer) = self.remove_inverse(offer_id) {
                self.allocator.update_inverse_offer(
                    offer.agent_id.clone(),
                    offer.framework_id.clone(),
                    None,
                    None,
                );
            }
        }
    }

    /// Takes back a framework's offers of roles that it leaves.
    pub(super) fn rescind_offers_of_other_roles(
        &mut self,
        id: &FrameworkId,
        roles: &BTreeSet<String>,
        ctx: &Context<Self>,
    ) {
        let Some(framework) = self.frameworks.get(id).map(Arc::clone) else {
            return;
        };
        for offer_id in framework.offers() {
            let left = self
                .offers
                .get(offer_id)
                .is_some_and(|offer| !roles.contains(offer.role.as_ref()));
            if left {
                self.rescind(offer_id, None, ctx);
            }
        }
    }

    /// Takes an inverse offer back and tells its framework.
    pub(super) fn rescind_inverse(&mut self, offer_id: &OfferId, ctx: &Context<Self>) {
        let Some(offer) = self.remove_inverse(offer_id) else {
            return;
        };
        self.allocator.update_inverse_offer(
            offer.agent_id.clone(),
            offer.framework_id.clone(),
            None,
            None,
        );
        let message = FrameworkMessage::RescindInverse(offer_id.clone());
        self.send_to_framework(&offer.framework_id, message, ctx);
    }

    /// Forgets an inverse offer.
    pub(super) fn remove_inverse(&mut self, offer_id: &OfferId) -> Option<Arc<InverseOffer>> {
        let offer = self.offers.remove_inverse(offer_id)?;
        if let Some(framework) = self.frameworks.get_mut(&offer.framework_id) {
            framework.remove_inverse_offer(offer_id);
        }
        if let Some(agent) = self.agents.get_mut(&offer.agent_id) {
            agent.remove_inverse_offer(offer_id);
        }
        Some(offer)
    }
}
