//! Runs one task as one command.
//!
//! Mirrors `src/launcher/executor.cpp`. Where Mesos chooses between two transports by
//! `MESOS_HTTP_COMMAND_EXECUTOR`, this executor always speaks the v1 API, which every agent since
//! 1.0 offers.
//!
//! # Owns
//! The task's process, its checks, and the updates that the agent has not acknowledged.
//!
//! # Invariants
//! - At most one task runs in the life of the executor.
//! - Nothing about the task follows its terminal update.
//!
//! # Timers
//! SUBSCRIBE each second until subscribed; the task's maximal completion time; the grace period
//! between SIGTERM and SIGKILL; 60 seconds for the agent to acknowledge the terminal update.

mod environment;
mod kill;
mod launch;
mod lifecycle;
mod outcome;
mod task;

use std::fmt;

use libprocess::{Context, Future, Process, ProcessId, Promise};
use mesos_proto::v1::executor::{Event, event};
use mesos_proto::v1::{ExecutorId, FrameworkId, FrameworkInfo, TaskStatus};

pub use launch::{
    HugePages, LaunchError, LaunchSettings, RESTORING_SESSION_ARGUMENT, SESSION_ARGUMENT, Session,
    exec_in_new_session, exec_in_new_session_with_huge_pages, without_huge_pages,
};

use crate::conversation::{Conversation, SUBSCRIBE_RETRY, Subscription};
use crate::updates::{Acknowledged, StatusFactory};
use crate::{Delivery, ExecutorEnvironment};
use task::Task;

/// Who the executor is and how it starts its task.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The framework of the task.
    pub framework_id: FrameworkId,
    /// This executor.
    pub executor_id: ExecutorId,
    /// How to reach the agent.
    pub environment: ExecutorEnvironment,
    /// How to start the task.
    pub launch: LaunchSettings,
}

/// How an executor ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The terminal update is acknowledged, or there was no task.
    Done,
    /// The terminal update was not acknowledged in time.
    NoAcknowledgement,
    /// Something that an agent never does, or a task that cannot be started.
    Failed(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::NoAcknowledgement => {
                f.write_str("Did not receive ACK for the terminal status update from the agent")
            }
            Self::Failed(text) => f.write_str(text),
        }
    }
}

/// The actor that is the command executor.
pub struct CommandExecutorProcess {
    settings: Settings,
    statuses: StatusFactory,
    conversation: Conversation,
    framework: Option<Box<FrameworkInfo>>,
    task: Option<Task>,
    ended: Option<Promise<Ending>>,
}

impl fmt::Debug for CommandExecutorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandExecutorProcess")
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

impl Process for CommandExecutorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("command-executor")
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

impl CommandExecutorProcess {
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
                if let Some(task) = event
                    .launch
                    .take()
                    .and_then(|mut launch| launch.task.take())
                {
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

    /// Sends an update and keeps it until the agent acknowledges it.
    fn forward(&mut self, status: TaskStatus) {
        if let Some(task) = &mut self.task
            && task.info().task_id() == status.task_id()
        {
            task.set_last_status(status.clone());
        }
        self.conversation.report(status);
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
mod tests;
