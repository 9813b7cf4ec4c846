//! The receiving side of a stream: envelopes become messages in the queues of actors.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use thiserror::Error;
use tonic::Status;
use tonic::body::Body;

use super::mismatch;
use crate::event::Message;
use crate::event_queue::AnyQueue;
use crate::pid::Upid;
use crate::polling::Attention;
use crate::runtime::{PeerCheck, Runtime};
use crate::simulation::yield_now;
use crate::socket_manager::Socket;
use crate::trace;
use crate::transport::envelope::{self, Envelope, MalformedEnvelope};
use crate::transport::router;

/// How many frames in a row before other tasks have a turn.
const FRAMES_IN_A_ROW: usize = 8;

/// What an envelope has besides the body of its message, at most.
const HEAD: usize = 64 * 1024;

/// Why a stream is received no further.
#[derive(Debug, Error)]
pub(super) enum ReceiveError {
    /// The connection broke, or the peer gave the stream up.
    #[error("{0}")]
    Broken(Status),
    /// The bytes make no sense.
    #[error(transparent)]
    Malformed(#[from] MalformedEnvelope),
    /// A sender does not have the ip that it sends from.
    #[error("{0}")]
    Mismatch(Status),
}

impl ReceiveError {
    /// What the peer is told.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Broken(status) | Self::Mismatch(status) => status.clone(),
            Self::Malformed(error) => Status::invalid_argument(error.to_string()),
        }
    }
}

/// Whether a peer wants to be told what was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledge {
    Wanted,
    No,
}

/// What the last message said: the next one mostly says the same.
#[derive(Default)]
struct Last {
    header: Bytes,
    sender: Upid,
    target: Option<Arc<dyn AnyQueue>>,
    name: Option<Arc<str>>,
}

pub(super) struct Receiver<'r> {
    runtime: &'r Runtime,
    /// Where answers go, and whose messages are acknowledged.
    socket: Option<&'r Arc<Socket>>,
    /// Where the peer is, if that is to be checked.
    peer: Option<IpAddr>,
    acknowledge: Acknowledge,
    last: Last,
}

impl<'r> Receiver<'r> {
    pub(super) fn new(
        runtime: &'r Runtime,
        socket: Option<&'r Arc<Socket>>,
        peer: Option<IpAddr>,
    ) -> Self {
        Self {
            runtime,
            socket,
            peer,
            acknowledge: Acknowledge::No,
            last: Last::default(),
        }
    }

    /// Whether the peer wants to know what was delivered.
    pub(super) const fn acknowledging(mut self, acknowledge: Acknowledge) -> Self {
        self.acknowledge = acknowledge;
        self
    }

    /// Receives until the peer ends the stream.
    pub(super) async fn run(&mut self, mut body: Body) -> Result<(), ReceiveError> {
        let limit = self.runtime.limits().message_body.saturating_add(HEAD);
        let mut buffer = BytesMut::new();
        let mut frames = 0;
        let mut attention = Attention::default();
        let pollers = &self.runtime.inner().pollers;
        while let Some(frame) = attention.wait(pollers, body.frame()).await {
            let frame = frame.map_err(ReceiveError::Broken)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            buffer.extend_from_slice(&data);
            let mut messages = 0;
            while let Some(envelope) = envelope::next(&mut buffer, limit)? {
                messages += self.take(envelope)?;
            }
            if self.acknowledge == Acknowledge::Wanted
                && messages > 0
                && let Some(socket) = self.socket
            {
                socket.acknowledge(messages);
            }
            if buffer.is_empty() {
                // An idle stream keeps no memory.
                buffer = BytesMut::new();
            }
            frames += 1;
            if frames % FRAMES_IN_A_ROW == 0 {
                yield_now().await;
            }
        }
        if buffer.is_empty() {
            Ok(())
        } else {
            Err(MalformedEnvelope("it is cut off").into())
        }
    }

    /// Takes one envelope; gives how many messages were in it.
    fn take(&mut self, envelope: Envelope) -> Result<u64, ReceiveError> {
        let Envelope {
            from,
            to,
            name,
            body,
            trace,
            acknowledged,
        } = envelope;
        if acknowledged > 0
            && let Some(socket) = self.socket
        {
            socket.count_answered(usize::try_from(acknowledged).unwrap_or(usize::MAX));
        }
        if to.is_empty() {
            return Ok(0);
        }
        let from = self.sender(&from)?;
        let to = text(&to)?;
        // An address may follow the id; it can only be ours.
        let to = to.split_once('@').map_or(to, |(id, _)| id);
        let name = text(&name)?;
        let name = match &self.last.name {
            Some(known) if **known == *name => Arc::clone(known),
            Some(_) | None => {
                let shared = self.runtime.inner().names.intern(name);
                self.last.name = Some(Arc::clone(&shared));
                shared
            }
        };
        self.deliver(from, to, name, body, trace::received(&trace));
        Ok(1)
    }

    fn sender(&mut self, header: &Bytes) -> Result<Upid, ReceiveError> {
        if self.last.header != *header || header.is_empty() {
            self.last.sender = router::sender(header);
            // Not a slice of what was received, which would stay in memory.
            self.last.header = Bytes::copy_from_slice(header);
        }
        let from = self.last.sender.clone();
        if self.runtime.inner().peer_check == PeerCheck::RequireSameIp
            && self.peer.is_some_and(|peer| peer != from.address.ip)
        {
            let status = mismatch(&from.to_string(), self.peer);
            return Err(ReceiveError::Mismatch(status));
        }
        Ok(from)
    }

    fn deliver(
        &mut self,
        from: Upid,
        to: &str,
        name: Arc<str>,
        body: Bytes,
        trace: Option<Box<str>>,
    ) {
        if !matches!(&self.last.target, Some(known) if *known.upid().id == *to) {
            self.last.target = self.runtime.inner().processes.get(to);
        }
        let Some(queue) = &self.last.target else {
            return;
        };
        let message = Message {
            from,
            to: queue.upid().clone(),
            name,
            body,
        };
        if !queue.traced_message(Box::new(message), trace) {
            self.last.target = None;
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, MalformedEnvelope> {
    std::str::from_utf8(bytes).map_err(|_error| MalformedEnvelope("a name is not text"))
}
