//! A connected socket of either family, or what is layered on one, and its two sides.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host, tcp, unix};

use crate::simulation;
use crate::tls::{Asks, Peer, Tls};

/// How many pieces one write takes.
const PIECES: usize = 64;

/// Something that carries bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Duplex for T {}

/// What carries messages and HTTP.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// A session over a socket, such as TLS.
    Layered(Box<dyn Duplex>),
}

impl Stream {
    /// Connects to a host in plain, on the machine's network or the simulated one of this thread.
    pub(crate) async fn connect(host: &str, port: u16) -> io::Result<Self> {
        match simulation::current() {
            Some(here) => {
                let stream = here.connect_name(host, port).await?;
                Ok(Self::Layered(Box::new(stream)))
            }
            None => Self::connect_tcp(host, port).await.map(Self::Tcp),
        }
    }

    /// Connects to a peer in plain, on the machine's network or the simulated one of this thread.
    pub(crate) async fn connect_peer(address: SocketAddr) -> io::Result<Self> {
        match simulation::current() {
            Some(here) => Ok(Self::Layered(Box::new(here.connect(address).await?))),
            None => {
                let stream = TcpStream::connect(address).await?;
                // A message must not wait until the peer has confirmed the one before it.
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    /// Connects to the first address of a host, IPv4 before IPv6.
    pub(crate) async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
        let mut addresses: Vec<_> = lookup_host((host, port)).await?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Connects to a host by TLS.
    pub(crate) async fn connect_secured(
        host: &str,
        port: u16,
        (tls, asks): (&Tls, Asks),
    ) -> io::Result<Self> {
        let stream = Self::connect_tcp(host, port).await?;
        let peer = Peer {
            ip: stream.peer_addr()?.ip(),
            name: match host.parse::<IpAddr>() {
                Ok(_address) => None,
                Err(_name) => Some(host.to_owned()),
            },
        };
        let session = tls.connect(Box::new(stream), peer, asks).await?;
        Ok(Self::Layered(session))
    }

    /// Connects to a socket in the file system.
    pub(crate) async fn connect_unix(path: &Path) -> io::Result<Self> {
        Ok(Self::Unix(UnixStream::connect(path).await?))
    }

    /// The two sides, which can be used at the same time.
    pub(crate) fn split(&mut self) -> (ReadSide<'_>, WriteSide<'_>) {
        match self {
            Self::Tcp(stream) => {
                let (read, write) = stream.split();
                (ReadSide::Tcp(read), WriteSide::Tcp(write))
            }
            Self::Unix(stream) => {
                let (read, write) = stream.split();
                (ReadSide::Unix(read), WriteSide::Unix(write))
            }
            Self::Layered(stream) => {
                let (read, write) = tokio::io::split(stream);
                (ReadSide::Layered(read), WriteSide::Layered(write))
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Layered(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Layered(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Layered(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Layered(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Layered(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Layered(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Tcp",
            Self::Unix(_) => "Unix",
            Self::Layered(_) => "Layered",
        })
    }
}

/// The receiving side.
pub(crate) enum ReadSide<'s> {
    Tcp(tcp::ReadHalf<'s>),
    Unix(unix::ReadHalf<'s>),
    Layered(tokio::io::ReadHalf<&'s mut Box<dyn Duplex>>),
}

impl ReadSide<'_> {
    /// Waits until there is something to read, or the end, where that can be told without reading.
    pub(crate) async fn readable(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
            // Only reading tells; what was read ahead makes no socket readable.
            Self::Layered(_) => Ok(()),
        }
    }

    /// Reads once into the room that the buffer has; zero at the end.
    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            Self::Unix(stream) => stream.read_buf(buffer).await,
            Self::Layered(stream) => stream.read_buf(buffer).await,
        }
    }

    /// Waits until the peer closes, throwing away what it sends. Never succeeds.
    pub(crate) async fn gone(&mut self) -> io::Result<()> {
        let mut waste = BytesMut::with_capacity(4096);
        while self.read(&mut waste).await? > 0 {
            waste.clear();
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// The sending side.
pub(crate) enum WriteSide<'s> {
    Tcp(tcp::WriteHalf<'s>),
    Unix(unix::WriteHalf<'s>),
    Layered(tokio::io::WriteHalf<&'s mut Box<dyn Duplex>>),
}

impl WriteSide<'_> {
    pub(crate) async fn write_all(&mut self, bytes: &mut impl Buf) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all_buf(bytes).await,
            Self::Unix(stream) => stream.write_all_buf(bytes).await,
            Self::Layered(stream) => {
                stream.write_all_buf(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Writes some of the first pieces with one call, and tells how many bytes.
    pub(crate) async fn write_some(&mut self, pieces: &VecDeque<Bytes>) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => loop {
                stream.writable().await?;
                match stream.try_write_vectored(&slices(pieces)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    written => return written,
                }
            },
            Self::Unix(stream) => stream.write_vectored(&slices(pieces)).await,
            Self::Layered(stream) => stream.write_vectored(&slices(pieces)).await,
        }
    }

    /// Passes on what a layer still holds back.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
            Self::Layered(stream) => stream.flush().await,
        }
    }

    /// Closes this side.
    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown().await,
            Self::Unix(stream) => stream.shutdown().await,
            Self::Layered(stream) => stream.shutdown().await,
        }
    }
}

fn slices(pieces: &VecDeque<Bytes>) -> Vec<IoSlice<'_>> {
    pieces
        .iter()
        .take(PIECES)
        .map(|piece| IoSlice::new(piece))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_send_small_messages_at_once() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");

        let connected = runtime.block_on(Stream::connect_peer(address));

        match connected.expect("a connection") {
            Stream::Tcp(stream) => assert!(stream.nodelay().expect("an option")),
            other @ (Stream::Unix(_) | Stream::Layered(_)) => panic!("{other:?}"),
        }
    }
}
