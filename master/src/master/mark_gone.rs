//! An operator declares an agent gone for good.
//!
//! Mirrors `Master::Http::_markAgentGone` and `Master::markGone`.

use std::sync::Arc;

use libprocess::http::Response;
use libprocess::{Context, Future, Promise};
use mesos_common::ids::AgentId;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::framework_info::capability::Type as Capability;
use mesos_proto::v1::task_status::Reason;

use super::MasterProcess;
use super::send::time_info;
use super::status_update::MasterUpdate;
use super::unreachable::Loss;
use crate::registry::mark_gone::MarkGone;
use crate::state::agents::Transition;

const TEXT: &str = "Agent has been marked gone";

/// Why an agent cannot be marked gone now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MarkGoneError {
    /// Somebody else is doing it.
    #[error("Agent '{0}' is already being transitioned to gone")]
    MarkingGone(AgentId),
    /// It is being removed.
    #[error("Agent '{0}' is being transitioned to removed")]
    Removing(AgentId),
    /// It is being marked unreachable.
    #[error("Agent '{0}' is being transitioned to unreachable")]
    MarkingUnreachable(AgentId),
    /// Nobody knows it.
    #[error("Agent '{0}' not found")]
    NotFound(AgentId),
}

impl MarkGoneError {
    /// Whether nobody knows the agent.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

impl MasterProcess {
    /// Marks an agent gone; ready when the registry says so.
    pub(crate) fn mark_gone(
        &mut self,
        agent_id: &AgentId,
        ctx: &mut Context<Self>,
    ) -> Result<Future<Response>, MarkGoneError> {
        if self.agents.gone().contains_key(agent_id) {
            return Ok(Response::ok().into());
        }
        if self.agents.is(agent_id, Transition::MarkingGone) {
            return Err(MarkGoneError::MarkingGone(agent_id.clone()));
        }
        if self.agents.is(agent_id, Transition::Removing) {
            return Err(MarkGoneError::Removing(agent_id.clone()));
        }
        if self.agents.is(agent_id, Transition::MarkingUnreachable) {
            return Err(MarkGoneError::MarkingUnreachable(agent_id.clone()));
        }
        if !self.agents.is_known(agent_id) {
            return Err(MarkGoneError::NotFound(agent_id.clone()));
        }
        Ok(self.begin_marking_gone(agent_id, ctx))
    }

    /// Stores that an agent is gone, and goes on then.
    pub(super) fn begin_marking_gone(
        &mut self,
        agent_id: &AgentId,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        tracing::info!(%agent_id, "marking an agent gone");
        self.agents.begin(agent_id, Transition::MarkingGone);
        let time = time_info(ctx.now());
        let operation = MarkGone {
            agent_id: agent_id.as_str().to_owned(),
            time: time.clone(),
        };
        let applied = self.registrar.apply(operation);
        let (promise, future) = Promise::new();
        let agent_id = agent_id.clone();
        ctx.on_any(applied, move |master, outcome, ctx| {
            let stored = master.durable(outcome, "mark an agent gone", ctx);
            master.agents.end(&agent_id, Transition::MarkingGone);
            promise.set(match stored {
                Ok(applied) => {
                    if applied.is_some() {
                        master.on_gone_stored(&agent_id, time, ctx);
                    }
                    Response::ok()
                }
                Err(broken) => broken.into(),
            });
        });
        future
    }

    // Continues `begin_marking_gone`: the registry lists the agent as gone.
    fn on_gone_stored(&mut self, agent_id: &AgentId, time: v1::TimeInfo, ctx: &mut Context<Self>) {
        self.agents.add_gone(agent_id.clone(), time);
        let Some(agent) = self.agents.get(agent_id).map(Arc::clone) else {
            if self.agents.forget_recovered(agent_id).is_none() {
                self.forget_unreachable_agent(agent_id, ctx);
            }
            return;
        };
        Self::send_shutdown(agent.pid(), TEXT, ctx);
        self.send_operation_losses(
            &agent,
            v1::OperationState::OperationGoneByOperator,
            TEXT,
            ctx,
        );
        self.metrics.counters().agent_removals.increment();
        self.lose_agent(&agent, TEXT, &Loss::Gone, ctx);
    }

    /// Ends the remembered tasks of an unreachable agent that is gone now.
    fn forget_unreachable_agent(&mut self, agent_id: &AgentId, ctx: &mut Context<Self>) {
        self.agents.forget_unreachable(agent_id);
        self.agents.forget_plans(agent_id);
        for (framework_id, task_ids) in self.agents.take_unreachable_tasks(agent_id) {
            let aware = self
                .frameworks
                .get(&framework_id)
                .is_some_and(|framework| framework.has(Capability::PartitionAware));
            let (state, reason) = if aware {
                (
                    TaskState::TaskGoneByOperator,
                    Reason::ReasonAgentRemovedByOperator,
                )
            } else {
                (TaskState::TaskLost, Reason::ReasonAgentRemoved)
            };
            for task_id in task_ids {
                let Some(framework) = self.frameworks.get_mut(&framework_id) else {
                    continue;
                };
                let Some(mut task) = framework.take_unreachable_task(&task_id) else {
                    continue;
                };
                let update = MasterUpdate {
                    framework_id: framework_id.clone(),
                    agent_id: Some(agent_id.clone()),
                    task_id,
                    executor_id: task.executor_id().cloned(),
                    state,
                    reason: Some(reason),
                    message: TEXT.to_owned(),
                    ..MasterUpdate::new(ctx.now())
                };
                let message = update.to_update();
                let before = task.state();
                Arc::make_mut(&mut task).update(message.status(), None);
                framework.add_completed_task(task);
                let is_connected = framework.is_connected();
                if before != state {
                    self.announce_task_updated(&framework_id, state, message.status());
                }
                if is_connected {
                    self.send_update(&update, ctx);
                }
            }
        }
    }
}
