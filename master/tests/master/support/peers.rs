//! Peers that speak the legacy wire, agents among them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use libprocess::{Context, Message, Pid, Process, ProcessId, Runtime, Upid};
use mesos_common::resources::Resources;
use mesos_proto::internal::update_agent_message::{
    Operations, ResourceProvider, ResourceProviders,
};
use mesos_proto::internal::{
    AgentReregisteredMessage, ApplyOperationMessage, ReregisterAgentMessage, RunTaskMessage,
    StatusUpdate, StatusUpdateMessage, UpdateAgentMessage, UpdateOperationStatusMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::{OperationState, TaskState};
use mesos_proto_codec::{WireMessage, decode};

use crate::support::operations::provided;
use crate::support::{PATIENCE, Stage, agent_capabilities, from_json, uuid_message};

/// An actor that keeps every message it gets.
struct Mailbox {
    prefix: &'static str,
    letters: Sender<Message>,
}

impl Process for Mailbox {
    fn id(&self) -> ProcessId {
        ProcessId::generated(self.prefix)
    }

    fn message_unhandled(&mut self, message: &Message, _ctx: &mut Context<Self>) {
        let _ = self.letters.send(message.clone());
    }
}

/// Somebody who speaks the legacy wire.
pub(crate) struct Peer {
    runtime: Runtime,
    pid: Pid<Mailbox>,
    letters: Receiver<Message>,
    /// Letters that were passed over and are still to be read.
    kept: RefCell<VecDeque<Message>>,
}

impl Peer {
    pub(crate) fn start(runtime: &Runtime, prefix: &'static str) -> Self {
        let (sender, letters) = channel();
        let pid = runtime.spawn(Mailbox {
            prefix,
            letters: sender,
        });
        Self {
            runtime: runtime.clone(),
            pid,
            letters,
            kept: RefCell::default(),
        }
    }

    pub(crate) fn upid(&self) -> &Upid {
        self.pid.upid()
    }

    pub(crate) fn send<M: WireMessage>(&self, to: &Upid, message: &M) {
        let (to, message) = (to.clone(), message.clone());
        self.pid
            .dispatch(move |_, ctx| ctx.send_protobuf(&to, &message));
    }

    /// The next message of a kind; others are skipped.
    #[track_caller]
    pub(crate) fn expect<M: WireMessage>(&self) -> M {
        self.find(|_skipped| {})
    }

    /// The next message of a kind; others can be read later.
    #[track_caller]
    pub(crate) fn expect_keeping<M: WireMessage>(&self) -> M {
        let mut passed = VecDeque::new();
        let found = self.find(|letter| passed.push_back(letter));
        passed.append(&mut self.kept.borrow_mut());
        self.kept.replace(passed);
        found
    }

    #[track_caller]
    fn find<M: WireMessage>(&self, mut skip: impl FnMut(Message)) -> M {
        loop {
            let kept = self.kept.borrow_mut().pop_front();
            let letter = kept
                .or_else(|| self.letters.recv_timeout(PATIENCE).ok())
                .expect(M::FULL_NAME);
            if letter.name.as_ref() == M::FULL_NAME {
                return decode(letter.body).expect("a message");
            }
            skip(letter);
        }
    }

    /// Whether a message of a kind is there by now; what came before it is skipped.
    pub(crate) fn has<M: WireMessage>(&self) -> bool {
        self.runtime.clock().settle();
        let kept = self.kept.take();
        for letter in kept.into_iter().chain(self.letters.try_iter()) {
            if letter.name.as_ref() == M::FULL_NAME {
                return true;
            }
        }
        false
    }

    /// The names of all messages that are there by now; they are read.
    pub(crate) fn names(&self) -> Vec<String> {
        self.runtime.clock().settle();
        let kept = self.kept.take();
        let letters = kept.into_iter().chain(self.letters.try_iter());
        letters.map(|letter| letter.name.to_string()).collect()
    }

    pub(crate) fn disappear(&self) {
        self.pid.terminate();
    }
}

/// A resource provider with these resources, as its agent tells of it.
pub(crate) fn provider(
    id: &str,
    resources: &Resources,
    operations: Vec<v1::Operation>,
) -> ResourceProvider {
    let info = serde_json::json!({
        "id": {"value": id},
        "type": "org.apache.mesos.rp.test",
        "name": "test",
    });
    ResourceProvider {
        info: Some(from_json::<v1::ResourceProviderInfo>(&info).into()),
        total_resources: provided(resources, id).to_proto(),
        operations: Some(Operations {
            operations,
            ..Default::default()
        }),
        resource_version_uuid: Some(uuid_message(2)),
        ..Default::default()
    }
}

/// A registered agent.
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) info: v1::AgentInfo,
    pub(crate) peer: Peer,
}

impl Agent {
    pub(crate) fn proto_id(&self) -> v1::AgentId {
        v1::AgentId {
            value: Some(self.id.clone()),
            ..Default::default()
        }
    }

    /// What the agent says when it comes back with these tasks.
    pub(crate) fn reregistration(
        &self,
        tasks: &[(&RunTaskMessage, TaskState)],
    ) -> ReregisterAgentMessage {
        let mut message = ReregisterAgentMessage {
            agent: Some(self.info.clone().into()),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: agent_capabilities(),
            resource_version_uuid: Some(uuid_message(1)),
            ..Default::default()
        };
        for (run, state) in tasks {
            if !message.frameworks.contains(run.framework()) {
                message.frameworks.push(run.framework().clone());
            }
            message.tasks.push(v1::Task {
                name: run.task().name.clone(),
                task_id: run.task().task_id.clone(),
                framework_id: run.framework().id.clone(),
                agent_id: Some(self.proto_id()),
                state: Some((*state).into()),
                resources: run.task().resources.clone(),
                ..Default::default()
            });
        }
        message
    }

    /// The agent's program starts again and registers with these tasks.
    pub(crate) fn come_back(&mut self, stage: &Stage, tasks: &[(&RunTaskMessage, TaskState)]) {
        self.peer.disappear();
        self.peer = Peer::start(&stage.runtime, "slave");
        stage.send(&self.peer, &self.reregistration(tasks));
        let back: AgentReregisteredMessage = self.peer.expect_keeping();
        assert_eq!(back.agent_id().value(), self.id);
        self.refresh(stage);
    }

    /// Tells the master of operations and resource providers, as agents do after registering.
    pub(crate) fn refresh(&self, stage: &Stage) {
        let message = UpdateAgentMessage {
            agent_id: Some(self.proto_id()),
            operations: Some(Operations::default()),
            resource_version_uuid: Some(uuid_message(1)),
            resource_providers: Some(ResourceProviders::default()),
            ..Default::default()
        };
        stage.send(&self.peer, &message);
        stage.settle();
    }

    /// What it says when it registers again, with what it has stored.
    pub(crate) fn reregistration_storing(
        &self,
        checkpointed: &Resources,
    ) -> ReregisterAgentMessage {
        ReregisterAgentMessage {
            agent: Some(self.info.clone().into()),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: agent_capabilities(),
            resource_version_uuid: Some(uuid_message(1)),
            checkpointed_resources: checkpointed.to_proto(),
            ..Default::default()
        }
    }

    /// Tells the master of its operations and of its resource providers, if it has some.
    pub(crate) fn announce(
        &self,
        stage: &Stage,
        operations: Vec<v1::Operation>,
        providers: Option<Vec<ResourceProvider>>,
    ) {
        let message = UpdateAgentMessage {
            agent_id: Some(self.proto_id()),
            update_oversubscribed_resources: Some(false),
            operations: Some(Operations {
                operations,
                ..Default::default()
            }),
            resource_version_uuid: Some(uuid_message(1)),
            resource_providers: providers.map(|providers| ResourceProviders {
                providers,
                ..Default::default()
            }),
            ..Default::default()
        };
        stage.send(&self.peer, &message);
        stage.settle();
    }

    /// An operation that it was told to perform, as it tells the master of it.
    pub(crate) fn operation(
        &self,
        apply: &ApplyOperationMessage,
        state: OperationState,
    ) -> v1::Operation {
        let status = v1::OperationStatus {
            operation_id: apply.operation_info().id.clone(),
            state: Some(state.into()),
            agent_id: Some(self.proto_id()),
            uuid: Some(uuid_message(9)),
            ..Default::default()
        };
        v1::Operation {
            framework_id: apply.framework_id.clone(),
            agent_id: Some(self.proto_id()),
            info: apply.operation_info.clone(),
            latest_status: Some(status.clone().into()),
            statuses: vec![status],
            uuid: apply.operation_uuid.clone(),
            ..Default::default()
        }
    }

    /// A task that it runs, as it says when it registers again.
    pub(crate) fn running(&self, run: &RunTaskMessage) -> v1::Task {
        v1::Task {
            name: run.task().name.clone(),
            task_id: run.task().task_id.clone(),
            framework_id: run.framework().id.clone(),
            agent_id: Some(self.proto_id()),
            state: Some(TaskState::TaskRunning.into()),
            resources: run.task().resources.clone(),
            ..Default::default()
        }
    }

    /// The operation that it is told to perform next, acknowledged as done.
    #[track_caller]
    pub(crate) fn perform(&self, stage: &Stage) -> v1::offer::Operation {
        let apply: ApplyOperationMessage = self.peer.expect();
        self.report(stage, &apply, OperationState::OperationFinished, Some(9));
        apply.operation_info().clone()
    }

    /// Reports an operation's state; with an uuid it wants to be acknowledged.
    pub(crate) fn report(
        &self,
        stage: &Stage,
        apply: &ApplyOperationMessage,
        state: OperationState,
        uuid: Option<u8>,
    ) {
        let status = v1::OperationStatus {
            operation_id: apply.operation_info().id.clone(),
            state: Some(state.into()),
            uuid: uuid.map(uuid_message),
            agent_id: Some(self.proto_id()),
            ..Default::default()
        };
        let message = UpdateOperationStatusMessage {
            framework_id: apply.framework_id.clone(),
            agent_id: Some(self.proto_id()),
            status: Some(status.clone().into()),
            latest_status: Some(status.into()),
            operation_uuid: apply.operation_uuid.clone(),
            ..Default::default()
        };
        stage.send(&self.peer, &message);
    }

    /// Reports a task's state to the master; returns the update's uuid.
    pub(crate) fn update(
        &self,
        stage: &Stage,
        run: &RunTaskMessage,
        state: TaskState,
        uuid: u8,
    ) -> Bytes {
        self.update_with(stage, run, state, uuid, |_status| {})
    }

    /// As [`Agent::update`], with more in the status.
    pub(crate) fn update_with(
        &self,
        stage: &Stage,
        run: &RunTaskMessage,
        state: TaskState,
        uuid: u8,
        change: impl FnOnce(&mut v1::TaskStatus),
    ) -> Bytes {
        let uuid = uuid_message(uuid).value.expect("bytes");
        let mut status = v1::TaskStatus {
            task_id: run.task().task_id.clone(),
            state: Some(state.into()),
            source: Some(v1::task_status::Source::SourceExecutor.into()),
            agent_id: Some(self.proto_id()),
            timestamp: Some(1.0),
            uuid: Some(uuid.clone()),
            ..Default::default()
        };
        change(&mut status);
        let update = StatusUpdate {
            framework_id: run.framework().id.clone(),
            agent_id: Some(self.proto_id()),
            status: Some(status.into()),
            timestamp: Some(1.0),
            uuid: Some(uuid.clone()),
            latest_state: Some(state.into()),
            ..Default::default()
        };
        let message = StatusUpdateMessage {
            update: Some(update.into()),
            pid: Some(self.peer.upid().to_string()),
            ..Default::default()
        };
        stage.send(&self.peer, &message);
        uuid
    }
}
