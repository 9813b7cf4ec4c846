//! Runs groups of tasks, each in a container of its own below the executor's.
//!
//! Mirrors `src/launcher/default_executor.cpp`.
//!
//! # Owns
//! The containers of its tasks, their checks, and the updates that the agent has not acknowledged.
//!
//! # Invariants
//! - A task that failed or was killed takes its group along, once.
//! - Answers about containers that were asked for under an older subscription are ignored: all
//!   waits are renewed with each subscription.
//!
//! # Timers
//! SUBSCRIBE each second until subscribed; maximal completion times; grace periods between SIGTERM
//! and SIGKILL; one second between two attempts to wait or kill; 60 seconds for the agent to
//! acknowledge the last updates.

mod containers;
mod kill;
mod launch;
mod outcome;
mod wait;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use libprocess::{Context, Future, Process, ProcessId, Promise};
use mesos_proto::v1::executor::{Event, event};
use mesos_proto::v1::{
    ContainerId, ContainerStatus, ExecutorId, FrameworkId, FrameworkInfo, TaskId, TaskState,
    TaskStatus,
};

use crate::agent_api::AgentApi;
use crate::conversation::{Conversation, SUBSCRIBE_RETRY, Subscription};
use crate::single_task::Ending;
use crate::updates::{Acknowledged, StatusFactory};
use crate::{Delivery, ExecutorEnvironment};
use containers::Containers;

/// How long the agent has to acknowledge what is left at the end.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Who the executor is and where its files lie.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The framework of the tasks.
    pub framework_id: FrameworkId,
    /// This executor.
    pub executor_id: ExecutorId,
    /// How to reach the agent.
    pub environment: ExecutorEnvironment,
    /// The sandbox, as this process sees it.
    pub sandbox: PathBuf,
    /// The environment of checks that run beside the executor.
    pub variables: std::collections::BTreeMap<String, String>,
}

/// Whether the executor takes more work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Working,
    /// All containers are being killed.
    ShuttingDown,
    /// Only acknowledgements are waited for.
    Leaving,
}

/// The actor that is the default executor.
pub struct DefaultExecutorProcess {
    settings: Settings,
    api: AgentApi,
    statuses: StatusFactory,
    conversation: Conversation,
    life: Life,
    framework: Option<Box<FrameworkInfo>>,
    container_id: Option<ContainerId>,
    containers: Containers,
    /// Set for good once a health check has killed any task.
    unhealthy: Option<bool>,
    ended: Option<Promise<Ending>>,
}

impl fmt::Debug for DefaultExecutorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultExecutorProcess")
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

impl Process for DefaultExecutorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("default-executor")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        let deliver = move |delivery| {
            pid.dispatch(move |executor: &mut Self, ctx| executor.on_delivery(delivery, ctx));
        };
        self.api.speak_as(ctx.runtime());
        let environment = self.settings.environment.clone();
        self.conversation.begin(ctx.runtime(), environment, deliver);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.conversation.finish();
    }
}

impl DefaultExecutorProcess {
    /// Makes the actor, and the future that tells how it ended.
    pub fn new(settings: Settings) -> (Self, Future<Ending>) {
        let (promise, ending) = Promise::new();
        let executor = Self {
            api: AgentApi::of(&settings.environment),
            statuses: StatusFactory::new(settings.executor_id.clone()),
            conversation: Conversation::new(
                settings.framework_id.clone(),
                settings.executor_id.clone(),
            ),
            settings,
            life: Life::Working,
            framework: None,
            container_id: None,
            containers: Containers::default(),
            unhealthy: None,
            ended: Some(promise),
        };
        (executor, ending)
    }

    fn on_delivery(&mut self, delivery: Delivery, ctx: &mut Context<Self>) {
        match delivery {
            Delivery::Connected => {
                self.conversation.connected();
                self.subscribe_reliably(ctx);
            }
            Delivery::Disconnected => {
                self.conversation.disconnected();
                // The agent may be restarting: checks through its API would fail.
                for container in self.containers.iter() {
                    container.pause_checks();
                }
            }
            Delivery::Event(event) => self.received(*event, ctx),
        }
    }

    fn subscribe_reliably(&mut self, ctx: &mut Context<Self>) {
        let tasks = self.containers.unacknowledged_tasks();
        match self.conversation.subscribe(tasks) {
            Subscription::Wanted => {
                ctx.delay(SUBSCRIBE_RETRY, Self::subscribe_reliably);
            }
            Subscription::Settled => {}
        }
    }

    fn received(&mut self, mut event: Event, ctx: &mut Context<Self>) {
        let kind = event.r#type();
        tracing::info!("received {} event", kind.as_str_name());
        match kind {
            event::Type::Subscribed => self.subscribed(&event, ctx),
            event::Type::LaunchGroup => {
                if let Some(group) = event
                    .launch_group
                    .take()
                    .and_then(|mut it| it.task_group.take())
                {
                    self.launch_group(group.tasks, ctx);
                }
            }
            // Only an executor of single tasks gets one, so the agent is confused.
            event::Type::Launch => {
                tracing::error!("LAUNCH event is not supported");
                self.shut_down(ctx);
            }
            event::Type::Kill => {
                let kill = event.kill();
                self.kill_requested(kill.task_id(), kill.kill_policy.as_ref(), ctx);
            }
            event::Type::Acknowledged => self.acknowledged(&event, ctx),
            event::Type::Shutdown => self.shut_down(ctx),
            event::Type::Error => tracing::error!("error: {}", event.error().message()),
            event::Type::Message | event::Type::Heartbeat => {}
            event::Type::Unknown => tracing::warn!("received an UNKNOWN event and ignored it"),
        }
    }

    fn subscribed(&mut self, event: &Event, ctx: &mut Context<Self>) {
        let subscribed = event.subscribed();
        self.framework = Some(Box::new(subscribed.framework_info().clone()));
        self.container_id.clone_from(&subscribed.container_id);
        self.conversation.subscribed();
        for container in self.containers.iter() {
            container.resume_checks();
        }
        for task_id in self.containers.launched() {
            self.wait(&task_id, ctx);
        }
    }

    fn acknowledged(&mut self, event: &Event, ctx: &mut Context<Self>) {
        let acknowledged = event.acknowledged();
        if self.conversation.acknowledge(acknowledged.uuid()) == Acknowledged::Unknown {
            return;
        }
        if let Some(container) = self.containers.get_mut(acknowledged.task_id()) {
            container.acknowledged = true;
        }
        if self.life == Life::Leaving && self.conversation.is_settled() {
            self.end(Ending::Done, ctx);
        }
    }

    /// A status of a task, with the container it runs in.
    fn status(
        &self,
        task_id: &TaskId,
        state: TaskState,
        ctx: &Context<Self>,
    ) -> Option<TaskStatus> {
        let container = self.containers.get(task_id)?;
        let status = self.statuses.fresh(&container.task, state, ctx.now());
        Some(TaskStatus {
            container_status: Some(container.status().into()),
            ..status
        })
    }

    /// Sends an update and keeps it until the agent acknowledges it.
    fn forward(&mut self, status: TaskStatus) {
        if let Some(container) = self.containers.get_mut(status.task_id()) {
            container.last_status = Some(status.clone());
        }
        self.conversation.report(status);
    }

    fn framework_has(&self, kind: mesos_proto::v1::framework_info::capability::Type) -> bool {
        let capabilities = self
            .framework
            .iter()
            .flat_map(|framework| &framework.capabilities);
        capabilities
            .into_iter()
            .any(|capability| capability.r#type() == kind)
    }

    /// Ends once the agent knows everything, or does not want to know.
    fn leave(&mut self, ctx: &mut Context<Self>) {
        if self.conversation.is_settled() {
            return self.end(Ending::Done, ctx);
        }
        self.life = Life::Leaving;
        ctx.delay(ACKNOWLEDGEMENT_TIMEOUT, |executor: &mut Self, ctx| {
            executor.end(Ending::Done, ctx);
        });
    }

    fn end(&mut self, ending: Ending, ctx: &mut Context<Self>) {
        tracing::info!(%ending, "executor ends");
        if let Some(promise) = self.ended.take() {
            promise.set(ending);
        }
        ctx.terminate();
    }
}

/// The part of a status that names the container.
fn container_status(container_id: &ContainerId) -> ContainerStatus {
    ContainerStatus {
        container_id: Some(container_id.clone()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
