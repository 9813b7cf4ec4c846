//! What came on a live stream, read by a thread of its own.

use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::eventually::Stopwatch;
use crate::http_client::Head;
use crate::record_stream::{RecordStream, StreamError};

/// An open event stream.
#[derive(Debug)]
pub struct Events {
    /// Status line and headers.
    pub head: Head,
    incoming: Receiver<Value>,
    socket: Option<TcpStream>,
}

impl Events {
    /// Reads the JSON of `stream` until it ends.
    ///
    /// # Errors
    /// [`StreamError`] when the socket is closed already.
    pub fn read(stream: RecordStream) -> Result<Self, StreamError> {
        Self::read_with(stream, |bytes| serde_json::from_slice(bytes).ok())
    }

    /// Reads `stream` until it ends or a record is none that `decode` knows.
    ///
    /// # Errors
    /// [`StreamError`] when the socket is closed already.
    pub fn read_with(
        mut stream: RecordStream,
        decode: impl Fn(&[u8]) -> Option<Value> + Send + 'static,
    ) -> Result<Self, StreamError> {
        let (sender, incoming) = channel();
        let head = stream.head.clone();
        let socket = stream.socket()?;
        thread::spawn(move || {
            while let Some(event) = stream.next_bytes().ok().and_then(|bytes| decode(&bytes)) {
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            head,
            incoming,
            socket: Some(socket),
        })
    }

    /// Waits for the next event that is no heartbeat; none when it does not come in time.
    #[must_use]
    pub fn wait(&self, patience: Duration) -> Option<Value> {
        let watch = Stopwatch::start();
        loop {
            let left = patience.checked_sub(watch.elapsed())?;
            let event = self.incoming.recv_timeout(left).ok()?;
            if kind(&event) != "HEARTBEAT" {
                return Some(event);
            }
        }
    }

    /// Returns what has come and nobody took, heartbeats left out.
    pub fn come(&self) -> Vec<Value> {
        let is_beat = |event: &Value| kind(event) == "HEARTBEAT";
        self.incoming
            .try_iter()
            .filter(|event| !is_beat(event))
            .collect()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            // Closed by the master already is as good.
            let _gone = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Returns the type of an event or a call.
#[must_use]
pub fn kind(event: &Value) -> &str {
    event
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
