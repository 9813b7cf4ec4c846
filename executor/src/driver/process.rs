//! The actor behind the legacy driver.
//!
//! # Owns
//! Tasks and updates that the agent has not acknowledged, oldest first.
//!
//! # Invariants
//! - Nothing is delivered once the driver is stopped, aborted or shut down.
//!
//! # Timers
//! The recovery timeout, while the agent is away and the framework checkpoints.

use bytes::Bytes;
use libprocess::{Context, Process, ProcessId, Promise, Upid};
use mesos_proto::internal::{
    ExecutorRegisteredMessage, ExecutorReregisteredMessage, ExecutorToFrameworkMessage,
    FrameworkToExecutorMessage, KillTaskMessage, ReconnectExecutorMessage, RegisterExecutorMessage,
    ReregisterExecutorMessage, RunTaskMessage, ShutdownExecutorMessage, StatusUpdate,
    StatusUpdateAcknowledgementMessage, StatusUpdateMessage,
};
use mesos_proto::v1::{TaskInfo, TaskStatus};
use uuid::Uuid;

use super::{DriverEnvironment, Executor, MesosExecutorDriver, Status};
use crate::mesos::{ForcedEnd, ShutdownProcess};

pub(super) struct ExecutorProcess {
    driver: MesosExecutorDriver,
    executor: Box<dyn Executor>,
    identity: DriverEnvironment,
    agent: Upid,
    link: Link,
    /// Number of registrations so far.
    registrations: u64,
    delivery: Delivery,
    updates: Vec<StatusUpdate>,
    tasks: Vec<TaskInfo>,
    end: Option<Promise<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Disconnected,
    Connected,
}

/// Whether callbacks are still made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    On,
    Off,
}

impl Process for ExecutorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("executor")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.install_messages(ctx);
        ctx.link(&self.agent);
        let message = RegisterExecutorMessage {
            framework_id: Some(self.identity.framework_id.clone()),
            executor_id: Some(self.identity.executor_id.clone()),
            ..Default::default()
        };
        ctx.send_protobuf(&self.agent, &message);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.finish();
    }

    /// An executor whose framework checkpoints waits for the agent; any other one ends.
    fn exited(&mut self, _: &Upid, ctx: &mut Context<Self>) {
        if !self.delivers() {
            return;
        }
        match self.identity.environment.recovery {
            Some(recovery) if self.link == Link::Connected => {
                tracing::info!("agent exited; waiting for it to come back");
                self.link = Link::Disconnected;
                let registrations = self.registrations;
                ctx.delay(recovery.timeout, move |process: &mut Self, ctx| {
                    if process.link == Link::Disconnected
                        && process.registrations == registrations
                        && process.delivers()
                    {
                        tracing::info!("recovery timeout exceeded; shutting down");
                        process.shut_down(ctx);
                    }
                });
            }
            Some(_) | None => {
                tracing::info!("agent exited; shutting down");
                self.link = Link::Disconnected;
                self.shut_down(ctx);
            }
        }
    }
}

impl ExecutorProcess {
    pub(super) fn new(
        driver: MesosExecutorDriver,
        identity: DriverEnvironment,
        executor: Box<dyn Executor>,
        end: Promise<()>,
    ) -> Self {
        Self {
            driver,
            executor,
            agent: identity.agent(),
            identity,
            link: Link::Disconnected,
            registrations: 0,
            delivery: Delivery::On,
            updates: Vec::new(),
            tasks: Vec::new(),
            end: Some(end),
        }
    }

    fn install_messages(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(
            |process: &mut Self, _, message: ExecutorRegisteredMessage, _| {
                process.registered(&message);
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, _, message: ExecutorReregisteredMessage, _| {
                process.reregistered(&message);
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, from, _: ReconnectExecutorMessage, ctx| {
                process.reconnect(from, ctx);
            },
        );
        ctx.install_protobuf(|process: &mut Self, _, message: RunTaskMessage, _| {
            process.run_task(message.task());
        });
        ctx.install_protobuf(|process: &mut Self, _, message: KillTaskMessage, _| {
            process.kill_task(&message);
        });
        ctx.install_protobuf(
            |process: &mut Self, _, message: StatusUpdateAcknowledgementMessage, _| {
                process.acknowledged(&message);
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, _, message: FrameworkToExecutorMessage, _| {
                if process.delivers() && process.link == Link::Connected {
                    process
                        .executor
                        .framework_message(&process.driver, message.data());
                }
            },
        );
        ctx.install_protobuf(|process: &mut Self, _, _: ShutdownExecutorMessage, ctx| {
            if process.delivers() {
                process.shut_down(ctx);
            }
        });
    }

    fn delivers(&self) -> bool {
        self.delivery == Delivery::On && self.driver.status() == Status::Running
    }

    fn registered(&mut self, message: &ExecutorRegisteredMessage) {
        if !self.delivers() {
            return;
        }
        tracing::info!("executor registered");
        self.link = Link::Connected;
        self.registrations += 1;
        self.executor.registered(
            &self.driver,
            message.executor_info(),
            message.framework_info(),
            message.agent_info(),
        );
    }

    fn reregistered(&mut self, message: &ExecutorReregisteredMessage) {
        if !self.delivers() {
            return;
        }
        tracing::info!("executor reregistered");
        self.link = Link::Connected;
        self.registrations += 1;
        self.executor
            .reregistered(&self.driver, message.agent_info());
    }

    /// A restarted agent asks its executors to come back, from a port that may be another one.
    fn reconnect(&mut self, from: &Upid, ctx: &mut Context<Self>) {
        if !self.delivers() {
            return;
        }
        tracing::info!("received reconnect request from the agent");
        self.agent = from.clone();
        ctx.relink(from);
        let message = ReregisterExecutorMessage {
            executor_id: Some(self.identity.executor_id.clone()),
            framework_id: Some(self.identity.framework_id.clone()),
            tasks: self.tasks.clone(),
            updates: self.updates.clone(),
            ..Default::default()
        };
        ctx.send_protobuf(from, &message);
    }

    fn run_task(&mut self, task: &TaskInfo) {
        if !self.delivers() {
            return;
        }
        let id = task.task_id().value();
        if self.link == Link::Disconnected {
            return tracing::warn!(task = id, "ignoring task: the driver is disconnected");
        }
        if self
            .tasks
            .iter()
            .any(|known| known.task_id() == task.task_id())
        {
            return tracing::warn!(task = id, "ignoring duplicate task");
        }
        self.tasks.push(task.clone());
        self.executor.launch_task(&self.driver, task);
    }

    fn kill_task(&mut self, message: &KillTaskMessage) {
        if self.delivers() {
            let policy = message.kill_policy.as_ref();
            self.executor
                .kill_task(&self.driver, message.task_id(), policy);
        }
    }

    fn acknowledged(&mut self, message: &StatusUpdateAcknowledgementMessage) {
        if !self.delivers() || self.link == Link::Disconnected {
            return;
        }
        let before = self.updates.len();
        self.updates
            .retain(|update| update.uuid() != message.uuid());
        if self.updates.len() == before {
            return tracing::warn!("ignoring unknown status update acknowledgement");
        }
        self.tasks
            .retain(|task| task.task_id() != message.task_id());
    }

    pub(super) fn send_status_update(&mut self, status: TaskStatus, ctx: &mut Context<Self>) {
        let timestamp = Some(ctx.now().as_secs_f64());
        let uuid = Some(Bytes::copy_from_slice(Uuid::new_v4().as_bytes()));
        let agent_id = Some(self.identity.agent_id.clone());
        let status = TaskStatus {
            timestamp,
            uuid: uuid.clone(),
            agent_id: agent_id.clone(),
            ..status
        };
        let update = StatusUpdate {
            framework_id: Some(self.identity.framework_id.clone()),
            executor_id: Some(self.identity.executor_id.clone()),
            agent_id,
            status: Some(status.into()),
            timestamp,
            uuid,
            ..Default::default()
        };
        self.updates.push(update.clone());
        let message = StatusUpdateMessage {
            update: Some(update.into()),
            pid: Some(ctx.upid().to_string()),
            ..Default::default()
        };
        ctx.send_protobuf(&self.agent, &message);
    }

    pub(super) fn send_framework_message(&mut self, data: Vec<u8>, ctx: &mut Context<Self>) {
        let message = ExecutorToFrameworkMessage {
            agent_id: Some(self.identity.agent_id.clone()),
            framework_id: Some(self.identity.framework_id.clone()),
            executor_id: Some(self.identity.executor_id.clone()),
            data: Some(data.into()),
            ..Default::default()
        };
        ctx.send_protobuf(&self.agent, &message);
    }

    /// Tells the executor to end, and ends it by force when it does not.
    fn shut_down(&mut self, ctx: &mut Context<Self>) {
        tracing::info!("executor asked to shut down");
        match self.identity.environment.forced_end {
            ForcedEnd::KillProcessGroup => {
                let grace_period = self.identity.environment.shutdown_grace_period;
                ctx.runtime().spawn(ShutdownProcess::after(grace_period));
            }
            ForcedEnd::Never => {}
        }
        self.executor.shutdown(&self.driver);
        self.delivery = Delivery::Off;
    }

    pub(super) fn stop(&mut self, ctx: &mut Context<Self>) {
        ctx.terminate();
    }

    pub(super) fn abort(&mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        if let Some(end) = self.end.take() {
            end.set(());
        }
    }
}
