//! The two connections of a scheduler or executor.

use std::fmt;
use std::path::PathBuf;

use libprocess::Address;
use libprocess::http::client::{ClientError, ClientRequest, ClientResponse, Connection};
use libprocess::http::status_text;
use libprocess::tls::Tls;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// An IP address and port.
    Tcp(Address),
    /// A unix domain socket.
    Unix(PathBuf),
}

/// One connection for SUBSCRIBE and its stream, one for all other calls.
///
/// Clones are the same pair.
#[derive(Clone, Debug)]
pub struct Connections {
    subscribe: Connection,
    calls: Connection,
}

/// Which of the two connections broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// The one of the stream.
    Subscribe,
    /// The one of all other calls.
    Calls,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subscribe => "Subscribe connection interrupted",
            Self::Calls => "Non-subscribe connection interrupted",
        })
    }
}

impl Connections {
    /// Opens both, by TLS when it is given. Unix domain sockets are always plain.
    ///
    /// # Errors
    /// [`ClientError`] when either cannot be opened.
    ///
    /// # Cancel safety
    /// Dropping the future closes what was opened.
    pub async fn open(endpoint: Endpoint, tls: Option<Tls>) -> Result<Self, ClientError> {
        let subscribe = connect(&endpoint, tls.as_ref()).await?;
        let calls = connect(&endpoint, tls.as_ref()).await?;
        Ok(Self { subscribe, calls })
    }

    /// Sends SUBSCRIBE on the connection that is kept for its stream.
    pub fn subscribe(
        &self,
        request: ClientRequest,
    ) -> impl Future<Output = Result<ClientResponse, ClientError>> + Send + use<> {
        self.subscribe.send(request)
    }

    /// Sends another call; calls leave in the order in which this is called.
    pub fn call(
        &self,
        request: ClientRequest,
    ) -> impl Future<Output = Result<ClientResponse, ClientError>> + Send + use<> {
        self.calls.send(request)
    }

    /// Waits until either connection has ended.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn interrupted(self) -> Interrupted {
        tokio::select! {
            () = self.subscribe.disconnected() => Interrupted::Subscribe,
            () = self.calls.disconnected() => Interrupted::Calls,
        }
    }

    /// Ends both, whoever still holds them; a stream that is being read breaks.
    pub fn close(&self) {
        self.subscribe.disconnect();
        self.calls.disconnect();
    }
}

async fn connect(endpoint: &Endpoint, tls: Option<&Tls>) -> Result<Connection, ClientError> {
    match endpoint {
        Endpoint::Tcp(address) => Connection::connect_to(*address, tls).await,
        Endpoint::Unix(path) => Connection::connect_unix(path).await,
    }
}

/// The status line without the protocol, such as `503 Service Unavailable`.
#[must_use]
pub fn status_line(status: u16) -> String {
    status_text(status)
}

/// The body as text; what cannot be read is left out.
pub async fn body_text(response: ClientResponse) -> String {
    match response.bytes().await {
        Ok(body) => String::from_utf8_lossy(&body).into_owned(),
        Err(_broken) => String::new(),
    }
}
