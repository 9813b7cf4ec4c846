//! A subscription: events as RecordIO records on an HTTP response that never ends.
//!
//! One record is one chunk, header and payload together: clients rely on it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use libprocess::Future;
use libprocess::http::pipe;
use libprocess::metrics::Counter;
use mesos_proto_codec::{Dialect, Json};

use super::negotiation::ContentType;
use crate::constants::MAX_BUFFERED_EVENT_BYTES;

/// Nobody reads the stream any more, or too slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber is gone")]
pub struct StreamClosed;

/// The writing end of a subscription; clones write to the same stream.
#[derive(Clone)]
pub struct EventStream {
    id: Arc<str>,
    content_type: ContentType,
    writer: pipe::Writer,
    /// Counts the streams that were cut because nobody read them.
    unread: Counter,
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("id", &self.id)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

impl EventStream {
    /// A new stream under a fresh id; `unread` counts it if nobody reads it.
    #[must_use]
    pub fn new(content_type: ContentType, writer: pipe::Writer, unread: Counter) -> Self {
        let id = uuid::Uuid::new_v4().hyphenated().to_string();
        Self {
            id: id.into(),
            content_type,
            writer,
            unread,
        }
    }

    /// What calls must name in `Mesos-Stream-Id`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How events are written.
    #[must_use]
    pub fn content_type(&self) -> ContentType {
        self.content_type
    }

    /// Writes an event as one record.
    ///
    /// # Errors
    /// The reader is gone, or left so much unread that it was disconnected now.
    pub fn send<M: Json>(&self, event: &M) -> Result<(), StreamClosed> {
        self.write(record(&encode(event, self.content_type)))
    }

    /// Writes a finished record.
    ///
    /// # Errors
    /// As [`EventStream::send`].
    pub fn write(&self, record: Bytes) -> Result<(), StreamClosed> {
        if self.writer.buffered_bytes() > MAX_BUFFERED_EVENT_BYTES {
            if self.writer.abort("subscriber does not read") {
                tracing::warn!(stream = %self.id, "disconnecting a subscriber that does not read");
                self.unread.increment();
            }
            return Err(StreamClosed);
        }
        if self.writer.write(record) {
            Ok(())
        } else {
            Err(StreamClosed)
        }
    }

    /// Ends the stream.
    pub fn close(&self) {
        self.writer.close();
    }

    /// Ready when the reader went away.
    pub fn closed(&self) -> Future<()> {
        self.writer.reader_closed()
    }
}

/// A message in the given form, with v1 names.
#[must_use]
pub fn encode<M: Json>(message: &M, content_type: ContentType) -> Vec<u8> {
    match content_type {
        ContentType::Json => {
            let mut text = Vec::new();
            message.write_json(Dialect::V1, &mut text);
            text
        }
        ContentType::Protobuf => message.encode_to_vec(),
    }
}

/// A RecordIO record: the decimal length, a newline, the bytes.
#[must_use]
pub fn record(payload: &[u8]) -> Bytes {
    let mut record = payload.len().to_string().into_bytes();
    record.push(b'\n');
    record.extend_from_slice(payload);
    record.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_length_newline_payload() {
        assert_eq!(record(b"hello").as_ref(), b"5\nhello");
        assert_eq!(record(b"").as_ref(), b"0\n");
    }
}
