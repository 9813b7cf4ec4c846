//! An operator keeps an agent from being offered, and lets it be offered again.
//!
//! Mirrors `Master::Http::_deactivateAgent` and `_reactivateAgent`.

use libprocess::http::Response;
use libprocess::{Context, Future, Promise};
use mesos_common::ids::AgentId;
use mesos_proto::v1::DrainState;

use super::MasterProcess;
use crate::registry::deactivate_agent::{DeactivateAgent, ReactivateAgent};
use crate::state::agent::AgentLink;

impl MasterProcess {
    /// Handles `DEACTIVATE_AGENT`.
    pub(crate) fn deactivate_agent(
        &mut self,
        agent_id: &AgentId,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if !self.agents.is_known(agent_id) {
            return Response::bad_request("Unknown agent").into();
        }
        let operation = DeactivateAgent {
            agent_id: agent_id.as_str().to_owned(),
        };
        let applied = self.registrar.apply(operation);
        let (promise, answer) = Promise::new();
        let agent_id = agent_id.clone();
        ctx.on_any(applied, move |master, outcome, ctx| {
            if let Err(broken) = master.durable(outcome, "deactivate an agent", ctx) {
                promise.set(broken.into());
                return;
            }
            master.agents.deactivate(agent_id.clone());
            if master.agents.get(&agent_id).is_some() {
                master.deactivate_agent_offers(&agent_id, ctx);
            }
            promise.set(Response::ok());
        });
        answer
    }

    /// Handles `REACTIVATE_AGENT`.
    pub(crate) fn reactivate_agent(
        &mut self,
        agent_id: &AgentId,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if !self.agents.is_deactivated(agent_id) {
            return Response::bad_request("Agent is not deactivated").into();
        }
        let draining = self
            .agents
            .drain_info(agent_id)
            .is_some_and(|info| info.state() == DrainState::Draining);
        if draining {
            return Response::bad_request("Agent is still in the DRAINING state").into();
        }
        let operation = ReactivateAgent {
            agent_id: agent_id.as_str().to_owned(),
        };
        let applied = self.registrar.apply(operation);
        let (promise, answer) = Promise::new();
        let agent_id = agent_id.clone();
        ctx.on_any(applied, move |master, outcome, ctx| {
            let stored = master.durable(outcome, "reactivate an agent", ctx);
            promise.set(match stored {
                Ok(_) => master.on_reactivated(&agent_id),
                Err(broken) => broken.into(),
            });
        });
        answer
    }

    // Continues `reactivate_agent`: the registry has it.
    fn on_reactivated(&mut self, agent_id: &AgentId) -> Response {
        self.agents.forget_plans(agent_id);
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return Response::conflict("Agent removed while processing the call");
        };
        agent.set_drain_start(None);
        if agent.is_connected() {
            agent.set_link(AgentLink::Active);
            self.allocator.activate_agent(agent_id.clone());
        }
        Response::ok()
    }
}
