//! What an accepted connection speaks: the one place that decides it, by the first bytes.
//!
//! Without TLS a connection is plain. With TLS it begins with a handshake, unless downgrade is supported and its first
//! bytes are no greeting. Then the preface of HTTP/2 is told from everything else.
//! A client that stays silent holds nobody up: each connection is opened in its own task.

use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;

use super::rewind::Rewind;
use super::stream::Stream;
use crate::tls::{Downgrade, Tls};

/// How a client of HTTP/2 begins. No request of HTTP/1 does: there is no method `PRI`.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is read at once while looking.
const LOOK: usize = 4 * 1024;

/// A connection that is ready to be served.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    /// What has been read already.
    pub(crate) read: BytesMut,
}

/// Whether a connection begins with a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Tls,
    Plain,
}

/// What the port serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Messages of libprocess and requests of HTTP/1, or nonsense.
    Http1,
    /// gRPC calls.
    Http2,
}

impl Opened {
    /// A connection nobody has read from.
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            read: BytesMut::new(),
        }
    }

    /// Reads until the bytes can be judged; none when the stream ends before.
    async fn judge<T>(&mut self, judge: impl Fn(&[u8]) -> Option<T>) -> io::Result<Option<T>> {
        loop {
            if let Some(judged) = judge(&self.read) {
                return Ok(Some(judged));
            }
            let (mut receiving, _) = self.stream.split();
            // A connection that has said nothing yet keeps no memory.
            receiving.readable().await?;
            self.read.reserve(LOOK);
            if receiving.read(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// Finds out whether a connection speaks TLS, and shakes hands when it does.
///
/// # Errors
/// When the stream breaks, or the handshake fails.
pub(super) async fn open(
    stream: Stream,
    peer: SocketAddr,
    tls: Option<&Tls>,
) -> io::Result<Opened> {
    let mut opened = Opened::new(stream);
    let Some(tls) = tls else {
        return Ok(opened);
    };
    if tls.downgrade() == Downgrade::Supported && opened.judge(layer).await? != Some(Layer::Tls) {
        return Ok(opened);
    }
    let peer = peer.ip().to_canonical();
    let session = tls.accept(Box::new(Rewind::new(opened)), peer).await?;
    Ok(Opened::new(Stream::Layered(session)))
}

/// Finds out what is spoken over a connection, in plain or within its session.
///
/// # Errors
/// When the stream breaks.
pub(super) async fn protocol(opened: &mut Opened) -> io::Result<Protocol> {
    let judged = opened.judge(http_version).await?;
    Ok(judged.unwrap_or(Protocol::Http1))
}

/// None when more has to be read.
fn layer(read: &[u8]) -> Option<Layer> {
    match read {
        [] | [0x16] => None,
        // The greeting of version 2, which old clients send for newer versions too.
        [start, _, kind, ..] if start & 0x80 != 0 && *kind == 1 => Some(Layer::Tls),
        [start] | [start, _] if start & 0x80 != 0 => None,
        [0x16, 0x03, _, _, _, kind, ..] => Some(if *kind == 1 { Layer::Tls } else { Layer::Plain }),
        [0x16, 0x03, ..] => None,
        _ => Some(Layer::Plain),
    }
}

/// None when more has to be read.
fn http_version(read: &[u8]) -> Option<Protocol> {
    if read.starts_with(PREFACE) {
        Some(Protocol::Http2)
    } else if PREFACE.starts_with(read) {
        None
    } else {
        Some(Protocol::Http1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_preface_is_http2() {
        assert_eq!(http_version(b""), None);
        assert_eq!(http_version(b"PRI * HT"), None);
        assert_eq!(
            http_version(b"POST /a/b HTTP/1.1\r\n"),
            Some(Protocol::Http1)
        );
        assert_eq!(http_version(b"PRI * HTTP/1.1\r\n"), Some(Protocol::Http1));
        assert_eq!(http_version(PREFACE), Some(Protocol::Http2));
        assert_eq!(
            http_version(&[PREFACE, b"\0\0"].concat()),
            Some(Protocol::Http2)
        );
    }

    #[test]
    fn greetings_of_all_versions_are_told_from_http() {
        for (first, expected) in [
            (&b"GET / HTTP/1.1"[..], Some(Layer::Plain)),
            (b"P", Some(Layer::Plain)),
            (b"\x16\x03\x01\x02\x00\x01\xfc", Some(Layer::Tls)),
            (b"\x16\x03\x01\x02\x00\x02", Some(Layer::Plain)),
            (b"\x16\x04", Some(Layer::Plain)),
            (b"\x80\x2e\x01\x03\x01", Some(Layer::Tls)),
            (b"\x80\x2e\x02", Some(Layer::Plain)),
            (b"", None),
            (b"\x16", None),
            (b"\x16\x03\x01\x02\x00", None),
            (b"\x80\x2e", None),
        ] {
            assert_eq!(layer(first), expected, "{first:?}");
        }
    }
}
