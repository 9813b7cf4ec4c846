//! The framing of message bodies: by length, in chunks, or until the end of the stream.
//!
//! # Invariants
//! Nothing is reserved for bytes that a peer only announces.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use crate::http::hex_digit;

/// The longest line with a chunk's size, its extensions included.
const CHUNK_LINE_LIMIT: usize = 4096;

/// The bytes do not follow the framing: the connection cannot be read any further.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("malformed {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// How a body's end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    /// Responses only.
    UntilEnd,
}

/// Whether a part is given as soon as some of it is there, or as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    AsTheyCome,
    Whole,
}

/// What the buffer had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Part(Bytes),
    /// This many more bytes are known to come; at least one.
    NeedMore(u64),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes of the body are to come.
    Length(u64),
    ChunkLine,
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// The line end after the last chunk. Trailers are not taken.
    LastLine,
    UntilEnd,
    Done,
}

/// Takes one body out of a buffer.
#[derive(Debug)]
pub(crate) struct BodyDecoder {
    state: State,
    parts: Parts,
}

impl BodyDecoder {
    pub(crate) const fn new(framing: Framing, parts: Parts) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkLine,
            Framing::UntilEnd => State::UntilEnd,
        };
        Self { state, parts }
    }

    /// Takes the next part of the body from the front of the buffer.
    pub(crate) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, Malformed> {
        loop {
            match self.state {
                State::Done => return Ok(Decoded::End),
                State::UntilEnd if buffer.is_empty() => return Ok(Decoded::NeedMore(1)),
                State::UntilEnd => return Ok(Decoded::Part(buffer.split().freeze())),
                State::Length(left) => return Ok(self.part(buffer, left, after_length)),
                State::Chunk(left) => return Ok(self.part(buffer, left, after_chunk)),
                State::ChunkLine => match chunk_line(buffer)? {
                    Some(0) => self.state = State::LastLine,
                    Some(size) => self.state = State::Chunk(size),
                    None => return Ok(Decoded::NeedMore(1)),
                },
                State::ChunkEnd if !line_end(buffer)? => return Ok(Decoded::NeedMore(1)),
                State::ChunkEnd => self.state = State::ChunkLine,
                State::LastLine if !line_end(buffer)? => return Ok(Decoded::NeedMore(1)),
                State::LastLine => self.state = State::Done,
            }
        }
    }

    fn part(&mut self, buffer: &mut BytesMut, left: u64, next: fn(u64) -> State) -> Decoded {
        let there = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        if there == 0 || (self.parts == Parts::Whole && there < left) {
            return Decoded::NeedMore(left - there.min(left));
        }
        let taken = there.min(left);
        self.state = next(left - taken);
        // Not more than the buffer holds, so it fits.
        let taken = usize::try_from(taken).unwrap_or_default();
        Decoded::Part(buffer.split_to(taken).freeze())
    }

    /// What the part that is being received is known to need, in bytes.
    pub(crate) const fn announced(&self) -> u64 {
        match self.state {
            State::Length(left) | State::Chunk(left) => left,
            State::ChunkLine
            | State::ChunkEnd
            | State::LastLine
            | State::UntilEnd
            | State::Done => 0,
        }
    }

    /// Whether the end of the stream is the end of the body.
    pub(crate) const fn ends_with_stream(&self) -> bool {
        matches!(self.state, State::UntilEnd | State::Done)
    }
}

const fn after_length(left: u64) -> State {
    if left == 0 {
        State::Done
    } else {
        State::Length(left)
    }
}

const fn after_chunk(left: u64) -> State {
    if left == 0 {
        State::ChunkEnd
    } else {
        State::Chunk(left)
    }
}

/// Takes the line with a chunk's size, if it is there as a whole.
fn chunk_line(buffer: &mut BytesMut) -> Result<Option<u64>, Malformed> {
    let malformed = Malformed("chunk size");
    let line = buffer
        .get(..buffer.len().min(CHUNK_LINE_LIMIT))
        .unwrap_or_default();
    let mut size: u64 = 0;
    let mut digits = 0;
    for byte in line {
        let Some(digit) = hex_digit(*byte) else { break };
        size = size
            .checked_mul(16)
            .and_then(|size| size.checked_add(u64::from(digit)))
            .ok_or(malformed)?;
        digits += 1;
    }
    let rest = line.get(digits..).unwrap_or_default();
    match rest.first() {
        None if digits > 16 => return Err(malformed),
        None => return Ok(None),
        Some(b'\r' | b';' | b' ' | b'\t') if digits > 0 => {}
        Some(_) => return Err(malformed),
    }
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return if line.len() == CHUNK_LINE_LIMIT {
            Err(malformed)
        } else {
            Ok(None)
        };
    };
    if end == 0 || rest.get(end - 1) != Some(&b'\r') {
        return Err(malformed);
    }
    buffer.advance(digits + end + 1);
    Ok(Some(size))
}

/// Takes a line end; false when it is not there yet.
fn line_end(buffer: &mut BytesMut) -> Result<bool, Malformed> {
    match buffer.get(..2) {
        Some(b"\r\n") => {
            buffer.advance(2);
            Ok(true)
        }
        Some(_) => Err(Malformed("end of chunk")),
        None => match buffer.first() {
            None | Some(b'\r') => Ok(false),
            Some(_) => Err(Malformed("end of chunk")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(framing: Framing, bytes: &[u8], step: usize) -> Result<(Vec<u8>, usize), Malformed> {
        let mut decoder = BodyDecoder::new(framing, Parts::AsTheyCome);
        let mut buffer = BytesMut::new();
        let mut body = Vec::new();
        let mut fed = 0;
        loop {
            match decoder.decode(&mut buffer)? {
                Decoded::Part(part) => body.extend_from_slice(&part),
                Decoded::End => return Ok((body, bytes.len() - fed + buffer.len())),
                Decoded::NeedMore(_) if fed == bytes.len() => return Ok((body, 0)),
                Decoded::NeedMore(_) => {
                    let end = (fed + step).min(bytes.len());
                    buffer.extend_from_slice(&bytes[fed..end]);
                    fed = end;
                }
            }
        }
    }

    #[test]
    fn bodies_are_the_same_however_the_bytes_are_cut() {
        let chunked = b"5\r\nhello\r\n1;x=y\r\n,\r\n6 \r\n world\r\n0\r\n\r\nGET";
        for step in 1..=chunked.len() {
            assert_eq!(
                whole(Framing::Chunked, chunked, step),
                Ok((b"hello, world".to_vec(), 3))
            );
            assert_eq!(
                whole(Framing::Length(5), b"helloGET", step),
                Ok((b"hello".to_vec(), 3))
            );
        }
        assert_eq!(
            whole(Framing::UntilEnd, b"abc", 1),
            Ok((b"abc".to_vec(), 0))
        );
    }

    #[test]
    fn whole_parts_are_slices_of_the_buffer() {
        let mut decoder = BodyDecoder::new(Framing::Chunked, Parts::Whole);
        let mut buffer = BytesMut::from(&b"5\r\nhel"[..]);
        assert_eq!(decoder.decode(&mut buffer), Ok(Decoded::NeedMore(2)));

        buffer.extend_from_slice(b"lo\r\n0\r\n\r\n");

        assert_eq!(
            decoder.decode(&mut buffer),
            Ok(Decoded::Part("hello".into()))
        );
        assert_eq!(decoder.decode(&mut buffer), Ok(Decoded::End));
    }

    #[test]
    fn bad_framing_is_an_error_and_not_a_guess() {
        for bytes in [
            &b"x\r\n"[..],
            b"\r\n",
            b"5\nhello",
            b"5\r\nhelloX\r\n",
            b"0\r\nTrailer: x\r\n\r\n",
            b"fffffffffffffffff\r\n",
            b"-1\r\n",
        ] {
            assert!(whole(Framing::Chunked, bytes, 1).is_err(), "{bytes:?}");
        }
        let endless = [&b"1;"[..], &vec![b'x'; CHUNK_LINE_LIMIT]].concat();
        assert!(whole(Framing::Chunked, &endless, 64).is_err());
    }
}
