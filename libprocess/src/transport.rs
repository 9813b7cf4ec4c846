//! The one port: it speaks libprocess messages and HTTP on every connection.
//!
//! Mirrors the receiving side of `3rdparty/libprocess/src/process.cpp` and `decoder.hpp`.
//!
//! The first bytes of a connection tell what it speaks. After the preface of HTTP/2 come gRPC calls.
//! Of everything else one decoder reads request by request, so a connection may change between messages and HTTP at
//! any time. A `POST` from a libprocess peer becomes a message in the queue of its actor, its body a slice of the
//! read buffer; other requests go through an actix-web application to the actor that their path names.
//! Bytes that are neither close the connection. With TLS all this comes after a handshake.

pub(crate) mod app;
pub(crate) mod body;
mod connection;
pub(crate) mod envelope;
pub mod fuzzing;
pub(crate) mod head;
pub(crate) mod http2;
pub(crate) mod link;
pub(crate) mod replies;
mod respond;
mod rewind;
pub(crate) mod router;
mod sniff;
pub(crate) mod stream;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::app::{Application, Configure};
pub(crate) use self::connection::Handler;
use self::connection::{Connection, Service};
pub(crate) use self::respond::chunk;
use self::sniff::{Opened, Protocol};
use self::stream::Stream;
use crate::runtime::Runtime;
use crate::simulation::{SimulatedListener, SimulatedStream};

/// The pause after a failed accept: out of descriptors, trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A connection on its way to the thread that serves it.
enum Accepted {
    Tcp(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
    Simulated(SimulatedStream, SocketAddr),
}

impl Accepted {
    const fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, peer) | Self::Simulated(_, peer) => Some(*peer),
            Self::Unix(_) => None,
        }
    }

    /// Takes the connection over on the calling thread; none, with a line in the log, when it cannot be served.
    async fn open(self, runtime: &Runtime) -> Option<Opened> {
        let peer = self.peer();
        let opened = match self {
            Self::Tcp(stream, peer) => match TcpStream::from_std(stream) {
                Ok(stream) => sniff::open(Stream::Tcp(stream), peer, runtime.tls()).await,
                Err(error) => Err(error),
            },
            Self::Unix(stream) => {
                UnixStream::from_std(stream).map(|stream| Opened::new(Stream::Unix(stream)))
            }
            Self::Simulated(stream, _) => Ok(Opened::new(Stream::Layered(Box::new(stream)))),
        };
        match opened {
            Ok(opened) => Some(opened),
            Err(error) => {
                tracing::warn!(?peer, %error, "failed to open a connection");
                None
            }
        }
    }
}

/// A bound socket that is not listened to yet.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
    Simulated(SimulatedListener),
}

/// Whether the port accepts connections.
#[derive(Default)]
pub(crate) struct Listening {
    stop: CancellationToken,
    configure: Option<Configure>,
    /// The threads that serve connections.
    servers: OnceLock<Vec<mpsc::UnboundedSender<Accepted>>>,
}

impl Listening {
    pub(crate) fn new(configure: Option<Configure>) -> Self {
        Self {
            configure,
            ..Self::default()
        }
    }

    /// Accepts connections from now on and shares them out among the threads that serve them.
    pub(crate) fn start(&self, runtime: &Runtime, listener: Listener) -> io::Result<()> {
        let servers = match self.servers.get() {
            Some(servers) => servers.clone(),
            None => {
                let servers = self.start_servers(runtime)?;
                // Only the start of the runtime comes here.
                let _ = self.servers.set(servers.clone());
                servers
            }
        };
        let mut next = 0;
        let give = move |accepted| {
            next += 1;
            let server = servers.get(next % servers.len().max(1));
            // A thread that has ended serves nobody; the connection closes.
            server.is_some_and(|server| server.send(accepted).is_ok())
        };
        spawn_accepting(runtime, 0, listener, self.stop.clone(), give)
    }

    fn start_servers(&self, runtime: &Runtime) -> io::Result<Vec<mpsc::UnboundedSender<Accepted>>> {
        let arbiters = &runtime.inner().arbiters;
        (0..arbiters.connection_count())
            .map(|index| {
                let (sender, accepted) = mpsc::unbounded_channel();
                let runtime = runtime.clone();
                let configure = self.configure.clone();
                let started = arbiters.connection(index).is_some_and(|arbiter| {
                    arbiter.spawn_fn(move || {
                        let observer = runtime.clone();
                        let serving = serve(runtime, configure, accepted);
                        actix_rt::spawn(observer.observed(serving));
                    })
                });
                if started { Ok(sender) } else { Err(ended()) }
            })
            .collect()
    }

    /// Accepts no more.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }
}

fn ended() -> io::Error {
    io::Error::other("the threads have ended")
}

/// What is known of the connections of a server of its own.
#[derive(Clone)]
pub(crate) struct Served {
    /// Ends everything.
    pub(crate) stop: CancellationToken,
    /// Ends accepting; a child of the other.
    pub(crate) accepting: CancellationToken,
    /// The connections that have not ended.
    pub(crate) connections: TaskTracker,
}

/// Serves a listener of its own by a handler, on one thread, until it is stopped.
pub(crate) fn serve_handler(
    runtime: &Runtime,
    listener: Listener,
    handler: Handler,
    served: Served,
) -> io::Result<()> {
    let owner = runtime.clone();
    let Served {
        stop,
        accepting,
        connections,
    } = served;
    let give = move |accepted: Accepted| {
        let service = Service::Handler(Arc::clone(&handler));
        let serving = serve_one(owner.clone(), service, accepted);
        let stopped = stop.clone();
        actix_rt::spawn(connections.track_future(async move {
            tokio::select! {
                () = serving => {}
                () = stopped.cancelled() => {}
            }
        }));
        true
    };
    spawn_accepting(runtime, 0, listener, accepting, give)
}

/// Accepts connections on a thread and gives them away until they are not taken any more.
fn spawn_accepting(
    runtime: &Runtime,
    index: usize,
    listener: Listener,
    stop: CancellationToken,
    give: impl FnMut(Accepted) -> bool + Send + 'static,
) -> io::Result<()> {
    let accepting = async move {
        let ended = tokio::select! {
            ended = accept(listener, give) => ended,
            () = stop.cancelled() => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(%error, "failed to listen");
        }
    };
    match runtime.inner().arbiters.connection(index) {
        Some(arbiter) if arbiter.spawn(runtime.observed(accepting)) => Ok(()),
        Some(_) | None => Err(ended()),
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

enum Bound {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
    Simulated(SimulatedListener),
}

impl Bound {
    async fn accept(&mut self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream.into_std()?, peer))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Unix(stream.into_std()?))
            }
            Self::Simulated(listener) => {
                let (stream, peer) = listener.accept().await;
                Ok(Accepted::Simulated(stream, peer))
            }
        }
    }
}

async fn accept(listener: Listener, mut give: impl FnMut(Accepted) -> bool) -> io::Result<()> {
    let mut listener = match listener {
        Listener::Tcp(listener) => Bound::Tcp(tokio::net::TcpListener::from_std(listener)?),
        Listener::Unix(listener) => Bound::Unix(tokio::net::UnixListener::from_std(listener)?),
        Listener::Simulated(listener) => Bound::Simulated(listener),
    };
    loop {
        match listener.accept().await {
            Ok(accepted) => {
                if !give(accepted) {
                    return Ok(());
                }
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves the connections of one thread.
async fn serve(
    runtime: Runtime,
    configure: Option<Configure>,
    mut accepted: mpsc::UnboundedReceiver<Accepted>,
) {
    // Many a program, such as an executor, is never called: it does without the application.
    let Some(mut next) = accepted.recv().await else {
        return;
    };
    let Some(application) = Application::build(runtime.clone(), configure).await else {
        tracing::error!("failed to build the application");
        return;
    };
    loop {
        let service = Service::Actors(application.clone());
        let serving = serve_one(runtime.clone(), service, next);
        actix_rt::spawn(runtime.observed(serving));
        next = match accepted.recv().await {
            Some(accepted) => accepted,
            None => return,
        };
    }
}

/// Serves one connection, from its first byte to its last, in the protocol that it speaks.
async fn serve_one(runtime: Runtime, service: Service, accepted: Accepted) {
    let peer = accepted.peer();
    let Some(mut opened) = accepted.open(&runtime).await else {
        return;
    };
    let protocol = match &service {
        Service::Actors(_) => sniff::protocol(&mut opened).await,
        Service::Handler(_) => Ok(Protocol::Http1),
    };
    match protocol {
        Ok(Protocol::Http1) => Connection::new(runtime, service, peer).serve(opened).await,
        Ok(Protocol::Http2) => http2::serve(runtime, opened, peer).await,
        Err(error) => tracing::debug!(?peer, %error, "a connection said nothing"),
    }
}
