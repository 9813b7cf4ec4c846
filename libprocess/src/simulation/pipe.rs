//! One direction of a simulated connection.

use std::collections::VecDeque;
use std::io;
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;

use super::fault::Weather;
use super::random::Random;
use crate::address::Address;

/// How much may be on its way before the writer has to wait, as in a socket's buffer.
const WINDOW: usize = 1024 * 1024;

/// Which of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Side {
    /// The one that connected.
    Client,
    /// The one that accepted.
    Server,
}

/// A connection: who connected to whom, and the how manyeth time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConnectionId {
    pub(super) client: Address,
    pub(super) server: Address,
    pub(super) number: u32,
}

/// A direction of a connection, named by its writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PipeId {
    pub(super) connection: ConnectionId,
    pub(super) writer: Side,
}

impl PipeId {
    /// The other direction.
    pub(super) const fn back(self) -> Self {
        Self {
            connection: self.connection,
            writer: match self.writer {
                Side::Client => Side::Server,
                Side::Server => Side::Client,
            },
        }
    }

    /// The host that writes.
    pub(super) const fn from(self) -> Address {
        match self.writer {
            Side::Client => self.connection.client,
            Side::Server => self.connection.server,
        }
    }

    /// The host that reads.
    pub(super) const fn to(self) -> Address {
        self.back().from()
    }
}

/// What was written at one instant; nothing is the end of the stream.
#[derive(Debug)]
pub(super) struct Segment {
    sent: Duration,
    arrival: Duration,
    bytes: Option<BytesMut>,
}

/// How far the end of the stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Sent,
    Arrived,
}

/// Bytes on their way, and bytes that have arrived.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) random: Random,
    /// In flight, in order.
    flying: VecDeque<Segment>,
    flying_bytes: usize,
    arrived: BytesMut,
    end: End,
    /// How often the first segment has been lost in a row.
    pub(super) lost: u32,
    /// The connection has broken, as the writer or the reader knows it.
    broken_writer: Option<io::ErrorKind>,
    broken_reader: Option<io::ErrorKind>,
    /// Who reads has gone.
    deaf: bool,
    /// Who writes has gone.
    mute: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            flying: VecDeque::new(),
            flying_bytes: 0,
            arrived: BytesMut::new(),
            end: End::Open,
            lost: 0,
            broken_writer: None,
            broken_reader: None,
            deaf: false,
            mute: false,
            reader: None,
            writer: None,
        }
    }

    /// Sends bytes. When nothing was on its way, tells when these arrive.
    ///
    /// What is written at one instant travels together, so that the scheduling of threads cannot be seen.
    pub(super) fn send(
        &mut self,
        now: Duration,
        weather: Weather,
        bytes: &[u8],
    ) -> Option<Duration> {
        self.flying_bytes += bytes.len();
        if let Some(last) = self.flying.back_mut()
            && last.sent == now
            && let Some(last) = &mut last.bytes
        {
            last.extend_from_slice(bytes);
            return None;
        }
        self.fly(now, weather, Some(BytesMut::from(bytes)))
    }

    /// Sends the end of the stream, once.
    pub(super) fn send_end(&mut self, now: Duration, weather: Weather) -> Option<Duration> {
        if self.end != End::Open || self.broken_writer.is_some() {
            return None;
        }
        self.end = End::Sent;
        self.fly(now, weather, None)
    }

    fn fly(
        &mut self,
        sent: Duration,
        weather: Weather,
        bytes: Option<BytesMut>,
    ) -> Option<Duration> {
        let arrival = sent + weather.draw_delay(&mut self.random);
        let arrival = self
            .flying
            .back()
            .map_or(arrival, |last| last.arrival.max(arrival));
        let first = self.flying.is_empty();
        self.flying.push_back(Segment {
            sent,
            arrival,
            bytes,
        });
        first.then_some(arrival)
    }

    /// Lets the first segment arrive; tells its length, and when the next one is due.
    pub(super) fn arrive(&mut self) -> (usize, Option<Duration>) {
        let Some(segment) = self.flying.pop_front() else {
            return (0, None);
        };
        self.lost = 0;
        let next = self.flying.front().map(|next| next.arrival);
        let Some(bytes) = segment.bytes else {
            self.end = End::Arrived;
            return (0, next);
        };
        self.flying_bytes -= bytes.len();
        if !self.deaf && self.broken_reader.is_none() {
            self.arrived.extend_from_slice(&bytes);
        }
        (bytes.len(), next)
    }

    /// Whether nobody would read what arrives, so that the writer must be told.
    pub(super) fn is_unwelcome(&self) -> bool {
        let is_end = self
            .flying
            .front()
            .is_some_and(|segment| segment.bytes.is_none());
        !is_end && (self.deaf || self.broken_reader.is_some())
    }

    /// The writer learns that the connection has broken; what is on its way is lost.
    pub(super) fn break_writer(&mut self, why: io::ErrorKind) {
        self.broken_writer.get_or_insert(why);
        self.flying.clear();
        self.flying_bytes = 0;
    }

    /// The reader learns that the connection has broken.
    pub(super) fn break_reader(&mut self, why: io::ErrorKind) {
        self.broken_reader.get_or_insert(why);
        self.arrived.clear();
    }

    pub(super) const fn reader_leaves(&mut self) {
        self.deaf = true;
    }

    pub(super) const fn writer_leaves(&mut self) {
        self.mute = true;
    }

    pub(super) fn wake(&mut self) -> Wakers {
        Wakers(self.reader.take(), self.writer.take())
    }

    /// Whether a write would wait, or fail.
    pub(super) fn check_writable(&mut self, waker: &Waker) -> Poll<io::Result<()>> {
        if let Some(why) = self.broken_writer {
            return Poll::Ready(Err(why.into()));
        }
        if self.end != End::Open {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.flying_bytes < WINDOW {
            return Poll::Ready(Ok(()));
        }
        self.writer = Some(waker.clone());
        Poll::Pending
    }

    /// Whether a read would wait, or fail.
    pub(super) fn check_readable(&mut self, waker: &Waker) -> Poll<io::Result<()>> {
        if let Some(why) = self.broken_reader {
            return Poll::Ready(Err(why.into()));
        }
        if self.end == End::Arrived || !self.arrived.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.reader = Some(waker.clone());
        Poll::Pending
    }

    /// Takes as much of what has arrived as there is room for; nothing at the end.
    pub(super) fn take(&mut self, room: usize) -> BytesMut {
        self.arrived.split_to(self.arrived.len().min(room))
    }

    /// Whether nobody can notice any more that it is there.
    pub(super) fn is_over(&self) -> bool {
        self.mute && self.flying.is_empty() && self.deaf
    }
}

/// Tasks to wake once the lock is released.
#[derive(Debug, Default)]
#[must_use = "somebody waits"]
pub(super) struct Wakers(Option<Waker>, Option<Waker>);

impl Wakers {
    pub(super) const fn one(waker: Option<Waker>) -> Self {
        Self(waker, None)
    }

    pub(super) fn wake(self) {
        for waker in [self.0, self.1].into_iter().flatten() {
            waker.wake();
        }
    }
}
