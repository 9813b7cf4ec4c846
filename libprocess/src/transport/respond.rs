//! The bytes of responses.
//!
//! Mirrors `3rdparty/libprocess/src/encoder.hpp` (`HttpResponseEncoder`).
//!
//! # Wire
//! `HTTP/1.1` and the phrases of RFC 2616 whatever the request's version; `Date` always; one chunk per write of a
//! stream, lower-case length.

use ::http::header::{CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use ::http::{HeaderMap, HeaderName};
use bytes::{BufMut, Bytes, BytesMut};

use crate::http::status_text;
use crate::socket_manager::put_hex;

/// How the end of a response's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Known(u64),
    Chunked,
}

/// Writes status line and headers.
pub(crate) fn head(
    out: &mut BytesMut,
    status: u16,
    headers: &HeaderMap,
    date: &str,
    length: Length,
) {
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status_text(status).as_bytes());
    out.put_slice(b"\r\nDate: ");
    out.put_slice(date.as_bytes());
    out.put_slice(b"\r\n");
    for (name, value) in headers {
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING || name == DATE {
            continue;
        }
        put_name(out, name);
        out.put_slice(b": ");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\r\n");
    }
    match length {
        Length::Known(length) => {
            out.put_slice(b"Content-Length: ");
            out.put_slice(length.to_string().as_bytes());
            out.put_slice(b"\r\n\r\n");
        }
        Length::Chunked => out.put_slice(b"Transfer-Encoding: chunked\r\n\r\n"),
    }
}

/// Writes a header's name with a capital at the start of each word, as Mesos has them.
fn put_name(out: &mut BytesMut, name: &HeaderName) {
    if name == ::http::header::WWW_AUTHENTICATE {
        out.put_slice(b"WWW-Authenticate");
        return;
    }
    let mut start = true;
    for byte in name.as_str().bytes() {
        out.put_u8(if start {
            byte.to_ascii_uppercase()
        } else {
            byte
        });
        start = byte == b'-';
    }
}

/// Writes the answers to messages that were delivered.
pub(crate) fn accepted(out: &mut BytesMut, count: usize, date: &str) {
    let one = format!("HTTP/1.1 202 Accepted\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
    out.reserve(one.len() * count);
    for _ in 0..count {
        out.put_slice(one.as_bytes());
    }
}

/// Writes one chunk of a stream.
pub(crate) fn chunk(out: &mut BytesMut, data: &Bytes) {
    out.reserve(data.len() + 20);
    put_hex(out, data.len());
    out.put_slice(b"\r\n");
    out.put_slice(data);
    out.put_slice(b"\r\n");
}

/// The end of a stream.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;

    /// Mirrors: EncoderTest.Response
    #[test]
    fn a_head_has_phrase_date_headers_and_length() {
        let response = Response::method_not_allowed(&["POST"], "GET");
        let mut out = BytesMut::new();

        head(
            &mut out,
            405,
            &response.headers,
            "Fri, 20 Nov 2026 03:55:22 GMT",
            Length::Known(72),
        );

        assert_eq!(
            std::str::from_utf8(&out),
            Ok(
                "HTTP/1.1 405 Method Not Allowed\r\nDate: Fri, 20 Nov 2026 03:55:22 GMT\r\nContent-Type: text/plain; charset=utf-8\r\nAllow: POST\r\nContent-Length: 72\r\n\r\n"
            )
        );
    }

    #[test]
    fn names_are_capitalized() {
        let mut out = BytesMut::new();
        put_name(&mut out, &HeaderName::from_static("mesos-stream-id"));
        out.put_u8(b' ');
        put_name(&mut out, &::http::header::WWW_AUTHENTICATE);

        assert_eq!(out, "Mesos-Stream-Id WWW-Authenticate");
    }

    #[test]
    fn chunks_carry_their_length() {
        let mut out = BytesMut::new();
        chunk(&mut out, &Bytes::from_static(b"hello, libprocess"));

        assert_eq!(out, "11\r\nhello, libprocess\r\n");
    }
}
