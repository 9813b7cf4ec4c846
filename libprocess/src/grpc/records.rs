//! Records of a stream over HTTP: a length in decimal digits, a line feed, so many bytes.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// How many digits a length has at most.
const DIGITS: usize = 20;

/// The stream does not consist of records.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("failed to decode the records of a stream")]
pub(super) struct MalformedRecord;

/// Takes records out of the chunks of a stream.
#[derive(Debug, Default)]
pub(super) struct Records {
    buffer: BytesMut,
}

impl Records {
    /// Adds what has come.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole record.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, MalformedRecord> {
        let looked_at = self.buffer.len().min(DIGITS + 1);
        let head = self.buffer.get(..looked_at).unwrap_or_default();
        let Some(digits) = head.iter().position(|byte| *byte == b'\n') else {
            return if looked_at > DIGITS {
                Err(MalformedRecord)
            } else {
                Ok(None)
            };
        };
        let length: usize = head
            .get(..digits)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or(MalformedRecord)?;
        let start = digits + 1;
        if self.buffer.len() - start < length {
            return Ok(None);
        }
        self.buffer.advance(start);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

/// One record's bytes.
pub(super) fn record(message: &[u8]) -> Bytes {
    let mut record = message.len().to_string().into_bytes();
    record.push(b'\n');
    record.extend_from_slice(message);
    record.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_however_the_stream_was_cut() {
        let bytes = [record(b"one"), record(b""), record(b"three")].concat();
        for step in 1..=bytes.len() {
            let mut records = Records::default();
            let mut found = Vec::new();
            for chunk in bytes.chunks(step) {
                records.push(chunk);
                while let Some(record) = records.next().expect("a record") {
                    found.push(record);
                }
            }
            assert_eq!(found, [&b"one"[..], b"", b"three"], "{step}");
        }
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for bytes in [&b"x\n"[..], b"-1\n", b"\n", b"999999999999999999999999"] {
            let mut records = Records::default();
            records.push(bytes);
            assert_eq!(
                records.next(),
                Err(MalformedRecord),
                "{}",
                bytes.escape_ascii()
            );
        }
    }
}
