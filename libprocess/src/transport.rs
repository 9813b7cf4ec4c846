//! The one port: it speaks libprocess messages and HTTP on every connection.
//!
//! Mirrors the receiving side of `3rdparty/libprocess/src/process.cpp` and `decoder.hpp`.
//!
//! One decoder reads every connection, request by request, so a connection may change between messages and HTTP at
//! any time. A `POST` from a libprocess peer becomes a message in the queue of its actor, its body a slice of the
//! read buffer; everything else goes through an actix-web application to the actor that its path names.
//! Bytes that are neither, such as the preface of HTTP/2 or a TLS hello, close the connection.

pub(crate) mod app;
pub(crate) mod body;
mod connection;
pub mod fuzzing;
pub(crate) mod head;
pub(crate) mod replies;
mod respond;
mod router;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::app::{Application, Configure};
use self::connection::Connection;
pub(crate) use self::respond::chunk;
use crate::runtime::Runtime;

/// The pause after a failed accept: out of descriptors, trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

type Accepted = (std::net::TcpStream, SocketAddr);

/// Whether the port accepts connections.
#[derive(Default)]
pub(crate) struct Listening {
    stop: CancellationToken,
    configure: Option<Configure>,
}

impl Listening {
    pub(crate) fn new(configure: Option<Configure>) -> Self {
        Self {
            stop: CancellationToken::new(),
            configure,
        }
    }

    /// Accepts connections from now on and shares them out among the threads that serve them.
    pub(crate) fn start(&self, runtime: &Runtime, listener: TcpListener) -> io::Result<()> {
        let arbiters = &runtime.inner().arbiters;
        let ended = || io::Error::other("the threads have ended");
        let mut servers = Vec::new();
        for index in 0..arbiters.connection_count() {
            let (sender, accepted) = mpsc::unbounded_channel();
            let runtime = runtime.clone();
            let configure = self.configure.clone();
            let started = arbiters.connection(index).is_some_and(|arbiter| {
                arbiter.spawn_fn(move || {
                    actix_rt::spawn(serve(runtime, configure, accepted));
                })
            });
            if !started {
                return Err(ended());
            }
            servers.push(sender);
        }
        let stop = self.stop.clone();
        let accepting = async move {
            tokio::select! {
                ended = accept(listener, servers) => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "failed to listen");
                    }
                }
                () = stop.cancelled() => {}
            }
        };
        match arbiters.connection(0) {
            Some(arbiter) if arbiter.spawn(accepting) => Ok(()),
            Some(_) | None => Err(ended()),
        }
    }

    /// Accepts no more.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

async fn accept(
    listener: TcpListener,
    servers: Vec<mpsc::UnboundedSender<Accepted>>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut next = servers.iter().cycle();
    loop {
        let accepted = listener.accept().await.and_then(|(stream, peer)| {
            stream.set_nodelay(true)?;
            Ok((stream.into_std()?, peer))
        });
        match (accepted, next.next()) {
            (Ok(accepted), Some(server)) => {
                // A thread that has ended serves nobody; the connection closes.
                let _ = server.send(accepted);
            }
            (Ok(_), None) => return Ok(()),
            (Err(error), _) => {
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
    let Some(application) = Application::build(runtime.clone(), configure).await else {
        tracing::error!("failed to build the application");
        return;
    };
    while let Some((stream, peer)) = accepted.recv().await {
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                let connection =
                    Connection::new(runtime.clone(), application.clone(), stream, peer);
                actix_rt::spawn(connection.serve());
            }
            Err(error) => tracing::warn!(%error, "failed to serve a connection"),
        }
    }
}
