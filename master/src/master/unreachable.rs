//! Agents that do not answer.
//!
//! Mirrors `Master::markUnreachable`, `_markUnreachable`, `__removeSlave`.

use std::sync::Arc;

use libprocess::{Context, Outcome};
use mesos_common::ids::AgentId;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::framework_info::capability::Type as Capability;
use mesos_proto::v1::task_status::Reason;

use super::MasterProcess;
use super::send::time_info;
use super::status_update::MasterUpdate;
use super::task::Destination;
use crate::framework_message::FrameworkMessage;
use crate::registrar::{Applied, RegistrarError};
use crate::registry::mark_unreachable::MarkUnreachable;
use crate::state::agent::Agent;
use crate::state::agents::Transition;

/// Why an agent is given up that does not answer pings.
pub(super) const SILENT: &str = "health check timed out";

/// Why an agent's tasks leave the running ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Loss {
    /// The agent is unreachable since then.
    Unreachable(v1::TimeInfo),
    /// An operator declared it gone.
    Gone,
}

impl MasterProcess {
    /// An observer had too many pings unanswered.
    pub(crate) fn on_pings_unanswered(&mut self, agent_id: &AgentId, ctx: &mut Context<Self>) {
        if self.agents.get(agent_id).is_none() {
            return;
        }
        self.give_up(agent_id, SILENT, ctx);
    }

    /// An agent answered after it was reported.
    pub(crate) fn on_pings_answered_again(&mut self, agent_id: &AgentId) {
        if self.stop_giving_up(agent_id) {
            self.metrics
                .counters()
                .agent_unreachable_canceled
                .increment();
        }
    }

    /// Agents that the registry knew had their time to come back after a master failover.
    pub(super) fn on_recovered_agents_timeout(
        &mut self,
        expected: &[AgentId],
        ctx: &mut Context<Self>,
    ) {
        let missing: Vec<AgentId> = expected
            .iter()
            .filter(|id| self.agents.recovered().contains_key(*id))
            .cloned()
            .collect();
        if missing.is_empty() {
            return;
        }
        if exceeds_limit(
            missing.len(),
            expected.len(),
            &self.flags.recovery_agent_removal_limit,
        ) {
            let reason = format!(
                "Post-recovery agent removal limit exceeded! After {} there were {} \
                 of {} agents recovered from the registry that did not reregister",
                mesos_common::duration::format(self.flags.agent_reregister_timeout),
                missing.len(),
                expected.len()
            );
            return self.step_down(reason, ctx);
        }
        let limit = mesos_common::duration::format(self.flags.agent_reregister_timeout);
        let text = format!("did not reregister within {limit} after master failover");
        for agent_id in missing {
            if self.agents.is(&agent_id, Transition::Reregistering) {
                continue;
            }
            self.metrics.counters().recovery_agent_removals.increment();
            self.give_up(&agent_id, &text, ctx);
        }
    }

    /// Marks an agent unreachable in the registry, and then here.
    pub(super) fn mark_unreachable(
        &mut self,
        agent_id: &AgentId,
        cause: &str,
        ctx: &mut Context<Self>,
    ) {
        let present =
            self.agents.get(agent_id).is_some() || self.agents.recovered().contains_key(agent_id);
        let busy = [
            Transition::Reregistering,
            Transition::MarkingUnreachable,
            Transition::MarkingGone,
            Transition::Removing,
        ]
        .iter()
        .any(|transition| self.agents.is(agent_id, *transition));
        if !present || busy {
            return;
        }
        self.agents.begin(agent_id, Transition::MarkingUnreachable);
        tracing::info!(%agent_id, cause, "marking an agent unreachable");
        let time = time_info(ctx.now());
        let operation = MarkUnreachable {
            agent_id: agent_id.as_str().to_owned(),
            time: time.clone(),
        };
        let applied = self.registrar.apply(operation);
        let (agent_id, cause) = (agent_id.clone(), cause.to_owned());
        ctx.on_any(applied, move |master, outcome, ctx| {
            master.on_unreachable_stored(&agent_id, &cause, time, outcome, ctx);
        });
    }

    // Continues `mark_unreachable`: the registry lists the agent as unreachable.
    fn on_unreachable_stored(
        &mut self,
        agent_id: &AgentId,
        cause: &str,
        time: v1::TimeInfo,
        outcome: Outcome<Result<Applied, RegistrarError>>,
        ctx: &mut Context<Self>,
    ) {
        let stored = self.stored(outcome, "mark an agent unreachable", ctx);
        self.agents.end(agent_id, Transition::MarkingUnreachable);
        if stored.is_none() {
            return;
        }
        self.metrics.counters().agent_removals.increment();
        self.metrics.counters().agent_removals_unhealthy.increment();
        self.agents.add_unreachable(agent_id.clone(), time.clone());
        if self.agents.forget_recovered(agent_id).is_some() {
            self.broadcast_to_frameworks(&FrameworkMessage::LostAgent(agent_id.clone()), ctx);
            return;
        }
        let Some(agent) = self.agents.get(agent_id).map(Arc::clone) else {
            return;
        };
        let text = "Agent was marked unreachable";
        self.send_operation_losses(&agent, v1::OperationState::OperationUnreachable, text, ctx);
        self.lose_agent(&agent, cause, &Loss::Unreachable(time), ctx);
    }

    /// Ends everything on an agent that is unreachable or gone.
    pub(super) fn lose_agent(
        &mut self,
        agent: &Agent,
        cause: &str,
        loss: &Loss,
        ctx: &mut Context<Self>,
    ) {
        self.allocator.remove_agent(agent.id().clone());
        for (framework_id, task_ids) in agent.tasks() {
            let aware = self
                .frameworks
                .get(framework_id)
                .is_some_and(|framework| framework.has(Capability::PartitionAware));
            let (state, reason, destination) = match (loss, aware) {
                (Loss::Unreachable(_), true) => (
                    TaskState::TaskUnreachable,
                    Reason::ReasonAgentRemoved,
                    Destination::Unreachable,
                ),
                (Loss::Unreachable(_) | Loss::Gone, false) => (
                    TaskState::TaskLost,
                    Reason::ReasonAgentRemoved,
                    Destination::Unreachable,
                ),
                (Loss::Gone, true) => (
                    TaskState::TaskGoneByOperator,
                    Reason::ReasonAgentRemovedByOperator,
                    Destination::Completed,
                ),
            };
            let unreachable_time = match loss {
                Loss::Unreachable(time) => Some(time.clone()),
                Loss::Gone => None,
            };
            for task_id in task_ids {
                let update = MasterUpdate {
                    framework_id: framework_id.clone(),
                    agent_id: Some(agent.id().clone()),
                    task_id: task_id.clone(),
                    executor_id: self.executor_of(framework_id, task_id),
                    state,
                    reason: Some(reason),
                    message: cause.to_owned(),
                    unreachable_time: unreachable_time.clone(),
                    ..MasterUpdate::new(ctx.now())
                };
                if destination == Destination::Unreachable {
                    self.agents
                        .add_unreachable_task(agent.id(), framework_id, task_id.clone());
                }
                self.end_task(&update, destination, ctx);
            }
        }
        self.drop_agent(agent, ctx);
    }
}

/// Whether more agents are missing than `limit` (such as `50%`) allows.
fn exceeds_limit(missing: usize, expected: usize, limit: &str) -> bool {
    let percent: f64 = limit.trim_end_matches('%').trim().parse().unwrap_or(100.0);
    #[expect(clippy::cast_precision_loss, reason = "counts of agents are small")]
    let share = missing as f64 / expected.max(1) as f64 * 100.0;
    share > percent
}

#[cfg(test)]
mod tests {
    use super::exceeds_limit;

    #[test]
    fn default_limit_is_never_exceeded() {
        assert!(!exceeds_limit(10, 10, "100%"));
    }

    #[test]
    fn share_above_the_limit_is_too_much() {
        assert!(exceeds_limit(6, 10, "50%"));
        assert!(!exceeds_limit(5, 10, "50%"));
    }
}
