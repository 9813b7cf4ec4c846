//! Peers that speak the legacy wire, agents among them.

use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use libprocess::{Context, Message, Pid, Process, ProcessId, Runtime, Upid};
use mesos_proto::internal::{RunTaskMessage, StatusUpdate, StatusUpdateMessage};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto_codec::{WireMessage, decode};

use crate::support::{PATIENCE, Stage, uuid_message};

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
        loop {
            let letter = self.letters.recv_timeout(PATIENCE).expect(M::FULL_NAME);
            if letter.name.as_ref() == M::FULL_NAME {
                return decode(letter.body).expect("a message");
            }
        }
    }

    /// Whether a message of a kind is there by now; what came before it is skipped.
    pub(crate) fn has<M: WireMessage>(&self) -> bool {
        self.runtime.clock().settle();
        while let Ok(letter) = self.letters.try_recv() {
            if letter.name.as_ref() == M::FULL_NAME {
                return true;
            }
        }
        false
    }

    pub(crate) fn disappear(&self) {
        self.pid.terminate();
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

    /// Reports a task's state to the master; returns the update's uuid.
    pub(crate) fn update(
        &self,
        stage: &Stage,
        run: &RunTaskMessage,
        state: TaskState,
        uuid: u8,
    ) -> Bytes {
        let uuid = uuid_message(uuid).value.expect("bytes");
        let status = v1::TaskStatus {
            task_id: run.task().task_id.clone(),
            state: Some(state.into()),
            source: Some(v1::task_status::Source::SourceExecutor.into()),
            agent_id: Some(self.proto_id()),
            timestamp: Some(1.0),
            uuid: Some(uuid.clone()),
            ..Default::default()
        };
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
