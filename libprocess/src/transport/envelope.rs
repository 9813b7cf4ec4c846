//! Messages as the gRPC transport carries them.
//!
//! # Wire
//! A message of `libprocess.Transport/Link` is `libprocess.Envelope`, behind the five bytes of gRPC: no compression,
//! and the length.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// What gRPC puts before each message.
const PREFIX: usize = 5;

/// Field number and wire type, as protobuf writes them.
const FROM: u8 = 0x0a;
const TO: u8 = 0x12;
const NAME: u8 = 0x1a;
const BODY: u8 = 0x22;
const TRACE: u8 = 0x2a;
const ACKNOWLEDGED: u8 = 0x30;

/// The bytes of a stream of envelopes make no sense.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("malformed envelope: {0}")]
pub(crate) struct MalformedEnvelope(pub(crate) &'static str);

/// One envelope, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The sender's pid.
    pub(crate) from: Bytes,
    /// The receiver's id.
    pub(crate) to: Bytes,
    pub(crate) name: Bytes,
    pub(crate) body: Bytes,
    /// The span it was sent in, as `traceparent`.
    pub(crate) trace: Bytes,
    /// So many messages of the other direction have been delivered.
    pub(crate) acknowledged: u64,
}

/// The head of an envelope, of which the body follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'h> {
    pub(crate) from_id: &'h str,
    pub(crate) from_address: &'h str,
    pub(crate) to: &'h str,
    pub(crate) name: &'h str,
    pub(crate) trace: &'h str,
    pub(crate) body: usize,
}

impl Head<'_> {
    /// Writes everything up to the body's bytes, which are the last of the envelope.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let from = self.from_id.len() + 1 + self.from_address.len();
        let len = field_len(from)
            + field_len(self.to.len())
            + field_len(self.name.len())
            + field_len(self.trace.len())
            + field_len(self.body);
        out.reserve(PREFIX + len);
        put_prefix(out, len);
        put_tag(out, FROM, from);
        out.put_slice(self.from_id.as_bytes());
        out.put_u8(b'@');
        out.put_slice(self.from_address.as_bytes());
        for (tag, text) in [(TO, self.to), (NAME, self.name), (TRACE, self.trace)] {
            if !text.is_empty() {
                put_tag(out, tag, text.len());
                out.put_slice(text.as_bytes());
            }
        }
        if self.body > 0 {
            put_tag(out, BODY, self.body);
        }
    }
}

/// Writes that so many messages have been delivered.
pub(crate) fn put_acknowledgement(out: &mut BytesMut, messages: u64) {
    put_prefix(out, 1 + varint_len(messages));
    out.put_u8(ACKNOWLEDGED);
    put_varint(out, messages);
}

fn put_prefix(out: &mut BytesMut, len: usize) {
    out.put_u8(0);
    // A message beyond this would be beyond every limit.
    out.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
}

fn put_tag(out: &mut BytesMut, tag: u8, len: usize) {
    out.put_u8(tag);
    put_varint(out, u64::try_from(len).unwrap_or(u64::MAX));
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.put_u8(low);
            return;
        }
        out.put_u8(low | 0x80);
    }
}

const fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn field_len(len: usize) -> usize {
    if len == 0 {
        return 0;
    }
    1 + varint_len(u64::try_from(len).unwrap_or(u64::MAX)) + len
}

/// Takes the next envelope out of a stream's bytes; none when it is not whole yet.
pub(crate) fn next(
    buffer: &mut BytesMut,
    limit: usize,
) -> Result<Option<Envelope>, MalformedEnvelope> {
    let Some((&[compressed, len @ ..], _)) = buffer.split_first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    if compressed != 0 {
        return Err(MalformedEnvelope("it is compressed"));
    }
    let len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
    if len > limit {
        return Err(MalformedEnvelope("it is too long"));
    }
    if buffer.len() - PREFIX < len {
        return Ok(None);
    }
    buffer.advance(PREFIX);
    decode(buffer.split_to(len).freeze()).map(Some)
}

fn decode(mut bytes: Bytes) -> Result<Envelope, MalformedEnvelope> {
    let mut envelope = Envelope::default();
    while bytes.has_remaining() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => {
                let value = varint(&mut bytes)?;
                if key == u64::from(ACKNOWLEDGED) {
                    envelope.acknowledged = value;
                }
            }
            1 => skip(&mut bytes, 8)?,
            2 => {
                let len = varint(&mut bytes)?;
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                if len > bytes.len() {
                    return Err(MalformedEnvelope("a field is cut off"));
                }
                let field = bytes.split_to(len);
                match u8::try_from(key) {
                    Ok(FROM) => envelope.from = field,
                    Ok(TO) => envelope.to = field,
                    Ok(NAME) => envelope.name = field,
                    Ok(BODY) => envelope.body = field,
                    Ok(TRACE) => envelope.trace = field,
                    // Of a newer peer.
                    _ => {}
                }
            }
            5 => skip(&mut bytes, 4)?,
            _ => return Err(MalformedEnvelope("a field has no known type")),
        }
    }
    Ok(envelope)
}

fn varint(bytes: &mut Bytes) -> Result<u64, MalformedEnvelope> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        if !bytes.has_remaining() {
            return Err(MalformedEnvelope("a number is cut off"));
        }
        let byte = bytes.get_u8();
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(MalformedEnvelope("a number is too long"))
}

fn skip(bytes: &mut Bytes, len: usize) -> Result<(), MalformedEnvelope> {
    if bytes.len() < len {
        return Err(MalformedEnvelope("a field is cut off"));
    }
    bytes.advance(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(from: &str, to: &str, name: &str, body: &[u8]) -> BytesMut {
        let (from_id, from_address) = from.split_once('@').expect("a pid");
        let mut out = BytesMut::new();
        Head {
            from_id,
            from_address,
            to,
            name,
            trace: "",
            body: body.len(),
        }
        .write(&mut out);
        out.put_slice(body);
        out
    }

    #[test]
    fn what_is_written_is_read_however_it_is_cut() {
        let long = vec![b'x'; 300];
        let mut bytes = written("a(1)@127.0.0.1:1", "master", "mesos.Ping", &long).to_vec();
        bytes.extend_from_slice(&written("@0.0.0.0:0", "b", "", b""));
        let mut ack = BytesMut::new();
        put_acknowledgement(&mut ack, 300);
        bytes.extend_from_slice(&ack);

        for step in [1, 7, bytes.len()] {
            let mut buffer = BytesMut::new();
            let mut found = Vec::new();
            for piece in bytes.chunks(step) {
                buffer.put_slice(piece);
                while let Some(envelope) = next(&mut buffer, 1024).expect("an envelope") {
                    found.push(envelope);
                }
            }
            let [first, second, third] = &found[..] else {
                panic!("{found:?}");
            };
            assert_eq!(first.from, "a(1)@127.0.0.1:1");
            assert_eq!(first.to, "master");
            assert_eq!(first.name, "mesos.Ping");
            assert_eq!(first.body, long);
            assert_eq!(
                (&second.from[..], &second.to[..]),
                (&b"@0.0.0.0:0"[..], &b"b"[..])
            );
            assert_eq!((third.acknowledged, third.to.len()), (300, 0));
        }
    }

    #[test]
    fn fields_of_a_newer_peer_are_skipped_and_nonsense_is_refused() {
        let decoded = decode(Bytes::from_static(
            b"\x2a\x02tp\x12\x01a\x39\0\0\0\0\0\0\0\0",
        ));
        assert_eq!(
            decoded.map(|envelope| envelope.to),
            Ok(Bytes::from_static(b"a"))
        );

        for bytes in [
            &b"\x12\x05a"[..],
            b"\x12",
            b"\xff",
            b"\x0b",
            b"\x0d\0",
            &[0xff; 11],
        ] {
            assert!(
                decode(Bytes::from_static(bytes)).is_err(),
                "{}",
                bytes.escape_ascii()
            );
        }
        let mut compressed = BytesMut::from(&b"\x01\0\0\0\0"[..]);
        assert!(next(&mut compressed, 1024).is_err());
        let mut long = BytesMut::from(&b"\0\0\x10\0\0"[..]);
        assert!(next(&mut long, 1024).is_err());
    }
}
