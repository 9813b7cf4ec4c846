//! The decoders of the port as plain functions of bytes, for fuzzing and for a bounded test.
//!
//! What is found must not depend on how the network cut the bytes, and nothing may panic.

use bytes::{Buf, BytesMut};

use super::body::{BodyDecoder, Decoded, Framing, Malformed, Parts};
use super::head::{Coding, with_head};
use super::replies::ReplyCounter;
use super::router;
use crate::http::{Inflater, Query, decode};

/// Bodies that inflate to more are not looked at.
const INFLATED_LIMIT: usize = 1024 * 1024;

/// What a connection's bytes say.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Message {
        to: String,
        name: String,
        from: String,
        body: Vec<u8>,
    },
    Request {
        method: String,
        target: String,
        body: Vec<u8>,
    },
    Malformed,
}

/// Decodes bytes as a connection would, whole and in pieces, and compares what was found.
///
/// # Panics
/// When the two differ: that is what the fuzzer looks for.
pub fn decode_connection(bytes: &[u8]) {
    let whole = decode_in_pieces(bytes, bytes.len().max(1));
    let step = 1 + bytes.first().map_or(0, |byte| usize::from(byte % 13));
    let pieces = decode_in_pieces(bytes, step);
    assert_eq!(
        whole,
        pieces,
        "in pieces of {step}: {}",
        bytes.escape_ascii()
    );
}

/// Counts answers in bytes, whole and in pieces, and compares the counts.
///
/// # Panics
/// When the two differ.
pub fn count_replies(bytes: &[u8]) {
    let count = |step: usize| {
        let mut counter = ReplyCounter::default();
        let counts: Option<usize> = bytes.chunks(step).map(|part| counter.count(part)).sum();
        counts
    };
    let (whole, single) = (count(bytes.len().max(1)), count(1));
    if let (Some(whole), Some(single)) = (whole, single) {
        assert_eq!(whole, single, "answers are counted alike");
    }
}

fn decode_in_pieces(bytes: &[u8], step: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut buffer = BytesMut::new();
    let mut pieces = bytes.chunks(step);
    loop {
        match next(&mut buffer, &mut pieces) {
            Ok(Some(one)) => found.push(one),
            Ok(None) => return found,
            Err(Malformed(_)) => {
                found.push(Found::Malformed);
                return found;
            }
        }
    }
}

/// Finds the next message or request; none when the bytes end before it does.
fn next<'p>(
    buffer: &mut BytesMut,
    pieces: &mut impl Iterator<Item = &'p [u8]>,
) -> Result<Option<Found>, Malformed> {
    let (mut found, framing, coding) = loop {
        let head = with_head(buffer, |head| {
            let found = match head.sender {
                Some(sender) => {
                    let (segment, name) = router::message_target(head.target);
                    Found::Message {
                        to: decode(segment).unwrap_or_default(),
                        name: name.to_owned(),
                        from: router::sender(sender).to_string(),
                        body: Vec::new(),
                    }
                }
                None => {
                    let (_, query) = head.target.split_once('?').unwrap_or((head.target, ""));
                    Query::parse(query).map_err(|_error| Malformed("query"))?;
                    head.header_map()?;
                    Found::Request {
                        method: head.method.to_owned(),
                        target: head.target.to_owned(),
                        body: Vec::new(),
                    }
                }
            };
            Ok((found, head.framing, head.coding, head.len))
        })?;
        match head {
            Some((found, framing, coding, len)) => {
                buffer.advance(len);
                break (found, framing, coding);
            }
            None => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => return Ok(None),
            },
        }
    };
    let Some(whole) = body(buffer, pieces, framing, coding)? else {
        return Ok(None);
    };
    match &mut found {
        Found::Message { body, .. } | Found::Request { body, .. } => *body = whole,
        Found::Malformed => {}
    }
    Ok(Some(found))
}

fn body<'p>(
    buffer: &mut BytesMut,
    pieces: &mut impl Iterator<Item = &'p [u8]>,
    framing: Framing,
    coding: Coding,
) -> Result<Option<Vec<u8>>, Malformed> {
    let mut decoder = BodyDecoder::new(framing, Parts::Whole);
    let mut whole = Vec::new();
    loop {
        match decoder.decode(buffer)? {
            Decoded::Part(part) => whole.extend_from_slice(&part),
            Decoded::NeedMore(_) => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => return Ok(None),
            },
            Decoded::End => break,
        }
    }
    if coding == Coding::Identity {
        return Ok(Some(whole));
    }
    let mut inflater = Inflater::new(INFLATED_LIMIT);
    let gzip = |_error| Malformed("compressed body");
    let mut inflated = inflater.inflate(&whole).map_err(gzip)?.to_vec();
    inflated.extend_from_slice(&inflater.finish().map_err(gzip)?);
    Ok(Some(inflated))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: [&[u8]; 6] = [
        b"POST /slave(1)/mesos.internal.PingSlaveMessage HTTP/1.1\r\nUser-Agent: libprocess/master@127.0.0.1:5050\r\nLibprocess-From: master@127.0.0.1:5050\r\nConnection: Keep-Alive\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\x08\x01\r\n0\r\n\r\nGET /a%20b?c=d&e;f HTTP/1.0\r\nX: y\r\n  z\r\n\r\n",
        b"POST /a/b HTTP/1.1\r\nLibprocess-From: x@1.2.3.4:5\r\nContent-Length: 3\r\n\r\nabcPOST /c HTTP/1.1\r\nUser-Agent: libprocess/\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /g HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00",
    ];

    /// A small generator: the run is the same every time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 33).expect("31 bits") % sides.max(1)
        }

        fn byte(&mut self) -> u8 {
            const LIKELY: &[u8] = b"\r\n \t:;/?%0123456789abcdefPOSTGEHCL\x00\xff";
            if self.roll(3) == 0 {
                u8::try_from(self.roll(256)).expect("a byte")
            } else {
                LIKELY[self.roll(LIKELY.len())]
            }
        }

        fn mutate(&mut self, bytes: &mut Vec<u8>) {
            let at = self.roll(bytes.len() + 1);
            match self.roll(5) {
                0 => bytes.insert(at, self.byte()),
                1 if at < bytes.len() => {
                    bytes.remove(at);
                }
                2 if at < bytes.len() => bytes[at] = self.byte(),
                3 => bytes.truncate(at),
                _ => {
                    let from = self.roll(bytes.len());
                    let part = bytes[from..(from + self.roll(40)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, part);
                }
            }
        }
    }

    #[test]
    fn mutated_bytes_are_decoded_alike_however_they_are_cut() {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for round in 0..30_000 {
            let mut bytes = SEEDS[round % SEEDS.len()].to_vec();
            for _ in 0..=dice.roll(6) {
                dice.mutate(&mut bytes);
            }
            decode_connection(&bytes);
            count_replies(&bytes);
        }
    }

    #[test]
    fn the_seeds_are_understood() {
        let found = |seed: usize| decode_in_pieces(SEEDS[seed], 7);

        assert!(
            matches!(
                &found(0)[..],
                [Found::Message { .. }, Found::Request { .. }]
            ),
            "{:?}",
            found(0)
        );
        assert!(
            matches!(
                &found(1)[..],
                [Found::Message { .. }, Found::Message { .. }]
            ),
            "{:?}",
            found(1)
        );
        assert!(
            matches!(&found(2)[..], [Found::Request { body, .. }] if body.len() == 21),
            "{:?}",
            found(2)
        );
        assert_eq!(found(3), [Found::Malformed]);
        assert!(
            matches!(&found(5)[..], [Found::Request { body, .. }] if body == b"hello"),
            "{:?}",
            found(5)
        );
    }
}
