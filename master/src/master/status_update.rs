//! Status updates: from agents to frameworks, acknowledgements back, and updates that the master
//! makes itself.
//!
//! Mirrors `Master::statusUpdate`, `forward`, `acknowledge` of `src/master/master.cpp`.

use std::sync::Arc;

use libprocess::{Context, Time, Upid};
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_common::task_state::is_terminal;
use mesos_proto::internal::{
    self, StatusUpdateAcknowledgementMessage as Acknowledgement, StatusUpdateMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::task_status::{Reason, Source};
use uuid::Uuid;

use super::MasterProcess;
use crate::framework_message::FrameworkMessage;

/// An update that the master makes itself: nobody acknowledges it.
#[derive(Clone, Debug)]
pub(super) struct MasterUpdate {
    pub(super) framework_id: FrameworkId,
    pub(super) agent_id: Option<AgentId>,
    pub(super) task_id: TaskId,
    pub(super) executor_id: Option<ExecutorId>,
    pub(super) state: TaskState,
    pub(super) reason: Option<Reason>,
    pub(super) message: String,
    pub(super) unreachable_time: Option<v1::TimeInfo>,
    /// Health, check and container status are taken from here.
    pub(super) last: Option<v1::TaskStatus>,
    pub(super) now: Time,
}

impl MasterUpdate {
    /// An update about nothing yet.
    pub(super) fn new(now: Time) -> Self {
        Self {
            framework_id: FrameworkId::from(""),
            agent_id: None,
            task_id: TaskId::from(""),
            executor_id: None,
            state: TaskState::TaskUnknown,
            reason: None,
            message: String::new(),
            unreachable_time: None,
            last: None,
            now,
        }
    }

    /// The message that agents would write.
    pub(super) fn to_update(&self) -> internal::StatusUpdate {
        let timestamp = self.now.as_secs_f64();
        let last = self.last.as_ref();
        let status = v1::TaskStatus {
            task_id: Some(self.task_id.to_proto()),
            agent_id: self.agent_id.as_ref().map(|id| id.to_proto()),
            state: Some(self.state.into()),
            source: Some(Source::SourceMaster.into()),
            reason: self.reason.map(Into::into),
            message: Some(self.message.clone()),
            timestamp: Some(timestamp),
            unreachable_time: self.unreachable_time.clone(),
            healthy: last.and_then(|last| last.healthy),
            check_status: last.and_then(|last| last.check_status.clone()),
            container_status: last.and_then(|last| last.container_status.clone()),
            ..Default::default()
        };
        internal::StatusUpdate {
            framework_id: Some(self.framework_id.to_proto()),
            agent_id: self.agent_id.as_ref().map(|id| id.to_proto()),
            executor_id: self.executor_id.as_ref().map(|id| id.to_proto()),
            status: Some(status.into()),
            timestamp: Some(timestamp),
            ..Default::default()
        }
    }
}

impl MasterProcess {
    /// Handles `StatusUpdateMessage`.
    pub(super) fn status_update(
        &mut self,
        from: &Upid,
        message: StatusUpdateMessage,
        ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_status_update.increment();
        if self.take_status_update(from, message, ctx) {
            self.metrics.counters().valid_status_updates.increment();
        } else {
            self.metrics.counters().invalid_status_updates.increment();
        }
    }

    /// True when the update was forwarded and its task is known.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    fn take_status_update(
        &mut self,
        from: &Upid,
        message: StatusUpdateMessage,
        ctx: &mut Context<Self>,
    ) -> bool {
        let agent_id = AgentId::from(message.update().agent_id());
        if self.agents.is_removed(&agent_id) || self.agents.get(&agent_id).is_none() {
            tracing::warn!(%agent_id, %from, "ignoring a status update of an unknown agent");
            return false;
        }
        if Uuid::from_slice(message.update().uuid()).is_err() {
            tracing::warn!(%agent_id, "ignoring a status update with a bad uuid");
            return false;
        }
        let framework_id = FrameworkId::from(message.update().framework_id());
        let task_id = TaskId::from(message.update().status().task_id());
        let update = message.update().clone();
        let connected = self
            .frameworks
            .get(&framework_id)
            .is_some_and(|known| known.is_connected());
        if connected {
            self.note_forwarded(&framework_id, &task_id, &update);
            let forwarded = FrameworkMessage::Update {
                update: Box::new(update.clone()),
                pid: message.pid().to_owned(),
            };
            self.send_to_framework(&framework_id, forwarded, ctx);
        } else {
            tracing::warn!(%framework_id, %task_id, "status update for a framework that is away");
        }
        let known = self
            .frameworks
            .get(&framework_id)
            .and_then(|framework| framework.task(&task_id))
            .is_some_and(|task| task.agent_id() == &agent_id);
        if !known {
            tracing::warn!(%framework_id, %task_id, "status update of an unknown task");
            return false;
        }
        let latest = update.latest_state.map(|_| update.latest_state());
        self.update_task(&framework_id, &task_id, update.status(), latest);
        connected
    }

    fn note_forwarded(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        update: &internal::StatusUpdate,
    ) {
        let task = self
            .frameworks
            .get_mut(framework_id)
            .and_then(|framework| framework.task_mut(task_id));
        if let (Some(task), Some(uuid)) = (task, &update.uuid) {
            task.note_forwarded(update.status().state(), uuid);
        }
    }

    /// Sends an update of the master to a framework.
    pub(super) fn send_update(&self, update: &MasterUpdate, ctx: &Context<Self>) {
        let message = FrameworkMessage::Update {
            update: Box::new(update.to_update()),
            pid: String::new(),
        };
        self.send_to_framework(&update.framework_id, message, ctx);
    }

    /// Handles `StatusUpdateAcknowledgementMessage` of an old driver.
    pub(super) fn status_update_acknowledgement(
        &mut self,
        from: &Upid,
        message: Acknowledgement,
        ctx: &mut Context<Self>,
    ) {
        let framework_id = FrameworkId::from(message.framework_id());
        let ours = self
            .frameworks
            .get(&framework_id)
            .is_some_and(|framework| framework.pid() == Some(from));
        if !ours {
            tracing::warn!(%framework_id, %from, "ignoring an acknowledgement of a stranger");
            self.metrics
                .counters()
                .invalid_status_update_acknowledgements
                .increment();
            return;
        }
        if Uuid::from_slice(message.uuid()).is_err() {
            self.metrics
                .counters()
                .invalid_status_update_acknowledgements
                .increment();
            return;
        }
        let call = v1::scheduler::call::Acknowledge {
            agent_id: message.agent_id.clone(),
            task_id: message.task_id.clone(),
            uuid: message.uuid,
            ..Default::default()
        };
        self.acknowledge(&framework_id, &call, ctx);
    }

    /// A framework has seen an update.
    pub(crate) fn acknowledge(
        &mut self,
        framework_id: &FrameworkId,
        call: &v1::scheduler::call::Acknowledge,
        ctx: &mut Context<Self>,
    ) {
        self.metrics
            .counters()
            .messages_status_update_acknowledgement
            .increment();
        let agent_id = AgentId::from(call.agent_id());
        let task_id = TaskId::from(call.task_id());
        let reachable = self
            .agents
            .get(&agent_id)
            .is_some_and(|agent| agent.is_connected());
        if !reachable {
            tracing::warn!(%agent_id, %task_id, "dropping an acknowledgement: no such agent");
            self.metrics
                .counters()
                .invalid_status_update_acknowledgements
                .increment();
            return;
        }
        let task = self
            .frameworks
            .get(framework_id)
            .and_then(|framework| framework.task(&task_id))
            .filter(|task| task.agent_id() == &agent_id)
            .map(Arc::clone);
        if let Some(task) = task {
            let Some(forwarded) = task.forwarded_uuid() else {
                tracing::warn!(%task_id, "dropping an acknowledgement: nothing was forwarded");
                self.metrics
                    .counters()
                    .invalid_status_update_acknowledgements
                    .increment();
                return;
            };
            if is_terminal(task.forwarded_state()) && forwarded == call.uuid().as_ref() {
                self.remove_task(framework_id, &task_id, super::task::Destination::Completed);
            }
        }
        let message = Acknowledgement {
            agent_id: call.agent_id.clone(),
            framework_id: Some(framework_id.to_proto()),
            task_id: call.task_id.clone(),
            uuid: call.uuid.clone(),
            ..Default::default()
        };
        self.send_to_agent(&agent_id, &message, ctx);
        self.metrics
            .counters()
            .valid_status_update_acknowledgements
            .increment();
        self.check_drained(&agent_id, ctx);
    }
}
