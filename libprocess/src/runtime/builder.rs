//! How a runtime is described and started.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;

use thiserror::Error;

use super::{Inner, Runtime, Transport};
use crate::address::Address;
use crate::arbiters::{Arbiters, Shape};
use crate::blocking::BlockingPool;
use crate::builtins;
use crate::clock::Clock;
use crate::firewall::Firewall;
use crate::grpc::Services;
use crate::help::HelpPages;
use crate::http::authentication::AuthenticationRouter;
use crate::http::json_aliases::JsonAliases;
use crate::limits::Limits;
use crate::message::NameTable;
use crate::metrics::{Metrics, RateLimit};
use crate::polling::{Pollers, Polling};
use crate::process_manager::ProcessManager;
use crate::reap::Reaper;
use crate::simulation::{Host, Net};
use crate::socket_manager::SocketManager;
use crate::testing::filter::Filters;
use crate::tls::Tls;
use crate::trace::Propagator;
use crate::transport::app::Configure;
use crate::transport::{Listener, Listening};

/// Whether a message's sender must have the ip its connection comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeerCheck {
    /// Any sender is believed.
    #[default]
    Off,
    /// Other messages are answered with 400.
    RequireSameIp,
}

/// Describes a runtime; see [`Runtime::builder`].
#[derive(Clone)]
pub struct RuntimeBuilder {
    ip: IpAddr,
    port: u16,
    advertise_ip: Option<IpAddr>,
    advertise_port: Option<u16>,
    delegate: Option<String>,
    arbiters: usize,
    connection_arbiters: usize,
    reserved_arbiters: usize,
    clock: Option<Clock>,
    peer_check: PeerCheck,
    transport: Transport,
    limits: Limits,
    polling: Polling,
    readonly_realm: Option<String>,
    readwrite_realm: Option<String>,
    metrics_rate_limit: Option<RateLimit>,
    configure: Option<Configure>,
    services: Services,
    tls: Option<Tls>,
    network: Option<Arc<Net>>,
    propagator: Option<Arc<dyn Propagator>>,
    memory_profiler: builtins::MemoryProfiler,
}

impl Default for RuntimeBuilder {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            ip: Ipv4Addr::UNSPECIFIED.into(),
            port: 0,
            advertise_ip: None,
            advertise_port: None,
            delegate: None,
            arbiters: cores,
            connection_arbiters: cores.div_ceil(4),
            reserved_arbiters: 0,
            clock: None,
            peer_check: PeerCheck::Off,
            transport: Transport::default(),
            limits: Limits::default(),
            polling: Polling::default(),
            readonly_realm: None,
            readwrite_realm: None,
            metrics_rate_limit: Some(RateLimit::default()),
            configure: None,
            services: Services::new(),
            tls: None,
            network: None,
            propagator: None,
            memory_profiler: builtins::MemoryProfiler::default(),
        }
    }
}

impl RuntimeBuilder {
    /// The ip to listen on; by default all of the machine.
    #[must_use]
    pub const fn ip(mut self, ip: IpAddr) -> Self {
        self.ip = ip;
        self
    }

    /// The port to listen on; zero, the default, takes any free one.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The ip that peers are told; by default the one listened on, or that of the host's name.
    #[must_use]
    pub const fn advertise_ip(mut self, ip: IpAddr) -> Self {
        self.advertise_ip = Some(ip);
        self
    }

    /// The port that peers are told; by default the one listened on.
    #[must_use]
    pub const fn advertise_port(mut self, port: u16) -> Self {
        self.advertise_port = Some(port);
        self
    }

    /// The id of the actor that answers for paths without an actor's id.
    #[must_use]
    pub fn delegate(mut self, id: &str) -> Self {
        self.delegate = Some(id.to_owned());
        self
    }

    /// How many threads actors run on; by default one per core.
    #[must_use]
    pub const fn arbiters(mut self, count: usize) -> Self {
        self.arbiters = if count == 0 { 1 } else { count };
        self
    }

    /// How many threads serve connections; zero leaves that to the threads of the actors.
    #[must_use]
    pub const fn connection_arbiters(mut self, count: usize) -> Self {
        self.connection_arbiters = count;
        self
    }

    /// How many threads there are besides, each for the actors that ask for it; by default none.
    #[must_use]
    pub const fn reserved_arbiters(mut self, count: usize) -> Self {
        self.reserved_arbiters = count;
        self
    }

    /// The clock; runtimes may share one. By default a real one of its own.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Whether senders must have the ip they send from.
    #[must_use]
    pub const fn require_peer_address_ip_match(mut self, check: PeerCheck) -> Self {
        self.peer_check = check;
        self
    }

    /// Which wire messages take; by default the legacy one.
    #[must_use]
    pub const fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// The bounds on what peers may send.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether readers wait awake for peers that have been quick, and for how long; by default a moment.
    #[must_use]
    pub const fn polling(mut self, polling: Polling) -> Self {
        self.polling = polling;
        self
    }

    /// The realms of the built-in endpoints: metrics are read, the logging level is written.
    #[must_use]
    pub fn realms(mut self, readonly: &str, readwrite: &str) -> Self {
        self.readonly_realm = Some(readonly.to_owned());
        self.readwrite_realm = Some(readwrite.to_owned());
        self
    }

    /// How often `/metrics/snapshot` answers; none for no limit. By default twice a second.
    #[must_use]
    pub const fn metrics_rate_limit(mut self, limit: Option<RateLimit>) -> Self {
        self.metrics_rate_limit = limit;
        self
    }

    /// Adds actix-web services to the port. They answer their own paths before any actor does.
    ///
    /// The closure runs once on every thread that serves connections.
    #[must_use]
    pub fn configure(
        mut self,
        services: impl Fn(&mut actix_web::web::ServiceConfig) + Send + Sync + 'static,
    ) -> Self {
        self.configure = Some(Arc::new(services));
        self
    }

    /// The gRPC services of the port, besides health and reflection, which are always there.
    #[must_use]
    pub fn grpc(mut self, services: Services) -> Self {
        self.services = services;
        self
    }

    /// Speaks TLS on the port, on links and for messages. By default everything is plain.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Serves `/memory-profiler`, which says that no jemalloc is built in. By default it is not there.
    #[must_use]
    pub const fn memory_profiler(mut self) -> Self {
        self.memory_profiler = builtins::MemoryProfiler::Present;
        self
    }

    /// Lets traces follow messages to other machines, see [`trace`](crate::trace). By default they end here.
    #[must_use]
    pub fn propagator(mut self, propagator: Arc<dyn Propagator>) -> Self {
        self.propagator = Some(propagator);
        self
    }

    /// Puts the runtime on a simulated network instead of the machine's.
    pub(crate) fn simulated(mut self, network: Arc<Net>) -> Self {
        self.network = Some(network);
        self
    }

    /// Binds the port and starts the threads and the built-in actors.
    ///
    /// # Errors
    /// When the port cannot be bound, no address can be advertised, or threads cannot be started.
    pub fn start(self) -> Result<Runtime, StartError> {
        let wanted = SocketAddr::new(self.ip, self.port);
        let clock = self.clock.clone().unwrap_or_default();
        let (listener, address, network) = self.listen(wanted, &clock)?;
        let shape = Shape {
            actors: self.arbiters,
            reserved: self.reserved_arbiters,
            connections: self.connection_arbiters,
        };
        let arbiters = Arbiters::start(shape).map_err(StartError::Threads)?;
        if let Some(host) = &network {
            for thread in arbiters.all() {
                let host = host.clone();
                thread.spawn_fn(move || host.enter());
            }
        }
        clock.activity().add_runtime(address, arbiters.all());
        let metrics = Metrics::new(clock.clone());
        let polling = match &network {
            Some(_) => Polling::OFF,
            None => self.polling,
        };
        let runtime = Runtime::from_inner(Inner {
            address,
            help: HelpPages::new(self.delegate.as_deref()),
            delegate: self.delegate,
            peer_check: self.peer_check,
            transport: self.transport,
            // Different in every runtime, and of no other meaning.
            incarnation: RandomState::new().hash_one(address),
            limits: self.limits,
            pollers: Pollers::new(polling, &metrics),
            sockets: SocketManager::new(address, self.transport, &metrics),
            blocking: BlockingPool::new(Arc::clone(clock.activity())),
            metrics,
            clock,
            arbiters,
            processes: ProcessManager::new(),
            names: NameTable::default(),
            filters: Arc::new(Filters::default()),
            authentication: AuthenticationRouter::default(),
            firewall: Firewall::default(),
            json_aliases: JsonAliases::default(),
            services: self.services,
            verbosity: builtins::Verbosity::default(),
            reaper: Reaper::default(),
            listening: Listening::new(self.configure),
            accepted: AtomicU64::new(0),
            tls: self.tls,
            network,
            propagator: self.propagator,
        });
        let settings = builtins::Settings {
            readonly_realm: self.readonly_realm,
            readwrite_realm: self.readwrite_realm,
            metrics_rate_limit: self.metrics_rate_limit,
            memory_profiler: self.memory_profiler,
        };
        builtins::spawn(&runtime, settings);
        runtime
            .inner()
            .listening
            .start(&runtime, listener)
            .map_err(|source| StartError::Bind {
                address: wanted,
                source,
            })?;
        Ok(runtime)
    }

    /// Begins to listen, on the machine's network or a simulated one; tells the address to advertise.
    fn listen(
        &self,
        wanted: SocketAddr,
        clock: &Clock,
    ) -> Result<(Listener, Address, Option<Host>), StartError> {
        let failed = |source| StartError::Bind {
            address: wanted,
            source,
        };
        if let Some(network) = &self.network {
            let address = Address::from(wanted);
            let (host, listener) = Host::listen(network, address, clock).map_err(failed)?;
            return Ok((Listener::Simulated(listener), address, Some(host)));
        }
        let listener = bind(wanted).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        Ok((Listener::Tcp(listener), self.advertised(bound)?, None))
    }

    fn advertised(&self, bound: SocketAddr) -> Result<Address, StartError> {
        let port = self.advertise_port.unwrap_or_else(|| bound.port());
        let ip = match self.advertise_ip {
            Some(ip) => ip,
            None if bound.ip().is_unspecified() => host_ip()?,
            None => bound.ip(),
        };
        Ok(Address::new(ip, port))
    }
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("ip", &self.ip)
            .field("port", &self.port)
            .field("delegate", &self.delegate)
            .finish_non_exhaustive()
    }
}

/// Listens as libprocess does: the address may be reused, the backlog is long.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The first IPv4 address of this host's name.
fn host_ip() -> Result<IpAddr, StartError> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").map_err(|source| {
        StartError::HostName {
            host: String::new(),
            source,
        }
    })?;
    let name = name.trim();
    let failed = |source| StartError::HostName {
        host: name.to_owned(),
        source,
    };
    (name, 0)
        .to_socket_addrs()
        .map_err(failed)?
        .map(|found| found.ip())
        .find(IpAddr::is_ipv4)
        .ok_or_else(|| failed(io::Error::new(io::ErrorKind::NotFound, "no IPv4 address")))
}

/// Why a runtime did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("failed to listen on {address}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No address to advertise.
    #[error(
        "failed to obtain the IP address for '{host}'; the DNS service may not be able to resolve it"
    )]
    HostName {
        /// The name of this host.
        host: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The operating system gave no threads.
    #[error("failed to start the runtime's threads")]
    Threads(#[source] io::Error),
}
