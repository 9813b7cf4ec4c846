//! Killing tasks.
//!
//! Mirrors `Master::kill` of `src/master/master.cpp`.

use libprocess::{Context, Upid};
use mesos_common::ids::{AgentId, FrameworkId, TaskId};
use mesos_proto::internal::KillTaskMessage as KillTask;
use mesos_proto::v1::scheduler::call;

use super::MasterProcess;

impl MasterProcess {
    /// Handles `KillTaskMessage` of an old driver.
    pub(super) fn kill_task(&mut self, from: &Upid, message: KillTask, ctx: &mut Context<Self>) {
        let framework_id = FrameworkId::from(message.framework_id());
        if !self.is_driver_of(from, &framework_id) {
            return;
        }
        let call = call::Kill {
            task_id: message.task_id,
            ..Default::default()
        };
        self.kill(&framework_id, &call, ctx);
    }

    /// Kills a task, or says what is known of it.
    pub(crate) fn kill(
        &mut self,
        framework_id: &FrameworkId,
        call: &call::Kill,
        ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_kill_task.increment();
        let task_id = TaskId::from(call.task_id());
        let asked = call
            .agent_id
            .as_ref()
            .map(|_| AgentId::from(call.agent_id()));
        let running = self
            .frameworks
            .get(framework_id)
            .and_then(|framework| framework.task(&task_id))
            .map(|task| task.agent_id().clone());
        let Some(agent_id) = running else {
            tracing::warn!(%framework_id, %task_id, "cannot kill an unknown task, reconciling");
            self.reconcile_one(framework_id, &task_id, asked.as_ref(), ctx);
            return;
        };
        if asked.is_some_and(|asked| asked != agent_id) {
            tracing::warn!(%task_id, %agent_id, "cannot kill a task: it runs on another agent");
            return;
        }
        let Some(agent) = self.agents.get_mut(&agent_id) else {
            return;
        };
        agent.note_killed(framework_id, &task_id);
        if !agent.is_connected() {
            tracing::info!(%task_id, %agent_id, "the agent is away: killing when it is back");
            return;
        }
        let message = KillTask {
            framework_id: Some(framework_id.to_proto()),
            task_id: call.task_id.clone(),
            kill_policy: call.kill_policy.clone(),
            ..Default::default()
        };
        self.send_to_agent(&agent_id, &message, ctx);
    }
}
