//! Executors end, and their tasks with them.

use libprocess::Context;
use mesos_common::ids::{ExecutorId, FrameworkId, TaskId};
use mesos_containerizer::{
    ContainerId, ContainerizerError, containerizer::settle, launch_info::ContainerTermination,
};
use mesos_proto::v1::{self, TaskState, task_status::Reason};

use super::{AgentProcess, AgentState, status_update::Reporter};
use crate::{
    checkpoint::write,
    paths::ExecutorPlace,
    state::{
        executor::{Connection, Durability, Executor, ExecutorState},
        framework::FrameworkState,
        task::{AgentUpdate, is_terminal},
    },
};

type Waited = Result<Option<ContainerTermination>, ContainerizerError>;

impl AgentProcess {
    /// Waits for the end of a container.
    pub(super) fn await_container(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        container: &ContainerId,
        ctx: &mut Context<Self>,
    ) {
        let Some(parts) = &self.parts else { return };
        let ended = parts.containerizer.wait(container);
        let (id, executor_id, container) = (id.clone(), executor_id.clone(), container.clone());
        ctx.on_any(ended, move |agent, outcome, ctx| {
            let waited = settle(outcome);
            // When the containerizer itself has ended, containers run on and the next agent finds them.
            if !matches!(waited, Err(ContainerizerError::Ended(_))) {
                agent.executor_terminated(&id, &executor_id, &container, waited, ctx);
                agent.finish_recovery_when_all_are_back(ctx);
            }
        });
    }

    /// The container of an executor is gone: its tasks end, and it is removed when that is acknowledged.
    pub(super) fn executor_terminated(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        container: &ContainerId,
        waited: Waited,
        ctx: &mut Context<Self>,
    ) {
        let status = match &waited {
            Ok(Some(termination)) => termination.status.unwrap_or(-1),
            Ok(None) | Err(_) => -1,
        };
        let Some(framework) = self.frameworks.get_mut(id) else {
            tracing::warn!(framework = %id, executor = %executor_id, "framework of the executor is gone");
            return;
        };
        let framework_state = framework.state;
        let Some(executor) = framework.executor_mut(executor_id) else {
            return;
        };
        if executor.container() != container || executor.state() == ExecutorState::Terminated {
            return;
        }
        tracing::info!(executor = %executor_id, framework = %id, status, "executor has terminated");
        executor.become_state(ExecutorState::Terminated);
        if let Connection::Http(Some(stream)) = &executor.connection {
            stream.close();
            executor.connection = Connection::Http(None);
        }
        if let Some(timer) = executor.heartbeat.take() {
            timer.cancel();
        }
        self.metrics.executors_terminated.increment();
        match framework_state {
            FrameworkState::Running => self.end_tasks(id, executor_id, &waited, ctx),
            FrameworkState::Terminating => {
                if let Some(executor) = self.frameworks.executor_mut(id, executor_id) {
                    executor.terminate_launched();
                }
            }
        }
        let Some(executor) = self.frameworks.executor(id, executor_id) else {
            return;
        };
        if !executor.is_for_command_task() {
            self.send_exited_executor(id, executor_id, status, ctx);
        }
        let Some(executor) = self.frameworks.executor(id, executor_id) else {
            return;
        };
        let framework_ends = framework_state == FrameworkState::Terminating;
        if self.state == AgentState::Terminating
            || framework_ends
            || !executor.has_incomplete_tasks()
        {
            self.remove_executor(id, executor_id, ctx);
        }
        self.remove_framework_if_idle(id, ctx);
    }

    /// Makes the last update of every task that the executor leaves behind.
    fn end_tasks(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        waited: &Waited,
        ctx: &mut Context<Self>,
    ) {
        let (Some(agent), Some(executor)) =
            (self.id.clone(), self.frameworks.executor(id, executor_id))
        else {
            return;
        };
        let end = TaskEnd::of(executor, waited);
        let launched = executor
            .launched()
            .filter(|task| !is_terminal(task.state()))
            .map(|task| TaskId::from(task.task_id()));
        let queued = executor.queued().map(|task| TaskId::from(task.task_id()));
        let tasks: Vec<TaskId> = launched.chain(queued).collect();
        for task in tasks {
            let mut update = AgentUpdate {
                framework: id,
                task: &task,
                executor: Some(executor_id),
                state: end.state,
                reason: Some(end.reason),
                message: &end.message,
            }
            .build(&agent, ctx.now().as_secs_f64());
            if let (Some(status), Some(limited)) = (update.status.as_deref_mut(), &end.limited) {
                status.limitation = Some(limited.clone());
            }
            self.status_update(update, Reporter::Agent, ctx);
        }
    }

    /// Forgets an executor but for the record, and leaves its directories to the collector.
    pub(super) fn remove_executor(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        ctx: &mut Context<Self>,
    ) {
        let Some(agent) = self.id.clone() else { return };
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let Some(executor) = framework.executor(executor_id) else {
            return;
        };
        tracing::info!(executor = %executor_id, framework = %id, "cleaning up executor");
        let container = executor.container().clone();
        let last = !framework.has_pending_for(executor_id);
        if executor.durability() == Durability::Checkpointed {
            let place = ExecutorPlace {
                root: &self.meta,
                agent: &agent,
                framework: id,
                executor: executor_id,
            };
            match write::marker(&place.sentinel(&container)) {
                Ok(()) => {}
                // The next agent finds out by itself that the executor has ended.
                Err(error) if error.is_passing() => {
                    tracing::error!(executor = %executor_id, %error, "end of executor is not written down");
                }
                Err(error) => return self.fail_checkpoint(&error, ctx),
            }
            self.collect_garbage(&place.run_dir(&container));
            if last {
                self.collect_garbage(&place.dir());
            }
        }
        let place = ExecutorPlace {
            root: &self.work_dir,
            agent: &agent,
            framework: id,
            executor: executor_id,
        };
        self.collect_sandbox_garbage(id, executor_id, &place.run_dir(&container), ctx);
        if last {
            self.collect_garbage(&place.dir());
        }
        if let Some(framework) = self.frameworks.get_mut(id) {
            drop(framework.complete_executor(executor_id));
        }
    }
}

/// How the tasks of an executor that ended are reported.
#[derive(Debug, PartialEq)]
struct TaskEnd {
    state: TaskState,
    reason: Reason,
    message: String,
    limited: Option<v1::TaskResourceLimitation>,
}

impl TaskEnd {
    /// Puts together what the container's end and the agent's own reason say.
    fn of(executor: &Executor, waited: &Waited) -> Self {
        let ended = waited.as_ref().ok().and_then(Option::as_ref);
        let pending = executor.pending_termination.as_ref();
        let state = ended
            .filter(|end| end.state.is_some())
            .or_else(|| pending.filter(|end| end.state.is_some()))
            .map_or(TaskState::TaskFailed, ContainerTermination::state);
        let reason = ended
            .filter(|end| end.reason.is_some())
            .or_else(|| pending.filter(|end| end.reason.is_some()))
            .map_or(
                Reason::ReasonExecutorTerminated,
                ContainerTermination::reason,
            );
        let mut messages = Vec::new();
        messages.extend(pending.and_then(|end| end.message.clone()));
        match waited {
            Err(error) => {
                messages.push(format!("Abnormal executor termination: {}", error.chain()));
            }
            Ok(None) => {
                messages.push("Abnormal executor termination: unknown container".to_owned());
            }
            Ok(Some(end)) => messages.extend(end.message.clone()),
        }
        let message = if messages.is_empty() {
            "Executor terminated".to_owned()
        } else {
            messages.join("; ")
        };
        let limited = ended
            .filter(|end| !end.limited_resources.is_empty())
            .map(|end| v1::TaskResourceLimitation {
                resources: end.limited_resources.clone(),
                ..Default::default()
            });
        Self {
            state,
            reason,
            message,
            limited,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{checkpoint::layout::Origin, state::executor::ExecutorSpec};

    fn executor(pending: Option<ContainerTermination>) -> Executor {
        let mut executor = Executor::new(ExecutorSpec {
            info: v1::ExecutorInfo::default(),
            framework: FrameworkId::from("f"),
            container: ContainerId::root_from("c"),
            directory: PathBuf::from("/box"),
            user: None,
            durability: Durability::Volatile,
            origin: Origin::Framework,
        });
        executor.pending_termination = pending;
        executor
    }

    fn termination(state: TaskState, reason: Reason, message: &str) -> ContainerTermination {
        ContainerTermination {
            state: Some(state.into()),
            reason: Some(reason.into()),
            message: Some(message.to_owned()),
            ..Default::default()
        }
    }

    #[test]
    fn executor_that_ends_by_itself_fails_its_tasks() {
        let end = TaskEnd::of(&executor(None), &Ok(Some(ContainerTermination::default())));

        assert_eq!(
            end,
            TaskEnd {
                state: TaskState::TaskFailed,
                reason: Reason::ReasonExecutorTerminated,
                message: "Executor terminated".to_owned(),
                limited: None,
            }
        );
    }

    #[test]
    fn reason_of_the_container_beats_that_of_the_agent() {
        let pending = termination(
            TaskState::TaskGone,
            Reason::ReasonContainerPreempted,
            "agent",
        );
        let ended = termination(
            TaskState::TaskFailed,
            Reason::ReasonContainerLimitationMemory,
            "container",
        );

        let end = TaskEnd::of(&executor(Some(pending)), &Ok(Some(ended)));

        assert_eq!(end.state, TaskState::TaskFailed);
        assert_eq!(end.reason, Reason::ReasonContainerLimitationMemory);
        assert_eq!(end.message, "agent; container");
    }

    #[test]
    fn unknown_container_is_an_abnormal_end() {
        let end = TaskEnd::of(&executor(None), &Ok(None));

        assert_eq!(
            end.message,
            "Abnormal executor termination: unknown container"
        );
        assert_eq!(end.state, TaskState::TaskFailed);
    }
}
