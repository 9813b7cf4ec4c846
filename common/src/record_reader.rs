//! Reads RecordIO from the body of a request or response.

use std::collections::VecDeque;

use bytes::Bytes;
use libprocess::http::pipe::{PipeError, Reader};

use crate::recordio::{Decoder, RecordError};

/// Why the next record cannot be read; nothing can be read behind it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadRecordError {
    /// The bytes are no records.
    #[error(transparent)]
    Framing(#[from] RecordError),
    /// The stream broke.
    #[error("{0}")]
    Broken(#[from] PipeError),
    /// The stream ended inside a record.
    #[error("the stream ended inside a record")]
    Truncated,
}

/// The records of a stream.
///
/// # Examples
/// ```
/// use libprocess::http::pipe;
/// use mesos_common::{record_reader::RecordReader, recordio};
///
/// # let runtime = libprocess::Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// # runtime.block_on(async {
/// let (writer, body) = pipe::pipe();
/// writer.write(recordio::encode(b"hello"));
/// writer.close();
/// let mut records = RecordReader::new(body);
/// assert_eq!(records.next().await, Some(Ok("hello".into())));
/// assert_eq!(records.next().await, None);
/// # });
/// # Ok::<(), libprocess::StartError>(())
/// ```
#[derive(Debug)]
pub struct RecordReader {
    body: Reader,
    decoder: Decoder,
    records: VecDeque<Bytes>,
    /// What is to be told once the records in front of it are.
    failed: Option<ReadRecordError>,
}

impl RecordReader {
    /// Reads the records of `body`.
    #[must_use]
    pub fn new(body: Reader) -> Self {
        Self {
            body,
            decoder: Decoder::default(),
            records: VecDeque::new(),
            failed: None,
        }
    }

    /// The next record; none at the end of the stream.
    ///
    /// # Errors
    /// [`ReadRecordError`], from then on at each call.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Bytes, ReadRecordError>> {
        loop {
            if let Some(record) = self.records.pop_front() {
                return Some(Ok(record));
            }
            if let Some(error) = &self.failed {
                return Some(Err(error.clone()));
            }
            match self.body.read().await {
                None if self.decoder.is_between_records() => return None,
                None => self.failed = Some(ReadRecordError::Truncated),
                Some(Err(error)) => self.failed = Some(error.into()),
                Some(Ok(piece)) => {
                    let mut records = Vec::new();
                    let decoded = self.decoder.decode(&piece, &mut records);
                    self.records.extend(records);
                    self.failed = decoded.err().map(Into::into);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use libprocess::http::pipe;

    use super::*;

    fn read(pieces: &[&'static str]) -> Vec<Result<Bytes, ReadRecordError>> {
        let (writer, body) = pipe::pipe();
        for piece in pieces {
            writer.write(Bytes::from_static(piece.as_bytes()));
        }
        writer.close();
        let mut reader = RecordReader::new(body);
        let mut read = Vec::new();
        let runtime = libprocess::Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .start()
            .expect("a runtime");
        runtime.block_on(async {
            while let Some(record) = reader.next().await {
                let is_end = record.is_err();
                read.push(record);
                if is_end {
                    break;
                }
            }
        });
        read
    }

    #[test]
    fn records_do_not_depend_on_the_pieces_they_come_in() {
        assert_eq!(
            read(&["5\nhe", "llo3\nabc", "0\n"]),
            [Ok("hello".into()), Ok("abc".into()), Ok(Bytes::new())]
        );
    }

    #[test]
    fn records_in_front_of_an_error_are_read() {
        assert_eq!(
            read(&["1\nax\n"]),
            [
                Ok("a".into()),
                Err(ReadRecordError::Framing(RecordError::Length(
                    "x".to_owned()
                )))
            ]
        );
    }

    #[test]
    fn stream_that_ends_inside_a_record_is_not_complete() {
        assert_eq!(read(&["5\nhel"]), [Err(ReadRecordError::Truncated)]);
    }
}
