//! Operations on resources that an operator asks for.
//!
//! Mirrors `Master::Http::_operation` and its callers.

use std::cmp::Reverse;

use libprocess::http::Response;
use libprocess::{Context, Future, Outcome, Promise};
use mesos_common::authorization::Approvers;
use mesos_common::ids::{AgentId, OfferId};
use mesos_common::resources::resource_conversions;
use mesos_proto::v1;
use mesos_proto::v1::offer::operation::Type;

use super::MasterProcess;
use super::operation::consumed_by;
use crate::authorization::{first_refused, of_operation};
use crate::constants::OPERATOR_RESCIND_REFUSE_SECONDS;
use crate::resource_format::upgrade_operation;
use crate::validation;
use crate::validation::operation::Asker;

impl MasterProcess {
    /// Performs an operation on an agent's free resources; offers are taken back as needed.
    pub(crate) fn operator_operation(
        &mut self,
        agent_id: &AgentId,
        mut operation: v1::offer::Operation,
        approvers: &Approvers,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        let principal = approvers
            .principal()
            .and_then(|known| known.value.as_deref());
        if self.agents.get(agent_id).is_none() {
            return Response::bad_request("No agent found with specified ID").into();
        }
        if let Err(error) = validation::operation::pre_check(&operation) {
            return Response::bad_request(error.to_string()).into();
        }
        upgrade_operation(&mut operation);
        if let Err(text) = self.check_operator_operation(agent_id, &operation, principal) {
            return Response::bad_request(text).into();
        }
        if first_refused(approvers, of_operation(&operation)).is_some() {
            return Response::default_text(403).into();
        }
        let conversions = match resource_conversions(&operation) {
            Ok(conversions) => conversions,
            Err(error) => {
                let text = format!("Cannot get conversions: {error}");
                return Response::conflict(text).into();
            }
        };
        self.free_offered(agent_id, &operation, ctx);
        let updated = self
            .allocator
            .update_available(agent_id.clone(), conversions);
        let (promise, answer) = Promise::new();
        let agent_id = agent_id.clone();
        ctx.on_any(updated, move |master, outcome, ctx| {
            promise.set(match outcome {
                Outcome::Ready(Ok(())) => {
                    master.apply_operation(&agent_id, None, &operation, ctx);
                    Response::accepted()
                }
                Outcome::Ready(Err(error)) => Response::conflict(error.to_string()),
                Outcome::Failed(error) => Response::conflict(error),
                Outcome::Discarded | Outcome::Abandoned => Response::conflict("discarded"),
            });
        });
        answer
    }

    fn check_operator_operation(
        &self,
        agent_id: &AgentId,
        operation: &v1::offer::Operation,
        principal: Option<&str>,
    ) -> Result<(), String> {
        let Some(agent) = self.agents.get(agent_id) else {
            return Ok(());
        };
        let asker = Asker::Operator(principal);
        let kind = operation.r#type();
        let checked = match kind {
            Type::Reserve => validation::operation::reserve(operation.reserve(), asker, agent),
            Type::Unreserve => validation::operation::unreserve(operation.unreserve()),
            Type::Create => validation::operation::create(operation.create(), asker, agent),
            Type::Destroy => validation::operation::destroy(operation.destroy(), agent),
            Type::GrowVolume => validation::operation::grow_volume(operation.grow_volume(), agent),
            Type::ShrinkVolume => {
                validation::operation::shrink_volume(operation.shrink_volume(), agent)
            }
            Type::Unknown
            | Type::Launch
            | Type::LaunchGroup
            | Type::CreateDisk
            | Type::DestroyDisk => Ok(()),
        };
        checked.map_err(|error| {
            let name = kind.as_str_name();
            if matches!(kind, Type::Unreserve | Type::Destroy) {
                format!("Invalid {name} operation: {error}")
            } else {
                let agent = super::accept::describe(agent);
                format!("Invalid {name} operation on agent {agent}: {error}")
            }
        })
    }

    /// Takes back offers until they alone could carry the operation.
    ///
    /// The newest go first: a framework is about to use those that it has had for longer.
    fn free_offered(
        &mut self,
        agent_id: &AgentId,
        operation: &v1::offer::Operation,
        ctx: &Context<Self>,
    ) {
        let Some(agent) = self.agents.get(agent_id) else {
            return;
        };
        let mut required = consumed_by(operation);
        let mut offers: Vec<OfferId> = agent.offers().iter().cloned().collect();
        // The numbers in their ids have no leading zeros.
        offers.sort_by_key(|id| Reverse((id.as_str().len(), id.clone())));
        let filters = v1::Filters {
            refuse_seconds: Some(OPERATOR_RESCIND_REFUSE_SECONDS),
            ..Default::default()
        };
        for offer_id in offers {
            if required.is_empty() {
                break;
            }
            let Some(offer) = self.offers.get(&offer_id) else {
                continue;
            };
            let mut offered = offer.resources.clone();
            offered.unallocate();
            let left = &required - &offered;
            if left == required {
                continue;
            }
            required = left;
            self.rescind(&offer_id, Some(filters.clone()), ctx);
        }
    }
}
