//! RecordIO: a stream of records, each behind its length in decimal and a newline.
//!
//! Mirrors `3rdparty/stout/include/stout/recordio.hpp`.
//!
//! # Wire
//! `5\nhello6\nworld!`. Nothing stands behind a record.
//! One record is handed over as one piece, so that it becomes one HTTP chunk.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Longest header in digits: that of the largest 64-bit number.
const MAX_HEADER_LENGTH: usize = 20;

/// The largest record that a decoder takes unless told otherwise.
pub const DEFAULT_MAX_RECORD_LENGTH: usize = 256 * 1024 * 1024;

/// Puts a record behind its header.
#[must_use]
pub fn encode(record: &[u8]) -> Bytes {
    let header = record.len().to_string();
    let mut out = BytesMut::with_capacity(header.len() + 1 + record.len());
    out.put_slice(header.as_bytes());
    out.put_u8(b'\n');
    out.put_slice(record);
    out.freeze()
}

/// Why a stream is no RecordIO. The first two texts are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// An earlier call failed: where the next record begins is unknown.
    #[error("Decoder is in a FAILED state")]
    Failed,
    /// The header is no decimal number.
    #[error("Failed to decode length '{0}': Failed to convert '{0}' to number")]
    Length(String),
    /// The record is larger than the limit.
    #[error("record of {length} bytes exceeds the limit of {limit} bytes")]
    TooLong {
        /// The length that the header announces.
        length: usize,
        /// The limit.
        limit: usize,
    },
}

/// Takes a stream apart into records.
///
/// After an error each further call fails as well.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    buffer: BytesMut,
    limit: usize,
}

#[derive(Debug)]
enum State {
    Header,
    Record { length: usize },
    Failed,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(DEFAULT_MAX_RECORD_LENGTH)
    }
}

impl Decoder {
    /// A decoder that takes records of at most `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            state: State::Header,
            buffer: BytesMut::new(),
            limit,
        }
    }

    /// Takes a piece of the stream and appends the records that are complete to `records`.
    ///
    /// Records in front of an error are appended too.
    ///
    /// # Errors
    /// [`RecordError`], from then on at each call.
    pub fn decode(&mut self, piece: &[u8], records: &mut Vec<Bytes>) -> Result<(), RecordError> {
        if matches!(self.state, State::Failed) {
            return Err(RecordError::Failed);
        }
        self.buffer.extend_from_slice(piece);
        let outcome = self.take_records(records);
        if outcome.is_err() {
            self.state = State::Failed;
            self.buffer = BytesMut::new();
        }
        outcome
    }

    /// Whether the stream may end here: nothing of a next record has come.
    #[must_use]
    pub fn is_between_records(&self) -> bool {
        matches!(self.state, State::Header) && self.buffer.is_empty()
    }

    fn take_records(&mut self, records: &mut Vec<Bytes>) -> Result<(), RecordError> {
        loop {
            match self.state {
                State::Failed => return Err(RecordError::Failed),
                State::Header => match self.take_header()? {
                    Some(length) => self.state = State::Record { length },
                    None => return Ok(()),
                },
                State::Record { length } => {
                    if self.buffer.len() < length {
                        return Ok(());
                    }
                    records.push(self.buffer.split_to(length).freeze());
                    self.state = State::Header;
                }
            }
        }
    }

    fn take_header(&mut self) -> Result<Option<usize>, RecordError> {
        let newline = self
            .buffer
            .iter()
            .take(MAX_HEADER_LENGTH + 1)
            .position(|b| *b == b'\n');
        let Some(end) = newline else {
            if self.buffer.len() <= MAX_HEADER_LENGTH {
                return Ok(None);
            }
            let start = self.buffer.split_to(MAX_HEADER_LENGTH);
            return Err(RecordError::Length(
                String::from_utf8_lossy(&start).into_owned(),
            ));
        };
        let header = self.buffer.split_to(end);
        self.buffer.advance(1);
        let text = String::from_utf8_lossy(&header).into_owned();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let Some(length) = digits.then(|| text.parse().ok()).flatten() else {
            return Err(RecordError::Length(text));
        };
        if length > self.limit {
            return Err(RecordError::TooLong {
                length,
                limit: self.limit,
            });
        }
        Ok(Some(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(decoder: &mut Decoder, piece: &str) -> Result<Vec<Bytes>, RecordError> {
        let mut records = Vec::new();
        decoder
            .decode(piece.as_bytes(), &mut records)
            .map(|()| records)
    }

    /// Mirrors: RecordIOTest.Encode
    #[test]
    fn a_record_stands_behind_its_length() {
        assert_eq!(encode(b"hello!"), "6\nhello!");
        assert_eq!(encode(b""), "0\n");
        assert_eq!(encode(&[b'x'; 12]), "12\nxxxxxxxxxxxx");
    }

    /// Mirrors: RecordIOTest.Decoder
    #[test]
    fn records_are_found_wherever_the_stream_is_cut() {
        let stream = b"6\nhello!0\n6\nworld!";

        for size in 1..=stream.len() {
            let mut decoder = Decoder::default();
            let mut records = Vec::new();
            for piece in stream.chunks(size) {
                decoder.decode(piece, &mut records).expect("valid stream");
            }
            assert_eq!(records, ["hello!", "", "world!"], "pieces of {size}");
            assert!(decoder.is_between_records());
        }
    }

    /// Mirrors: RecordIOTest.Decoder
    #[test]
    fn a_bad_header_fails_now_and_ever_after() {
        let mut decoder = Decoder::default();

        assert_eq!(
            decode(&mut decoder, "not a number\nhello!")
                .expect_err("bad header")
                .to_string(),
            "Failed to decode length 'not a number': Failed to convert 'not a number' to number"
        );
        assert_eq!(decode(&mut decoder, "6\nhello!"), Err(RecordError::Failed));
    }

    #[test]
    fn a_header_without_end_is_given_up_early() {
        let mut decoder = Decoder::default();

        assert_eq!(decode(&mut decoder, "1234567890"), Ok(Vec::new()));
        assert_eq!(
            decode(&mut decoder, "12345678901"),
            Err(RecordError::Length("12345678901234567890".to_owned()))
        );
    }

    #[test]
    fn signs_blanks_and_hex_are_no_length() {
        for header in [
            "-1\n",
            "+1\n",
            " 1\n",
            "0x1\n",
            "\n",
            "99999999999999999999\n",
        ] {
            assert!(
                decode(&mut Decoder::default(), header).is_err(),
                "{header:?}"
            );
        }
    }

    #[test]
    fn a_record_over_the_limit_is_refused_before_it_comes() {
        let mut decoder = Decoder::with_limit(5);

        assert_eq!(
            decode(&mut decoder, "6\n"),
            Err(RecordError::TooLong {
                length: 6,
                limit: 5
            })
        );
    }

    #[test]
    fn records_in_front_of_an_error_are_kept() {
        let mut records = Vec::new();

        let outcome = Decoder::default().decode(b"2\nok!\n", &mut records);

        assert!(outcome.is_err());
        assert_eq!(records, ["ok"]);
    }

    #[test]
    fn a_cut_record_is_noticed() {
        let mut decoder = Decoder::default();

        decode(&mut decoder, "6\nhel").expect("valid so far");

        assert!(!decoder.is_between_records());
    }
}
