//! Executors announce themselves: over the v1 API or, once, over libprocess.

use libprocess::{Context, Upid};
use mesos_common::ids::{ExecutorId, FrameworkId, TaskId};
use mesos_proto::{
    internal::{ExecutorRegisteredMessage, RegisterExecutorMessage, ShutdownExecutorMessage},
    v1::{
        self, TaskState,
        executor::{Event, call::Subscribe, event},
        task_status::Reason,
    },
};

use super::{
    AgentProcess, AgentState,
    send_executor::{ToExecutor, send},
    status_update::Reporter,
};
use crate::{
    constants::EXECUTOR_HEARTBEAT_INTERVAL,
    http::executor::ExecutorStream,
    state::{
        executor::{Connection, ExecutorState},
        framework::FrameworkState,
        task::{AgentUpdate, gate},
    },
};

impl AgentProcess {
    /// An executor of the v1 API subscribes. Framework and executor are known to exist.
    pub(crate) fn subscribe_executor(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        subscribe: &Subscribe,
        stream: ExecutorStream,
        ctx: &mut Context<Self>,
    ) {
        let framework_ends = self
            .frameworks
            .get(id)
            .is_none_or(|framework| framework.state == FrameworkState::Terminating);
        let executor_ends = self
            .frameworks
            .executor(id, executor_id)
            .is_none_or(|executor| executor.state().is_ending());
        if self.state == AgentState::Terminating || framework_ends || executor_ends {
            tracing::warn!(executor = %executor_id, "shutting down executor: it is not wanted any more");
            stream.send(&Event {
                r#type: Some(event::Type::Shutdown.into()),
                ..Default::default()
            });
            stream.close();
            return;
        }
        if let Some(executor) = self.frameworks.executor_mut(id, executor_id) {
            if let Connection::Http(Some(old)) = &executor.connection {
                tracing::info!(executor = %executor_id, "closing the executor's former connection");
                old.close();
            }
            executor.connection = Connection::Http(Some(stream));
            executor.become_state(ExecutorState::Running);
        }
        self.beat(id, executor_id, ctx);
        if !self.keep_connection(id, executor_id, ctx) {
            return;
        }
        let (settled, open) = self.part_updates(id, executor_id, &subscribe.unacknowledged_updates);
        for status in open {
            self.take_update(id, status, ctx);
        }
        let unacknowledged: Vec<TaskId> = subscribe
            .unacknowledged_tasks
            .iter()
            .map(|task| TaskId::from(task.task_id()))
            .collect();
        self.drop_tasks_unknown_to_executor(id, executor_id, &unacknowledged, ctx);
        if self.shut_down_if_never_used(id, executor_id, ctx) {
            return;
        }
        self.confirm_subscription(id, executor_id);
        self.acknowledge_again(id, executor_id, &settled, ctx);
        self.update_container_and_deliver(id, executor_id, ctx);
    }

    fn confirm_subscription(&self, id: &FrameworkId, executor_id: &ExecutorId) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let Some(executor) = framework.executor(executor_id) else {
            return;
        };
        let Connection::Http(Some(stream)) = &executor.connection else {
            return;
        };
        let subscribed = event::Subscribed {
            executor_info: Some(executor.info().clone().into()),
            framework_info: Some(framework.info.clone().into()),
            agent_info: Some(self.info.clone().into()),
            container_id: Some(executor.container().to_proto()),
            ..Default::default()
        };
        stream.send(&Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(subscribed.into()),
            ..Default::default()
        });
    }

    /// Lets the executor hear from time to time that the agent lives.
    fn beat(&mut self, id: &FrameworkId, executor_id: &ExecutorId, ctx: &mut Context<Self>) {
        let (framework, executor) = (id.clone(), executor_id.clone());
        let timer = ctx.delay(EXECUTOR_HEARTBEAT_INTERVAL, move |agent, ctx| {
            let Some(known) = agent.frameworks.executor(&framework, &executor) else {
                return;
            };
            let Connection::Http(Some(stream)) = &known.connection else {
                return;
            };
            let alive = stream.send(&Event {
                r#type: Some(event::Type::Heartbeat.into()),
                ..Default::default()
            });
            if alive {
                agent.beat(&framework, &executor, ctx);
            }
        });
        if let Some(executor) = self.frameworks.executor_mut(id, executor_id)
            && let Some(old) = executor.heartbeat.replace(timer)
        {
            old.cancel();
        }
    }

    /// Parts the updates that an executor brings along: those of tasks that are over and done with, and the others.
    ///
    /// The former were acknowledged by the framework, but the agent died before it could tell the executor.
    fn part_updates<'a>(
        &self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        updates: &'a [v1::executor::call::Update],
    ) -> (Vec<&'a v1::TaskStatus>, Vec<&'a v1::TaskStatus>) {
        let executor = self.frameworks.executor(id, executor_id);
        let is_settled = |status: &&v1::TaskStatus| {
            executor.is_some_and(|executor| {
                executor
                    .completed()
                    .any(|task| task.task_id() == status.task_id())
            })
        };
        updates
            .iter()
            .map(v1::executor::call::Update::status)
            .partition(is_settled)
    }

    fn acknowledge_again(
        &self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        settled: &[&v1::TaskStatus],
        ctx: &mut Context<Self>,
    ) {
        let (Some(agent), Some(executor)) = (&self.id, self.frameworks.executor(id, executor_id))
        else {
            return;
        };
        for status in settled {
            let acknowledged = ToExecutor::Acknowledged {
                framework: id.clone(),
                agent: agent.clone(),
                task: TaskId::from(status.task_id()),
                uuid: status.uuid().clone(),
            };
            send(executor, acknowledged, ctx);
        }
    }

    /// Tasks that were on their way when the agent went down never reached the executor.
    pub(super) fn drop_tasks_unknown_to_executor(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        known: &[TaskId],
        ctx: &mut Context<Self>,
    ) {
        let Some(agent) = self.id.clone() else { return };
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let state = gate(&framework.info, TaskState::TaskDropped);
        let Some(executor) = framework.executor(executor_id) else {
            return;
        };
        let lost: Vec<TaskId> = executor
            .launched()
            .filter(|task| task.state() == TaskState::TaskStaging)
            .map(|task| TaskId::from(task.task_id()))
            .filter(|task| !known.contains(task))
            .collect();
        for task in lost {
            tracing::info!(%task, "transitioning task because it is unknown to the executor");
            let update = AgentUpdate {
                framework: id,
                task: &task,
                executor: Some(executor_id),
                state,
                reason: Some(Reason::ReasonAgentRestarted),
                message: "Task launched during agent restart",
            }
            .build(&agent, ctx.now().as_secs_f64());
            self.status_update(update, Reporter::Agent, ctx);
        }
    }

    /// An executor whose tasks were all killed before it could have them is not needed.
    pub(super) fn shut_down_if_never_used(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        ctx: &mut Context<Self>,
    ) -> bool {
        let unused = self
            .frameworks
            .executor(id, executor_id)
            .is_some_and(|executor| {
                executor.queued().len() == 0 && !executor.was_ever_sent_a_task()
            });
        if unused {
            tracing::warn!(executor = %executor_id, "shutting down registering executor because it has no tasks to run");
            self.shut_down_executor(id, executor_id, ctx);
        }
        unused
    }

    /// An executor on the driver registers.
    pub(super) fn register_executor(
        &mut self,
        from: &Upid,
        message: RegisterExecutorMessage,
        ctx: &mut Context<Self>,
    ) {
        let id = FrameworkId::from(message.framework_id());
        let executor_id = ExecutorId::from(message.executor_id());
        let acceptable = !self.state.refuses_work()
            && self.frameworks.get(&id).is_some_and(|framework| {
                framework.state == FrameworkState::Running
                    && framework
                        .executor(&executor_id)
                        .is_some_and(|executor| executor.state() == ExecutorState::Registering)
            });
        if !acceptable {
            tracing::warn!(executor = %executor_id, framework = %id, "shutting down executor: it is not expected");
            ctx.send_protobuf(from, &ShutdownExecutorMessage::default());
            return;
        }
        if let Some(executor) = self.frameworks.executor_mut(&id, &executor_id) {
            executor.become_state(ExecutorState::Running);
            executor.connection = Connection::Libprocess(from.clone());
        }
        ctx.link(from);
        if !self.keep_connection(&id, &executor_id, ctx)
            || self.shut_down_if_never_used(&id, &executor_id, ctx)
        {
            return;
        }
        let (Some(agent), Some(framework)) = (&self.id, self.frameworks.get(&id)) else {
            return;
        };
        let Some(executor) = framework.executor(&executor_id) else {
            return;
        };
        ctx.send_protobuf(
            from,
            &ExecutorRegisteredMessage {
                executor_info: Some(executor.info().clone().into()),
                framework_id: Some(id.to_proto()),
                framework_info: Some(framework.info.clone().into()),
                agent_id: Some(agent.to_proto()),
                agent_info: Some(self.info.clone().into()),
                ..Default::default()
            },
        );
        self.update_container_and_deliver(&id, &executor_id, ctx);
    }
}
