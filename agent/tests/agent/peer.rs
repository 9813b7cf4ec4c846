//! Actors that the test plays.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use bytes::Bytes;
use libprocess::{Context, Message, Pid, Process, ProcessId, Runtime, Upid};
use mesos_proto_codec::{WireMessage, decode};

/// How long anything may take; nothing waits that long when it works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a played actor received.
pub(crate) struct Received {
    pub(crate) from: Upid,
    pub(crate) name: String,
    pub(crate) body: Bytes,
}

/// An actor that only notes what it is sent.
struct Listener {
    id: &'static str,
    sink: Sender<Received>,
}

impl Process for Listener {
    fn id(&self) -> ProcessId {
        ProcessId::fixed(self.id)
    }

    fn message_unhandled(&mut self, message: &Message, _ctx: &mut Context<Self>) {
        let received = Received {
            from: message.from.clone(),
            name: message.name.to_string(),
            body: message.body.clone(),
        };
        drop(self.sink.send(received));
    }
}

/// An actor played by the test.
pub(crate) struct Peer {
    pub(crate) runtime: Runtime,
    pub(crate) pid: Upid,
    handle: Pid<Listener>,
    inbox: Receiver<Received>,
    put_back: Vec<Received>,
}

impl Peer {
    pub(crate) fn start(id: &'static str) -> Self {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .start()
            .expect("runtime");
        let (sink, inbox) = channel();
        let handle = runtime.spawn(Listener { id, sink });
        let pid = handle.upid().clone();
        Self {
            runtime,
            handle,
            pid,
            inbox,
            put_back: Vec::new(),
        }
    }

    pub(crate) fn send<M: WireMessage>(&self, to: &Upid, message: &M) {
        let body = Bytes::from(message.encode_to_vec());
        let to = to.clone();
        self.handle
            .dispatch(move |_, ctx| ctx.send(&to, M::FULL_NAME, body));
    }

    /// Waits for a message; others stay for later.
    pub(crate) fn expect<M: WireMessage>(&mut self) -> (Upid, M) {
        let received = self.take(M::FULL_NAME);
        (
            received.from,
            decode(received.body).expect("a whole message"),
        )
    }

    /// Says whether a message has come that nobody expected yet.
    pub(crate) fn has<M: WireMessage>(&mut self) -> bool {
        self.put_back.extend(self.inbox.try_iter());
        self.put_back
            .iter()
            .any(|received| received.name == M::FULL_NAME)
    }

    fn take(&mut self, name: &str) -> Received {
        if let Some(at) = self
            .put_back
            .iter()
            .position(|received| received.name == name)
        {
            return self.put_back.remove(at);
        }
        loop {
            let received = self.inbox.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                let others: Vec<&str> = self
                    .put_back
                    .iter()
                    .map(|received| received.name.as_str())
                    .collect();
                panic!("{name} did not come, only {others:?}")
            });
            if received.name == name {
                return received;
            }
            self.put_back.push(received);
        }
    }
}
