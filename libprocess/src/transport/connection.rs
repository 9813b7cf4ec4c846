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
//! - What the peer makes us remember is bounded: unanswered requests by their number, delivered messages by a count
//!   of the answers that are due, bodies by [`Limits`](crate::Limits).
//! - When the peer closes, even only its sending side, every answer that is not written yet is given up: the futures
//!   are discarded, the streams closed.

mod reader;
mod writer;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::app::Application;
use super::head::KeepAlive;
use crate::abort::AbortOnPanic;
use crate::future::Future;
use crate::http::Response;
use crate::runtime::Runtime;

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
    /// The peer closed, or the connection broke.
    Gone,
    /// The bytes make no sense: nothing more is read.
    Malformed,
}

pub(crate) struct Connection {
    runtime: Runtime,
    application: Application,
    stream: TcpStream,
    peer: SocketAddr,
    queue: RefCell<Queue>,
    /// There is something to write.
    more: Notify,
    /// An answer has left.
    room: Notify,
}

impl Connection {
    pub(crate) fn new(
        runtime: Runtime,
        application: Application,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Self {
        Self {
            runtime,
            application,
            stream,
            peer,
            queue: RefCell::default(),
            more: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Serves until one side is done.
    pub(crate) async fn serve(self) {
        let _guard = AbortOnPanic;
        let ended = {
            let reading = self.read();
            let writing = self.write();
            tokio::pin!(reading, writing);
            tokio::select! {
                end = &mut reading => match end {
                    ReadEnd::Gone => Err(io::ErrorKind::UnexpectedEof.into()),
                    ReadEnd::Malformed => {
                        self.push(Reply::Close);
                        tokio::select! {
                            written = &mut writing => written,
                            gone = self.gone() => gone,
                        }
                    }
                },
                written = &mut writing => written,
            }
        };
        if ended.is_ok() {
            self.close().await;
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
            }
        }
        drop(queue);
        self.more.notify_one();
    }

    /// Waits until the peer closes, throwing away what it sends.
    async fn gone(&self) -> io::Result<()> {
        let mut waste = [0; 4096];
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut waste) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes our side and waits a moment for the peer's, so that unread input does not reset our last answer away.
    async fn close(mut self) {
        if self.stream.shutdown().await.is_ok() {
            // Either way the connection is closed then.
            let _ = tokio::time::timeout(LINGER, self.gone()).await;
        }
    }
}
