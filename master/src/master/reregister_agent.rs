//! An agent registers again: known, recovered from the registry, unreachable before, or unknown.
//!
//! Mirrors `Master::reregisterSlave`, `__reregisterSlave` and `___reregisterSlave`.

mod resources;

use std::collections::BTreeSet;
use std::sync::Arc;

use libprocess::{Context, Outcome, Upid};
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resources::Resources;
use mesos_proto::internal::{
    AgentReregisteredMessage as AgentReregistered,
    CheckpointResourcesMessage as CheckpointResources, DrainAgentMessage as DrainAgent,
    ReconcileTasksMessage as ReconcileTasks, ReregisterAgentMessage as ReregisterAgent,
    ShutdownFrameworkMessage as ShutdownFramework,
};
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as Capability;

use self::resources::{inject_roles, upgrade_message};
use super::framework_lifecycle::Report;
use super::register_agent::Load;
use super::{MasterProcess, status_update};
use crate::registrar::{Applied, RegistrarError};
use crate::registry::admit_agent::UpdateAgent;
use crate::registry::mark_reachable::MarkReachable;
use crate::registry::same_agent_info;
use crate::resource_format::{downgrade, is_refined, upgrade};
use crate::state::agent::{Agent, AgentLink, NewAgent, has_capability};
use crate::state::agents::{Begun, Transition};
use crate::state::task::Task;
use crate::validation;

const GONE_TEXT: &str = "Agent has been marked gone";

/// Where the master found an agent that registers again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    /// It is registered.
    Known,
    /// The registry knew it when this master took over.
    Recovered,
    /// It was unreachable.
    Unreachable,
    /// Nobody knew it.
    Unknown,
}

impl MasterProcess {
    /// Handles `ReregisterAgentMessage`.
    pub(super) fn reregister_agent(
        &mut self,
        from: &Upid,
        mut message: ReregisterAgent,
        ctx: &mut Context<Self>,
    ) {
        self.metrics
            .counters()
            .messages_reregister_agent
            .increment();
        if self.authentications.is_running(from) {
            tracing::info!(%from, "queueing a re-registration: authentication is in progress");
            let agent = from.clone();
            self.after_authentication(
                from,
                Box::new(move |master, ctx| master.reregister_agent(&agent, message, ctx)),
            );
            return;
        }
        if !self.is_agent_authenticated(from) {
            tracing::warn!(%from, "refusing a re-registration: the agent is not authenticated");
            return;
        }
        let agent_id = AgentId::from(message.agent().id());
        if self.agents.is(&agent_id, Transition::MarkingGone) {
            tracing::info!(%agent_id, "ignoring a re-registration: being marked gone");
            return;
        }
        if self.agents.gone().contains_key(&agent_id) {
            tracing::warn!(%agent_id, "refusing a re-registration: the agent is gone");
            Self::send_shutdown(from, GONE_TEXT, ctx);
            return;
        }
        if let Err(error) = validation::agent::validate_reregistration(&message) {
            tracing::warn!(%from, %error, "dropping an invalid re-registration");
            return;
        }
        if self.agents.begin(&agent_id, Transition::Reregistering) == Begun::Already {
            tracing::info!(%agent_id, "ignoring a re-registration: one is in flight");
            return;
        }
        upgrade_message(&mut message);
        if !self.may_register(from, message.agent(), message.version(), ctx)
            || !self.authorize_agent(from, message.agent())
        {
            self.agents.end(&agent_id, Transition::Reregistering);
            return;
        }
        if let Some(known) = self.agents.get(&agent_id).map(Arc::clone) {
            self.reregister_known(from, &known, message, ctx);
        } else if let Some(stored) = self.agents.recovered().get(&agent_id).cloned() {
            if same_agent_info(&stored, message.agent()) {
                self.admit_returned(from, message, Return::Recovered, ctx);
            } else {
                self.update_then(from, message, Return::Recovered, ctx);
            }
        } else {
            let found = if self.agents.unreachable().contains_key(&agent_id) {
                Return::Unreachable
            } else {
                Return::Unknown
            };
            let applied = self.registrar.apply(MarkReachable {
                info: message.agent().clone(),
            });
            let from = from.clone();
            ctx.on_any(applied, move |master, outcome, ctx| {
                master.on_reachable_stored(&from, message, found, outcome, ctx);
            });
        }
    }

    fn reregister_known(
        &mut self,
        from: &Upid,
        known: &Agent,
        message: ReregisterAgent,
        ctx: &mut Context<Self>,
    ) {
        let moved = known.pid().address.ip != from.address.ip
            || known.info().hostname() != message.agent().hostname();
        if moved {
            tracing::warn!(agent_id = %known.id(), %from, "refusing an agent that moved");
            let text = "Agent attempted to reregister with different IP / hostname";
            Self::send_shutdown(from, text, ctx);
            self.agents.end(known.id(), Transition::Reregistering);
            return;
        }
        self.forget_operations_without_feedback(known, &message.agent_capabilities);
        if same_agent_info(known.info(), message.agent()) {
            self.refresh_known(from, message, ctx);
        } else {
            self.update_then(from, message, Return::Known, ctx);
        }
    }

    /// Stores what the agent says now, and goes on then.
    fn update_then(
        &mut self,
        from: &Upid,
        message: ReregisterAgent,
        found: Return,
        ctx: &mut Context<Self>,
    ) {
        let applied = self.registrar.apply(UpdateAgent {
            info: message.agent().clone(),
        });
        let from = from.clone();
        ctx.on_any(applied, move |master, outcome, ctx| {
            master.on_reachable_stored(&from, message, found, outcome, ctx);
        });
    }

    // Continues `reregister_agent` and `update_then`: the registry has the agent.
    fn on_reachable_stored(
        &mut self,
        from: &Upid,
        message: ReregisterAgent,
        found: Return,
        outcome: Outcome<Result<Applied, RegistrarError>>,
        ctx: &mut Context<Self>,
    ) {
        let agent_id = AgentId::from(message.agent().id());
        if self
            .stored(outcome, "store a re-registered agent", ctx)
            .is_none()
        {
            self.agents.end(&agent_id, Transition::Reregistering);
            return;
        }
        match found {
            Return::Known => self.refresh_known(from, message, ctx),
            Return::Recovered | Return::Unreachable | Return::Unknown => {
                self.admit_returned(from, message, found, ctx);
            }
        }
    }

    /// Stops a re-registration when the agent was declared gone meanwhile.
    fn went_away(&mut self, from: &Upid, agent_id: &AgentId, ctx: &Context<Self>) -> bool {
        if self.agents.is(agent_id, Transition::MarkingGone) {
            return true;
        }
        if self.agents.gone().contains_key(agent_id) {
            Self::send_shutdown(from, GONE_TEXT, ctx);
            return true;
        }
        false
    }

    /// Registers an agent that is not registered.
    fn admit_returned(
        &mut self,
        from: &Upid,
        mut message: ReregisterAgent,
        found: Return,
        ctx: &mut Context<Self>,
    ) {
        let agent_id = AgentId::from(message.agent().id());
        self.agents.end(&agent_id, Transition::Reregistering);
        if self.went_away(from, &agent_id, ctx) || self.agents.get(&agent_id).is_some() {
            return;
        }
        if !has_capability(&message.agent_capabilities, Capability::MultiRole)
            && !inject_roles(&mut message)
        {
            tracing::warn!(%agent_id, "dropping a re-registration: a task has no single role");
            return;
        }
        let new = new_agent(from, &message);
        let mut agent = match Agent::new(new, ctx.now()) {
            Ok(agent) => agent,
            Err(error) => {
                tracing::warn!(%agent_id, %error, "refusing a re-registration");
                Self::send_shutdown(from, &error.to_string(), ctx);
                return;
            }
        };
        agent.set_reregistered_time(ctx.now());
        let load = self.returned_load(&message);
        if found != Return::Recovered {
            self.announce_returned_tasks(&load, found, ctx);
        }
        self.forget_unreachable_tasks(&agent_id);
        let mut reports = self.unknown_framework_reports(&agent_id, &load);
        self.add_agent(agent, load, ctx);
        self.add_completed_tasks(&message);
        if self.agents.is_deactivated(&agent_id) {
            self.deactivate_agent_offers(&agent_id, ctx);
        }
        self.resume_draining(&agent_id, ctx);
        self.metrics.counters().agent_reregistrations.increment();
        tracing::info!(%agent_id, ?found, "re-registered an agent");
        self.acknowledge_reregistered(&agent_id, Vec::new(), ctx);
        for archived in &message.completed_frameworks {
            let id = FrameworkId::from(archived.framework_info().id());
            if self.frameworks.is_completed(&id) {
                self.send_shutdown_framework(&agent_id, &id, ctx);
            }
        }
        for info in &message.frameworks {
            let id = FrameworkId::from(info.id());
            if let Some(update) = self.framework_update(&id) {
                self.send_to_agent(&agent_id, &update, ctx);
            } else if self.frameworks.is_completed(&id) {
                self.send_shutdown_framework(&agent_id, &id, ctx);
            } else {
                let report = reports.remove(&id);
                self.recover_framework(info, report, ctx);
            }
        }
    }

    /// The tasks and executors of frameworks that are not completed.
    fn returned_load(&self, message: &ReregisterAgent) -> Load {
        let mut load = Load::default();
        for executor in &message.executor_infos {
            let framework_id = FrameworkId::from(executor.framework_id());
            if !self.frameworks.is_completed(&framework_id) {
                load.executors
                    .entry(framework_id)
                    .or_default()
                    .push(Arc::new(executor.clone()));
            }
        }
        for task in &message.tasks {
            let task = Task::reported(task.clone());
            let framework_id = task.framework_id().clone();
            if !self.frameworks.is_completed(&framework_id) {
                load.tasks.entry(framework_id).or_default().push(task);
            }
        }
        load
    }

    /// What the agent runs for frameworks that are not known yet.
    fn unknown_framework_reports(
        &self,
        agent_id: &AgentId,
        load: &Load,
    ) -> std::collections::BTreeMap<FrameworkId, Report> {
        let mut reports = std::collections::BTreeMap::new();
        let ids: BTreeSet<&FrameworkId> = load.tasks.keys().chain(load.executors.keys()).collect();
        for id in ids {
            if self.frameworks.get(id).is_none() {
                let report = Report {
                    agent_id: agent_id.clone(),
                    tasks: load.tasks.get(id).cloned().unwrap_or_default(),
                    executors: load.executors.get(id).cloned().unwrap_or_default(),
                };
                reports.insert(id.clone(), report);
            }
        }
        reports
    }

    /// Tells frameworks that tasks run which they were told had ended or become unreachable.
    fn announce_returned_tasks(&mut self, load: &Load, found: Return, ctx: &Context<Self>) {
        // Both texts are promises, the odd spelling included.
        let text = match found {
            Return::Unreachable => "Unreachable agent re-reregistered",
            Return::Unknown | Return::Known | Return::Recovered => "Unknown agent reregistered",
        };
        for (framework_id, tasks) in &load.tasks {
            let Some(framework) = self.frameworks.get_mut(framework_id) else {
                continue;
            };
            for task in tasks {
                framework.forget_ended_task(task.id());
            }
            if !self
                .frameworks
                .get(framework_id)
                .is_some_and(|known| known.is_connected())
            {
                continue;
            }
            for task in tasks {
                let update = status_update::MasterUpdate {
                    framework_id: framework_id.clone(),
                    agent_id: Some(task.agent_id().clone()),
                    task_id: task.id().clone(),
                    state: task.state(),
                    reason: Some(v1::task_status::Reason::ReasonAgentReregistered),
                    message: text.to_owned(),
                    last: task.info().statuses.last().cloned(),
                    ..status_update::MasterUpdate::new(ctx.now())
                };
                self.send_update(&update, ctx);
            }
        }
    }

    /// Forgets the tasks that were on an agent when it became unreachable: it is not any more.
    pub(super) fn forget_unreachable_tasks(&mut self, agent_id: &AgentId) {
        for (framework_id, task_ids) in self.agents.take_unreachable_tasks(agent_id) {
            let Some(framework) = self.frameworks.get_mut(&framework_id) else {
                continue;
            };
            for task_id in task_ids {
                framework.take_unreachable_task(&task_id);
            }
        }
    }

    /// Forgets ended operations that an agent without feedback will never let go.
    fn forget_operations_without_feedback(
        &mut self,
        known: &Agent,
        capabilities: &[v1::agent_info::Capability],
    ) {
        let feedback = Capability::AgentOperationFeedback;
        if has_capability(capabilities, feedback) || !known.has(feedback) {
            return;
        }
        let ended = known
            .operations()
            .values()
            .filter(|operation| operation.feedback_id().is_some() && operation.is_terminal());
        for operation in ended {
            self.forget_operation(known.id(), &operation.uuid());
        }
    }

    /// Remembers the ended tasks that the agent remembers of known frameworks.
    fn add_completed_tasks(&mut self, message: &ReregisterAgent) {
        for archived in &message.completed_frameworks {
            let id = FrameworkId::from(archived.framework_info().id());
            let Some(framework) = self.frameworks.get_mut(&id) else {
                continue;
            };
            for task in &archived.tasks {
                let mut task = task.clone();
                upgrade(&mut task.resources);
                framework.add_completed_task(Arc::new(Task::reported(task)));
            }
        }
    }

    /// Takes over what a registered agent says now.
    fn refresh_known(
        &mut self,
        from: &Upid,
        mut message: ReregisterAgent,
        ctx: &mut Context<Self>,
    ) {
        let agent_id = AgentId::from(message.agent().id());
        self.agents.end(&agent_id, Transition::Reregistering);
        if self.went_away(from, &agent_id, ctx)
            || self.agents.is(&agent_id, Transition::MarkingUnreachable)
            || self.agents.is(&agent_id, Transition::Removing)
        {
            return;
        }
        if !has_capability(&message.agent_capabilities, Capability::MultiRole)
            && !inject_roles(&mut message)
        {
            tracing::warn!(%agent_id, "dropping a re-registration: a task has no single role");
            return;
        }
        let now = ctx.now();
        let Some(agent) = self.agents.get_mut(&agent_id) else {
            return;
        };
        let old_pid = agent.pid().clone();
        if let Err(error) = agent.refresh(new_agent(from, &message)) {
            tracing::warn!(%agent_id, %error, "refusing a re-registration");
            Self::send_shutdown(from, &error.to_string(), ctx);
            return;
        }
        agent.set_reregistered_time(now);
        let was_connected = agent.is_connected();
        self.agents.move_pid(&agent_id, &old_pid, from);
        ctx.link(from);
        if let Some(observer) = &self.observer {
            let (id, pid) = (agent_id.clone(), from.clone());
            observer.dispatch(move |observer, _| observer.reconnect(&id, pid));
        }
        if let Some(agent) = self.agents.get(&agent_id) {
            self.allocator.update_agent(
                agent_id.clone(),
                Arc::clone(agent.info()),
                Some(agent.total().clone()),
                Some(agent.capabilities().to_vec()),
            );
        }
        self.metrics.counters().agent_reregistrations.increment();
        self.reconcile_known_agent(&agent_id, &message, ctx);
        if !was_connected {
            self.reconnect_agent(&agent_id);
        }
        self.resume_draining(&agent_id, ctx);
        for info in &message.frameworks {
            let id = FrameworkId::from(info.id());
            if let Some(update) = self.framework_update(&id) {
                self.send_to_agent(&agent_id, &update, ctx);
            } else if !self.frameworks.is_completed(&id) {
                self.recover_framework(info, None, ctx);
            }
        }
        self.send_checkpointed(&agent_id, ctx);
    }

    fn reconnect_agent(&mut self, agent_id: &AgentId) {
        let active = !self.agents.is_deactivated(agent_id);
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        if active {
            agent.set_link(AgentLink::Active);
            self.allocator.activate_agent(agent_id.clone());
        } else {
            agent.set_link(AgentLink::Inactive);
        }
    }

    pub(super) fn acknowledge_reregistered(
        &self,
        agent_id: &AgentId,
        reconciliations: Vec<ReconcileTasks>,
        ctx: &Context<Self>,
    ) {
        let message = AgentReregistered {
            agent_id: Some(agent_id.to_proto()),
            reconciliations,
            connection: Some(self.agent_connection()),
            ..Default::default()
        };
        self.send_to_agent(agent_id, &message, ctx);
    }

    /// Tells an agent to end everything of a framework.
    pub(super) fn send_shutdown_framework(
        &self,
        agent_id: &AgentId,
        framework_id: &FrameworkId,
        ctx: &Context<Self>,
    ) {
        let message = ShutdownFramework {
            framework_id: Some(framework_id.to_proto()),
            ..Default::default()
        };
        self.send_to_agent(agent_id, &message, ctx);
    }

    /// Tells a returned agent again that it drains.
    fn resume_draining(&mut self, agent_id: &AgentId, ctx: &mut Context<Self>) {
        let Some(info) = self.agents.drain_info(agent_id) else {
            return;
        };
        let message = DrainAgent {
            config: Some(info.config().clone()),
            ..Default::default()
        };
        self.send_to_agent(agent_id, &message, ctx);
        let asks_itself = self
            .agents
            .get(agent_id)
            .is_some_and(|agent| agent.has(Capability::ResourceProvider));
        if !asks_itself {
            self.check_drained(agent_id, ctx);
        }
    }

    /// Gives an older agent its reservations and volumes as the master sees them.
    pub(super) fn send_checkpointed(&self, agent_id: &AgentId, ctx: &Context<Self>) {
        let Some(agent) = self.agents.get(agent_id) else {
            return;
        };
        if agent.has(Capability::ResourceProvider) {
            return;
        }
        let mut resources = agent.checkpointed().to_proto();
        if !agent.has(Capability::ReservationRefinement) {
            if resources.iter().any(is_refined) {
                tracing::warn!(%agent_id, "refined reservations cannot be sent to the agent");
                return;
            }
            downgrade(&mut resources);
        }
        self.send_to_agent(
            agent_id,
            &CheckpointResources {
                resources,
                ..Default::default()
            },
            ctx,
        );
    }
}

fn new_agent(from: &Upid, message: &ReregisterAgent) -> NewAgent {
    NewAgent {
        info: Arc::new(message.agent().clone()),
        pid: from.clone(),
        version: message.version().to_owned(),
        capabilities: message.agent_capabilities.clone(),
        checkpointed: Resources::from_proto(&message.checkpointed_resources),
        resource_version: message
            .resource_version_uuid
            .as_ref()
            .map(|uuid| uuid.value().to_vec()),
    }
}
