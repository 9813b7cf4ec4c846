//! A streamed answer in RecordIO: `<length>\n<bytes>`, one record after another.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use thiserror::Error;

use crate::http_client::{Answer, Connection, Head, HttpError, Request};

/// Why no record came.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The connection failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The peer refused the stream.
    #[error("the stream was refused: {} {}", .0.head.start, .0.text())]
    Refused(Answer),
    /// The peer ended the stream.
    #[error("the stream ended")]
    Ended,
    /// The framing is broken.
    #[error("no record begins here: {detail}")]
    Framing {
        /// The offending text.
        detail: String,
    },
}

/// An open stream of records.
#[derive(Debug)]
pub struct RecordStream {
    /// Status line and headers of the answer.
    pub head: Head,
    connection: Connection,
    pending: Vec<u8>,
    chunks: VecDeque<usize>,
}

impl RecordStream {
    /// Sends a request whose answer is a stream.
    ///
    /// # Errors
    /// [`StreamError::Refused`] when the status is not 200.
    pub fn open(address: SocketAddr, request: &Request) -> Result<Self, StreamError> {
        let mut connection = Connection::open(address)?;
        connection.write(&request.encode(address))?;
        let head = connection.read_head()?;
        if head.status != 200 {
            let body = read_body(&mut connection, &head)?;
            return Err(StreamError::Refused(Answer { head, body }));
        }
        Ok(Self {
            head,
            connection,
            pending: Vec::new(),
            chunks: VecDeque::new(),
        })
    }

    /// Waits for the next record.
    ///
    /// # Errors
    /// [`StreamError::Ended`] at the end, or the failure of the connection.
    pub fn next_bytes(&mut self) -> Result<Vec<u8>, StreamError> {
        loop {
            if let Some(record) = self.take_record()? {
                return Ok(record);
            }
            let chunk = self.connection.read_chunk()?.ok_or(StreamError::Ended)?;
            self.chunks.push_back(chunk.len());
            self.pending.extend_from_slice(&chunk);
        }
    }

    /// Waits for the next record and parses it as JSON.
    ///
    /// # Errors
    /// As [`RecordStream::next_bytes`], and when the record is no JSON.
    pub fn next_json(&mut self) -> Result<Value, StreamError> {
        let record = self.next_bytes()?;
        serde_json::from_slice(&record).map_err(|error| StreamError::Framing {
            detail: format!("{error}: {}", String::from_utf8_lossy(&record)),
        })
    }

    /// Returns the socket, so that another thread can close it.
    ///
    /// # Errors
    /// [`StreamError::Http`] when it is closed already.
    pub fn socket(&self) -> Result<TcpStream, StreamError> {
        Ok(self.connection.socket()?)
    }

    /// Returns the lengths of the HTTP chunks read so far.
    pub fn chunk_lengths(&self) -> impl Iterator<Item = usize> {
        self.chunks.iter().copied()
    }

    fn take_record(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') else {
            return Ok(None);
        };
        let head = String::from_utf8_lossy(self.pending.get(..end).unwrap_or_default());
        let length: usize = head.parse().map_err(|_ignored| StreamError::Framing {
            detail: head.clone().into_owned(),
        })?;
        let begin = end + 1;
        let Some(record) = self.pending.get(begin..begin + length).map(<[u8]>::to_vec) else {
            return Ok(None);
        };
        self.pending.drain(..begin + length);
        Ok(Some(record))
    }
}

fn read_body(connection: &mut Connection, head: &Head) -> Result<Vec<u8>, HttpError> {
    let length = head
        .header("Content-Length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    connection.read_exact(length)
}
