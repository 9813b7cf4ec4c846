//! A client: kept-alive connections with requests in call order, and one-shot requests.
//!
//! Mirrors `http::Connection` in `3rdparty/libprocess/src/http.cpp`.
//! There are no redirects, cookies, timeouts, retries or proxies.

mod connection;

use std::io;
use std::path::Path;
use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use self::connection::Shared;
use super::pipe::{PipeError, ReadAllError, Reader};
use super::url::{ParseUrlError, Url};
use crate::address::Address;
use crate::tls::{Asks, Tls};
use crate::transport::stream::Stream;

/// Why a request got no response.
#[derive(Clone, Debug, Error)]
pub enum ClientError {
    /// The URL is not one.
    #[error("{0}")]
    Url(#[from] ParseUrlError),
    /// The scheme has no transport here.
    #[error("unsupported scheme '{0}'")]
    Scheme(String),
    /// TLS is not set up here.
    #[error("failed to connect to {to}: TLS is not enabled, set LIBPROCESS_SSL_ENABLED")]
    NoTls {
        /// Where to.
        to: String,
    },
    /// No connection was made.
    #[error("failed to connect to {to}: {source}")]
    Connect {
        /// Where to.
        to: String,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// The connection is gone.
    #[error("Disconnected")]
    Disconnected,
    /// An earlier request asked for the connection's end.
    #[error("Cannot pipeline after 'Connection: close'")]
    PipelineAfterClose,
    /// An earlier response announced the connection's end.
    #[error("Received 'Connection: close' from the server")]
    ClosedByServer,
    /// The server sent something nobody had asked for.
    #[error("Received data when none is expected")]
    Unexpected,
    /// The response makes no sense.
    #[error("Failed to decode response")]
    Decode,
    /// The response's body broke off.
    #[error("{0}")]
    Body(#[from] PipeError),
    /// The response's body is longer than was asked for.
    #[error("the body has more than {limit} bytes")]
    BodyTooLong {
        /// What was asked for.
        limit: usize,
    },
}

/// A request to send.
///
/// # Examples
/// ```
/// use libprocess::http::client::ClientRequest;
///
/// let request = ClientRequest::post("/master/api/v1", "application/json", r#"{"type":"GET_STATE"}"#)
///     .with_header("accept", "application/json");
/// assert_eq!(request.path, "/master/api/v1");
/// ```
#[derive(Debug)]
pub struct ClientRequest {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The headers, without `Host` and those of the framing.
    pub headers: HeaderMap,
    /// The body, unless `stream` is set.
    pub body: Bytes,
    /// A body that is sent as it comes.
    pub stream: Option<Reader>,
    /// Whether the connection is to stay open.
    pub keep_alive: Connected,
}

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connected {
    /// It stays open for more.
    Keep,
    /// The server is asked to close it.
    Close,
}

impl ClientRequest {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            stream: None,
            keep_alive: Connected::Keep,
        }
    }

    /// A GET request.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A POST request with a body.
    #[must_use]
    pub fn post(path: impl Into<String>, content_type: &str, body: impl Into<Bytes>) -> Self {
        let request = Self::new(Method::POST, path).with_header("content-type", content_type);
        Self {
            body: body.into(),
            ..request
        }
    }

    /// Sets a header. A value that cannot stand in a header is left out.
    #[must_use]
    pub fn with_header(mut self, name: impl TryInto<HeaderName>, value: impl AsRef<str>) -> Self {
        if let (Ok(name), Ok(value)) = (name.try_into(), HeaderValue::from_str(value.as_ref())) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sends the body as it comes.
    #[must_use]
    pub fn with_stream(mut self, stream: Reader) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Asks the server to close the connection afterwards.
    #[must_use]
    pub const fn closing(mut self) -> Self {
        self.keep_alive = Connected::Close;
        self
    }

    /// The bytes up to the body.
    fn head(&self, host: &str) -> Bytes {
        let mut out = BytesMut::with_capacity(256);
        out.put_slice(self.method.as_str().as_bytes());
        out.put_u8(b' ');
        out.put_slice(self.path.as_bytes());
        out.put_slice(b" HTTP/1.1\r\nHost: ");
        out.put_slice(host.as_bytes());
        out.put_slice(b"\r\n");
        if self.keep_alive == Connected::Close {
            out.put_slice(b"Connection: close\r\n");
        }
        for (name, value) in &self.headers {
            out.put_slice(name.as_str().as_bytes());
            out.put_slice(b": ");
            out.put_slice(value.as_bytes());
            out.put_slice(b"\r\n");
        }
        if self.stream.is_some() {
            out.put_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        } else {
            out.put_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        }
        out.freeze()
    }
}

/// A response whose body may still be coming.
#[derive(Debug)]
pub struct ClientResponse {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Reader,
}

impl ClientResponse {
    /// Reads the body to its end.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn bytes(self) -> Result<Bytes, ClientError> {
        self.bytes_within(usize::MAX).await
    }

    /// Reads the body to its end, which must come within `limit` bytes.
    ///
    /// # Errors
    /// When it breaks off or is longer.
    pub async fn bytes_within(mut self, limit: usize) -> Result<Bytes, ClientError> {
        self.body
            .read_all(limit)
            .await
            .map_err(|error| match error {
                ReadAllError::Pipe(error) => ClientError::Body(error),
                ReadAllError::TooLong { limit } => ClientError::BodyTooLong { limit },
            })
    }

    /// A header's value, when it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A kept-alive connection to one server. Requests leave in call order, without waiting for responses.
///
/// Clones are the same connection. When the last is dropped, the connection ends after the responses that are due.
/// It is served by a task of the tokio runtime it was made in.
#[derive(Clone, Debug)]
pub struct Connection {
    shared: Arc<Shared>,
    host: Arc<str>,
}

impl Connection {
    /// Connects to the server of a URL; its path is not used. `https` needs [`connect_with`](Self::connect_with).
    ///
    /// # Errors
    /// When there is no such server, or the scheme has no transport here.
    pub async fn connect(url: &Url) -> Result<Self, ClientError> {
        Self::connect_with(url, None).await
    }

    /// Connects to the server of a URL; `https` speaks the TLS that is given, `http` speaks none.
    ///
    /// # Errors
    /// When there is no such server, it is not who it should be, or the scheme has no transport here.
    pub async fn connect_with(url: &Url, tls: Option<&Tls>) -> Result<Self, ClientError> {
        let to = || format!("{}:{}", url.host, url.port);
        let failed = |source: io::Error| ClientError::Connect {
            to: to(),
            source: Arc::new(source),
        };
        let stream = match url.scheme.as_str() {
            "http" => Stream::connect(&url.host, url.port).await.map_err(failed)?,
            "https" => {
                let tls = tls.ok_or_else(|| ClientError::NoTls { to: to() })?;
                let connecting = Stream::connect_secured(&url.host, url.port, (tls, Asks::Nothing));
                connecting.await.map_err(failed)?
            }
            "http+unix" => Stream::connect_unix(Path::new(&url.host))
                .await
                .map_err(failed)?,
            other => return Err(ClientError::Scheme(other.to_owned())),
        };
        Ok(Self {
            shared: Shared::serve(stream),
            host: Arc::from(url.host_header()),
        })
    }

    /// Connects to an address as its runtimes speak: by `https` when TLS is given, else by `http`.
    ///
    /// # Errors
    /// When there is no server, or it is not who it should be.
    pub async fn connect_to(address: Address, tls: Option<&Tls>) -> Result<Self, ClientError> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = Url {
            scheme: scheme.to_owned(),
            host: address.ip.to_string(),
            port: address.port,
            path: "/".to_owned(),
        };
        Self::connect_with(&url, tls).await
    }

    /// Connects to a server on a unix socket.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect_unix(path: &Path) -> Result<Self, ClientError> {
        let stream = Stream::connect_unix(path)
            .await
            .map_err(|source| ClientError::Connect {
                to: path.display().to_string(),
                source: Arc::new(source),
            })?;
        Ok(Self {
            shared: Shared::serve(stream),
            host: Arc::from("localhost"),
        })
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// The request is queued when this is called, not when it is awaited.
    ///
    /// # Errors
    /// When the connection ends before the response, or was to end after an earlier request.
    ///
    /// # Cancel safety
    /// Dropping the future does not take the request back; its response is read and thrown away.
    pub fn send(
        &self,
        request: ClientRequest,
    ) -> impl Future<Output = Result<ClientResponse, ClientError>> + Send + use<> {
        let head = request.head(&self.host);
        let response = self.shared.queue(head, request);
        async move {
            match response {
                Ok(response) => response.await.unwrap_or(Err(ClientError::Disconnected)),
                Err(error) => Err(error),
            }
        }
    }

    /// Ends the connection; requests without a response fail.
    pub fn disconnect(&self) {
        self.shared.disconnect();
    }

    /// Waits until the connection has ended.
    pub async fn disconnected(&self) {
        self.shared.disconnected().await;
    }
}

/// Two connections are equal when they are the same.
impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Connection {}

/// Sends one request over a connection of its own. The request's path is appended to that of the URL when it is set.
///
/// # Errors
/// When the URL is none, the server cannot be reached, or it does not answer properly.
pub async fn request(url: &str, request: ClientRequest) -> Result<ClientResponse, ClientError> {
    request_with(url, None, request).await
}

/// As [`request`], with TLS for `https`.
///
/// # Errors
/// As [`request`]; also when the server is not who it should be.
pub async fn request_with(
    url: &str,
    tls: Option<&Tls>,
    request: ClientRequest,
) -> Result<ClientResponse, ClientError> {
    let url: Url = url.parse()?;
    let connection = Connection::connect_with(&url, tls).await?;
    let mut request = request.closing();
    if request.path.is_empty() {
        request.path = url.path;
    } else if url.path != "/" {
        request.path = format!("{}{}", url.path.trim_end_matches('/'), request.path);
    }
    connection.send(request).await
}
