//! Telling a framework what its tasks are.
//!
//! Mirrors `Master::reconcile` of `src/master/master.cpp`.

use std::sync::Arc;

use libprocess::{Context, Upid};
use mesos_common::ids::{AgentId, FrameworkId, TaskId};
use mesos_proto::internal::ReconcileTasksMessage;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::task_status::Reason;

use super::MasterProcess;
use super::status_update::MasterUpdate;
use crate::state::task::Task;

const LATEST_TEXT: &str = "Reconciliation: Latest task state";

impl MasterProcess {
    /// Handles `ReconcileTasksMessage` of an old driver.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn reconcile_tasks_message(
        &mut self,
        from: &Upid,
        message: ReconcileTasksMessage,
        ctx: &mut Context<Self>,
    ) {
        let framework_id = FrameworkId::from(message.framework_id());
        if !self.is_driver_of(from, &framework_id) {
            return;
        }
        let tasks = message
            .statuses
            .iter()
            .map(|status| call::reconcile::Task {
                task_id: status.task_id.clone(),
                agent_id: status.agent_id.clone(),
                ..Default::default()
            })
            .collect();
        let call = call::Reconcile {
            tasks,
            ..Default::default()
        };
        self.reconcile(&framework_id, &call, ctx);
    }

    /// Answers a reconciliation: all tasks when none is named.
    pub(crate) fn reconcile(
        &mut self,
        framework_id: &FrameworkId,
        call: &call::Reconcile,
        ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_reconcile_tasks.increment();
        let Some(framework) = self.frameworks.get(framework_id).map(Arc::clone) else {
            return;
        };
        if call.tasks.is_empty() {
            for task in framework.tasks().values() {
                self.send_update(&latest(task, ctx), ctx);
            }
            return;
        }
        for asked in &call.tasks {
            let agent_id = asked
                .agent_id
                .as_ref()
                .map(|_| AgentId::from(asked.agent_id()));
            let task_id = TaskId::from(asked.task_id());
            self.reconcile_one(framework_id, &task_id, agent_id.as_ref(), ctx);
        }
    }

    /// Answers for one task, unless the answer may still come from a returning agent.
    pub(super) fn reconcile_one(
        &self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        agent_id: Option<&AgentId>,
        ctx: &Context<Self>,
    ) {
        let known = self
            .frameworks
            .get(framework_id)
            .and_then(|known| known.task(task_id));
        if let Some(task) = known {
            self.send_update(&latest(task, ctx), ctx);
            return;
        }
        let recovering = match agent_id {
            Some(agent_id) => self.agents.recovered().contains_key(agent_id),
            None => !self.agents.recovered().is_empty(),
        };
        if recovering {
            tracing::info!(%task_id, "no answer: agents are still expected back");
            return;
        }
        let mut update = MasterUpdate {
            framework_id: framework_id.clone(),
            agent_id: agent_id.cloned(),
            task_id: task_id.clone(),
            reason: Some(Reason::ReasonReconciliation),
            ..MasterUpdate::new(ctx.now())
        };
        let unreachable = agent_id.and_then(|id| self.agents.unreachable().get(id));
        let (state, text) = if agent_id.is_some_and(|id| self.agents.get(id).is_some()) {
            (
                TaskState::TaskGone,
                "Reconciliation: Task is unknown to the agent",
            )
        } else if let Some(time) = unreachable {
            update.unreachable_time = Some(time.clone());
            (
                TaskState::TaskUnreachable,
                "Reconciliation: Task is unreachable",
            )
        } else if agent_id.is_some_and(|id| self.agents.gone().contains_key(id)) {
            (
                TaskState::TaskGoneByOperator,
                "Reconciliation: Task is gone",
            )
        } else {
            (TaskState::TaskUnknown, "Reconciliation: Task is unknown")
        };
        update.state = if self.is_partition_aware(framework_id) {
            state
        } else {
            TaskState::TaskLost
        };
        text.clone_into(&mut update.message);
        self.send_update(&update, ctx);
    }
}

fn latest(task: &Task, ctx: &Context<MasterProcess>) -> MasterUpdate {
    MasterUpdate {
        framework_id: task.framework_id().clone(),
        agent_id: Some(task.agent_id().clone()),
        task_id: task.id().clone(),
        executor_id: task.executor_id().cloned(),
        state: task.forwarded_state(),
        reason: Some(Reason::ReasonReconciliation),
        message: LATEST_TEXT.to_owned(),
        last: task.last_status().cloned(),
        ..MasterUpdate::new(ctx.now())
    }
}
