//! A server of its own, beside the runtime's port: one handler, on TCP or on a unix socket.
//!
//! Mirrors `http::Server` in `3rdparty/libprocess/include/process/http.hpp`.
//!
//! # Invariants
//! - The handler is called for each request in order, without waiting for earlier answers; answers leave in order.
//! - A client that closes its sending side still gets the answers it has asked for.
//! - A drained server has written every answer out.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Request, Response};
use crate::future::Future;
use crate::runtime::Runtime;
use crate::transport::{Handler, Listener, Served, serve_handler};

/// A server that calls one function for every request.
///
/// The body of a request is in `request.reader`, or in `request.body` when it was there as a whole.
/// Dropping the server stops it: no further connection is accepted, and those it has are closed.
///
/// # Examples
/// ```
/// use libprocess::Runtime;
/// use libprocess::http::client::{self, ClientRequest};
/// use libprocess::http::{Response, Server};
///
/// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// let server = Server::tcp(&runtime, ([127, 0, 0, 1], 0).into(), |request| {
///     Response::ok_text(request.path).into()
/// })?;
/// let url = format!("http://{}", server.address().ok_or("no address")?);
/// let body = runtime.block_on(async {
///     client::request(&url, ClientRequest::get("/hello")).await?.bytes().await
/// })?;
/// assert_eq!(body, "/hello");
/// runtime.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping the server stops it"]
pub struct Server {
    address: Option<SocketAddr>,
    served: Served,
}

impl Server {
    /// Serves a TCP address; port zero takes any free one.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the runtime has been shut down.
    pub fn tcp(
        runtime: &Runtime,
        address: SocketAddr,
        handler: impl Fn(Request) -> Future<Response> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Self::start(
            runtime,
            Listener::Tcp(listener),
            Some(address),
            Arc::new(handler),
        )
    }

    /// Serves a unix socket that is made at this path.
    ///
    /// # Errors
    /// When the socket cannot be made, or the runtime has been shut down.
    pub fn unix(
        runtime: &Runtime,
        path: &Path,
        handler: impl Fn(Request) -> Future<Response> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Self::start(runtime, Listener::Unix(listener), None, Arc::new(handler))
    }

    fn start(
        runtime: &Runtime,
        listener: Listener,
        address: Option<SocketAddr>,
        handler: Handler,
    ) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let served = Served {
            accepting: stop.child_token(),
            stop,
            connections: TaskTracker::new(),
        };
        serve_handler(runtime, listener, handler, served.clone())?;
        Ok(Self { address, served })
    }

    /// Where it listens, when that is a TCP address.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Accepts no more connections and closes those it has.
    pub fn stop(&self) {
        self.served.stop.cancel();
    }

    /// Accepts no more connections, and waits until those it has have ended by themselves.
    ///
    /// A connection ends when its client closes it, or after an answer to a request that asked for its end.
    ///
    /// # Cancel safety
    /// Dropping the future stops waiting; no connection is accepted again.
    pub async fn drained(&self) {
        self.served.accepting.cancel();
        self.served.connections.close();
        self.served.connections.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
