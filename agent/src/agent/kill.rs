//! Ends tasks, wherever they are.

use libprocess::{Context, Upid};
use mesos_common::ids::{ExecutorId, FrameworkId, TaskId};
use mesos_proto::{
    internal::KillTaskMessage,
    v1::{self, TaskState, task_status::Reason},
};

use super::{
    AgentProcess,
    send_executor::{ToExecutor, send},
    status_update::Reporter,
};
use crate::state::{
    executor::ExecutorState,
    framework::FrameworkState,
    task::{AgentUpdate, gate},
};

const BEFORE_DELIVERY: &str = "Killed before delivery to the executor";
const GROUP_BEFORE_DELIVERY: &str =
    "A task within the task group was killed before delivery to the executor";

impl AgentProcess {
    /// The master wants a task to end.
    pub(super) fn kill_task(
        &mut self,
        from: &Upid,
        message: KillTaskMessage,
        ctx: &mut Context<Self>,
    ) {
        if !self.master.is(from) {
            tracing::warn!(%from, "ignoring kill task message: it is not from the expected master");
            return;
        }
        if self.state.refuses_work() {
            tracing::warn!(state = ?self.state, "cannot kill a task in this state");
            return;
        }
        let id = FrameworkId::from(message.framework_id());
        let task = TaskId::from(message.task_id());
        let Some(framework) = self.frameworks.get(&id) else {
            tracing::warn!(%task, framework = %id, "ignoring kill: no such framework");
            return;
        };
        if framework.state == FrameworkState::Terminating {
            return;
        }
        if framework.pending_executor_of(&task).is_some() {
            self.kill_pending(&id, &task, ctx);
        } else {
            self.kill(&id, &task, message.kill_policy, ctx);
        }
    }

    /// Ends a task that no executor has yet, with its whole group.
    pub(super) fn kill_pending(
        &mut self,
        id: &FrameworkId,
        task: &TaskId,
        ctx: &mut Context<Self>,
    ) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let (tasks, message) = match framework.pending_group_of(task) {
            Some(group) => (members(group), GROUP_BEFORE_DELIVERY),
            None => (vec![task.clone()], BEFORE_DELIVERY),
        };
        for task in tasks {
            self.report_killed(id, &task, None, message, ctx);
        }
    }

    /// Ends a task that an executor has or will have.
    pub(super) fn kill(
        &mut self,
        id: &FrameworkId,
        task: &TaskId,
        policy: Option<v1::KillPolicy>,
        ctx: &mut Context<Self>,
    ) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let Some(executor) = framework.executor_of(task) else {
            tracing::warn!(%task, framework = %id, "cannot kill task: no executor has it");
            let state = gate(&framework.info, TaskState::TaskDropped);
            return self.report_unknown(id, task, state, ctx);
        };
        let executor_id = executor.id().clone();
        match executor.state() {
            ExecutorState::Registering => {
                let (tasks, message) = match executor.queued_group_of(task) {
                    Some(group) => (members(group), GROUP_BEFORE_DELIVERY),
                    None => (vec![task.clone()], BEFORE_DELIVERY),
                };
                for task in tasks {
                    self.report_killed(id, &task, Some(&executor_id), message, ctx);
                }
            }
            ExecutorState::Terminating | ExecutorState::Terminated => {
                tracing::warn!(%task, executor = %executor_id, "ignoring kill: the executor is ending");
            }
            ExecutorState::Running if executor.is_queued(task) => {
                let tasks = executor
                    .queued_group_of(task)
                    .map_or_else(|| vec![task.clone()], members);
                for task in tasks {
                    self.report_killed(id, &task, Some(&executor_id), BEFORE_DELIVERY, ctx);
                }
                self.shut_down_if_never_used(id, &executor_id, ctx);
            }
            ExecutorState::Running => {
                let kill = ToExecutor::Kill {
                    framework: id.clone(),
                    task: task.clone(),
                    policy,
                };
                send(executor, kill, ctx);
            }
        }
    }

    fn report_killed(
        &mut self,
        id: &FrameworkId,
        task: &TaskId,
        executor: Option<&ExecutorId>,
        message: &str,
        ctx: &mut Context<Self>,
    ) {
        let Some(agent) = self.id.clone() else { return };
        let update = AgentUpdate {
            framework: id,
            task,
            executor,
            state: TaskState::TaskKilled,
            reason: Some(Reason::ReasonTaskKilledDuringLaunch),
            message,
        }
        .build(&agent, ctx.now().as_secs_f64());
        self.status_update(update, Reporter::Agent, ctx);
    }

    fn report_unknown(
        &mut self,
        id: &FrameworkId,
        task: &TaskId,
        state: TaskState,
        ctx: &mut Context<Self>,
    ) {
        let Some(agent) = self.id.clone() else { return };
        let update = AgentUpdate {
            framework: id,
            task,
            executor: None,
            state,
            reason: Some(Reason::ReasonExecutorTerminated),
            message: "Cannot find executor",
        }
        .build(&agent, ctx.now().as_secs_f64());
        self.status_update(update, Reporter::Agent, ctx);
    }
}

fn members(group: &v1::TaskGroupInfo) -> Vec<TaskId> {
    group
        .tasks
        .iter()
        .map(|task| TaskId::from(task.task_id()))
        .collect()
}
