//! Runs one task as one Docker container.
//!
//! Mirrors `src/docker/executor.cpp`. As the command executor it always speaks the v1 API, where
//! Mesos' own has the legacy driver.
//!
//! # Owns
//! The `docker run` of the task, its checks, and the updates that the agent has not acknowledged.
//!
//! # Invariants
//! - At most one task runs in the life of the executor.
//! - `TASK_RUNNING` comes after Docker has told about the container, and before anything that
//!   depends on the container.
//! - Nothing about the task follows its terminal update.
//!
//! # Timers
//! SUBSCRIBE each second until subscribed; a look at the container each half second until it has
//! started, five seconds for each; the task's maximal completion time; 60 seconds for a container
//! that is gone without `docker run` noticing, and for the agent to acknowledge the terminal
//! update.

mod engine;
mod inspection;
mod kill;
mod lifecycle;
mod options;
mod task;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use libprocess::{Context, Future, Process, ProcessId, Promise};
use mesos_api_client::ContentType;
use mesos_proto::v1::executor::{Call, Event, call, event};
use mesos_proto::v1::{ExecutorId, FrameworkId, FrameworkInfo, TaskStatus};

pub use engine::Engine;
pub use options::{ContainerSettings, CpuQuota};

use crate::command_executor::Ending;
use crate::updates::{Acknowledged, StatusFactory, Unacknowledged};
use crate::{Delivery, ExecutorEnvironment, Mesos};
use task::Task;

/// Time between two SUBSCRIBE calls.
const SUBSCRIBE_RETRY: Duration = Duration::from_secs(1);

/// Who the executor is and how it runs its container.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The framework of the task.
    pub framework_id: FrameworkId,
    /// This executor.
    pub executor_id: ExecutorId,
    /// How to reach the agent.
    pub environment: ExecutorEnvironment,
    /// How to reach Docker.
    pub engine: Engine,
    /// The container.
    pub container: ContainerSettings,
    /// Grace period of tasks without a kill policy, when it is longer than that of the executor.
    pub stop_timeout: Duration,
    /// The environment of the executor itself, for its checks.
    pub variables: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Disconnected,
    Connected,
    Subscribed,
}

/// The actor that is the Docker executor.
pub struct DockerExecutorProcess {
    settings: Settings,
    statuses: StatusFactory,
    library: Option<Mesos>,
    link: Link,
    framework: Option<Box<FrameworkInfo>>,
    task: Option<Task>,
    unacknowledged: Unacknowledged,
    ended: Option<Promise<Ending>>,
}

impl fmt::Debug for DockerExecutorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerExecutorProcess")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

impl Process for DockerExecutorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("docker-executor")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        let deliver = move |delivery| {
            pid.dispatch(move |executor: &mut Self, ctx| executor.on_delivery(delivery, ctx));
        };
        let environment = self.settings.environment.clone();
        self.library = Some(Mesos::start(
            ctx.runtime(),
            environment,
            ContentType::Protobuf,
            deliver,
        ));
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.library = None;
    }
}

impl DockerExecutorProcess {
    /// Makes the actor, and the future that tells how it ended.
    pub fn new(settings: Settings) -> (Self, Future<Ending>) {
        let (promise, ending) = Promise::new();
        let executor = Self {
            statuses: StatusFactory::new(settings.executor_id.clone()),
            settings,
            library: None,
            link: Link::Disconnected,
            framework: None,
            task: None,
            unacknowledged: Unacknowledged::default(),
            ended: Some(promise),
        };
        (executor, ending)
    }

    fn on_delivery(&mut self, delivery: Delivery, ctx: &mut Context<Self>) {
        match delivery {
            Delivery::Connected => {
                self.link = Link::Connected;
                self.subscribe_reliably(ctx);
            }
            Delivery::Disconnected => self.link = Link::Disconnected,
            Delivery::Event(event) => self.received(*event, ctx),
        }
    }

    fn subscribe_reliably(&mut self, ctx: &mut Context<Self>) {
        if self.link != Link::Connected {
            return;
        }
        let task = self.task.as_ref().filter(|task| !task.is_acknowledged());
        let subscribe = call::Subscribe {
            unacknowledged_updates: self.unacknowledged.updates().to_vec(),
            unacknowledged_tasks: task.map(|task| task.info().clone()).into_iter().collect(),
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
            event::Type::Subscribed => {
                let framework = event.subscribed().framework_info().clone();
                self.framework = Some(Box::new(framework));
                self.link = Link::Subscribed;
            }
            event::Type::Launch => {
                let task = event
                    .launch
                    .take()
                    .and_then(|mut launch| launch.task.take());
                if let Some(task) = task {
                    self.launch(&task, ctx);
                }
            }
            event::Type::Kill => {
                let kill = event.kill();
                self.kill_requested(kill.task_id(), kill.kill_policy.as_ref(), ctx);
            }
            event::Type::Acknowledged => self.acknowledged(&event, ctx),
            // Only an executor that can run groups gets one, so the agent is confused.
            event::Type::LaunchGroup => {
                tracing::error!("LAUNCH_GROUP event is not supported");
                self.shut_down(ctx);
            }
            event::Type::Shutdown => self.shut_down(ctx),
            event::Type::Error => tracing::error!("error: {}", event.error().message()),
            event::Type::Message | event::Type::Heartbeat => {}
            event::Type::Unknown => tracing::warn!("received an UNKNOWN event and ignored it"),
        }
    }

    fn acknowledged(&mut self, event: &Event, ctx: &mut Context<Self>) {
        let acknowledged = event.acknowledged();
        let outcome = self.unacknowledged.acknowledge(acknowledged.uuid());
        if outcome == Acknowledged::Unknown {
            tracing::warn!("received acknowledgement for unknown status update");
            return;
        }
        let Some(task) = &mut self.task else { return };
        if task.info().task_id() != acknowledged.task_id() {
            return;
        }
        task.set_acknowledged();
        if outcome == Acknowledged::Terminal {
            self.end(Ending::Done, ctx);
        }
    }

    /// Sends an update and keeps it until the agent acknowledges it.
    fn forward(&mut self, status: TaskStatus) {
        self.unacknowledged.push(status.clone());
        let update = call::Update {
            status: Some(status.into()),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::Update.into()),
            update: Some(update),
            ..self.blank_call()
        };
        self.send(call);
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

    fn end(&mut self, ending: Ending, ctx: &mut Context<Self>) {
        tracing::info!(%ending, "executor ends");
        if let Some(promise) = self.ended.take() {
            promise.set(ending);
        }
        ctx.terminate();
    }
}

#[cfg(test)]
mod needs_docker;
