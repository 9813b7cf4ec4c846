//! The end of a simulated connection that a runtime holds, and where it accepts them.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use super::net::Net;
use super::pipe::PipeId;
use crate::address::Address;

/// A connected socket of the simulated network.
pub(crate) struct SimulatedStream {
    net: Arc<Net>,
    writes: PipeId,
}

impl SimulatedStream {
    pub(super) const fn new(net: Arc<Net>, writes: PipeId) -> Self {
        Self { net, writes }
    }
}

impl AsyncRead for SimulatedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.net
            .poll_read(self.writes.back(), cx, buffer.remaining())
            .map_ok(|read| buffer.put_slice(&read))
    }
}

impl AsyncWrite for SimulatedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.net.poll_write(self.writes, cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.net.end(self.writes);
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimulatedStream {
    fn drop(&mut self) {
        self.net.drop_stream(self.writes);
    }
}

impl fmt::Debug for SimulatedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStream")
            .field("writes", &self.writes)
            .finish_non_exhaustive()
    }
}

/// Where the connections to a simulated host come in.
pub(crate) struct SimulatedListener {
    pub(super) net: Arc<Net>,
    pub(super) address: Address,
    pub(super) incarnation: u64,
    pub(super) incoming: mpsc::UnboundedReceiver<(SimulatedStream, SocketAddr)>,
}

impl SimulatedListener {
    /// The next connection; never, when the host is gone.
    pub(crate) async fn accept(&mut self) -> (SimulatedStream, SocketAddr) {
        match self.incoming.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }
}

impl Drop for SimulatedListener {
    fn drop(&mut self) {
        self.net.unlisten(self.address, self.incarnation);
    }
}

impl fmt::Debug for SimulatedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedListener")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
