//! Draining an agent: no offers, no tasks, and perhaps gone at the end.
//!
//! Mirrors `Master::Http::_drainAgent` and `Master::checkAndTransitionDrainingAgent`.

use libprocess::http::Response;
use libprocess::{Context, Future, Outcome, Promise};
use mesos_common::ids::AgentId;
use mesos_proto::internal::DrainAgentMessage as DrainMessage;
use mesos_proto::v1;
use mesos_proto::v1::DrainState;
use mesos_proto::v1::agent_info::capability::Type as Capability;

use super::MasterProcess;
use crate::registrar::{Applied, RegistrarError};
use crate::registry::drain_agent::{DrainAgent, MarkAgentDrained};
use crate::state::agents::Transition;

/// How an operator wants an agent drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DrainPlan {
    /// The longest grace that tasks get; in nanoseconds, negative ones are accepted.
    pub(crate) max_grace_ns: Option<i64>,
    /// What becomes of the agent.
    pub(crate) afterwards: Afterwards,
}

/// What becomes of a drained agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It stays deactivated.
    Keep,
    /// It is marked gone.
    MarkGone,
}

impl DrainPlan {
    fn config(self) -> v1::DrainConfig {
        v1::DrainConfig {
            max_grace_period: self.max_grace_ns.map(|nanoseconds| v1::DurationInfo {
                nanoseconds: Some(nanoseconds),
                ..Default::default()
            }),
            mark_gone: Some(self.afterwards == Afterwards::MarkGone),
            ..Default::default()
        }
    }
}

impl MasterProcess {
    /// Handles `DRAIN_AGENT`.
    pub(crate) fn drain_agent(
        &mut self,
        agent_id: &AgentId,
        plan: DrainPlan,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Some(agent) = self.agents.get(agent_id) {
            let key = agent.machine();
            let scheduled = self
                .schedules
                .iter()
                .flat_map(|schedule| &schedule.windows)
                .flat_map(|window| &window.machine_ids)
                .find(|id| &crate::state::machines::MachineKey::from(*id) == key);
            if let Some(machine) = scheduled {
                return Response::bad_request(format!(
                    "Agent {agent_id} is part of a maintenance schedule under Machine {} ({})",
                    machine.hostname(),
                    machine.ip()
                ))
                .into();
            }
            if !agent.has(Capability::AgentDraining) {
                let text = format!("Agent {agent_id} is not capable of draining");
                return Response::bad_request(text).into();
            }
        }
        if !self.agents.is_known(agent_id) {
            return Response::bad_request("Unknown agent").into();
        }
        if self.agents.is(agent_id, Transition::MarkingGone) {
            return Response::conflict("Agent is currently being marked gone").into();
        }
        let config = plan.config();
        let operation = DrainAgent {
            agent_id: agent_id.as_str().to_owned(),
            config: config.clone(),
        };
        let applied = self.registrar.apply(operation);
        let (promise, answer) = Promise::new();
        let agent_id = agent_id.clone();
        ctx.on_any(applied, move |master, outcome, ctx| {
            let stored = master.durable(outcome, "drain an agent", ctx);
            let done = stored.map(|_| master.on_drain_stored(&agent_id, config, ctx));
            promise.set(done.map_or_else(Response::from, |()| Response::ok()));
        });
        answer
    }

    // Continues `drain_agent`: the registry has the plan.
    fn on_drain_stored(
        &mut self,
        agent_id: &AgentId,
        config: v1::DrainConfig,
        ctx: &mut Context<Self>,
    ) {
        let info = v1::DrainInfo {
            state: Some(DrainState::Draining.into()),
            config: Some(config.clone()),
            ..Default::default()
        };
        self.agents.set_drain_info(agent_id.clone(), info);
        self.agents.deactivate(agent_id.clone());
        if self.agents.get(agent_id).is_none() {
            return;
        }
        self.deactivate_agent_offers(agent_id, ctx);
        let message = DrainMessage {
            config: Some(config),
            ..Default::default()
        };
        self.send_to_agent(agent_id, &message, ctx);
        let now = ctx.now();
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.set_drain_start(Some(now));
        }
        self.check_drained(agent_id, ctx);
    }

    /// Ends draining once nothing is left to run.
    pub(super) fn check_drained(&mut self, agent_id: &AgentId, ctx: &mut Context<Self>) {
        let Some(info) = self.agents.drain_info(agent_id) else {
            return;
        };
        if info.state() != DrainState::Draining {
            return;
        }
        let mark_gone = info.config().mark_gone();
        let Some(agent) = self.agents.get(agent_id) else {
            return;
        };
        if !agent.tasks().is_empty() || !agent.operations().is_empty() {
            return;
        }
        if self.agents.is(agent_id, Transition::MarkingGone) {
            return;
        }
        if mark_gone {
            tracing::info!(%agent_id, "drained, marking gone");
            let _stored = self.begin_marking_gone(agent_id, ctx);
            return;
        }
        let operation = MarkAgentDrained {
            agent_id: agent_id.as_str().to_owned(),
        };
        let applied = self.registrar.apply(operation);
        let agent_id = agent_id.clone();
        ctx.on_any(applied, move |master, outcome, ctx| {
            master.on_drained_stored(&agent_id, outcome, ctx);
        });
    }

    // Continues `check_drained`: the registry has it.
    fn on_drained_stored(
        &mut self,
        agent_id: &AgentId,
        outcome: Outcome<Result<Applied, RegistrarError>>,
        ctx: &mut Context<Self>,
    ) {
        if self.stored(outcome, "mark an agent drained", ctx).is_none() {
            return;
        }
        let Some(info) = self.agents.drain_info(agent_id) else {
            return;
        };
        let mut info = info.clone();
        info.state = Some(DrainState::Drained.into());
        tracing::info!(%agent_id, "drained");
        self.agents.set_drain_info(agent_id.clone(), info);
    }
}
