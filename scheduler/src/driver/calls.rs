//! What the framework asks of the master.

use bytes::Bytes;
use libprocess::Context;
use mesos_common::ids;
use mesos_proto::internal::{DeactivateFrameworkMessage, FrameworkToExecutorMessage, StatusUpdate};
use mesos_proto::v0::scheduler::Call;
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::offer::{Operation, operation};
use mesos_proto::v1::scheduler::{OfferConstraints, call};
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{
    AgentId, ExecutorId, Filters, FrameworkInfo, OfferId, Request, TaskId, TaskInfo, TaskState,
    TaskStatus,
};

use super::Acknowledgements;
use super::events::Origin;
use super::process::{Link, SchedulerProcess, UpdateDue};

impl SchedulerProcess {
    /// Sends a call to the master, unless it is away.
    pub(super) fn send_call(
        &self,
        kind: call::Type,
        ctx: &mut Context<Self>,
        fill: impl FnOnce(&mut Call),
    ) {
        let (Link::Connected, Some(master)) = (self.link, &self.master) else {
            tracing::debug!(
                "not sending {}: the master is disconnected",
                kind.as_str_name()
            );
            return;
        };
        let mut call = Call {
            framework_id: self.framework.id.clone(),
            r#type: Some(kind.into()),
            ..Default::default()
        };
        fill(&mut call);
        ctx.send_protobuf(master, &call);
    }

    pub(super) fn send_deactivation(&self, ctx: &mut Context<Self>) {
        if let (Link::Connected, Some(master)) = (self.link, &self.master) {
            let message = DeactivateFrameworkMessage {
                framework_id: self.framework.id.clone(),
                ..Default::default()
            };
            ctx.send_protobuf(master, &message);
        }
    }

    pub(super) fn request_resources(&mut self, requests: Vec<Request>, ctx: &mut Context<Self>) {
        self.send_call(call::Type::Request, ctx, |call| {
            call.request = Some(call::Request {
                requests,
                ..Default::default()
            });
        });
    }

    pub(super) fn accept_offers(
        &mut self,
        offer_ids: Vec<OfferId>,
        operations: Vec<Operation>,
        filters: Filters,
        ctx: &mut Context<Self>,
    ) {
        if self.link == Link::Disconnected {
            return self.drop_launches(&operations, ctx);
        }
        if operations.iter().any(|operation| operation.id.is_some()) {
            // Feedback on operations needs the v1 API: the framework would wait in vain.
            let text = "An offer operation's 'id' field was set, which is disallowed because the \
                        SchedulerDriver cannot handle offer operation status updates";
            return self.error(text, ctx);
        }
        for offer_id in &offer_ids {
            let Some(agents) = self.offered.remove(&ids::OfferId::from(offer_id)) else {
                tracing::warn!(
                    offer = offer_id.value(),
                    "attempting to accept an unknown offer"
                );
                continue;
            };
            for task in launched(&operations) {
                let agent_id = ids::AgentId::from(task.agent_id());
                match agents.get(&agent_id) {
                    Some(pid) => {
                        self.agents.insert(agent_id, pid.clone());
                    }
                    None => tracing::warn!(
                        task = task.task_id().value(),
                        "attempting to launch a task with the wrong agent id"
                    ),
                }
            }
        }
        self.send_call(call::Type::Accept, ctx, |call| {
            let accept = call::Accept {
                offer_ids,
                operations,
                filters: Some(filters),
                ..Default::default()
            };
            call.accept = Some(accept.into());
        });
    }

    /// Tells the scheduler at once that tasks cannot be launched without a master.
    fn drop_launches(&mut self, operations: &[Operation], ctx: &mut Context<Self>) {
        let aware = self
            .framework
            .capabilities
            .iter()
            .any(|capability| capability.r#type() == capability::Type::PartitionAware);
        let state = if aware {
            TaskState::TaskDropped
        } else {
            TaskState::TaskLost
        };
        for task in launched(operations) {
            let now = ctx.now().as_secs_f64();
            let status = TaskStatus {
                task_id: task.task_id.clone(),
                state: Some(state.into()),
                source: Some(Source::SourceMaster.into()),
                reason: Some(Reason::ReasonMasterDisconnected.into()),
                message: Some("Master disconnected".to_owned()),
                timestamp: Some(now),
                ..Default::default()
            };
            let update = StatusUpdate {
                framework_id: self.framework.id.clone(),
                status: Some(status.into()),
                timestamp: Some(now),
                ..Default::default()
            };
            self.status_update(&update, Origin::Unacknowledged, ctx);
        }
    }

    pub(super) fn decline_offer(
        &mut self,
        offer_id: OfferId,
        filters: Filters,
        ctx: &mut Context<Self>,
    ) {
        let known = self.offered.contains_key(&ids::OfferId::from(&offer_id));
        if self.link == Link::Connected && !known {
            tracing::warn!(
                offer = offer_id.value(),
                "attempting to decline an unknown offer"
            );
        }
        if self.link == Link::Connected {
            self.offered.remove(&ids::OfferId::from(&offer_id));
        }
        self.send_call(call::Type::Decline, ctx, |call| {
            let decline = call::Decline {
                offer_ids: vec![offer_id],
                filters: Some(filters),
                ..Default::default()
            };
            call.decline = Some(decline);
        });
    }

    pub(super) fn kill_task(&mut self, task_id: TaskId, ctx: &mut Context<Self>) {
        self.send_call(call::Type::Kill, ctx, |call| {
            let kill = call::Kill {
                task_id: Some(task_id),
                ..Default::default()
            };
            call.kill = Some(kill.into());
        });
    }

    pub(super) fn revive_offers(&mut self, roles: Vec<String>, ctx: &mut Context<Self>) {
        if roles.is_empty() {
            self.suppressed_roles.clear();
        }
        for role in &roles {
            self.suppressed_roles.remove(role);
        }
        if self.link == Link::Disconnected {
            self.update_due = UpdateDue::Yes;
        }
        self.send_call(call::Type::Revive, ctx, |call| {
            call.revive = (!roles.is_empty()).then(|| call::Revive {
                roles,
                ..Default::default()
            });
        });
    }

    pub(super) fn suppress_offers(&mut self, roles: Vec<String>, ctx: &mut Context<Self>) {
        if roles.is_empty() {
            self.suppressed_roles = self.framework.roles.iter().cloned().collect();
        } else {
            self.suppressed_roles.extend(roles.iter().cloned());
        }
        if self.link == Link::Disconnected {
            self.update_due = UpdateDue::Yes;
        }
        self.send_call(call::Type::Suppress, ctx, |call| {
            call.suppress = (!roles.is_empty()).then(|| call::Suppress {
                roles,
                ..Default::default()
            });
        });
    }

    pub(super) fn acknowledge_status_update(
        &mut self,
        status: &TaskStatus,
        ctx: &mut Context<Self>,
    ) {
        if self.acknowledgements == Acknowledgements::Implicit {
            tracing::warn!("ignoring an explicit acknowledgement: the driver acknowledges itself");
            return;
        }
        // A status that the master made itself has no UUID, and may have no agent.
        if let (Some(uuid), Some(agent_id)) = (&status.uuid, &status.agent_id) {
            let task_id = status.task_id.clone();
            self.send_acknowledgement(agent_id.clone(), task_id, uuid.clone(), ctx);
        }
    }

    pub(super) fn send_acknowledgement(
        &mut self,
        agent_id: AgentId,
        task_id: Option<TaskId>,
        uuid: Bytes,
        ctx: &mut Context<Self>,
    ) {
        self.send_call(call::Type::Acknowledge, ctx, |call| {
            let acknowledge = call::Acknowledge {
                agent_id: Some(agent_id),
                task_id,
                uuid: Some(uuid),
                ..Default::default()
            };
            call.acknowledge = Some(acknowledge.into());
        });
    }

    pub(super) fn send_framework_message(
        &mut self,
        executor_id: ExecutorId,
        agent_id: AgentId,
        data: Vec<u8>,
        ctx: &mut Context<Self>,
    ) {
        if self.link == Link::Disconnected {
            return;
        }
        if let Some(agent) = self.agents.get(&ids::AgentId::from(&agent_id)) {
            let message = FrameworkToExecutorMessage {
                agent_id: Some(agent_id),
                framework_id: self.framework.id.clone(),
                executor_id: Some(executor_id),
                data: Some(data.into()),
                ..Default::default()
            };
            return ctx.send_protobuf(agent, &message);
        }
        self.send_call(call::Type::Message, ctx, |call| {
            let message = call::Message {
                agent_id: Some(agent_id),
                executor_id: Some(executor_id),
                data: Some(data.into()),
                ..Default::default()
            };
            call.message = Some(message.into());
        });
    }

    pub(super) fn reconcile_tasks(&mut self, statuses: Vec<TaskStatus>, ctx: &mut Context<Self>) {
        let tasks = statuses.into_iter().map(|status| call::reconcile::Task {
            task_id: status.task_id,
            agent_id: status.agent_id,
            ..Default::default()
        });
        let reconcile = call::Reconcile {
            tasks: tasks.collect(),
            ..Default::default()
        };
        self.send_call(call::Type::Reconcile, ctx, |call| {
            call.reconcile = Some(reconcile);
        });
    }

    pub(super) fn update_framework(
        &mut self,
        framework: FrameworkInfo,
        suppressed_roles: Vec<String>,
        offer_constraints: Option<OfferConstraints>,
        ctx: &mut Context<Self>,
    ) {
        let known = self.framework.id().value();
        if known.is_empty() {
            let text = "MesosSchedulerDriver::updateFramework() must not be called prior to \
                        registration with the master";
            return self.error(text, ctx);
        }
        if framework.id().value() != known {
            let text = format!(
                "The 'FrameworkInfo.id' provided to MesosSchedulerDriver::updateFramework() ({}) \
                 must be equal to the value known to the MesosSchedulerDriver ({known})",
                framework.id().value()
            );
            return self.error(&text, ctx);
        }
        *self.framework = framework;
        self.suppressed_roles = suppressed_roles.into_iter().collect();
        self.offer_constraints = offer_constraints;
        match self.link {
            Link::Connected => self.send_framework_update(ctx),
            Link::Disconnected => self.update_due = UpdateDue::Yes,
        }
    }

    pub(super) fn send_framework_update(&mut self, ctx: &mut Context<Self>) {
        let update = call::UpdateFramework {
            framework_info: Some(self.framework.clone()),
            offer_constraints: Some(self.offer_constraints.clone().unwrap_or_default()),
            suppressed_roles: self.suppressed_roles.iter().cloned().collect(),
            ..Default::default()
        };
        self.send_call(call::Type::UpdateFramework, ctx, |call| {
            call.update_framework = Some(update.into());
        });
    }
}

/// The tasks that operations launch one by one.
fn launched(operations: &[Operation]) -> impl Iterator<Item = &TaskInfo> {
    operations
        .iter()
        .filter(|operation| operation.r#type() == operation::Type::Launch)
        .flat_map(|operation| &operation.launch().task_infos)
}
