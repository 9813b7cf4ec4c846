//! The bytes of an outgoing message.
//!
//! Mirrors `3rdparty/libprocess/src/encoder.hpp` (`MessageEncoder`).
//!
//! # Wire
//! On the legacy wire: header names, their order, the empty `Host`, one lower-case chunk for a body and no length for an empty one.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::outbox::Outbox;
use super::socket::Wire;
use crate::address::Address;
use crate::pid::Upid;
use crate::trace;
use crate::transport::envelope::{self, Envelope};

/// Bodies from this size on are sent from where they are instead of being copied.
const COPY_LIMIT: usize = 16 * 1024;

/// How a head tells what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    None,
    Chunked,
}

/// A message to send.
#[derive(Clone, Debug)]
pub(super) struct Outgoing<'m> {
    pub(super) from: &'m Upid,
    pub(super) to: &'m Upid,
    pub(super) name: &'m str,
    pub(super) body: &'m Bytes,
    /// The `traceparent`, when it is sent within a trace.
    pub(super) trace: Option<String>,
}

/// The head of the last message with a body: the next one to the same actor has the same.
#[derive(Debug, Default)]
pub(super) struct LastHead {
    from: Upid,
    to: Arc<str>,
    name: String,
    bytes: Vec<u8>,
}

impl LastHead {
    fn is_for(&self, from: &Upid, to: &Upid, name: &str) -> bool {
        !self.bytes.is_empty() && self.to == to.id && self.from == *from && self.name == name
    }

    fn remember(&mut self, from: &Upid, to: &Upid, name: &str, bytes: &[u8]) {
        self.from.clone_from(from);
        self.to = Arc::clone(&to.id);
        self.name.clear();
        self.name.push_str(name);
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
    }
}

/// Writes messages; knows the text of the runtime's own address.
#[derive(Debug)]
pub(crate) struct Encoder {
    own: Address,
    own_text: String,
}

impl Encoder {
    pub(crate) fn new(own: Address) -> Self {
        Self {
            own,
            own_text: own.to_string(),
        }
    }

    /// Appends one message to an outbox, for the wire that the outbox is for.
    pub(super) fn message(&self, outbox: &mut Outbox, message: &Outgoing<'_>) {
        match outbox.wire() {
            Wire::Legacy => self.legacy(outbox, message),
            Wire::Grpc => self.envelope(outbox, message),
        }
    }

    fn envelope(&self, outbox: &mut Outbox, message: &Outgoing<'_>) {
        let Outgoing {
            from,
            to,
            name,
            body,
            trace,
        } = message;
        let foreign;
        let head = envelope::Head {
            from_id: &from.id,
            from_address: if from.address == self.own {
                self.own_text.as_str()
            } else {
                foreign = from.address.to_string();
                foreign.as_str()
            },
            to: &to.id,
            name,
            trace: trace.as_deref().unwrap_or_default(),
            body: body.len(),
        };
        head.write(outbox.buffer());
        if body.len() < COPY_LIMIT {
            outbox.buffer().put_slice(body);
        } else {
            outbox.append((*body).clone());
        }
    }

    /// Writes what was queued as envelopes again for the legacy wire.
    pub(super) fn rewrite(&self, queued: &mut Outbox) -> Outbox {
        let mut bytes = BytesMut::new();
        for piece in queued.take() {
            bytes.extend_from_slice(&piece);
        }
        let mut outbox = Outbox::new(Wire::Legacy);
        // Our own envelopes are never malformed.
        while let Ok(Some(envelope)) = envelope::next(&mut bytes, usize::MAX) {
            let Envelope {
                from,
                to,
                name,
                body,
                trace,
                acknowledged: _,
            } = envelope;
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            let from = text(&from).parse().unwrap_or_default();
            let to = Upid::new(text(&to), Address::NONE);
            let message = Outgoing {
                from: &from,
                to: &to,
                name: &text(&name),
                body: &body,
                trace: (!trace.is_empty()).then(|| text(&trace)),
            };
            self.legacy(&mut outbox, &message);
            outbox.count();
        }
        outbox
    }

    fn legacy(&self, outbox: &mut Outbox, message: &Outgoing<'_>) {
        let Outgoing {
            from,
            to,
            name,
            body,
            trace,
        } = message;
        if body.is_empty() {
            self.head(outbox.buffer(), message, Length::None);
            return;
        }
        let (out, last) = outbox.buffer_and_last();
        if trace.is_some() {
            self.head(out, message, Length::Chunked);
        } else if last.is_for(from, to, name) {
            out.reserve(last.bytes.len() + body.len() + 32);
            out.put_slice(&last.bytes);
        } else {
            let start = out.len();
            self.head(out, message, Length::Chunked);
            last.remember(from, to, name, out.get(start..).unwrap_or_default());
        }
        put_hex(out, body.len());
        out.put_slice(b"\r\n");
        if body.len() < COPY_LIMIT {
            outbox.buffer().put_slice(body);
        } else {
            outbox.append((*body).clone());
        }
        outbox.buffer().put_slice(b"\r\n0\r\n\r\n");
    }

    /// Writes everything up to the body, or to its length.
    fn head(&self, out: &mut BytesMut, message: &Outgoing<'_>, length: Length) {
        let Outgoing { from, to, name, .. } = message;
        let foreign;
        let address = if from.address == self.own {
            self.own_text.as_str()
        } else {
            foreign = from.address.to_string();
            foreign.as_str()
        };
        out.reserve(to.id.len() + name.len() + 2 * (from.id.len() + address.len()) + 160);
        out.put_slice(b"POST /");
        if !to.id.is_empty() {
            out.put_slice(to.id.as_bytes());
            out.put_u8(b'/');
        }
        out.put_slice(name.as_bytes());
        out.put_slice(b" HTTP/1.1\r\nUser-Agent: libprocess/");
        out.put_slice(from.id.as_bytes());
        out.put_u8(b'@');
        out.put_slice(address.as_bytes());
        out.put_slice(b"\r\nLibprocess-From: ");
        out.put_slice(from.id.as_bytes());
        out.put_u8(b'@');
        out.put_slice(address.as_bytes());
        out.put_slice(b"\r\nConnection: Keep-Alive\r\nHost: \r\n");
        if let Some(trace) = &message.trace {
            out.put_slice(trace::HEADER.as_bytes());
            out.put_slice(b": ");
            out.put_slice(trace.as_bytes());
            out.put_slice(b"\r\n");
        }
        match length {
            Length::None => out.put_slice(b"\r\n"),
            Length::Chunked => out.put_slice(b"Transfer-Encoding: chunked\r\n\r\n"),
        }
    }
}

/// Writes a number in lower-case hexadecimal digits.
pub(crate) fn put_hex(out: &mut BytesMut, number: usize) {
    let mut shift = (usize::BITS - number.max(1).leading_zeros()).div_ceil(4) * 4;
    while shift > 0 {
        shift -= 4;
        let digit = u8::try_from(number >> shift & 0xf).unwrap_or_default();
        out.put_u8(if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many heads were recorded.
    const HEADS: usize = 37;

    fn encoded(from: &str, to: &str, name: &str, body: &'static [u8]) -> String {
        let from: Upid = from.parse().expect("a pid");
        let to: Upid = to.parse().expect("a pid");
        let mut outbox = Outbox::default();
        let message = Outgoing {
            from: &from,
            to: &to,
            name,
            body: &Bytes::from_static(body),
            trace: None,
        };
        Encoder::new(from.address).message(&mut outbox, &message);
        let bytes: Vec<u8> = outbox.take().into_iter().flatten().collect();
        String::from_utf8(bytes).expect("text")
    }

    /// All kinds of messages of two recordings of Mesos 1.11.0: between master, agent, executor, scheduler, log
    /// replicas and authenticators.
    #[test]
    fn header_blocks_are_the_recorded_ones() {
        let compressed = include_bytes!("../../tests/data/message_heads.gz");
        let mut recorded = String::new();
        std::io::Read::read_to_string(
            &mut flate2::read::GzDecoder::new(&compressed[..]),
            &mut recorded,
        )
        .expect("a compressed text");

        let mut heads = 0;
        for head in recorded.split_inclusive("\r\n\r\n") {
            let target = head.split(' ').nth(1).expect("a target");
            let (id, name) = target[1..].split_once('/').expect("an id and a name");
            let from = head
                .split("Libprocess-From: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            let body: &[u8] = if head.contains("chunked") {
                b"hello, libprocess"
            } else {
                b""
            };
            let to = format!("{id}@127.0.0.1:1");

            let bytes = encoded(from.expect("a sender"), &to, name, body);

            let chunk = if body.is_empty() {
                ""
            } else {
                "11\r\nhello, libprocess\r\n0\r\n\r\n"
            };
            assert_eq!(bytes, format!("{head}{chunk}"));
            heads += 1;
        }
        assert_eq!(heads, HEADS);
    }

    #[test]
    fn envelopes_are_rewritten_as_the_same_messages_on_the_legacy_wire() {
        let from: Upid = "a(1)@1.2.3.4:5".parse().expect("a pid");
        let to: Upid = "b@1.2.3.4:6".parse().expect("a pid");
        let long = Bytes::from(vec![b'x'; 2 * COPY_LIMIT]);
        let encoder = Encoder::new(from.address);
        let bodies = [Bytes::new(), Bytes::from_static(b"short"), long];
        let [mut direct, mut envelopes] = [Outbox::new(Wire::Legacy), Outbox::new(Wire::Grpc)];
        for body in &bodies {
            let message = Outgoing {
                from: &from,
                to: &to,
                name: "note",
                body,
                trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            };
            encoder.message(&mut direct, &message);
            encoder.message(&mut envelopes, &message);
        }

        let mut rewritten = encoder.rewrite(&mut envelopes);

        let text = |outbox: &mut Outbox| outbox.take().into_iter().flatten().collect::<Vec<u8>>();
        assert_eq!(rewritten.messages(), bodies.len());
        assert!(text(&mut rewritten) == text(&mut direct), "the same bytes");
    }

    #[test]
    fn a_trace_is_a_header_more_and_is_not_repeated() {
        let (from, to): (Upid, Upid) = (
            "a@1.2.3.4:5".parse().expect("a pid"),
            "b@1.2.3.4:6".parse().expect("a pid"),
        );
        let mut outbox = Outbox::default();
        for trace in [None, Some("00-1-2-01".to_owned()), None] {
            let message = Outgoing {
                from: &from,
                to: &to,
                name: "note",
                body: &Bytes::from_static(b"x"),
                trace,
            };
            Encoder::new(from.address).message(&mut outbox, &message);
        }

        let bytes: Vec<u8> = outbox.take().into_iter().flatten().collect();

        let text = String::from_utf8(bytes).expect("text");
        let traced = "Host: \r\ntraceparent: 00-1-2-01\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx";
        assert_eq!(text.matches("traceparent").count(), 1, "{text}");
        assert!(text.contains(traced), "{text}");
        assert_eq!(text.matches("POST /b/note HTTP/1.1\r\n").count(), 3);
    }

    #[test]
    fn an_empty_body_has_neither_length_nor_chunks() {
        assert_eq!(
            encoded("@0.0.0.0:0", "a@1.2.3.4:5", "ping", b""),
            "POST /a/ping HTTP/1.1\r\nUser-Agent: libprocess/@0.0.0.0:0\r\nLibprocess-From: @0.0.0.0:0\r\nConnection: Keep-Alive\r\nHost: \r\n\r\n"
        );
    }

    #[test]
    fn an_empty_target_id_leaves_its_segment_out() {
        assert!(
            encoded("a@1.2.3.4:5", "@1.2.3.4:6", "ping", b"")
                .starts_with("POST /ping HTTP/1.1\r\n")
        );
    }

    #[test]
    fn lengths_are_lower_case_hexadecimal_without_padding() {
        for number in [0, 1, 9, 10, 15, 16, 255, 256, 65_535, 65_536, usize::MAX] {
            let mut out = BytesMut::new();
            put_hex(&mut out, number);
            assert_eq!(out, format!("{number:x}").as_bytes());
        }
    }
}
