//! A runtime's place on the simulated network.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::poll_fn;

use super::net::Net;
use super::pipe::ConnectionId;
use super::stream::{SimulatedListener, SimulatedStream};
use crate::address::Address;
use crate::clock::Clock;

thread_local! {
    /// The host whose arbiter this thread is.
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// A host of the simulated network; clones are the same host.
#[derive(Clone)]
pub(crate) struct Host {
    net: Arc<Net>,
    address: Address,
    incarnation: u64,
    clock: Clock,
}

/// The host whose thread this is.
pub(crate) fn current() -> Option<Host> {
    CURRENT.with_borrow(Clone::clone)
}

impl Host {
    /// Begins to listen.
    pub(crate) fn listen(
        net: &Arc<Net>,
        address: Address,
        clock: &Clock,
    ) -> io::Result<(Self, SimulatedListener)> {
        let listener = net.listen(address).ok_or(io::ErrorKind::AddrInUse)?;
        let host = Self {
            net: Arc::clone(net),
            address,
            incarnation: listener.incarnation,
            clock: clock.clone(),
        };
        Ok((host, listener))
    }

    /// Makes the calling thread one of this host: its connections go over the simulated network.
    pub(crate) fn enter(self) {
        CURRENT.set(Some(self));
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Connects to another host.
    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<SimulatedStream> {
        let id = self
            .net
            .connect(self.address, self.incarnation, to.into())?;
        let attempt = Attempt {
            net: Arc::clone(&self.net),
            id,
        };
        poll_fn(|cx| attempt.net.poll_connected(attempt.id, cx)).await
    }

    /// Connects to a host by the text of its ip: there are no names here.
    pub(crate) async fn connect_name(&self, host: &str, port: u16) -> io::Result<SimulatedStream> {
        let ip: IpAddr = match host {
            "localhost" => self.address.ip,
            _ => host
                .parse()
                .map_err(|_error| io::Error::from(io::ErrorKind::NotFound))?,
        };
        self.connect(SocketAddr::new(ip, port)).await
    }
}

/// Gives up when the one who connects goes away.
struct Attempt {
    net: Arc<Net>,
    id: ConnectionId,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.net.give_up(self.id);
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
