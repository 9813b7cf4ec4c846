//! Outgoing connections and the links that hang on them.
//!
//! Mirrors `SocketManager` in `3rdparty/libprocess/src/process.cpp`.
//!
//! # Owns
//! Per remote address at most one persistent socket (made by a link) and one temporary one (made by a send), and
//! who is linked to whom.
//!
//! # Invariants
//! - Messages on one socket leave in the order in which they were sent. A send uses the persistent socket if there is
//!   one; a temporary socket is never promoted.
//! - A persistent socket that breaks is an exited event for every actor linked to any actor at its address; those
//!   links are gone then.
//! - What waits for one peer is bounded by [`Limits::outgoing`](crate::Limits): beyond that the socket breaks.

mod encode;
mod link;
mod socket;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use self::encode::Encoder;
pub(crate) use self::encode::put_hex;
use self::link::Links;
use self::socket::{Kind, Outbox, Socket};
use crate::address::Address;
use crate::future::Future;
use crate::metrics::{Counter, Metrics};
use crate::pid::Upid;
use crate::runtime::Runtime;

/// What a link does with the connection that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteConnection {
    /// It uses it.
    Reuse,
    /// It replaces it; nobody who is linked over it notices.
    Reconnect,
}

/// How long, and how often, we look whether the last messages have left.
const FLUSH_ROUND: Duration = Duration::from_millis(2);
const FLUSH_ROUNDS: u32 = 250;

#[derive(Default)]
struct Tables {
    persistent: FxHashMap<Address, Arc<Socket>>,
    temporary: FxHashMap<Address, Arc<Socket>>,
    links: Links,
    next_socket: usize,
    closed: bool,
}

/// The outgoing side of a runtime.
pub(crate) struct SocketManager {
    tables: Arc<Mutex<Tables>>,
    encoder: Encoder,
    gauges: Gauges,
}

/// What operators see of the queues.
#[derive(Clone)]
pub(crate) struct Gauges {
    /// Connections that were broken because their queue was full.
    pub(crate) overflows: Counter,
    /// Messages that were queued for a connection when it broke.
    pub(crate) lost: Counter,
}

/// The nearest double.
#[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
const fn number(bytes: usize) -> f64 {
    bytes as f64
}

/// Bytes that wait to be sent, over all peers.
fn queued_bytes(tables: &Mutex<Tables>) -> f64 {
    let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
    let sockets = tables.persistent.values().chain(tables.temporary.values());
    number(sockets.map(|socket| socket.queued_bytes()).sum())
}

/// An actor, and the one of its linked actors that is gone.
type Notice = (Upid, Upid);

impl SocketManager {
    pub(crate) fn new(address: Address, metrics: &Metrics) -> Self {
        let tables: Arc<Mutex<Tables>> = Arc::default();
        let watched = Arc::downgrade(&tables);
        metrics.pull_gauge("libprocess/outgoing_queued_bytes", move || {
            Future::ready(
                watched
                    .upgrade()
                    .map_or(0.0, |tables| queued_bytes(&tables)),
            )
        });
        Self {
            tables,
            encoder: Encoder::new(address),
            gauges: Gauges {
                overflows: metrics.counter("libprocess/outgoing_overflows"),
                lost: metrics.counter("libprocess/outgoing_messages_lost"),
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// Queues a message for a remote actor, over a temporary socket when there is none.
    pub(crate) fn send(&self, runtime: &Runtime, from: &Upid, to: &Upid, name: &str, body: &Bytes) {
        let mut tables = self.lock();
        if tables.closed {
            return;
        }
        let known = tables
            .persistent
            .get(&to.address)
            .or_else(|| tables.temporary.get(&to.address));
        let socket = match known {
            Some(socket) => Arc::clone(socket),
            None => {
                let socket = tables.open(runtime, to.address, Kind::Temporary, Outbox::default());
                tables.temporary.insert(to.address, Arc::clone(&socket));
                socket
            }
        };
        // Within the lock: a temporary socket is given up under it, and only when its queue is empty.
        let overflow = socket.push(|outbox| self.encoder.message(outbox, from, to, name, body));
        drop(tables);
        if overflow {
            self.gauges.overflows.increment();
            tracing::warn!(peer = %to.address, "too much waits for this peer: giving up the connection");
            self.broken(runtime, &socket);
            socket.close();
        }
    }

    pub(crate) fn link(&self, runtime: &Runtime, linker: &Upid, to: &Upid, how: RemoteConnection) {
        if to.is_empty() {
            return;
        }
        let mut tables = self.lock();
        if to.address == runtime.address() {
            let alive = runtime.exists(to);
            if alive {
                tables.links.add(linker, to);
            }
            drop(tables);
            if !alive {
                runtime.notify_exited(linker, to);
            }
            return;
        }
        if tables.closed {
            return;
        }
        let replaced = match (tables.persistent.get(&to.address), how) {
            (Some(_), RemoteConnection::Reuse) => None,
            (Some(old), RemoteConnection::Reconnect) => {
                let old = Arc::clone(old);
                let queued = old.retire();
                let fresh = tables.open(runtime, to.address, Kind::Persistent, queued);
                tables.persistent.insert(to.address, fresh);
                Some(old)
            }
            (None, _) => {
                let fresh = tables.open(runtime, to.address, Kind::Persistent, Outbox::default());
                tables.persistent.insert(to.address, fresh);
                None
            }
        };
        tables.links.add(linker, to);
        drop(tables);
        drop(replaced);
    }

    /// A socket has broken. Its linkers are told, unless another socket has taken its place.
    pub(crate) fn broken(&self, runtime: &Runtime, socket: &Arc<Socket>) {
        let mut tables = self.lock();
        let address = socket.address();
        let mut notices = Vec::new();
        match socket.kind() {
            Kind::Temporary => {
                if tables
                    .temporary
                    .get(&address)
                    .is_some_and(|known| Arc::ptr_eq(known, socket))
                {
                    tables.temporary.remove(&address);
                }
            }
            Kind::Persistent => {
                if tables
                    .persistent
                    .get(&address)
                    .is_some_and(|known| Arc::ptr_eq(known, socket))
                {
                    tables.persistent.remove(&address);
                    notices = tables.links.take_address(address);
                }
            }
        }
        drop(tables);
        for (linker, gone) in notices {
            runtime.notify_exited(&linker, &gone);
        }
    }

    /// Gives up a temporary socket whose queue is empty; false when there is more to send.
    pub(crate) fn give_up(&self, socket: &Arc<Socket>) -> bool {
        let mut tables = self.lock();
        if socket.has_queued() {
            return false;
        }
        if tables
            .temporary
            .get(&socket.address())
            .is_some_and(|known| Arc::ptr_eq(known, socket))
        {
            tables.temporary.remove(&socket.address());
        }
        true
    }

    /// Forgets the links of an actor that has ended and tells those linked to it.
    pub(crate) fn process_ended(&self, runtime: &Runtime, pid: &Upid) {
        let linkers = {
            let mut tables = self.lock();
            tables.links.remove_linker(pid);
            tables.links.take_target(pid)
        };
        for linker in linkers {
            runtime.notify_exited(&linker, pid);
        }
    }

    /// Closes every socket; nobody is told. What is queued has half a second to leave. Blocks.
    pub(crate) fn close_all(&self) {
        let (persistent, temporary) = {
            let mut tables = self.lock();
            tables.closed = true;
            tables.links = Links::default();
            (
                std::mem::take(&mut tables.persistent),
                std::mem::take(&mut tables.temporary),
            )
        };
        let sockets: Vec<_> = persistent
            .into_values()
            .chain(temporary.into_values())
            .collect();
        for socket in &sockets {
            socket.finish();
        }
        let mut rounds = FLUSH_ROUNDS;
        while rounds > 0 && !sockets.iter().all(|socket| socket.is_closed()) {
            std::thread::park_timeout(FLUSH_ROUND);
            rounds -= 1;
        }
        for socket in sockets {
            socket.close();
        }
    }
}

impl Tables {
    fn open(
        &mut self,
        runtime: &Runtime,
        address: Address,
        kind: Kind,
        queued: Outbox,
    ) -> Arc<Socket> {
        self.next_socket = self.next_socket.wrapping_add(1);
        Socket::open(runtime, address, kind, queued, self.next_socket)
    }
}

impl fmt::Debug for SocketManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketManager").finish_non_exhaustive()
    }
}
