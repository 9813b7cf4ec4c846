//! `/slaves`, and agents as the APIs show them.

use std::sync::Arc;

use libprocess::http::{Request, Response};
use mesos_common::authorization::Approvers;
use mesos_common::resources::Resources;
use mesos_common::wire;
use mesos_proto::v1;
use mesos_proto::v1::master::response::get_agents;
use mesos_proto_codec::Dialect;
use mesos_proto_codec::json::JsonWriter;

use super::authorize::{may_see_role, seen};
use super::model;
use super::shared::Render;
use crate::master::{MasterProcess, time_info};
use crate::resource_format::to_endpoint;
use crate::state::agent::Agent;
use crate::state::agents::AgentsView;

/// Resources with both spellings of reservations.
pub(crate) fn endpoint(resources: &Resources) -> Vec<v1::Resource> {
    let mut list = resources.to_proto();
    to_endpoint(&mut list);
    list
}

/// What an agent says of itself, without reservations for roles that the reader may not see.
pub(crate) fn seen_info(info: &v1::AgentInfo, approvers: &Approvers) -> v1::AgentInfo {
    let mut info = info.clone();
    info.resources = seen(approvers, info.resources);
    info
}

/// An agent as the operator API shows it.
#[must_use]
#[expect(
    clippy::fn_params_excessive_bools,
    reason = "a member of the message as it is"
)]
pub(crate) fn model(
    agent: &Agent,
    drain_info: Option<&v1::DrainInfo>,
    deactivated: bool,
    approvers: &Approvers,
) -> get_agents::Agent {
    let shown = |resources: &Resources| {
        let mut shown = seen(approvers, resources.to_proto());
        to_endpoint(&mut shown);
        shown
    };
    let used = agent.used_sum();
    get_agents::Agent {
        agent_info: Some(seen_info(agent.info(), approvers).into()),
        active: Some(agent.is_active()),
        deactivated: Some(deactivated),
        version: Some(agent.version().to_owned()),
        pid: Some(agent.pid().to_string()),
        registered_time: Some(time_info(agent.registered_time())),
        reregistered_time: agent.reregistered_time().map(time_info),
        drain_info: drain_info.cloned().map(Into::into),
        estimated_drain_start_time: drain_info.and_then(|_| agent.drain_start()).map(time_info),
        total_resources: shown(agent.total()),
        allocated_resources: shown(&used),
        offered_resources: shown(agent.offered()),
        capabilities: agent.capabilities().to_vec(),
        resource_providers: agent
            .providers()
            .values()
            .map(|provider| get_agents::agent::ResourceProvider {
                resource_provider_info: Some(provider.info.clone().into()),
                total_resources: provider.total.to_proto(),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

/// The members of an agent's description.
fn info(w: &mut JsonWriter, info: &v1::AgentInfo) {
    w.field("id", info.id().value());
    w.field("hostname", info.hostname());
    w.field("port", &info.port());
    w.field_with("attributes", |w| model::attributes(w, &info.attributes));
    if info.domain.is_some() {
        w.field_with("domain", |w| model::domain(w, info.domain()));
    }
}

/// The members of a registered agent that every document has.
pub(crate) fn members(w: &mut JsonWriter, agent: &Agent, view: &AgentsView) {
    let total = agent.total();
    info(w, agent.info());
    w.field("pid", &agent.pid().to_string());
    w.field("registered_time", &agent.registered_time().as_secs_f64());
    if let Some(time) = agent.reregistered_time() {
        w.field("reregistered_time", &time.as_secs_f64());
    }
    w.field_with("resources", |w| model::resources(w, total));
    w.field_with("used_resources", |w| model::resources(w, &agent.used_sum()));
    w.field_with("offered_resources", |w| {
        model::resources(w, agent.offered());
    });
    w.field_with("reserved_resources", |w| {
        w.object(|w| {
            for (role, reserved) in seen_reservations(total, view) {
                w.field_with(&role, |w| model::resources(w, &reserved));
            }
        });
    });
    w.field_with("unreserved_resources", |w| {
        model::resources(w, &total.unreserved());
    });
    w.field("active", &agent.is_active());
    w.field("deactivated", &view.deactivated.contains(agent.id()));
    w.field("version", agent.version());
    w.field_with("capabilities", |w| {
        w.array(|w| {
            for capability in agent.capabilities() {
                w.value(capability.r#type().as_str_name());
            }
        });
    });
    if let Some(drain) = view.draining.get(agent.id()) {
        w.field("drain_info", drain);
        if let Some(start) = agent.drain_start() {
            w.field("estimated_drain_start_time_seconds", &start.as_secs_f64());
        }
    }
}

/// What is reserved, by the roles that the reader may see.
fn seen_reservations(total: &Resources, view: &AgentsView) -> Vec<(String, Resources)> {
    let reservations = total.reservations().into_iter();
    reservations
        .map(|(role, reserved)| (role.to_string(), reserved))
        .filter(|(role, _)| may_see_role(&view.approvers, role))
        .collect()
}

fn list(w: &mut JsonWriter, resources: &Resources, view: &AgentsView) {
    let mut shown = seen(&view.approvers, resources.to_proto());
    to_endpoint(&mut shown);
    w.array(|w| shown.iter().for_each(|one| w.message(one)));
}

/// A registered agent as `/slaves` shows it.
fn full(w: &mut JsonWriter, agent: &Agent, view: &AgentsView) {
    w.object(|w| {
        members(w, agent, view);
        w.field_with("reserved_resources_full", |w| {
            w.object(|w| {
                for (role, reserved) in seen_reservations(agent.total(), view) {
                    w.field_with(&role, |w| list(w, &reserved, view));
                }
            });
        });
        w.field_with("unreserved_resources_full", |w| {
            list(w, &agent.total().unreserved(), view);
        });
        w.field_with("used_resources_full", |w| list(w, &agent.used_sum(), view));
        w.field_with("offered_resources_full", |w| list(w, agent.offered(), view));
    });
}

/// The list of agents that did not come back yet.
pub(crate) fn recovered(w: &mut JsonWriter, view: &AgentsView, wanted: Option<&str>) {
    w.array(|w| {
        for agent in &view.recovered {
            if wanted.is_none_or(|id| agent.id().value() == id) {
                w.object(|w| info(w, agent));
            }
        }
    });
}

impl MasterProcess {
    /// Answers `/slaves`.
    #[expect(clippy::excessive_nesting, reason = "the nesting is the document's")]
    pub(crate) fn agents(&self, request: &Request) -> Render {
        let view = self.agents_view(&self.approvers(request.principal.as_ref()));
        let wanted = request.query.get(wire::AGENT_ID).map(str::to_owned);
        let jsonp = super::jsonp(request);
        Box::new(move || {
            let mut w = JsonWriter::new(Dialect::V0);
            w.object(|w| {
                w.field_with(wire::AGENTS, |w| {
                    w.array(|w| {
                        for agent in &view.registered {
                            if accepts(wanted.as_deref(), agent) {
                                full(w, agent, &view);
                            }
                        }
                    });
                });
                w.field_with(wire::RECOVERED_AGENTS, |w| {
                    recovered(w, &view, wanted.as_deref());
                });
            });
            Response::ok_json(w.into_vec(), jsonp.as_deref())
        })
    }
}

fn accepts(wanted: Option<&str>, agent: &Arc<Agent>) -> bool {
    wanted.is_none_or(|id| agent.id().as_str() == id)
}
