//! What a connection speaks, by its first bytes.

use std::io;

use bytes::BytesMut;

use super::stream::Stream;

/// How a client of HTTP/2 begins. No request of HTTP/1 does: there is no method `PRI`.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is read at once while looking.
const LOOK: usize = 4 * 1024;

/// What the port serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Messages of libprocess and requests of HTTP/1, or nonsense.
    Http1,
    /// gRPC calls.
    Http2,
}

/// Reads until it is clear what the stream speaks; what was read is to be served first.
///
/// # Errors
/// When the stream breaks.
pub(super) async fn sniff(stream: &mut Stream) -> io::Result<(Protocol, BytesMut)> {
    let mut read = BytesMut::new();
    let (mut receiving, _) = stream.split();
    loop {
        // A connection that has said nothing yet keeps no memory.
        receiving.readable().await?;
        read.reserve(LOOK);
        let end = receiving.read(&mut read).await? == 0;
        match decide(&read) {
            Some(protocol) => return Ok((protocol, read)),
            None if end => return Ok((Protocol::Http1, read)),
            None => {}
        }
    }
}

/// None when more has to be read.
fn decide(read: &[u8]) -> Option<Protocol> {
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
        assert_eq!(decide(b""), None);
        assert_eq!(decide(b"PRI * HT"), None);
        assert_eq!(decide(b"POST /a/b HTTP/1.1\r\n"), Some(Protocol::Http1));
        assert_eq!(decide(b"PRI * HTTP/1.1\r\n"), Some(Protocol::Http1));
        assert_eq!(decide(PREFACE), Some(Protocol::Http2));
        assert_eq!(decide(&[PREFACE, b"\0\0"].concat()), Some(Protocol::Http2));
    }
}
