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
use mesos_api_client::ContentType;
use mesos_proto::v1::executor::{Call, Event, call, event};
use mesos_proto::v1::{
    ContainerId, ContainerStatus, ExecutorId, FrameworkId, FrameworkInfo, TaskId, TaskState,
    TaskStatus,
};

use crate::agent_api::AgentApi;
use crate::command_executor::Ending;
use crate::updates::{Acknowledged, StatusFactory, Unacknowledged};
use crate::{Delivery, ExecutorEnvironment, Mesos};
use containers::Containers;

/// Time between two SUBSCRIBE calls.
const SUBSCRIBE_RETRY: Duration = Duration::from_secs(1);

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Disconnected,
    Connected,
    /// The number tells one subscription from the next.
    Subscribed(u64),
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
    library: Option<Mesos>,
    link: Link,
    subscriptions: u64,
    life: Life,
    framework: Option<Box<FrameworkInfo>>,
    container_id: Option<ContainerId>,
    containers: Containers,
    /// Set for good once a health check has killed any task.
    unhealthy: Option<bool>,
    unacknowledged: Unacknowledged,
    ended: Option<Promise<Ending>>,
}

impl fmt::Debug for DefaultExecutorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultExecutorProcess")
            .field("link", &self.link)
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
        let content_type = ContentType::Protobuf;
        self.library = Some(Mesos::start(
            ctx.runtime(),
            environment,
            content_type,
            deliver,
        ));
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.library = None;
    }
}

impl DefaultExecutorProcess {
    /// Makes the actor, and the future that tells how it ended.
    pub fn new(settings: Settings) -> (Self, Future<Ending>) {
        let (promise, ending) = Promise::new();
        let executor = Self {
            api: AgentApi::of(&settings.environment),
            statuses: StatusFactory::new(settings.executor_id.clone()),
            settings,
            library: None,
            link: Link::Disconnected,
            subscriptions: 0,
            life: Life::Working,
            framework: None,
            container_id: None,
            containers: Containers::default(),
            unhealthy: None,
            unacknowledged: Unacknowledged::default(),
            ended: Some(promise),
        };
        (executor, ending)
    }

    fn on_delivery(&mut self, delivery: Delivery, ctx: &mut Context<Self>) {
        match delivery {
            Delivery::Connected => {
                self.link = Link::Connected;
                self.unacknowledged.connect();
                self.subscribe_reliably(ctx);
            }
            Delivery::Disconnected => {
                self.link = Link::Disconnected;
                // The agent may be restarting: checks through its API would fail.
                for container in self.containers.iter() {
                    container.pause_checks();
                }
            }
            Delivery::Event(event) => self.received(*event, ctx),
        }
    }

    fn subscribe_reliably(&mut self, ctx: &mut Context<Self>) {
        if self.link != Link::Connected {
            return;
        }
        let subscribe = call::Subscribe {
            unacknowledged_updates: self.unacknowledged.updates().to_vec(),
            unacknowledged_tasks: self.containers.unacknowledged_tasks(),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(subscribe),
            ..self.blank_call()
        };
        self.send(call);
        ctx.delay(SUBSCRIBE_RETRY, Self::subscribe_reliably);
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
        self.subscriptions += 1;
        self.link = Link::Subscribed(self.subscriptions);
        for update in self.unacknowledged.untold() {
            self.send(self.update_call(update.clone()));
        }
        for container in self.containers.iter() {
            container.resume_checks();
        }
        for task_id in self.containers.launched() {
            self.wait(&task_id, ctx);
        }
    }

    fn acknowledged(&mut self, event: &Event, ctx: &mut Context<Self>) {
        let acknowledged = event.acknowledged();
        if self.unacknowledged.acknowledge(acknowledged.uuid()) == Acknowledged::Unknown {
            tracing::warn!("received acknowledgement for unknown status update");
            return;
        }
        if let Some(container) = self.containers.get_mut(acknowledged.task_id()) {
            container.acknowledged = true;
        }
        if self.life == Life::Leaving && self.unacknowledged.is_empty() {
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
        self.unacknowledged.push(status.clone());
        let update = call::Update {
            status: Some(status.into()),
            ..Default::default()
        };
        self.send(self.update_call(update));
    }

    fn update_call(&self, update: call::Update) -> Call {
        Call {
            r#type: Some(call::Type::Update.into()),
            update: Some(update),
            ..self.blank_call()
        }
    }

    fn blank_call(&self) -> Call {
        Call {
            framework_id: Some(self.settings.framework_id.clone()),
            executor_id: Some(self.settings.executor_id.clone()),
            ..Default::default()
        }
    }

    fn send(&self, call: Call) {
        if let Some(library) = &self.library {
            library.send(call);
        }
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
        if self.unacknowledged.is_empty() {
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
