//! A small blocking HTTP/1.1 client, written for these tests alone.
//!
//! It speaks plain sockets so that a test sees the exact answer: status line, header order, framing.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

/// How long a read or a connection may take.
pub const TIMEOUT: Duration = Duration::from_secs(40);

const MAX_LINE: u64 = 64 * 1024;

/// Why a request got no usable answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The socket failed or the peer took too long.
    #[error("talk to {address}")]
    Io {
        /// The peer.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The peer sent something that is not HTTP/1.1.
    #[error("{address} answered no HTTP: {detail}")]
    Malformed {
        /// The peer.
        address: SocketAddr,
        /// The offending text.
        detail: String,
    },
    /// The body is not the JSON that was expected.
    #[error("the body is no JSON: {body}")]
    Json {
        /// The body as text.
        body: String,
        /// What the parser said.
        source: serde_json::Error,
    },
}

/// One request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Makes a request without body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            ..Self::default()
        }
    }

    /// Makes a `GET`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// Makes a `POST` of JSON that accepts JSON.
    #[must_use]
    pub fn post_json(target: &str, body: &Value) -> Self {
        Self::new("POST", target)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
            .body(body.to_string())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Returns the bytes on the wire.
    #[must_use]
    pub fn encode(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {address}\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method == "POST" || self.method == "PUT" {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Status line and headers of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// First line, without line end.
    pub start: String,
    /// Headers in the order of the wire.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Returns the first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status line and headers.
    pub head: Head,
    /// Body without framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns the status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// Returns the body as text, with replacement characters for what is no UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    ///
    /// # Errors
    /// [`HttpError::Json`] shows the body.
    pub fn json(&self) -> Result<Value, HttpError> {
        serde_json::from_slice(&self.body).map_err(|source| HttpError::Json {
            body: self.text(),
            source,
        })
    }
}

/// Sends one request on a new connection and reads the whole answer.
///
/// # Errors
/// [`HttpError`] when the peer is away, silent or does not speak HTTP.
pub fn send(address: SocketAddr, request: &Request) -> Result<Answer, HttpError> {
    Connection::open(address)?.send(request)
}

/// Fetches `target` and parses the JSON of the answer.
///
/// # Errors
/// [`HttpError`] as [`send`], or when the body is no JSON.
pub fn get_json(address: SocketAddr, target: &str) -> Result<Value, HttpError> {
    send(address, &Request::get(target))?.json()
}

/// One connection that can carry several requests, one after another.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    reader: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to `address`.
    ///
    /// # Errors
    /// [`HttpError::Io`] when nobody listens there.
    pub fn open(address: SocketAddr) -> Result<Self, HttpError> {
        let open = || -> io::Result<TcpStream> {
            let socket = TcpStream::connect_timeout(&address, TIMEOUT)?;
            socket.set_read_timeout(Some(TIMEOUT))?;
            socket.set_write_timeout(Some(TIMEOUT))?;
            socket.set_nodelay(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|source| HttpError::Io { address, source })?;
        Ok(Self {
            address,
            reader: BufReader::new(socket),
        })
    }

    /// Returns the local end of the connection.
    ///
    /// # Errors
    /// [`HttpError::Io`] when the socket is closed.
    pub fn local_address(&self) -> Result<SocketAddr, HttpError> {
        self.reader
            .get_ref()
            .local_addr()
            .map_err(|source| self.io(source))
    }

    /// Returns the socket, so that another thread can close it.
    ///
    /// # Errors
    /// [`HttpError::Io`] when it is closed already.
    pub fn socket(&self) -> Result<TcpStream, HttpError> {
        let socket = self.reader.get_ref().try_clone();
        socket.map_err(|source| self.io(source))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`HttpError`] when the peer closes, is silent or does not speak HTTP.
    pub fn send(&mut self, request: &Request) -> Result<Answer, HttpError> {
        self.write(&request.encode(self.address))?;
        self.read_answer()
    }

    /// Writes raw bytes.
    ///
    /// # Errors
    /// [`HttpError::Io`] when the peer has closed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        let address = self.address;
        self.reader
            .get_mut()
            .write_all(bytes)
            .map_err(|source| HttpError::Io { address, source })
    }

    /// Reads one whole answer.
    ///
    /// # Errors
    /// [`HttpError`] when the peer closes, is silent or does not speak HTTP.
    pub fn read_answer(&mut self) -> Result<Answer, HttpError> {
        let head = self.read_head()?;
        let mut body = Vec::new();
        if head
            .header("Transfer-Encoding")
            .is_some_and(|value| value == "chunked")
        {
            while let Some(chunk) = self.read_chunk()? {
                body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = head.header("Content-Length") {
            let length: usize = length.parse().map_err(|_ignored| self.malformed(length))?;
            body.resize(length, 0);
            self.fill(&mut body)?;
        } else if head.status != 204 && head.status >= 200 {
            let address = self.address;
            self.reader
                .read_to_end(&mut body)
                .map_err(|source| HttpError::Io { address, source })?;
        }
        Ok(Answer { head, body })
    }

    /// Reads status line and headers.
    ///
    /// # Errors
    /// [`HttpError`] when the peer closes, is silent or does not speak HTTP.
    pub fn read_head(&mut self) -> Result<Head, HttpError> {
        let start = self.read_line()?;
        let status = start
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| self.malformed(&start))?;
        let mut headers = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok(Head {
                    status,
                    start,
                    headers,
                });
            }
            let (name, value) = line.split_once(':').ok_or_else(|| self.malformed(&line))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Reads one chunk of a chunked body; `None` is its end.
    ///
    /// # Errors
    /// [`HttpError`] when the peer closes, is silent or sends no chunk.
    pub fn read_chunk(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        let line = self.read_line()?;
        let length = usize::from_str_radix(&line, 16).map_err(|_ignored| self.malformed(&line))?;
        let mut chunk = vec![0; length];
        self.fill(&mut chunk)?;
        self.read_line()?;
        Ok((length > 0).then_some(chunk))
    }

    /// Reads exactly `length` bytes.
    ///
    /// # Errors
    /// [`HttpError::Io`] when the peer closes or is silent before that.
    pub fn read_exact(&mut self, length: usize) -> Result<Vec<u8>, HttpError> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Waits until the peer closes; answers false when it sends something instead.
    ///
    /// # Errors
    /// [`HttpError::Io`] when neither happens in time.
    pub fn closed_by_peer(&mut self) -> Result<bool, HttpError> {
        let mut byte = [0];
        match self.reader.read(&mut byte) {
            Ok(count) => Ok(count == 0),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(true),
            Err(source) => Err(self.io(source)),
        }
    }

    fn read_line(&mut self) -> Result<String, HttpError> {
        let address = self.address;
        let mut line = Vec::new();
        (&mut self.reader)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|source| HttpError::Io { address, source })?;
        if line.is_empty() {
            return Err(self.io(io::ErrorKind::UnexpectedEof.into()));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text
            .strip_suffix("\r\n")
            .ok_or_else(|| self.malformed(&text))?;
        Ok(text.to_owned())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), HttpError> {
        let address = self.address;
        self.reader
            .read_exact(bytes)
            .map_err(|source| HttpError::Io { address, source })
    }

    fn io(&self, source: io::Error) -> HttpError {
        HttpError::Io {
            address: self.address,
            source,
        }
    }

    fn malformed(&self, detail: &str) -> HttpError {
        HttpError::Malformed {
            address: self.address,
            detail: detail.to_owned(),
        }
    }
}
