//! `RESERVE`, `UNRESERVE`, `CREATE`, `DESTROY`: the master counts on their success.

use libprocess::Context;
use mesos_common::ids::OfferId;
use mesos_common::resources::{Resources, resource_conversions};
use mesos_proto::v1;
use mesos_proto::v1::offer::operation::Type;

use super::{Acceptance, MasterProcess};
use crate::validation;

impl MasterProcess {
    pub(super) fn perform_speculative(
        &mut self,
        acceptance: &mut Acceptance,
        operation: &v1::offer::Operation,
        ctx: &Context<Self>,
    ) {
        let framework_id = acceptance.framework_id.clone();
        let checked = self
            .check_speculative(acceptance, operation)
            .and_then(|()| self.authorize_operation(&framework_id, operation));
        if let Err(text) = checked {
            self.drop_operation(&framework_id, operation, &text, ctx);
            return;
        }
        if operation.r#type() == Type::Destroy {
            let volumes = Resources::from_proto(&operation.destroy().volumes);
            self.rescind_offers_of_volumes(acceptance, &volumes, ctx);
        }
        let conversions = match resource_conversions(operation) {
            Ok(conversions) => conversions,
            Err(error) => {
                self.drop_operation(&framework_id, operation, &error.to_string(), ctx);
                return;
            }
        };
        match acceptance.remaining.apply_all(&conversions) {
            Ok(remaining) => acceptance.remaining = remaining,
            Err(error) => {
                self.drop_operation(&framework_id, operation, &error.to_string(), ctx);
                return;
            }
        }
        if matches!(operation.r#type(), Type::Create | Type::Destroy) {
            acceptance.shared_left = acceptance.remaining.shared();
        }
        self.apply_operation(&acceptance.agent_id, Some(&framework_id), operation, ctx);
        acceptance.conversions.extend(conversions);
    }

    fn check_speculative(
        &self,
        acceptance: &Acceptance,
        operation: &v1::offer::Operation,
    ) -> Result<(), String> {
        let framework = self.frameworks.get(&acceptance.framework_id);
        let agent = self.agents.get(&acceptance.agent_id);
        let (Some(framework), Some(agent)) = (framework, agent) else {
            return Err("Agent removed".to_owned());
        };
        let asker = validation::operation::Asker::Framework(framework);
        let checked = match operation.r#type() {
            Type::Reserve => validation::operation::reserve(operation.reserve(), asker, agent),
            Type::Unreserve => validation::operation::unreserve(operation.unreserve()),
            Type::Create => validation::operation::create(operation.create(), asker, agent),
            Type::Destroy => validation::operation::destroy(operation.destroy(), agent),
            Type::Unknown
            | Type::Launch
            | Type::LaunchGroup
            | Type::GrowVolume
            | Type::ShrinkVolume
            | Type::CreateDisk
            | Type::DestroyDisk => Ok(()),
        };
        checked.map_err(|error| format!("{error}; on agent {}", describe(agent)))
    }

    /// Takes back other frameworks' offers of volumes that are being destroyed.
    fn rescind_offers_of_volumes(
        &mut self,
        acceptance: &Acceptance,
        volumes: &Resources,
        ctx: &Context<Self>,
    ) {
        let Some(agent) = self.agents.get(&acceptance.agent_id) else {
            return;
        };
        let mut wanted = volumes.clone();
        wanted.unallocate();
        let touched: Vec<OfferId> = agent
            .offers()
            .iter()
            .filter(|id| {
                self.offers.get(id).is_some_and(|offer| {
                    let mut offered = offer.resources.clone();
                    offered.unallocate();
                    wanted
                        .iter()
                        .any(|volume| offered.contains_resource(volume))
                })
            })
            .cloned()
            .collect();
        for offer_id in touched {
            self.rescind(&offer_id, None, ctx);
        }
    }
}

/// An agent as texts name it: id, address and host name.
#[must_use]
pub(crate) fn describe(agent: &crate::state::agent::Agent) -> String {
    format!(
        "{} at {} ({})",
        agent.id(),
        agent.pid(),
        agent.info().hostname()
    )
}
