//! An agent's link breaks, it unregisters, or another one takes its address.
//!
//! Mirrors `Master::disconnect(Slave*)`, `deactivate(Slave*)`, `unregisterSlave`, `removeSlave`.

use std::sync::Arc;

use libprocess::{Context, Outcome, Time, Upid};
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_proto::internal::UnregisterAgentMessage as UnregisterAgent;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::master::{Event, event};
use mesos_proto::v1::task_status::Reason;

use super::MasterProcess;
use super::status_update::MasterUpdate;
use super::task::Destination;
use crate::framework_message::FrameworkMessage;
use crate::registrar::{Applied, RegistrarError};
use crate::registry::remove_agent::RemoveAgent;
use crate::state::agent::{Agent, AgentLink};
use crate::state::agents::Transition;
use crate::state::subscribers::Shown;

/// Why an agent is removed; each has a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemovalReason {
    /// It said so.
    Unregistered,
    /// Another agent registered at its address.
    Registered,
    /// An operator brought its machine down.
    MachineDown,
}

impl MasterProcess {
    /// The link to an agent broke.
    pub(super) fn on_agent_exited(&mut self, agent_id: &AgentId, ctx: &mut Context<Self>) {
        let Some(agent) = self.agents.get(agent_id).map(Arc::clone) else {
            return;
        };
        if !agent.is_connected() {
            return;
        }
        tracing::info!(%agent_id, pid = %agent.pid(), "agent disconnected");
        if let Some(observer) = &self.observer {
            let id = agent_id.clone();
            observer.dispatch(move |observer, _| observer.disconnect(&id));
        }
        self.deactivate_agent_offers(agent_id, ctx);
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.set_link(AgentLink::Disconnected);
        }
        self.lose_volatile_frameworks(&agent, ctx);
        let since = ctx.now();
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.set_disconnected_time(Some(since));
        }
        let id = agent_id.clone();
        ctx.delay(self.flags.agent_reregister_timeout, move |master, ctx| {
            master.on_reregister_timeout(&id, since, ctx);
        });
    }

    /// Frameworks without checkpoints cannot survive an agent's restart.
    fn lose_volatile_frameworks(&mut self, agent: &Agent, ctx: &mut Context<Self>) {
        let mut ids: Vec<FrameworkId> = agent.tasks().keys().cloned().collect();
        ids.extend(agent.executors().keys().cloned());
        ids.sort();
        ids.dedup();
        for framework_id in ids {
            let volatile = self
                .frameworks
                .get(&framework_id)
                .is_some_and(|framework| !framework.info().checkpoint());
            if !volatile {
                continue;
            }
            let text = format!("Agent {} disconnected", agent.info().hostname());
            for task_id in agent.tasks().get(&framework_id).into_iter().flatten() {
                let update = MasterUpdate {
                    framework_id: framework_id.clone(),
                    agent_id: Some(agent.id().clone()),
                    task_id: task_id.clone(),
                    executor_id: self.executor_of(&framework_id, task_id),
                    state: TaskState::TaskLost,
                    reason: Some(Reason::ReasonAgentDisconnected),
                    message: text.clone(),
                    ..MasterUpdate::new(ctx.now())
                };
                self.end_task(&update, Destination::Completed, ctx);
            }
            for executor_id in agent
                .executors()
                .get(&framework_id)
                .into_iter()
                .flat_map(|e| e.keys())
            {
                self.remove_executor(agent.id(), &framework_id, executor_id);
            }
        }
    }

    /// The executor that a task names.
    pub(super) fn executor_of(
        &self,
        framework_id: &FrameworkId,
        task_id: &mesos_common::ids::TaskId,
    ) -> Option<mesos_common::ids::ExecutorId> {
        self.frameworks
            .get(framework_id)?
            .task(task_id)?
            .executor_id()
            .cloned()
    }

    /// Ends a task by an update of the master: stored, removed, then sent.
    pub(super) fn end_task(
        &mut self,
        update: &MasterUpdate,
        destination: Destination,
        ctx: &mut Context<Self>,
    ) {
        let message = update.to_update();
        self.update_task(
            &update.framework_id,
            &update.task_id,
            message.status(),
            None,
        );
        self.remove_task(&update.framework_id, &update.task_id, destination);
        let connected = self
            .frameworks
            .get(&update.framework_id)
            .is_some_and(|known| known.is_connected());
        if connected {
            self.send_update(update, ctx);
        }
    }

    // Continues `on_agent_exited`: the agent had its time to come back.
    fn on_reregister_timeout(&mut self, agent_id: &AgentId, since: Time, ctx: &mut Context<Self>) {
        let still_away = self
            .agents
            .get(agent_id)
            .is_some_and(|agent| !agent.is_connected() && agent.disconnected_time() == Some(since));
        if still_away {
            let limit = mesos_common::duration::format(self.flags.agent_reregister_timeout);
            let text = format!("agent did not reregister within {limit} after disconnecting");
            self.give_up(agent_id, &text, ctx);
        }
    }

    /// Takes an agent's resources off the market and its offers back.
    pub(super) fn deactivate_agent_offers(&mut self, agent_id: &AgentId, ctx: &mut Context<Self>) {
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        if agent.is_connected() {
            agent.set_link(AgentLink::Inactive);
        }
        let offers = agent.offers().clone();
        let inverse_offers = agent.inverse_offers().clone();
        self.allocator.deactivate_agent(agent_id.clone());
        for offer_id in offers {
            self.rescind(&offer_id, None, ctx);
        }
        for offer_id in inverse_offers {
            self.rescind_inverse(&offer_id, ctx);
        }
    }

    /// Handles `UnregisterAgentMessage`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn unregister_agent(
        &mut self,
        from: &Upid,
        message: UnregisterAgent,
        ctx: &mut Context<Self>,
    ) {
        self.metrics
            .counters()
            .messages_unregister_agent
            .increment();
        let agent_id = AgentId::from(message.agent_id());
        let Some(agent) = self.agents.get(&agent_id) else {
            return;
        };
        if agent.pid() != from {
            tracing::warn!(%agent_id, %from, "ignoring an unregistration of a stranger");
            return;
        }
        let reason = RemovalReason::Unregistered;
        self.remove_agent(&agent_id, "the agent unregistered", reason, ctx);
    }

    /// Removes an agent for good; its tasks are lost.
    pub(super) fn remove_agent(
        &mut self,
        agent_id: &AgentId,
        cause: &str,
        reason: RemovalReason,
        ctx: &mut Context<Self>,
    ) {
        let busy = [
            Transition::MarkingUnreachable,
            Transition::MarkingGone,
            Transition::Removing,
        ]
        .iter()
        .any(|transition| self.agents.is(agent_id, *transition));
        if busy || self.agents.get(agent_id).is_none() {
            tracing::warn!(%agent_id, "not removing an agent that is in transition");
            return;
        }
        self.agents.begin(agent_id, Transition::Removing);
        tracing::info!(%agent_id, cause, "removing an agent");
        let applied = self.registrar.apply(RemoveAgent {
            agent_id: agent_id.as_str().to_owned(),
        });
        let (agent_id, cause) = (agent_id.clone(), cause.to_owned());
        ctx.on_any(applied, move |master, outcome, ctx| {
            master.on_removal_stored(&agent_id, &cause, reason, outcome, ctx);
        });
    }

    // Continues `remove_agent`: the registry forgot the agent.
    fn on_removal_stored(
        &mut self,
        agent_id: &AgentId,
        cause: &str,
        reason: RemovalReason,
        outcome: Outcome<Result<Applied, RegistrarError>>,
        ctx: &mut Context<Self>,
    ) {
        let stored = self.stored(outcome, "remove an agent", ctx);
        self.agents.end(agent_id, Transition::Removing);
        if stored.is_none() {
            return;
        }
        let counters = self.metrics.counters();
        counters.agent_removals.increment();
        match reason {
            RemovalReason::Unregistered => counters.agent_removals_unregistered.increment(),
            RemovalReason::Registered => counters.agent_removals_registered.increment(),
            RemovalReason::MachineDown => {}
        }
        let Some(agent) = self.agents.get(agent_id).map(Arc::clone) else {
            return;
        };
        let text = format!("Agent {} removed: {cause}", agent.info().hostname());
        self.allocator.remove_agent(agent_id.clone());
        for (framework_id, task_ids) in agent.tasks() {
            for task_id in task_ids {
                let update = MasterUpdate {
                    framework_id: framework_id.clone(),
                    agent_id: Some(agent_id.clone()),
                    task_id: task_id.clone(),
                    executor_id: self.executor_of(framework_id, task_id),
                    state: TaskState::TaskLost,
                    reason: Some(Reason::ReasonAgentRemoved),
                    message: text.clone(),
                    ..MasterUpdate::new(ctx.now())
                };
                self.end_task(&update, Destination::Completed, ctx);
            }
        }
        self.drop_agent(&agent, ctx);
        self.agents.forget_plans(agent_id);
        self.announce_agent_removed(agent_id);
    }

    /// Forgets an agent whose tasks were dealt with; frameworks hear that it is lost.
    pub(super) fn drop_agent(&mut self, agent: &Agent, ctx: &mut Context<Self>) {
        let agent_id = agent.id();
        for (framework_id, executors) in agent.executors() {
            for executor_id in executors.keys() {
                self.remove_executor(agent_id, framework_id, executor_id);
            }
        }
        for offer_id in agent.offers() {
            self.rescind(offer_id, None, ctx);
        }
        for offer_id in agent.inverse_offers() {
            self.rescind_inverse(offer_id, ctx);
        }
        let operations: Vec<uuid::Uuid> = agent
            .all_operations()
            .map(|operation| operation.uuid())
            .collect();
        for uuid in operations {
            self.forget_operation(agent_id, &uuid);
        }
        self.agents.remove(agent_id);
        self.machines.remove_agent(agent.machine(), agent_id);
        if let Some(observer) = &self.observer {
            let id = agent_id.clone();
            observer.dispatch(move |observer, _| observer.unwatch(&id));
        }
        self.stop_giving_up(agent_id);
        self.broadcast_to_frameworks(&FrameworkMessage::LostAgent(agent_id.clone()), ctx);
    }

    fn announce_agent_removed(&mut self, agent_id: &AgentId) {
        let event = Event {
            r#type: Some(event::Type::AgentRemoved.into()),
            agent_removed: Some(event::AgentRemoved {
                agent_id: Some(agent_id.to_proto()),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.subscribers.send(&event, Shown::Common, &self.metrics);
    }
}
