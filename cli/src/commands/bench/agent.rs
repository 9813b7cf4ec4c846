//! An agent without a machine: it registers, and every task on it goes through its states at once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Context, Pid, Process, ProcessId, Timer, Upid};
use mesos_common::wire;
use mesos_proto::internal::{
    AgentRegisteredMessage, AgentReregisteredMessage, PingAgentMessage, PongAgentMessage,
    RegisterAgentMessage, ReregisterAgentMessage, RunTaskMessage, StatusUpdate,
    StatusUpdateAcknowledgementMessage, StatusUpdateMessage, UpdateAgentMessage,
    update_agent_message,
};
use mesos_proto::v1::agent_info::{Capability, capability};
use mesos_proto::v1::{AgentInfo, Resource, TaskState, TaskStatus, Uuid, task_status};

use super::milestone::Milestone;
use crate::MESOS_VERSION;

/// How long an agent waits for an answer before it asks again.
const RETRY: Duration = Duration::from_secs(5);

/// What all agents of a measurement share.
#[derive(Debug)]
pub(super) struct Fleet {
    /// The master's actor.
    pub(super) master: Upid,
    /// What each agent has.
    pub(super) resources: Vec<Resource>,
    /// What each task goes through.
    pub(super) states: Vec<TaskState>,
}

/// One agent.
#[derive(Debug)]
pub(super) struct SimulatedAgent {
    number: usize,
    fleet: Arc<Fleet>,
    info: AgentInfo,
    version: Bytes,
    /// Passed when the master has answered.
    waiting: Option<Milestone>,
    retry: Option<Timer>,
    /// What follows in the window.
    next: Option<Pid<Queue>>,
    running: Vec<Running>,
    /// Passed with each terminal update that was acknowledged.
    finished: Option<Milestone>,
}

/// A task and how many of its states were reported.
#[derive(Debug)]
struct Running {
    update: StatusUpdate,
    reported: usize,
}

/// Hands the right to register from one agent to the next, so that only some do at a time.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Vec<Pid<SimulatedAgent>>,
    milestone: Milestone,
}

impl Queue {
    /// A queue of agents; the last is the first.
    pub(super) fn new(waiting: Vec<Pid<SimulatedAgent>>, milestone: Milestone) -> Self {
        Self { waiting, milestone }
    }

    /// Lets the next `count` agents go.
    pub(super) fn go(&mut self, count: usize, ctx: &mut Context<Self>) {
        for _ in 0..count {
            let Some(agent) = self.waiting.pop() else {
                return;
            };
            let (queue, milestone) = (ctx.pid(), self.milestone.clone());
            agent.dispatch(move |agent, ctx| agent.approach(milestone, queue, ctx));
        }
    }
}

impl Process for Queue {
    fn id(&self) -> ProcessId {
        ProcessId::generated("bench-queue")
    }
}

impl SimulatedAgent {
    /// An agent that the master has not heard of.
    pub(super) fn new(number: usize, port: u16, fleet: Arc<Fleet>) -> Self {
        let info = AgentInfo {
            hostname: Some(format!("agent-{number}.bench")),
            port: Some(i32::from(port)),
            resources: fleet.resources.clone(),
            checkpoint: Some(true),
            ..Default::default()
        };
        Self {
            number,
            fleet,
            info,
            version: random_uuid(),
            waiting: None,
            retry: None,
            next: None,
            running: Vec::new(),
            finished: None,
        }
    }

    /// Names what tasks are counted by from now on.
    pub(super) fn count_finished_by(&mut self, finished: Milestone) {
        self.finished = Some(finished);
    }

    /// Registers, or registers again when the master once gave an id.
    fn approach(&mut self, milestone: Milestone, queue: Pid<Queue>, ctx: &mut Context<Self>) {
        self.waiting = Some(milestone);
        self.next = Some(queue);
        ctx.link(&self.fleet.master);
        self.ask(ctx);
    }

    fn ask(&mut self, ctx: &mut Context<Self>) {
        if self.waiting.is_none() {
            return;
        }
        let agent = Some(self.info.clone().into());
        let version = Some(MESOS_VERSION.to_owned());
        let resource_version_uuid = Some(self.version());
        if self.info.id.is_some() {
            let message = ReregisterAgentMessage {
                agent,
                version,
                resource_version_uuid,
                agent_capabilities: capabilities(),
                ..Default::default()
            };
            ctx.send_protobuf(&self.fleet.master, &message);
        } else {
            let message = RegisterAgentMessage {
                agent,
                version,
                resource_version_uuid,
                agent_capabilities: capabilities(),
                ..Default::default()
            };
            ctx.send_protobuf(&self.fleet.master, &message);
        }
        self.retry = Some(ctx.delay(RETRY, Self::ask));
    }

    fn version(&self) -> Uuid {
        Uuid {
            value: Some(self.version.clone()),
            ..Default::default()
        }
    }

    fn registered(&mut self, _: &Upid, message: AgentRegisteredMessage, ctx: &mut Context<Self>) {
        self.info.id = message.agent_id;
        self.answered(ctx);
    }

    fn reregistered(
        &mut self,
        _: &Upid,
        _message: AgentReregisteredMessage,
        ctx: &mut Context<Self>,
    ) {
        self.answered(ctx);
    }

    fn answered(&mut self, ctx: &mut Context<Self>) {
        // A retry may be answered as well.
        let Some(milestone) = self.waiting.take() else {
            return;
        };
        if let Some(retry) = self.retry.take() {
            retry.cancel();
        }
        let update = UpdateAgentMessage {
            agent_id: self.info.id.clone(),
            update_oversubscribed_resources: Some(false),
            resource_version_uuid: Some(self.version()),
            operations: Some(update_agent_message::Operations::default()),
            resource_providers: Some(update_agent_message::ResourceProviders::default()),
            ..Default::default()
        };
        ctx.send_protobuf(&self.fleet.master, &update);
        milestone.pass();
        if let Some(queue) = self.next.take() {
            queue.dispatch(|queue, ctx| queue.go(1, ctx));
        }
    }

    fn ping(&mut self, from: &Upid, _: PingAgentMessage, ctx: &mut Context<Self>) {
        ctx.send_protobuf(from, &PongAgentMessage::default());
    }

    fn run_task(&mut self, _: &Upid, message: RunTaskMessage, ctx: &mut Context<Self>) {
        let status = TaskStatus {
            task_id: message.task().task_id.clone(),
            agent_id: self.info.id.clone(),
            source: Some(task_status::Source::SourceExecutor.into()),
            ..Default::default()
        };
        let update = StatusUpdate {
            framework_id: message.framework().id.clone(),
            agent_id: self.info.id.clone(),
            status: Some(status.into()),
            ..Default::default()
        };
        self.running.push(Running {
            update,
            reported: 0,
        });
        let index = self.running.len() - 1;
        self.report(index, ctx);
    }

    /// Reports the next state of a task.
    fn report(&mut self, index: usize, ctx: &mut Context<Self>) {
        let now = ctx.now().as_secs_f64();
        let Some(running) = self.running.get_mut(index) else {
            return;
        };
        let Some(state) = self.fleet.states.get(running.reported) else {
            return;
        };
        running.reported += 1;
        let uuid = random_uuid();
        let latest = Some((*state).into());
        running.update.uuid = Some(uuid.clone());
        running.update.timestamp = Some(now);
        running.update.latest_state = latest;
        if let Some(status) = running.update.status.as_deref_mut() {
            status.state = latest;
            status.uuid = Some(uuid);
            status.timestamp = Some(now);
        }
        let message = StatusUpdateMessage {
            update: Some(running.update.clone().into()),
            pid: Some(ctx.upid().to_string()),
            ..Default::default()
        };
        ctx.send_protobuf(&self.fleet.master, &message);
    }

    fn acknowledged(
        &mut self,
        _: &Upid,
        message: StatusUpdateAcknowledgementMessage,
        ctx: &mut Context<Self>,
    ) {
        let is_it = |running: &Running| running.update.uuid() == message.uuid();
        let Some(index) = self.running.iter().position(is_it) else {
            return;
        };
        let all = self.fleet.states.len();
        if self.running.get(index).is_some_and(|it| it.reported == all) {
            self.running.swap_remove(index);
            if let Some(finished) = &self.finished {
                finished.pass();
            }
        } else {
            self.report(index, ctx);
        }
    }
}

impl Process for SimulatedAgent {
    fn id(&self) -> ProcessId {
        ProcessId::fixed(wire::variable::agent_process_id(self.number))
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(Self::registered);
        ctx.install_protobuf(Self::reregistered);
        ctx.install_protobuf(Self::ping);
        ctx.install_protobuf(Self::run_task);
        ctx.install_protobuf(Self::acknowledged);
    }
}

/// Masters refuse to acknowledge what is no UUID, so version and variant have to be right.
fn random_uuid() -> Bytes {
    Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes())
}

/// What a master of 1.11 asks of agents that it offers.
fn capabilities() -> Vec<Capability> {
    use capability::Type;
    [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
        Type::ResourceProvider,
        Type::ResizeVolume,
        Type::AgentOperationFeedback,
        Type::AgentDraining,
        Type::TaskResourceLimits,
    ]
    .map(|kind| Capability {
        r#type: Some(kind.into()),
        ..Default::default()
    })
    .to_vec()
}
