//! Speaks to executors, over libprocess or over their HTTP stream, and gives them their tasks.

use bytes::Bytes;
use libprocess::{Context, Upid};
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_containerizer::{
    ContainerizerError, containerizer::settle, launch_info::ContainerTermination,
};
use mesos_proto::{
    internal,
    v1::{
        self, TaskState,
        executor::{Event, event},
        task_status::Reason,
    },
};

use super::{AgentProcess, launch_executor::Limited, launch_executor::executor_limits};
use crate::state::{
    executor::{Connection, Executor, ExecutorState},
    framework::FrameworkState,
    task::gate,
};

/// What the agent tells an executor, whichever way it listens.
#[derive(Debug)]
pub(crate) enum ToExecutor {
    /// Run a task.
    Launch {
        framework: Box<v1::FrameworkInfo>,
        pid: String,
        task: Box<v1::TaskInfo>,
    },
    /// Run the tasks of a group.
    LaunchGroup(v1::TaskGroupInfo),
    /// End a task.
    Kill {
        framework: FrameworkId,
        task: TaskId,
        policy: Option<v1::KillPolicy>,
    },
    /// An update is safe.
    Acknowledged {
        framework: FrameworkId,
        agent: AgentId,
        task: TaskId,
        uuid: Bytes,
    },
    /// A framework's own words.
    Message {
        framework: FrameworkId,
        agent: AgentId,
        executor: ExecutorId,
        data: Bytes,
    },
    /// End.
    Shutdown,
    /// Register again: the agent is back. Executors of the v1 API come by themselves.
    Reconnect { agent: AgentId },
}

impl ToExecutor {
    /// The event of the v1 API.
    fn into_event(self) -> Event {
        match self {
            Self::Launch { task, .. } => Event {
                r#type: Some(event::Type::Launch.into()),
                launch: Some(event::Launch {
                    task: Some(task),
                    ..Default::default()
                }),
                ..Default::default()
            },
            Self::LaunchGroup(group) => Event {
                r#type: Some(event::Type::LaunchGroup.into()),
                launch_group: Some(event::LaunchGroup {
                    task_group: Some(group),
                    ..Default::default()
                }),
                ..Default::default()
            },
            Self::Kill { task, policy, .. } => Event {
                r#type: Some(event::Type::Kill.into()),
                kill: Some(
                    event::Kill {
                        task_id: Some(task.to_proto()),
                        kill_policy: policy,
                        ..Default::default()
                    }
                    .into(),
                ),
                ..Default::default()
            },
            Self::Acknowledged { task, uuid, .. } => Event {
                r#type: Some(event::Type::Acknowledged.into()),
                acknowledged: Some(
                    event::Acknowledged {
                        task_id: Some(task.to_proto()),
                        uuid: Some(uuid),
                        ..Default::default()
                    }
                    .into(),
                ),
                ..Default::default()
            },
            Self::Message { data, .. } => Event {
                r#type: Some(event::Type::Message.into()),
                message: Some(event::Message {
                    data: Some(data),
                    ..Default::default()
                }),
                ..Default::default()
            },
            Self::Shutdown => Event {
                r#type: Some(event::Type::Shutdown.into()),
                ..Default::default()
            },
            Self::Reconnect { .. } => Event {
                r#type: Some(event::Type::Heartbeat.into()),
                ..Default::default()
            },
        }
    }

    /// Sends the legacy message.
    fn send_legacy(self, to: &Upid, ctx: &Context<AgentProcess>) {
        match self {
            Self::Launch {
                framework,
                pid,
                task,
            } => ctx.send_protobuf(
                to,
                &internal::RunTaskMessage {
                    framework: Some(framework),
                    task: Some(task),
                    pid: Some(pid),
                    ..Default::default()
                },
            ),
            // Only executors of the v1 API run groups.
            Self::LaunchGroup(_) => {
                tracing::error!(%to, "task group for an executor that cannot run it");
            }
            Self::Kill {
                framework,
                task,
                policy,
            } => ctx.send_protobuf(
                to,
                &internal::KillTaskMessage {
                    framework_id: Some(framework.to_proto()),
                    task_id: Some(task.to_proto()),
                    kill_policy: policy,
                    ..Default::default()
                },
            ),
            Self::Acknowledged {
                framework,
                agent,
                task,
                uuid,
            } => ctx.send_protobuf(
                to,
                &internal::StatusUpdateAcknowledgementMessage {
                    agent_id: Some(agent.to_proto()),
                    framework_id: Some(framework.to_proto()),
                    task_id: Some(task.to_proto()),
                    uuid: Some(uuid),
                    ..Default::default()
                },
            ),
            Self::Message {
                framework,
                agent,
                executor,
                data,
            } => ctx.send_protobuf(
                to,
                &internal::FrameworkToExecutorMessage {
                    agent_id: Some(agent.to_proto()),
                    framework_id: Some(framework.to_proto()),
                    executor_id: Some(executor.to_proto()),
                    data: Some(data),
                    ..Default::default()
                },
            ),
            Self::Shutdown => ctx.send_protobuf(to, &internal::ShutdownExecutorMessage::default()),
            Self::Reconnect { agent } => ctx.send_protobuf(
                to,
                &internal::ReconnectExecutorMessage {
                    agent_id: Some(agent.to_proto()),
                    ..Default::default()
                },
            ),
        }
    }
}

/// Sends to an executor; what cannot be sent is dropped.
pub(crate) fn send(executor: &Executor, message: ToExecutor, ctx: &Context<AgentProcess>) {
    match &executor.connection {
        Connection::Libprocess(pid) => message.send_legacy(pid, ctx),
        Connection::Http(Some(stream)) => {
            if !stream.send(&message.into_event()) {
                tracing::warn!(executor = %executor.id(), "event cannot be sent: connection closed");
            }
        }
        Connection::Http(None) | Connection::Unknown => {
            tracing::warn!(executor = %executor.id(), "event cannot be sent: not connected");
        }
    }
}

impl AgentProcess {
    /// Brings the container of a running executor up to date, then gives it what is queued.
    pub(super) fn update_container_and_deliver(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        ctx: &mut Context<Self>,
    ) {
        let Some(executor) = self.frameworks.executor(id, executor_id) else {
            return;
        };
        let Some(parts) = &self.parts else { return };
        let container = executor.container().clone();
        let tasks: Vec<TaskId> = executor
            .queued()
            .map(|task| TaskId::from(task.task_id()))
            .collect();
        let updated = parts.containerizer.update(
            &container,
            executor.allocated().to_proto(),
            limits_of(executor),
        );
        let (id, executor_id) = (id.clone(), executor_id.clone());
        ctx.on_any(updated, move |agent, outcome, ctx| match settle(outcome) {
            Ok(()) => {
                let current = agent
                    .frameworks
                    .executor(&id, &executor_id)
                    .is_some_and(|executor| *executor.container() == container);
                if current {
                    agent.deliver(&id, &executor_id, &tasks, ctx);
                }
            }
            Err(ContainerizerError::Ended(_)) => {}
            Err(error) => agent.fail_update(&id, &executor_id, &error),
        });
    }

    /// A container that does not get its resources is destroyed.
    pub(super) fn fail_update(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        error: &ContainerizerError,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let state = gate(&framework.info, TaskState::TaskGone);
        let Some(executor) = framework.executor_mut(executor_id) else {
            return;
        };
        let text = error.chain();
        tracing::error!(executor = %executor_id, error = text, "failed to update resources, destroying container");
        executor.pending_termination = Some(ContainerTermination {
            state: Some(state.into()),
            reason: Some(Reason::ReasonContainerUpdateFailed.into()),
            message: Some(format!("Failed to update resources for container: {text}")),
            ..Default::default()
        });
        let container = executor.container().clone();
        self.destroy_container(&container);
    }

    /// Gives a running executor those of its queued tasks that are named; groups go whole.
    fn deliver(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        tasks: &[TaskId],
        ctx: &mut Context<Self>,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        if framework.state == FrameworkState::Terminating {
            return;
        }
        let info = framework.info.clone();
        // Executors that decode strictly want a process, even that of nobody.
        let nobody = Upid::empty();
        let pid = framework.pid.as_ref().unwrap_or(&nobody).to_string();
        let Some(executor) = framework.executor_mut(executor_id) else {
            return;
        };
        if executor.state() != ExecutorState::Running {
            return;
        }
        for task in tasks {
            if let Some(group) = executor.queued_group_of(task).cloned() {
                let members = group
                    .tasks
                    .iter()
                    .map(|member| TaskId::from(member.task_id()));
                members.for_each(|member| executor.launch_queued(&member));
                send(executor, ToExecutor::LaunchGroup(group), ctx);
            } else if let Some(task) = executor.dequeue(task) {
                executor.add_launched(&task);
                let launch = ToExecutor::Launch {
                    framework: info.clone().into(),
                    pid: pid.clone(),
                    task: task.into(),
                };
                send(executor, launch, ctx);
            }
        }
        self.attach_task_volumes(id, executor_id, ctx);
    }
}

/// The limits of an executor with everything it has to run.
pub(super) fn limits_of(
    executor: &Executor,
) -> std::collections::BTreeMap<String, v1::value::Scalar> {
    let queued = executor.queued().map(Limited::from);
    executor_limits(
        &executor.info().resources,
        queued.chain(executor.launched().map(Limited::from)),
    )
}
