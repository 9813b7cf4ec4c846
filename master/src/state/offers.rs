//! Outstanding offers and inverse offers.

use std::collections::HashMap;
use std::sync::Arc;

use libprocess::Timer;
use mesos_common::ids::{AgentId, FrameworkId, OfferId};
use mesos_common::resources::Resources;
use mesos_proto::v1;

/// Resources that a framework may use for now.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// To whom it goes.
    pub framework_id: FrameworkId,
    /// Whose resources they are.
    pub agent_id: AgentId,
    /// The role they are allocated to.
    pub role: Arc<str>,
    /// What is offered, with the allocation role.
    pub resources: Resources,
    /// The whole message, in the newest format.
    pub message: Arc<v1::Offer>,
}

/// A request to leave an agent before it becomes unavailable.
#[derive(Clone, Debug)]
pub struct InverseOffer {
    /// Its id.
    pub id: OfferId,
    /// To whom it goes.
    pub framework_id: FrameworkId,
    /// The agent to leave.
    pub agent_id: AgentId,
    /// The whole message.
    pub message: Arc<v1::InverseOffer>,
}

/// All outstanding offers.
#[derive(Debug, Default)]
pub struct Offers {
    offers: HashMap<OfferId, Arc<Offer>>,
    inverse: HashMap<OfferId, Arc<InverseOffer>>,
    timers: HashMap<OfferId, Timer>,
}

impl Offers {
    /// An offer.
    #[must_use]
    pub fn get(&self, id: &OfferId) -> Option<&Arc<Offer>> {
        self.offers.get(id)
    }

    /// How many offers are outstanding.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offers.len()
    }

    /// Whether none is outstanding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// The ids of all offers.
    #[must_use]
    pub fn ids(&self) -> Vec<OfferId> {
        let mut ids: Vec<OfferId> = self.offers.keys().cloned().collect();
        ids.sort();
        ids
    }

    /// Adds an offer and what will take it back.
    pub fn add(&mut self, offer: Arc<Offer>, timer: Option<Timer>) {
        if let Some(timer) = timer {
            self.timers.insert(offer.id.clone(), timer);
        }
        self.offers.insert(offer.id.clone(), offer);
    }

    /// Takes an offer out.
    pub fn remove(&mut self, id: &OfferId) -> Option<Arc<Offer>> {
        if let Some(timer) = self.timers.remove(id) {
            timer.cancel();
        }
        self.offers.remove(id)
    }

    /// An inverse offer.
    #[must_use]
    pub fn inverse(&self, id: &OfferId) -> Option<&Arc<InverseOffer>> {
        self.inverse.get(id)
    }

    /// Adds an inverse offer and what will take it back.
    pub fn add_inverse(&mut self, offer: Arc<InverseOffer>, timer: Option<Timer>) {
        if let Some(timer) = timer {
            self.timers.insert(offer.id.clone(), timer);
        }
        self.inverse.insert(offer.id.clone(), offer);
    }

    /// Takes an inverse offer out.
    pub fn remove_inverse(&mut self, id: &OfferId) -> Option<Arc<InverseOffer>> {
        if let Some(timer) = self.timers.remove(id) {
            timer.cancel();
        }
        self.inverse.remove(id)
    }
}
