//! What an executor of one task does, whatever the task is: it subscribes, hands on what the agent says, and ends.
//!
//! # Invariants
//! - SUBSCRIBE names the task as long as the agent has acknowledged none of its updates.

use std::fmt;

use libprocess::{Context, Future, Process, Promise};
use mesos_proto::v1::executor::{Event, event};
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::{ExecutorId, FrameworkId, FrameworkInfo, KillPolicy, TaskId, TaskInfo};

use crate::conversation::{Conversation, SUBSCRIBE_RETRY, Subscription};
use crate::updates::{Acknowledged, StatusFactory};
use crate::{Delivery, ExecutorEnvironment};

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

/// A task, as far as the agent has to be told of it.
pub(crate) trait Told {
    /// What the agent sent.
    fn info(&self) -> &TaskInfo;
}

/// What every executor of one task keeps.
pub(crate) struct Core<T> {
    pub(crate) statuses: StatusFactory,
    pub(crate) conversation: Conversation,
    pub(crate) task: Option<T>,
    framework: Option<Box<FrameworkInfo>>,
    /// Whether the agent has acknowledged any update, and hence knows that the task has arrived.
    acknowledged: bool,
    ended: Option<Promise<Ending>>,
}

impl<T> Core<T> {
    /// Makes the core, and the future that tells how the executor ended.
    pub(crate) fn new(framework: FrameworkId, executor: ExecutorId) -> (Self, Future<Ending>) {
        let (promise, ending) = Promise::new();
        let core = Self {
            statuses: StatusFactory::new(executor.clone()),
            conversation: Conversation::new(framework, executor),
            task: None,
            framework: None,
            acknowledged: false,
            ended: Some(promise),
        };
        (core, ending)
    }

    /// Whether the framework wants to hear of `TASK_KILLING`.
    pub(crate) fn framework_knows_killing(&self) -> bool {
        self.framework
            .iter()
            .flat_map(|framework| &framework.capabilities)
            .any(|capability| capability.r#type() == capability::Type::TaskKillingState)
    }
}

/// An executor of one task.
pub(crate) trait SingleTask: Process + Sized {
    /// The task with what is true of it.
    type Task: Told;

    fn core(&mut self) -> &mut Core<Self::Task>;

    /// Starts the task.
    fn launch(&mut self, info: &TaskInfo, ctx: &mut Context<Self>);

    /// Ends the task, if it is this one.
    fn kill_requested(
        &mut self,
        task: &TaskId,
        policy: Option<&KillPolicy>,
        ctx: &mut Context<Self>,
    );

    /// Ends the task and the executor.
    fn shut_down(&mut self, ctx: &mut Context<Self>);

    /// Connects to the agent.
    fn begin(&mut self, environment: ExecutorEnvironment, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        let deliver = move |delivery| {
            pid.dispatch(move |executor: &mut Self, ctx| executor.on_delivery(delivery, ctx));
        };
        let conversation = &mut self.core().conversation;
        conversation.begin(ctx.runtime(), environment, deliver);
    }

    fn on_delivery(&mut self, delivery: Delivery, ctx: &mut Context<Self>) {
        match delivery {
            Delivery::Connected => {
                self.core().conversation.connected();
                self.subscribe_reliably(ctx);
            }
            Delivery::Disconnected => self.core().conversation.disconnected(),
            Delivery::Event(event) => self.received(*event, ctx),
        }
    }

    fn subscribe_reliably(&mut self, ctx: &mut Context<Self>) {
        let core = self.core();
        let task = core.task.as_ref().filter(|_| !core.acknowledged);
        let tasks = task.map(|task| task.info().clone()).into_iter().collect();
        match core.conversation.subscribe(tasks) {
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
                let core = self.core();
                core.framework = Some(Box::new(framework));
                core.conversation.subscribed();
            }
            event::Type::Launch => {
                let launch = event.launch.take();
                if let Some(task) = launch.and_then(|mut launch| launch.task.take()) {
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
        let core = self.core();
        let acknowledged = event.acknowledged();
        let outcome = core.conversation.acknowledge(acknowledged.uuid());
        if outcome == Acknowledged::Unknown {
            return;
        }
        let Some(task) = &core.task else { return };
        if task.info().task_id() != acknowledged.task_id() {
            return;
        }
        core.acknowledged = true;
        if outcome == Acknowledged::Terminal {
            self.end(Ending::Done, ctx);
        }
    }

    fn end(&mut self, ending: Ending, ctx: &mut Context<Self>) {
        tracing::info!(%ending, "executor ends");
        if let Some(promise) = self.core().ended.take() {
            promise.set(ending);
        }
        ctx.terminate();
    }
}
