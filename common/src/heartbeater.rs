//! Heartbeats on streaming responses: proof that the connection is alive.
//!
//! Mirrors `src/common/heartbeater.hpp`.
//!
//! # Timers
//! One record every interval, from the start or after a first delay.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use libprocess::http::pipe::Writer;
use libprocess::{Context, Pid, Process, ProcessId, Runtime};

use crate::recordio;

/// What is sent, where, and how often.
pub struct Heartbeat {
    /// The message, encoded as the stream wants it, without its RecordIO header.
    pub message: Bytes,
    /// The stream.
    pub stream: Writer,
    /// Time between two heartbeats.
    pub interval: Duration,
    /// Time until the first one; zero for at once.
    pub first_after: Duration,
    /// Called before each heartbeat, to count it.
    pub on_send: Option<Box<dyn FnMut() + Send>>,
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// Sends heartbeats until it is dropped or the stream is closed.
#[derive(Debug)]
pub struct ResponseHeartbeater {
    process: Pid<ResponseHeartbeaterProcess>,
}

impl ResponseHeartbeater {
    /// Starts to send.
    #[must_use]
    pub fn start(runtime: &Runtime, heartbeat: Heartbeat) -> Self {
        Self {
            process: runtime.spawn(ResponseHeartbeaterProcess { heartbeat }),
        }
    }

    /// Starts to send, on the thread of the actor whose context this is.
    #[must_use]
    pub fn start_beside<P: Process>(ctx: &Context<P>, heartbeat: Heartbeat) -> Self {
        Self {
            process: ctx.spawn(ResponseHeartbeaterProcess { heartbeat }),
        }
    }
}

impl Drop for ResponseHeartbeater {
    fn drop(&mut self) {
        self.process.terminate();
    }
}

/// The actor behind [`ResponseHeartbeater`].
#[derive(Debug)]
pub struct ResponseHeartbeaterProcess {
    heartbeat: Heartbeat,
}

impl Process for ResponseHeartbeaterProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("heartbeater")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let record = recordio::encode(&self.heartbeat.message);
        self.heartbeat.message = record;
        if self.heartbeat.first_after.is_zero() {
            self.send(ctx);
        } else {
            ctx.delay(self.heartbeat.first_after, Self::send);
        }
    }
}

impl ResponseHeartbeaterProcess {
    fn send(&mut self, ctx: &mut Context<Self>) {
        if self.heartbeat.stream.is_reader_closed() {
            ctx.terminate();
            return;
        }
        if let Some(on_send) = &mut self.heartbeat.on_send {
            on_send();
        }
        if !self.heartbeat.stream.write(self.heartbeat.message.clone()) {
            ctx.terminate();
            return;
        }
        ctx.delay(self.heartbeat.interval, Self::send);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use libprocess::Clock;
    use libprocess::http::pipe::{Reader, pipe};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    fn runtime() -> Runtime {
        Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .clock(Clock::paused())
            .start()
            .expect("a runtime")
    }

    fn heartbeat(stream: Writer, first_after: Duration) -> Heartbeat {
        Heartbeat {
            message: "beat".into(),
            stream,
            interval: INTERVAL,
            first_after,
            on_send: None,
        }
    }

    fn next(runtime: &Runtime, reader: &mut Reader) -> Bytes {
        runtime
            .block_on(reader.read())
            .expect("open")
            .expect("no failure")
    }

    #[test]
    fn heartbeats_come_at_once_and_every_interval() {
        let runtime = runtime();
        let (writer, mut reader) = pipe();
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let mut heartbeat = heartbeat(writer.clone(), Duration::ZERO);
        heartbeat.on_send = Some(Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));

        let heartbeater = ResponseHeartbeater::start(&runtime, heartbeat);
        runtime.clock().settle();
        runtime.clock().advance(INTERVAL);
        runtime.clock().settle();

        assert_eq!(next(&runtime, &mut reader), "4\nbeat");
        assert_eq!(next(&runtime, &mut reader), "4\nbeat");
        assert_eq!(writer.buffered_bytes(), 0);
        assert_eq!(sent.load(Ordering::Relaxed), 2);
        drop(heartbeater);
        runtime.shutdown();
    }

    #[test]
    fn the_first_heartbeat_can_be_delayed() {
        let runtime = runtime();
        let (writer, mut reader) = pipe();

        let heartbeater = ResponseHeartbeater::start(&runtime, heartbeat(writer.clone(), INTERVAL));
        runtime.clock().settle();
        assert_eq!(writer.buffered_bytes(), 0);
        runtime.clock().advance(INTERVAL);
        runtime.clock().settle();

        assert_eq!(next(&runtime, &mut reader), "4\nbeat");
        drop(heartbeater);
        runtime.shutdown();
    }

    #[test]
    fn a_dropped_heartbeater_is_silent() {
        let runtime = runtime();
        let (writer, _reader) = pipe();
        let heartbeater = ResponseHeartbeater::start(&runtime, heartbeat(writer.clone(), INTERVAL));
        runtime.clock().settle();

        drop(heartbeater);
        runtime.clock().settle();
        runtime.clock().advance(INTERVAL);
        runtime.clock().settle();

        assert_eq!(writer.buffered_bytes(), 0);
        runtime.shutdown();
    }

    #[test]
    fn heartbeats_end_when_the_reader_has_gone() {
        let runtime = runtime();
        let (writer, reader) = pipe();
        let heartbeater = ResponseHeartbeater::start(&runtime, heartbeat(writer, Duration::ZERO));
        runtime.clock().settle();
        drop(reader);

        runtime.clock().advance(INTERVAL);
        runtime.clock().settle();

        assert!(!runtime.exists(heartbeater.process.upid()));
        runtime.shutdown();
    }
}
