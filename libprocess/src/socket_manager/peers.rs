//! Which wire a peer speaks, as far as we have seen.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::socket::Wire;
use crate::address::Address;
use crate::runtime::Transport;

/// How many peers are remembered. A hostile one may claim many addresses; the honest are soon learned again.
const CAPACITY: usize = 100_000;

/// How a connection to a peer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// With gRPC; when the peer does not take it, with the legacy wire.
    Try,
    /// With this wire and no other.
    Only(Wire),
}

impl Plan {
    /// The wire that messages are queued for.
    pub(super) const fn wire(self) -> Wire {
        match self {
            Self::Try => Wire::Grpc,
            Self::Only(wire) => wire,
        }
    }
}

/// The runtime's setting, and what was learned about peers.
#[derive(Debug)]
pub(super) struct Peers {
    transport: Transport,
    known: Mutex<FxHashMap<Address, Wire>>,
}

impl Peers {
    pub(super) fn new(transport: Transport) -> Self {
        Self {
            transport,
            known: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<Address, Wire>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn plan(&self, address: Address) -> Plan {
        match self.transport {
            Transport::Legacy => Plan::Only(Wire::Legacy),
            Transport::Grpc => Plan::Only(Wire::Grpc),
            Transport::Auto => match self.lock().get(&address) {
                Some(Wire::Legacy) => Plan::Only(Wire::Legacy),
                Some(Wire::Grpc) | None => Plan::Try,
            },
        }
    }

    /// Remembers what a peer has shown.
    pub(super) fn learn(&self, address: Address, wire: Wire) {
        if self.transport != Transport::Auto {
            return;
        }
        let mut known = self.lock();
        make_room(&mut known, address);
        known.insert(address, wire);
    }

    /// A peer has sent a message on the legacy wire. Whoever knows gRPC would have tried it.
    pub(super) fn heard_legacy(&self, address: Address) {
        if self.transport != Transport::Auto {
            return;
        }
        let mut known = self.lock();
        make_room(&mut known, address);
        known.entry(address).or_insert(Wire::Legacy);
    }
}

fn make_room(known: &mut FxHashMap<Address, Wire>, address: Address) {
    if known.len() >= CAPACITY && !known.contains_key(&address) {
        known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Address {
        Address::new([127, 0, 0, 1].into(), port)
    }

    #[test]
    fn a_forced_wire_is_the_only_one_whatever_a_peer_has_shown() {
        for (transport, wire) in [
            (Transport::Legacy, Wire::Legacy),
            (Transport::Grpc, Wire::Grpc),
        ] {
            let peers = Peers::new(transport);
            peers.learn(address(1), Wire::Legacy);
            peers.heard_legacy(address(2));

            assert_eq!(peers.plan(address(1)), Plan::Only(wire));
            assert_eq!(peers.plan(address(2)), Plan::Only(wire));
        }
    }

    #[test]
    fn a_peer_that_spoke_legacy_first_is_not_tried_and_one_that_spoke_grpc_is() {
        let peers = Peers::new(Transport::Auto);
        peers.heard_legacy(address(1));
        peers.learn(address(2), Wire::Grpc);
        peers.heard_legacy(address(2));

        assert_eq!(peers.plan(address(1)), Plan::Only(Wire::Legacy));
        assert_eq!(peers.plan(address(2)), Plan::Try);
        assert_eq!(peers.plan(address(3)), Plan::Try);
    }

    #[test]
    fn the_memory_is_bounded() {
        let peers = Peers::new(Transport::Auto);
        for number in 0..2 * u32::try_from(CAPACITY).expect("a small number") {
            let [_, a, b, c] = number.to_be_bytes();
            peers.heard_legacy(Address::new([10, a, b, c].into(), 1));
        }
        assert!(peers.lock().len() <= CAPACITY);
    }
}
