//! Outgoing connections and the links that hang on them.
//!
//! Mirrors `SocketManager` in `3rdparty/libprocess/src/process.cpp`.
//!
//! # Owns
//! Per remote address at most one persistent socket (made by a link) and one temporary one (made by a send), and
//! who is linked to whom. A peer that has connected by gRPC is answered on its own connection, so that one behind a
//! translating network needs no connection back.
//!
//! # Invariants
//! - Messages on one socket leave in the order in which they were sent. A send uses the persistent socket if there is
//!   one; a temporary socket is never promoted.
//! - A persistent socket that breaks is an exited event for every actor linked to any actor at its address; those
//!   links are gone then.
//! - What waits for one peer is bounded by [`Limits::outgoing`](crate::Limits): beyond that the socket breaks.

mod accepted;
mod encode;
mod link;
mod outbox;
mod peers;
mod socket;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tracing::Span;

pub(crate) use self::accepted::End;
pub(crate) use self::encode::put_hex;
use self::encode::{Encoder, Outgoing};
use self::link::Links;
use self::outbox::Outbox;
use self::peers::{Peers, Plan};
pub(crate) use self::socket::{Kind, Lasting, Origin, Socket, Wire};
use crate::address::Address;
use crate::future::Future;
use crate::metrics::{Counter, Metrics};
use crate::pid::Upid;
use crate::runtime::{Runtime, Transport};
use crate::trace;

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
    /// Made by peers that have linked.
    accepted: FxHashMap<Address, Arc<Socket>>,
    /// Made by peers that have only sent.
    passing: FxHashMap<Address, Arc<Socket>>,
    links: Links,
    next_socket: usize,
    closed: bool,
}

/// The outgoing side of a runtime.
pub(crate) struct SocketManager {
    tables: Arc<Mutex<Tables>>,
    encoder: Encoder,
    peers: Peers,
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
const fn number(count: usize) -> f64 {
    count as f64
}

/// Bytes that wait to be sent, over all peers.
fn queued_bytes(tables: &Mutex<Tables>) -> f64 {
    let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
    number(tables.all().map(|socket| socket.queued_bytes()).sum())
}

/// Connections that messages to peers take on this wire.
fn connections(tables: &Mutex<Tables>, wire: Wire) -> f64 {
    let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
    let speaking = |socket: &&Arc<Socket>| socket.was_connected() && socket.wire() == wire;
    number(tables.all().filter(speaking).count())
}

/// An actor, and the one of its linked actors that is gone.
type Notice = (Upid, Upid);

impl SocketManager {
    pub(crate) fn new(address: Address, transport: Transport, metrics: &Metrics) -> Self {
        let tables: Arc<Mutex<Tables>> = Arc::default();
        let watched = Arc::downgrade(&tables);
        metrics.pull_gauge("libprocess/outgoing_queued_bytes", move || {
            Future::ready(
                watched
                    .upgrade()
                    .map_or(0.0, |tables| queued_bytes(&tables)),
            )
        });
        for (key, wire) in [
            ("libprocess/grpc_connections", Wire::Grpc),
            ("libprocess/legacy_connections", Wire::Legacy),
        ] {
            let watched = Arc::downgrade(&tables);
            metrics.pull_gauge(key, move || {
                Future::ready(
                    watched
                        .upgrade()
                        .map_or(0.0, |tables| connections(&tables, wire)),
                )
            });
        }
        Self {
            tables,
            encoder: Encoder::new(address),
            peers: Peers::new(transport),
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
        let propagator = runtime.inner().propagator.as_ref();
        let message = Outgoing {
            from,
            to,
            name,
            body,
            trace: propagator
                .filter(|_| trace::is_on())
                .and_then(|propagator| propagator.inject(&Span::current())),
        };
        let mut tables = self.lock();
        if tables.closed {
            return;
        }
        let socket = match tables.for_send(to.address) {
            Some(socket) => Arc::clone(socket),
            None => {
                let queued = self.planned(to.address, None);
                let socket = tables.open(runtime, to.address, Kind::Temporary, queued);
                tables.temporary.insert(to.address, Arc::clone(&socket));
                socket
            }
        };
        // Within the lock: a temporary socket is given up under it, and only when its queue is empty.
        let overflow = socket.push(|outbox| self.encoder.message(outbox, &message));
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
        let known = match tables.persistent.get(&to.address) {
            Some(known) => Some(Arc::clone(known)),
            // A relink does not trust the connection that is there, and makes one of its own.
            None if how == RemoteConnection::Reuse => tables.accepted.get(&to.address).cloned(),
            None => None,
        };
        let replaced = match (known, how) {
            (Some(_), RemoteConnection::Reuse) => None,
            (Some(old), RemoteConnection::Reconnect) => {
                let queued = self.planned(to.address, Some(old.retire()));
                let fresh = tables.open(runtime, to.address, Kind::Persistent, queued);
                tables.persistent.insert(to.address, fresh);
                Some(old)
            }
            (None, _) => {
                let queued = self.planned(to.address, None);
                let fresh = tables.open(runtime, to.address, Kind::Persistent, queued);
                tables.persistent.insert(to.address, fresh);
                None
            }
        };
        tables.links.add(linker, to);
        drop(tables);
        drop(replaced);
    }

    /// How a connection to a peer begins, and its first queue: that of the connection it replaces, if there is one.
    fn planned(&self, address: Address, queued: Option<Outbox>) -> (Plan, Outbox) {
        let plan = self.peers.plan(address);
        let Some(mut queued) = queued.filter(|queued| !queued.is_empty()) else {
            return (plan, Outbox::new(plan.wire()));
        };
        match (queued.wire(), plan.wire()) {
            (Wire::Grpc, Wire::Legacy) => (plan, self.encoder.rewrite(&mut queued)),
            // The peer took these bytes a moment ago.
            (Wire::Legacy, _) => (Plan::Only(Wire::Legacy), queued),
            (Wire::Grpc, Wire::Grpc) => (plan, queued),
        }
    }

    /// Remembers which wire a peer speaks.
    pub(crate) fn learn(&self, address: Address, wire: Wire) {
        self.peers.learn(address, wire);
    }

    /// A message has come from a peer on the legacy wire.
    pub(crate) fn heard_legacy(&self, address: Address) {
        self.peers.heard_legacy(address);
    }

    /// Writes what was queued for gRPC again for the legacy wire.
    pub(crate) fn rewrite(&self, queued: &mut Outbox) -> Outbox {
        self.encoder.rewrite(queued)
    }

    /// A socket has broken. Its linkers are told, unless another socket has taken its place.
    pub(crate) fn broken(&self, runtime: &Runtime, socket: &Arc<Socket>) {
        let mut tables = self.lock();
        let notices = match socket.kind() {
            Kind::Temporary => {
                forget(&mut tables.temporary, socket);
                Vec::new()
            }
            Kind::Persistent => tables.persistent_broke(socket),
            Kind::Accepted(origin) => tables.accepted_broke(socket, origin),
        };
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
        forget(&mut tables.temporary, socket);
        true
    }

    /// Forgets the links of an actor that has ended and tells those linked to it.
    ///
    /// `leave` takes it out of the registry. Both are one step: the next actor of that id keeps its own links.
    pub(crate) fn process_ended<T>(
        &self,
        runtime: &Runtime,
        pid: &Upid,
        leave: impl FnOnce() -> T,
    ) -> T {
        let (left, linkers) = {
            let mut tables = self.lock();
            let left = leave();
            tables.links.remove_linker(pid);
            (left, tables.links.take_target(pid))
        };
        for linker in linkers {
            runtime.notify_exited(&linker, pid);
        }
        left
    }

    /// Closes every socket; nobody is told. What is queued has half a second to leave. Blocks.
    pub(crate) fn close_all(&self) {
        let sockets: Vec<_> = {
            let mut tables = self.lock();
            let sockets = tables.all().cloned().collect();
            *tables = Tables {
                closed: true,
                ..Tables::default()
            };
            sockets
        };
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

/// Takes a socket out of a table, unless another one has taken its place; tells whether it was there.
fn forget(table: &mut FxHashMap<Address, Arc<Socket>>, socket: &Arc<Socket>) -> bool {
    let address = socket.address();
    let found = table
        .get(&address)
        .is_some_and(|known| Arc::ptr_eq(known, socket));
    if found {
        table.remove(&address);
    }
    found
}

impl Tables {
    fn all(&self) -> impl Iterator<Item = &Arc<Socket>> {
        self.persistent
            .values()
            .chain(self.temporary.values())
            .chain(self.accepted.values())
            .chain(self.passing.values())
    }

    /// The connection that a message to an address takes.
    fn for_send(&self, address: Address) -> Option<&Arc<Socket>> {
        self.persistent
            .get(&address)
            .or_else(|| self.accepted.get(&address))
            .or_else(|| self.temporary.get(&address))
            .or_else(|| self.passing.get(&address))
    }

    /// Who is to be told that a connection of ours is gone.
    fn persistent_broke(&mut self, socket: &Arc<Socket>) -> Vec<Notice> {
        let address = socket.address();
        if !forget(&mut self.persistent, socket) {
            return Vec::new();
        }
        match self.accepted.get(&address) {
            // It was never there, and the peer's own connection is: it cannot be reached any other way.
            Some(accepted) if !socket.was_connected() => {
                accepted.prepend(socket.retire());
                Vec::new()
            }
            Some(_) | None => self.links.take_address(address),
        }
    }

    fn open(
        &mut self,
        runtime: &Runtime,
        address: Address,
        kind: Kind,
        queued: (Plan, Outbox),
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
