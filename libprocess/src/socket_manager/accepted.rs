//! Connections that peers have made by gRPC, and that we answer on.
//!
//! # Invariants
//! - A peer's newest connection is the one that is used. An older one of the same life of the peer gives its queue to
//!   it, and nobody notices when the peer ends it in good order; when it breaks, what was on its way is lost, so that is
//!   an exited event as ever. One of an earlier life is an exited event for those whose links hung on it.
//! - Links hang on a connection that the peer made for its own links, never on one that it made to send.

use std::sync::Arc;

use super::socket::{Kind, Lasting, Origin, Socket, Wire};
use super::{Notice, SocketManager, Tables, forget};
use crate::address::Address;
use crate::runtime::Runtime;

/// How a peer's connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer has sent all it wanted and reads on until we have.
    InOrder,
    /// What was on its way is lost.
    Broken,
}

impl SocketManager {
    /// Takes a connection of the runtime at an address.
    pub(crate) fn accept(
        &self,
        runtime: &Runtime,
        address: Address,
        origin: Origin,
    ) -> Arc<Socket> {
        let socket = Socket::accepted(runtime, address, origin);
        self.learn(address, Wire::Grpc);
        let mut tables = self.lock();
        let closed = tables.closed;
        let notices = if closed {
            Vec::new()
        } else {
            tables.accept(&socket, origin)
        };
        drop(tables);
        if closed {
            socket.close();
        }
        for (linker, gone) in notices {
            runtime.notify_exited(&linker, &gone);
        }
        socket
    }

    /// The peer sends no more on its connection: what is queued leaves, and then it ends.
    pub(crate) fn retire(&self, runtime: &Runtime, socket: &Arc<Socket>, end: End) {
        if end == End::Broken || !self.carry_on(runtime, socket) {
            self.broken(runtime, socket);
        }
        socket.finish();
    }
}

impl SocketManager {
    /// A peer has ended its connection in good order. Perhaps it relinks: links that hang on it get a connection of
    /// ours, which tells whether the peer is gone. False when there is nothing to carry on.
    fn carry_on(&self, runtime: &Runtime, socket: &Arc<Socket>) -> bool {
        let address = socket.address();
        let mut tables = self.lock();
        socket.settle();
        let used = forget(&mut tables.accepted, socket);
        if !used || tables.closed || tables.persistent.contains_key(&address) {
            drop(tables);
            return used;
        }
        if tables.links.reach(address) {
            let queued = self.planned(address, None);
            let fresh = tables.open(runtime, address, Kind::Persistent, queued);
            tables.persistent.insert(address, fresh);
        }
        drop(tables);
        true
    }
}

impl Tables {
    fn accept(&mut self, socket: &Arc<Socket>, origin: Origin) -> Vec<Notice> {
        let address = socket.address();
        let table = match origin.lasting {
            Lasting::Yes => &mut self.accepted,
            Lasting::No => &mut self.passing,
        };
        let Some(old) = table.insert(address, Arc::clone(socket)) else {
            return Vec::new();
        };
        let Kind::Accepted(earlier) = old.kind() else {
            return Vec::new();
        };
        if earlier.incarnation == origin.incarnation {
            socket.prepend(old.retire());
            return Vec::new();
        }
        old.settle();
        old.close();
        if origin.lasting == Lasting::No || self.persistent.contains_key(&address) {
            return Vec::new();
        }
        self.links.take_address(address)
    }

    /// Who is to be told that a peer's connection is gone.
    pub(super) fn accepted_broke(&mut self, socket: &Arc<Socket>, origin: Origin) -> Vec<Notice> {
        let address = socket.address();
        match origin.lasting {
            Lasting::No => {
                forget(&mut self.passing, socket);
                Vec::new()
            }
            Lasting::Yes => {
                // One that was replaced may still have had messages on their way.
                let used = forget(&mut self.accepted, socket) | socket.settle();
                if used && !self.persistent.contains_key(&address) {
                    self.links.take_address(address)
                } else {
                    Vec::new()
                }
            }
        }
    }
}
