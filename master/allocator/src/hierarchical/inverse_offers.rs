//! Asking frameworks to leave agents that will be maintained.

use std::collections::BTreeMap;

use mesos_common::ids::{AgentId, FrameworkId};
use mesos_proto::v1;
use mesos_proto::v1::allocator::inverse_offer_status::Status;

use super::frameworks::FrameworkKey;
use super::state::State;
use crate::amounts::AgentKey;
use crate::event::{Activity, Command, InverseOffer};

/// Makes inverse offers for the agents among the candidates that will be maintained.
///
/// Deactivated agents and those outside the whitelist are asked about too.
pub(crate) fn generate_inverse_offers(state: &mut State, candidates: &[AgentKey]) -> Vec<Command> {
    let mut batches: BTreeMap<FrameworkId, Vec<InverseOffer>> = BTreeMap::new();
    for agent in candidates {
        for framework in wanted(state, *agent) {
            let framework_id = state.framework(framework).id.clone();
            let agent = state.agent_mut(*agent);
            let Some(maintenance) = agent.maintenance.as_mut() else {
                continue;
            };
            maintenance.outstanding.insert(framework_id.clone());
            batches.entry(framework_id).or_default().push(InverseOffer {
                agent_id: agent.id.clone(),
                unavailability: maintenance.unavailability.clone(),
            });
        }
    }
    let command = |(framework_id, offers)| Command::InverseOffers {
        framework_id,
        offers,
    };
    batches.into_iter().map(command).collect()
}

/// The frameworks that hold something on an agent to be maintained and were not asked yet.
fn wanted(state: &State, agent: AgentKey) -> Vec<FrameworkKey> {
    let Some(entry) = state.agents.get(agent) else {
        return Vec::new();
    };
    let Some(maintenance) = &entry.maintenance else {
        return Vec::new();
    };
    let is_wanted = |framework_id: &FrameworkId| {
        let key = state.frameworks.find(framework_id)?;
        let framework = state.frameworks.get(key)?;
        let filters = framework.inverse_filters.get(&agent);
        let filtered =
            filters.is_some_and(|filters| filters.iter().any(|one| one.until > state.now));
        let open = framework.activity == Activity::Active
            && !maintenance.outstanding.contains(framework_id)
            && !filtered;
        open.then_some(key)
    };
    entry
        .held()
        .filter_map(|(framework_id, _)| is_wanted(framework_id))
        .collect()
}

impl State {
    /// Takes an answer to an inverse offer, or takes the offer back.
    pub(super) fn update_inverse_offer(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        status: Option<v1::allocator::InverseOfferStatus>,
        filters: Option<&v1::Filters>,
    ) {
        let keys = (self.frameworks.find(framework), self.agents.find(agent));
        let (Some(framework_key), Some(agent_key)) = keys else {
            return;
        };
        let Some(maintenance) = self.agent_mut(agent_key).maintenance.as_mut() else {
            return;
        };
        if maintenance.outstanding.remove(framework)
            && let Some(status) = status
            && status.status() != Status::Unknown
        {
            maintenance.statuses.insert(framework.clone(), status);
        }
        if let Some(filters) = filters {
            self.refuse_inverse(framework_key, agent_key, filters);
        }
    }
}
