//! The events of a stream that SUBSCRIBE opened.

use std::collections::VecDeque;
use std::marker::PhantomData;

use bytes::Bytes;
use libprocess::http::pipe::{PipeError, Reader};
use mesos_common::recordio::{Decoder, RecordError};
use mesos_proto::Json;

use crate::content_type::{ContentType, MalformedBody};

/// Why the next event cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// One record is no event; the records behind it may be.
    #[error(transparent)]
    Event(#[from] MalformedBody),
    /// Where the next record begins is not known any more.
    #[error(transparent)]
    Framing(#[from] RecordError),
    /// The connection broke.
    #[error("{}", .0.0)]
    Broken(PipeError),
    /// The stream ended inside a record.
    #[error("the stream ended inside a record")]
    Truncated,
}

/// Reads events from the body of a response.
#[derive(Debug)]
pub struct EventReader<E> {
    content_type: ContentType,
    body: Reader,
    decoder: Decoder,
    records: VecDeque<Bytes>,
    /// What is to be told once the records in front of it are.
    failed: Option<StreamError>,
    event: PhantomData<fn() -> E>,
}

impl<E: Json> EventReader<E> {
    /// Reads events of this form from `body`.
    #[must_use]
    pub fn new(content_type: ContentType, body: Reader) -> Self {
        Self {
            content_type,
            body,
            decoder: Decoder::default(),
            records: VecDeque::new(),
            failed: None,
            event: PhantomData,
        }
    }

    /// The next event; none when the server has ended the stream.
    ///
    /// # Errors
    /// [`StreamError::Event`] for a record that is no event, after which reading may go on; any
    /// other error is the end.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<E>, StreamError> {
        loop {
            if let Some(record) = self.records.pop_front() {
                return Ok(Some(self.content_type.decode(&record)?));
            }
            if let Some(error) = &self.failed {
                return Err(error.clone());
            }
            match self.body.read().await {
                None if self.decoder.is_between_records() => return Ok(None),
                None => self.failed = Some(StreamError::Truncated),
                Some(Err(error)) => self.failed = Some(StreamError::Broken(error)),
                Some(Ok(piece)) => {
                    let mut records = Vec::new();
                    if let Err(error) = self.decoder.decode(&piece, &mut records) {
                        self.failed = Some(error.into());
                    }
                    self.records.extend(records);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use libprocess::http::pipe::pipe;
    use mesos_common::recordio::encode;
    use mesos_proto::v1::scheduler::{Event, event};

    use super::*;

    fn event(kind: event::Type) -> Event {
        Event {
            r#type: Some(kind.into()),
            ..Default::default()
        }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    #[track_caller]
    fn reads_back(content_type: ContentType, piece: usize) {
        let (writer, reader) = pipe();
        let events = [
            event(event::Type::Heartbeat),
            event(event::Type::Subscribed),
        ];
        let stream: Vec<u8> = events
            .iter()
            .flat_map(|event| encode(&content_type.encode(event)).to_vec())
            .collect();
        for chunk in stream.chunks(piece) {
            writer.write(Bytes::copy_from_slice(chunk));
        }
        writer.close();
        let mut reader = EventReader::<Event>::new(content_type, reader);

        block_on(async {
            assert_eq!(reader.next().await, Ok(Some(events[0].clone())));
            assert_eq!(reader.next().await, Ok(Some(events[1].clone())));
            assert_eq!(reader.next().await, Ok(None));
        });
    }

    #[test]
    fn events_are_read_whatever_the_chunks() {
        for content_type in [ContentType::Json, ContentType::Protobuf] {
            for piece in [1, 2, 7, 1000] {
                reads_back(content_type, piece);
            }
        }
    }

    #[test]
    fn malformed_event_does_not_end_the_stream() {
        let (writer, reader) = pipe();
        writer.write(encode(b"garbage"));
        writer.write(encode(br#"{"type":"HEARTBEAT"}"#));
        let mut reader = EventReader::<Event>::new(ContentType::Json, reader);

        block_on(async {
            assert!(matches!(reader.next().await, Err(StreamError::Event(_))));
            assert_eq!(reader.next().await, Ok(Some(event(event::Type::Heartbeat))));
        });
    }

    #[test]
    fn half_a_record_is_an_error_and_so_is_a_broken_header() {
        for (bytes, error) in [
            ("5\n{\"t", StreamError::Truncated),
            ("x\n", StreamError::Framing(RecordError::Length("x".into()))),
        ] {
            let (writer, reader) = pipe();
            writer.write(Bytes::from(bytes));
            writer.close();
            let mut reader = EventReader::<Event>::new(ContentType::Json, reader);

            block_on(async {
                assert_eq!(reader.next().await, Err(error.clone()));
                assert_eq!(reader.next().await, Err(error));
            });
        }
    }
}
