//! Takes status updates, keeps the tasks' states, and brings the updates to the master.

use std::path::PathBuf;

use libprocess::{Context, Upid};
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_containerizer::{ContainerId, ContainerizerError, containerizer::settle};
use mesos_proto::{
    internal::{StatusUpdate, StatusUpdateAcknowledgementMessage, StatusUpdateMessage},
    v1::{
        self, TaskState,
        task_status::{Reason, Source},
    },
};
use prost::Message;
use uuid::Uuid;

use super::{
    AgentProcess, AgentState,
    send_executor::{ToExecutor, limits_of, send},
};
use crate::{
    paths::ExecutorPlace,
    state::{
        executor::{Durability, Executor, ExecutorState},
        framework::FrameworkState,
        task::{is_partition_aware, is_terminal},
    },
    task_status_update_manager::{Acknowledged, UpdateError, settle as settle_update},
};

/// Who made an update, and so who hears that it is safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reporter {
    /// The agent itself: nobody waits.
    Agent,
    /// An executor on the driver.
    Libprocess(Upid),
    /// An executor of the v1 API.
    Http,
}

impl AgentProcess {
    /// An executor on the driver reports.
    pub(super) fn status_update_message(
        &mut self,
        from: &Upid,
        message: StatusUpdateMessage,
        ctx: &mut Context<Self>,
    ) {
        let reporter = message.pid.as_deref().and_then(|text| text.parse().ok());
        let Some(update) = message.update else { return };
        let pid = reporter.unwrap_or_else(|| from.clone());
        self.status_update(*update, Reporter::Libprocess(pid), ctx);
    }

    /// An executor on the v1 API reports, now or while the agent was away.
    pub(crate) fn take_update(
        &mut self,
        framework: &FrameworkId,
        status: &v1::TaskStatus,
        ctx: &mut Context<Self>,
    ) {
        let agent = self.id.as_ref().map(AgentId::to_proto);
        let mut status = status.clone();
        // The executor may leave out whose agent it talks to.
        if status.agent_id.is_none() {
            status.agent_id.clone_from(&agent);
        }
        let update = StatusUpdate {
            framework_id: Some(framework.to_proto()),
            executor_id: status.executor_id.clone(),
            agent_id: agent,
            timestamp: status.timestamp,
            uuid: status.uuid.clone(),
            status: Some(status.into()),
            ..Default::default()
        };
        self.status_update(update, Reporter::Http, ctx);
    }

    /// Checks an update and brings its task into the state it tells.
    pub(crate) fn status_update(
        &mut self,
        mut update: StatusUpdate,
        reporter: Reporter,
        ctx: &mut Context<Self>,
    ) {
        if !self.is_acceptable(&update) {
            self.metrics.invalid_status_updates.increment();
            return;
        }
        self.complete_update(&mut update, &reporter);
        let id = FrameworkId::from(update.framework_id());
        let task = TaskId::from(update.status().task_id());
        let Some(framework) = self.frameworks.get_mut(&id) else {
            return;
        };
        if framework.remove_pending(&task) {
            self.metrics.valid_status_updates.increment();
            self.store_update(update, None, reporter, ctx);
            return self.remove_framework_if_idle(&id, ctx);
        }
        let Some(executor) = framework.executor_of(&task) else {
            tracing::warn!(%task, framework = %id, "no executor for status update");
            self.metrics.valid_status_updates.increment();
            return self.store_update(update, None, reporter, ctx);
        };
        let executor_id = executor.id().clone();
        let status = update.status();
        if status.source() == Source::SourceExecutor && status.state() == TaskState::TaskStaging {
            tracing::error!(%task, executor = %executor_id, "executor sent TASK_STAGING, which is not allowed; shutting it down");
            return self.shut_down_executor(&id, &executor_id, ctx);
        }
        self.metrics.valid_status_updates.increment();
        let container = asked_container(executor, status, &task);
        if let Some(executor) = self.frameworks.executor_mut(&id, &executor_id) {
            executor.add_pending_status(update.status());
        }
        let (Some(container), Some(parts)) = (container, &self.parts) else {
            return self.apply_update(&executor_id, update, None, reporter, ctx);
        };
        let told = parts.containerizer.status(&container);
        ctx.on_any(told, move |agent, outcome, ctx| {
            let container = settle(outcome).ok();
            agent.apply_update(&executor_id, update, container, reporter, ctx);
        });
    }

    fn is_acceptable(&self, update: &StatusUpdate) -> bool {
        let id = FrameworkId::from(update.framework_id());
        let refused = if update.uuid().len() != 16 {
            "it has no valid UUID"
        } else if Some(AgentId::from(update.agent_id())) != self.id
            || Some(AgentId::from(update.status().agent_id())) != self.id
        {
            "it names another agent"
        } else {
            match self.frameworks.get(&id).map(|framework| framework.state) {
                None => "its framework is unknown",
                Some(FrameworkState::Terminating) => "its framework is terminating",
                Some(FrameworkState::Running) => return true,
            }
        };
        tracing::warn!(framework = %id, reason = refused, "ignoring status update");
        false
    }

    /// Fills in what the reporter does not decide.
    fn complete_update(&self, update: &mut StatusUpdate, reporter: &Reporter) {
        let aware = self
            .frameworks
            .get(&FrameworkId::from(update.framework_id()))
            .is_some_and(|framework| is_partition_aware(&framework.info));
        let (uuid, executor_id) = (update.uuid.clone(), update.executor_id.clone());
        // Executors may leave the time out; the message may not.
        update.timestamp = Some(
            update
                .timestamp
                .unwrap_or_else(|| update.status().timestamp()),
        );
        let Some(status) = update.status.as_deref_mut() else {
            return;
        };
        status.uuid = uuid;
        let source = match reporter {
            Reporter::Agent => Source::SourceAgent,
            Reporter::Libprocess(_) | Reporter::Http => Source::SourceExecutor,
        };
        status.source = Some(source.into());
        if executor_id.is_some() {
            status.executor_id = executor_id;
        }
        if let Some(draining) = &self.draining
            && matches!(
                status.state(),
                TaskState::TaskKilling | TaskState::TaskKilled
            )
        {
            status.reason = Some(Reason::ReasonAgentDraining.into());
            if draining.config.mark_gone() && aware {
                status.state = Some(TaskState::TaskGoneByOperator.into());
            }
        }
    }

    /// Continues `Slave::_statusUpdate`: what the container says of itself is known.
    fn apply_update(
        &mut self,
        executor_id: &ExecutorId,
        mut update: StatusUpdate,
        container: Option<v1::ContainerStatus>,
        reporter: Reporter,
        ctx: &mut Context<Self>,
    ) {
        if let Some(container) = container {
            add_container_status(&mut update, &container, ctx.upid());
        }
        let id = FrameworkId::from(update.framework_id());
        let Some(executor) = self.frameworks.executor_mut(&id, executor_id) else {
            tracing::warn!(executor = %executor_id, "ignoring status update for an executor that is gone");
            return;
        };
        let mut kept = update.status().clone();
        kept.data = None;
        if let Err(error) = executor.update_task(&kept) {
            tracing::error!(task = update.status().task_id().value(), %error, "task cannot be updated");
            // The executor shall not send it again, and the master shall not hear of it.
            return self.confirm_update(&update, &reporter, ctx);
        }
        self.metrics.count_task_end(update.status().state());
        let Some(executor) = self.frameworks.executor(&id, executor_id) else {
            return;
        };
        let place = executor.container().clone();
        if !is_terminal(update.status().state()) {
            let file = self.updates_file(executor, &update);
            return self.store_update(update, file, reporter, ctx);
        }
        let Some(parts) = &self.parts else { return };
        // The container gives back what the task had before anybody hears that the task has ended.
        let updated = parts.containerizer.update(
            &place,
            executor.allocated().to_proto(),
            limits_of(executor),
        );
        let file = self.updates_file(executor, &update);
        let executor_id = executor_id.clone();
        ctx.on_any(updated, move |agent, outcome, ctx| {
            match settle(outcome) {
                Ok(()) => {}
                Err(ContainerizerError::Ended(_)) => return,
                Err(error) => agent.fail_update(&id, &executor_id, &error),
            }
            agent.store_update(update, file, reporter, ctx);
        });
    }

    fn updates_file(&self, executor: &Executor, update: &StatusUpdate) -> Option<PathBuf> {
        if executor.durability() == Durability::Volatile {
            return None;
        }
        let place = ExecutorPlace {
            root: &self.meta,
            agent: self.id.as_ref()?,
            framework: executor.framework(),
            executor: executor.id(),
        };
        let task = TaskId::from(update.status().task_id());
        Some(place.task_updates_file(executor.container(), &task))
    }

    /// Gives an update to the manager, which sends it until it is acknowledged.
    pub(super) fn store_update(
        &mut self,
        update: StatusUpdate,
        file: Option<PathBuf>,
        reporter: Reporter,
        ctx: &mut Context<Self>,
    ) {
        let Some(parts) = &self.parts else { return };
        let stored = parts.updates.update(update.clone(), file);
        ctx.on_any(stored, move |agent, outcome, ctx| {
            match settle_update(outcome) {
                Ok(()) => agent.confirm_update(&update, &reporter, ctx),
                Err(UpdateError::Ended) => {}
                Err(error) => agent.fail_updates(&error, ctx),
            }
        });
    }

    fn fail_updates(&mut self, error: &UpdateError, ctx: &mut Context<Self>) {
        self.fail(format!("Failed to handle status update: {error}"), ctx);
    }

    /// Tells the reporter that its update is safe.
    fn confirm_update(
        &mut self,
        update: &StatusUpdate,
        reporter: &Reporter,
        ctx: &mut Context<Self>,
    ) {
        let Some(agent) = self.id.clone() else { return };
        let id = FrameworkId::from(update.framework_id());
        let task = TaskId::from(update.status().task_id());
        // Only the task tells its executor: an executor on the v1 API need not name itself.
        let executor_id = self
            .frameworks
            .get(&id)
            .and_then(|framework| framework.executor_of(&task))
            .map_or_else(
                || ExecutorId::from(update.status().executor_id()),
                |executor| executor.id().clone(),
            );
        if let Some(executor) = self.frameworks.executor_mut(&id, &executor_id) {
            executor.remove_pending_status(update.status());
        }
        match reporter {
            Reporter::Agent => {}
            Reporter::Libprocess(pid) => ctx.send_protobuf(
                pid,
                &StatusUpdateAcknowledgementMessage {
                    agent_id: Some(agent.to_proto()),
                    framework_id: Some(id.to_proto()),
                    task_id: Some(task.to_proto()),
                    uuid: Some(update.uuid().clone()),
                    ..Default::default()
                },
            ),
            Reporter::Http => {
                if let Some(executor) = self.frameworks.executor(&id, &executor_id) {
                    let acknowledged = ToExecutor::Acknowledged {
                        framework: id,
                        agent,
                        task,
                        uuid: update.uuid().clone(),
                    };
                    send(executor, acknowledged, ctx);
                }
            }
        }
    }

    /// Sends an update to the master. Called by the update manager.
    pub(crate) fn forward_update(&mut self, mut update: StatusUpdate, ctx: &mut Context<Self>) {
        if self.state != AgentState::Running {
            tracing::warn!(state = ?self.state, "dropping status update: the agent is not registered");
            return;
        }
        let Some(master) = self.master.pid.clone() else {
            return;
        };
        let id = FrameworkId::from(update.framework_id());
        let task_id = TaskId::from(update.status().task_id());
        let executor_id = self
            .frameworks
            .get(&id)
            .and_then(|framework| framework.executor_of(&task_id))
            .map(|executor| executor.id().clone());
        if let Some(executor_id) = executor_id
            && let Some(executor) = self.frameworks.executor_mut(&id, &executor_id)
            && let Some(task) = executor.task_mut(&task_id)
        {
            task.status_update_state = update.status().state;
            task.status_update_uuid = update.uuid.clone();
            update.latest_state = task.state;
        }
        ctx.send_protobuf(
            &master,
            &StatusUpdateMessage {
                update: Some(update.into()),
                pid: Some(ctx.upid().to_string()),
                ..Default::default()
            },
        );
    }

    /// A framework has seen an update.
    pub(super) fn acknowledge_update(
        &mut self,
        from: &Upid,
        message: StatusUpdateAcknowledgementMessage,
        ctx: &mut Context<Self>,
    ) {
        // Old schedulers acknowledge by themselves; of masters only the present one may.
        if from.id.starts_with("master")
            && !(self.state == AgentState::Running && self.master.is(from))
        {
            tracing::warn!(%from, "ignoring acknowledgement: it is not from the expected master");
            return;
        }
        let id = FrameworkId::from(message.framework_id());
        let task = TaskId::from(message.task_id());
        let Ok(uuid) = Uuid::from_slice(message.uuid()) else {
            tracing::warn!(%task, "ignoring acknowledgement without a valid UUID");
            return;
        };
        let Some(parts) = &self.parts else { return };
        let acknowledged = parts.updates.acknowledge(id.clone(), task.clone(), uuid);
        ctx.on_any(acknowledged, move |agent, outcome, ctx| match settle_update(outcome) {
            Ok(outcome) => agent.on_acknowledged(&id, &task, outcome, ctx),
            Err(error) => tracing::error!(%task, framework = %id, %error, "acknowledgement is not accepted"),
        });
    }

    fn on_acknowledged(
        &mut self,
        id: &FrameworkId,
        task: &TaskId,
        outcome: Acknowledged,
        ctx: &mut Context<Self>,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let owner = framework
            .executor_of(task)
            .map(|executor| executor.id().clone());
        let Some(executor_id) = owner else {
            return self.remove_framework_if_idle(id, ctx);
        };
        let Some(executor) = framework.executor_mut(&executor_id) else {
            return;
        };
        if outcome == Acknowledged::StreamClosed && executor.complete(task) {
            self.collect_task_garbage(id, &executor_id, task);
        }
        let done = self
            .frameworks
            .executor(id, &executor_id)
            .is_some_and(|executor| {
                executor.state() == ExecutorState::Terminated && !executor.has_incomplete_tasks()
            });
        if done {
            self.remove_executor(id, &executor_id, ctx);
        }
        self.remove_framework_if_idle(id, ctx);
    }
}

/// The container to ask about a task; none when the task never came near one.
fn asked_container(
    executor: &Executor,
    status: &v1::TaskStatus,
    task: &TaskId,
) -> Option<ContainerId> {
    let by_agent = status.source() == Source::SourceAgent;
    let lost = matches!(status.state(), TaskState::TaskDropped | TaskState::TaskLost);
    if executor.is_queued(task) || (executor.is_launched(task) && by_agent && lost) {
        return None;
    }
    let named = status
        .container_status
        .as_ref()
        .and_then(|status| status.container_id.as_ref());
    let named = named.and_then(|id| ContainerId::from_proto(id).ok());
    Some(named.unwrap_or_else(|| executor.container().clone()))
}

/// Adds what the containerizer knows, and the agent's own address when the container has none.
fn add_container_status(update: &mut StatusUpdate, told: &v1::ContainerStatus, agent: &Upid) {
    let Some(status) = update.status.as_deref_mut() else {
        return;
    };
    let mut merged = status
        .container_status
        .take()
        .map(|status| *status)
        .unwrap_or_default();
    if let Err(error) = merged.merge(told.encode_to_vec().as_slice()) {
        tracing::warn!(%error, "container status cannot be merged");
    }
    if merged.network_infos.is_empty() {
        merged.network_infos.push(v1::NetworkInfo {
            ip_addresses: vec![v1::network_info::IpAddress {
                ip_address: Some(agent.address.ip.to_string()),
                ..Default::default()
            }],
            ..Default::default()
        });
    }
    status.container_status = Some(merged.into());
}
