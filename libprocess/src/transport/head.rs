//! Request lines and headers.
//!
//! Mirrors `3rdparty/libprocess/src/decoder.hpp` (`StreamingRequestDecoder`).

use std::mem::MaybeUninit;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::BytesMut;

use super::body::{Framing, Malformed};

/// How many headers a request may have.
const HEADERS: usize = 256;

/// The methods Mesos' parser knows, without CONNECT, which it refuses.
const METHODS: [&str; 31] = [
    "GET",
    "POST",
    "PUT",
    "HEAD",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PURGE",
    "LINK",
    "UNLINK",
    "COPY",
    "LOCK",
    "MKCOL",
    "MOVE",
    "PROPFIND",
    "PROPPATCH",
    "SEARCH",
    "UNLOCK",
    "BIND",
    "REBIND",
    "UNBIND",
    "ACL",
    "REPORT",
    "MKACTIVITY",
    "CHECKOUT",
    "MERGE",
    "M-SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
];

/// Whether the connection stays open after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Yes,
    No,
}

/// Whether the peer waits for its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As clients of HTTP do.
    Waits,
    /// As libprocess does, which throws answers to messages away. An empty `Host` is its own.
    SendsOn,
}

/// Whether a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

/// A parsed head that still lies in the read buffer.
pub(crate) struct Head<'b> {
    pub(crate) method: &'b str,
    pub(crate) target: &'b str,
    pub(crate) framing: Framing,
    pub(crate) coding: Coding,
    pub(crate) keep_alive: KeepAlive,
    /// The sender of a message, or none when the request is not one.
    pub(crate) sender: Option<&'b [u8]>,
    pub(crate) patience: Patience,
    /// Length of the head in bytes.
    pub(crate) len: usize,
    headers: &'b [httparse::Header<'b>],
}

impl<'b> Head<'b> {
    /// The value of a header, when it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&'b [u8]> {
        let found = self
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.trim_ascii())
    }
}

/// What the framing headers say.
struct Framer {
    length: Option<u64>,
    chunked: bool,
}

impl Head<'_> {
    /// The headers as a map; repeated ones are all in it, the last counts.
    pub(crate) fn header_map(&self) -> Result<HeaderMap, Malformed> {
        let mut map = HeaderMap::with_capacity(self.headers.len());
        for header in self.headers {
            let name = HeaderName::from_bytes(header.name.as_bytes())
                .map_err(|_error| Malformed("header name"))?;
            let value = HeaderValue::from_bytes(header.value)
                .map_err(|_error| Malformed("header value"))?;
            map.append(name, value);
        }
        Ok(map)
    }
}

/// Parses the head at the front of `bytes` and shows it to `use_head`; none when it is not there as a whole.
///
/// Empty lines before the request line are skipped, continued header lines are joined.
pub(crate) fn with_head<R>(
    bytes: &[u8],
    use_head: impl FnOnce(Head<'_>) -> Result<R, Malformed>,
) -> Result<Option<R>, Malformed> {
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, &mut slots) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(len)) => use_head(interpret(&request, len)?).map(Some),
        Err(_) => {
            let start = bytes
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            let head = bytes.get(start..).unwrap_or_default();
            check_continued_line(head)?;
            let end = head.windows(4).position(|window| window == b"\r\n\r\n");
            let Some(end) = end else { return Ok(None) };
            let unfolded = unfold(head.get(..end + 4).unwrap_or_default());
            let mut slots = [const { MaybeUninit::uninit() }; HEADERS];
            let mut request = httparse::Request::new(&mut []);
            match request.parse_with_uninit_headers(&unfolded, &mut slots) {
                Ok(httparse::Status::Complete(_)) => {
                    use_head(interpret(&request, start + end + 4)?).map(Some)
                }
                Ok(httparse::Status::Partial) | Err(_) => Err(Malformed("request")),
            }
        }
    }
}

/// What the parser does not take may be a continued line: then all before it is well-formed.
fn check_continued_line(head: &[u8]) -> Result<(), Malformed> {
    let malformed = Malformed("request");
    let continued = head
        .windows(3)
        .position(|window| matches!(window, [b'\r', b'\n', b' ' | b'\t']))
        .ok_or(malformed)?;
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let before = head.get(..continued + 2).unwrap_or_default();
    match request.parse_with_uninit_headers(before, &mut slots) {
        Ok(_) => Ok(()),
        Err(_) => Err(malformed),
    }
}

/// Joins continued header lines of a whole head.
fn unfold(head: &[u8]) -> BytesMut {
    let mut unfolded = BytesMut::with_capacity(head.len());
    let mut rest = head;
    while let Some((first, tail)) = rest.split_first() {
        match rest {
            [b'\r', b'\n', b' ' | b'\t', ..] => {
                unfolded.extend_from_slice(b" ");
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                unfolded.extend_from_slice(&[*first]);
                rest = tail;
            }
        }
    }
    unfolded
}

fn interpret<'r, 'b: 'r>(
    request: &'r httparse::Request<'r, 'b>,
    len: usize,
) -> Result<Head<'r>, Malformed> {
    let method = request.method.ok_or(Malformed("method"))?;
    if !METHODS.contains(&method) {
        return Err(Malformed("method"));
    }
    let target = request.path.ok_or(Malformed("target"))?;
    let mut framer = Framer {
        length: None,
        chunked: false,
    };
    let mut keep_alive = if request.version == Some(1) {
        KeepAlive::Yes
    } else {
        KeepAlive::No
    };
    let mut coding = Coding::Identity;
    let mut from = None;
    let mut agent = None;
    let mut patience = Patience::Waits;
    let headers: &'r [httparse::Header<'r>] = request.headers;
    for header in headers {
        let value = header.value;
        // The length tells most headers apart before their letters are looked at.
        match header.name.len() {
            4 if value.is_empty() && header.name.eq_ignore_ascii_case("host") => {
                patience = Patience::SendsOn;
            }
            10 if header.name.eq_ignore_ascii_case("connection") => {
                keep_alive = connection(value, keep_alive);
            }
            10 if header.name.eq_ignore_ascii_case("user-agent") => {
                agent = value.strip_prefix(b"libprocess/");
            }
            14 if header.name.eq_ignore_ascii_case("content-length") => framer.length(value)?,
            15 if header.name.eq_ignore_ascii_case("libprocess-from") => from = Some(value),
            16 if header.name.eq_ignore_ascii_case("content-encoding") && value == b"gzip" => {
                coding = Coding::Gzip;
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                framer.encoding(value)?;
            }
            _ => {}
        }
    }
    let sender = if method == "POST" {
        from.or(agent).map(<[u8]>::trim_ascii)
    } else {
        None
    };
    let framing = framer.finish()?;
    Ok(Head {
        method,
        target,
        framing,
        coding,
        keep_alive,
        sender,
        patience,
        len,
        headers,
    })
}

fn connection(value: &[u8], otherwise: KeepAlive) -> KeepAlive {
    let mut result = otherwise;
    for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if token.eq_ignore_ascii_case(b"close") {
            return KeepAlive::No;
        }
        if token.eq_ignore_ascii_case(b"keep-alive") {
            result = KeepAlive::Yes;
        }
    }
    result
}

impl Framer {
    fn length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let malformed = Malformed("content length");
        let digits = std::str::from_utf8(value)
            .map_err(|_error| malformed)?
            .trim();
        if self.length.is_some() || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(malformed);
        }
        self.length = Some(digits.parse().map_err(|_error| malformed)?);
        Ok(())
    }

    fn encoding(&mut self, value: &[u8]) -> Result<(), Malformed> {
        if self.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(Malformed("transfer encoding"));
        }
        self.chunked = true;
        Ok(())
    }

    fn finish(self) -> Result<Framing, Malformed> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Malformed("framing")),
            (true, None) => Ok(Framing::Chunked),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parsed = (
        String,
        String,
        Framing,
        KeepAlive,
        Option<String>,
        HeaderMap,
    );

    fn parse(text: &str) -> Result<Option<Parsed>, Malformed> {
        with_head(text.as_bytes(), |head| {
            Ok((
                head.method.to_owned(),
                head.target.to_owned(),
                head.framing,
                head.keep_alive,
                head.sender
                    .map(|sender| String::from_utf8_lossy(sender).into_owned()),
                head.header_map()?,
            ))
        })
    }

    /// Mirrors: RequestDecoderTest.Request
    #[test]
    fn a_request_is_taken_apart() {
        let (method, target, framing, keep_alive, sender, headers) = parse(
            "GET /path/file.json?key1=value1&key2=value2#fragment HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: compress, gzip\r\n\r\n",
        )
        .expect("well-formed")
        .expect("whole");

        assert_eq!(method, "GET");
        assert_eq!(target, "/path/file.json?key1=value1&key2=value2#fragment");
        assert_eq!(framing, Framing::Length(0));
        assert_eq!(keep_alive, KeepAlive::No);
        assert_eq!(sender, None);
        assert_eq!(headers["accept-encoding"], "compress, gzip");
    }

    /// Mirrors: RequestDecoderTest.HeaderContinuation
    #[test]
    fn continued_header_lines_are_joined() {
        let parsed = parse(
            "GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: compress,\r\n                 gzip\r\n\r\n",
        );

        let headers = parsed.expect("well-formed").expect("whole").5;
        let value: String = headers["accept-encoding"]
            .to_str()
            .expect("text")
            .split_whitespace()
            .collect();
        assert_eq!(value, "compress,gzip");
    }

    /// Mirrors: RequestDecoderTest.HeaderCaseInsensitive
    #[test]
    fn header_names_are_matched_in_any_case() {
        let parsed = parse(
            "POST /a/b HTTP/1.1\r\nlibPROCESS-from: x@1.2.3.4:5 \r\ntransfer-ENCODING: Chunked\r\n\r\n",
        );

        let (_, _, framing, _, sender, _) = parsed.expect("well-formed").expect("whole");
        assert_eq!(framing, Framing::Chunked);
        assert_eq!(sender.as_deref(), Some("x@1.2.3.4:5"));
    }

    #[test]
    fn a_message_is_a_post_of_a_libprocess_peer() {
        let sender = |text| parse(text).expect("well-formed").expect("whole").4;

        assert_eq!(
            sender("POST /a/b HTTP/1.1\r\nUser-Agent: libprocess/x@1.2.3.4:5\r\n\r\n").as_deref(),
            Some("x@1.2.3.4:5")
        );
        assert_eq!(
            sender("GET /a/b HTTP/1.1\r\nUser-Agent: libprocess/x@1.2.3.4:5\r\n\r\n"),
            None
        );
        assert_eq!(
            sender("POST /a/b HTTP/1.1\r\nUser-Agent: curl\r\n\r\n"),
            None
        );
        assert_eq!(
            sender("POST /a/b HTTP/1.1\r\nLibprocess-From: \r\n\r\n").as_deref(),
            Some("")
        );
    }

    #[test]
    fn old_clients_must_ask_to_stay_connected() {
        let keep_alive = |text| parse(text).expect("well-formed").expect("whole").3;

        assert_eq!(keep_alive("GET / HTTP/1.1\r\n\r\n"), KeepAlive::Yes);
        assert_eq!(keep_alive("GET / HTTP/1.0\r\n\r\n"), KeepAlive::No);
        assert_eq!(
            keep_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
            KeepAlive::Yes
        );
    }

    #[test]
    fn ambiguous_framing_and_unknown_methods_are_malformed() {
        for text in [
            "BREW / HTTP/1.1\r\n\r\n",
            "CONNECT h:1 HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            "GET / HTTP/1.1\r\n bad\r\n\r\n",
            "\u{16}\u{3}\u{1}",
            "GET / HTTP/2.0\r\n\r\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("GET / HTTP/1.1\r\nHost: x\r\n"), Ok(None));
    }
}
