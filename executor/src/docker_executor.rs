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
use mesos_proto::v1::executor::{Event, event};
use mesos_proto::v1::{ExecutorId, FrameworkId, FrameworkInfo};

pub use engine::Engine;
pub use options::{ContainerSettings, CpuQuota};

use crate::command_executor::Ending;
use crate::conversation::{Conversation, SUBSCRIBE_RETRY, Subscription};
use crate::updates::{Acknowledged, StatusFactory};
use crate::{Delivery, ExecutorEnvironment};
use task::Task;

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

/// The actor that is the Docker executor.
pub struct DockerExecutorProcess {
    settings: Settings,
    statuses: StatusFactory,
    conversation: Conversation,
    framework: Option<Box<FrameworkInfo>>,
    task: Option<Task>,
    ended: Option<Promise<Ending>>,
}

impl fmt::Debug for DockerExecutorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerExecutorProcess")
            .field("conversation", &self.conversation)
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
        self.conversation.begin(ctx.runtime(), environment, deliver);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.conversation.finish();
    }
}

impl DockerExecutorProcess {
    /// Makes the actor, and the future that tells how it ended.
    pub fn new(settings: Settings) -> (Self, Future<Ending>) {
        let (promise, ending) = Promise::new();
        let executor = Self {
            statuses: StatusFactory::new(settings.executor_id.clone()),
            conversation: Conversation::new(
                settings.framework_id.clone(),
                settings.executor_id.clone(),
            ),
            settings,
            framework: None,
            task: None,
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
            Delivery::Disconnected => self.conversation.disconnected(),
            Delivery::Event(event) => self.received(*event, ctx),
        }
    }

    fn subscribe_reliably(&mut self, ctx: &mut Context<Self>) {
        let task = self.task.as_ref().filter(|task| !task.is_acknowledged());
        let tasks = task.map(|task| task.info().clone()).into_iter().collect();
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
            event::Type::Subscribed => {
                let framework = event.subscribed().framework_info().clone();
                self.framework = Some(Box::new(framework));
                self.conversation.subscribed();
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
        let outcome = self.conversation.acknowledge(acknowledged.uuid());
        if outcome == Acknowledged::Unknown {
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
