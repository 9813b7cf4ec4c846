//! One accepted connection: messages and HTTP requests in, answers out.
//!
//! Mirrors `HttpProxy` and the receiving loop in `3rdparty/libprocess/src/process.cpp`.
//!
//! # Owns
//! The socket, the queue of answers, and the requests that wait for theirs.
//!
//! # Invariants
//! - Answers leave in the order of their requests; handlers run side by side.
//! - Messages are delivered in the order in which they were received.
//! - A libprocess peer does not wait for the answers to its messages: those of a millisecond leave together, so that
//!   they do not wake it one by one.
//! - What the peer makes us remember is bounded: unanswered requests by their number, delivered messages by a count
//!   of the answers that are due, bodies by [`Limits`](crate::Limits).
//! - When the peer closes, even only its sending side, every answer that is not written yet is given up: the futures
//!   are discarded, the streams closed.

mod begin;
mod reader;
mod writer;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::Notify;

use super::app::Application;
use super::head::{KeepAlive, Patience};
use super::sniff::Opened;
use super::stream::{ReadSide, WriteSide};
use crate::abort::AbortOnPanic;
use crate::future::Future;
use crate::http::{Request, Response};
use crate::runtime::Runtime;
use crate::simulation::within;

/// How long we wait for the peer's close after ours, so that it can read our last answer.
const LINGER: Duration = Duration::from_secs(1);

/// An answer that is the same for every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plain {
    Accepted,
    Missing,
}

/// What of a request matters for its answer.
#[derive(Clone, Copy, Debug)]
struct Manner {
    keep_alive: KeepAlive,
    gzip: Gzip,
    body: BodyWanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gzip {
    Welcome,
    Unwelcome,
}

/// HEAD is answered with the headers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyWanted {
    Yes,
    No,
}

/// A response that is discarded when nobody waits for it any more.
struct Awaited(Future<Response>);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.discard();
    }
}

enum Reply {
    /// So many of the same.
    Plain(Plain, usize),
    Pending(Awaited, Manner),
    /// The end of the connection.
    Close,
}

#[derive(Default)]
struct Queue {
    replies: VecDeque<Reply>,
    /// How many of them wait for an actor.
    pending: usize,
}

/// Why reading ended.
#[derive(Debug)]
enum ReadEnd {
    /// The peer closed its sending side.
    Closed,
    /// The connection broke.
    Broken,
    /// The bytes make no sense: nothing more is read.
    Malformed,
}

/// A function that answers requests.
pub(crate) type Handler = Arc<dyn Fn(Request) -> Future<Response> + Send + Sync>;

/// Who answers the requests of a connection.
#[derive(Clone)]
pub(crate) enum Service {
    /// The runtime's actors: also messages are taken, and a peer that closes is gone.
    Actors(Application),
    /// A server of its own: a client that closes its sending side still waits for its answers.
    Handler(Handler),
}

pub(crate) struct Connection {
    runtime: Runtime,
    service: Service,
    /// None on a unix socket.
    peer: Option<SocketAddr>,
    /// Tells the connections of a runtime apart.
    number: u64,
    queue: RefCell<Queue>,
    /// That of the peer which sent the last message.
    patience: Cell<Patience>,
    /// There is something to write.
    more: Notify,
    /// An answer has left.
    room: Notify,
}

impl Connection {
    pub(crate) fn new(runtime: Runtime, service: Service, peer: Option<SocketAddr>) -> Self {
        let number = runtime.inner().accepted.fetch_add(1, Ordering::Relaxed) + 1;
        Self {
            runtime,
            service,
            peer,
            number,
            queue: RefCell::default(),
            patience: Cell::new(Patience::Waits),
            more: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Serves until one side is done.
    pub(crate) async fn serve(self, opened: Opened) {
        let _guard = AbortOnPanic;
        let Opened { mut stream, read } = opened;
        let (mut receiving, mut sending) = stream.split();
        let ended = self.exchange(read, &mut receiving, &mut sending).await;
        if ended.is_ok() && sending.shutdown().await.is_ok() {
            // The peer closes after us, so that unread input does not reset our last answer away.
            let _ = within(LINGER, receiving.gone()).await;
        }
    }

    async fn exchange(
        &self,
        read: BytesMut,
        receiving: &mut ReadSide<'_>,
        sending: &mut WriteSide<'_>,
    ) -> io::Result<()> {
        let writing = self.write(sending);
        tokio::pin!(writing);
        let end = tokio::select! {
            end = self.read(read, receiving) => end,
            written = &mut writing => return written,
        };
        match (end, &self.service) {
            (ReadEnd::Closed, Service::Handler(_)) => {
                self.push(Reply::Close);
                writing.await
            }
            (ReadEnd::Closed | ReadEnd::Broken, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (ReadEnd::Malformed, _) => {
                self.push(Reply::Close);
                tokio::select! {
                    written = &mut writing => written,
                    gone = receiving.gone() => gone,
                }
            }
        }
    }

    /// Queues an answer; equal plain ones are counted.
    fn push(&self, reply: Reply) {
        let mut queue = self.queue.borrow_mut();
        match (&reply, queue.replies.back_mut()) {
            (Reply::Plain(kind, more), Some(Reply::Plain(last, count))) if kind == last => {
                *count += more;
            }
            _ => {
                queue.pending += usize::from(matches!(reply, Reply::Pending(..)));
                queue.replies.push_back(reply);
                drop(queue);
                self.more.notify_one();
            }
        }
    }
}
