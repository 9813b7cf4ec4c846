//! One outgoing connection: a queue of bytes and the task that writes them.
//!
//! # Invariants
//! - The task takes all that is queued at once and writes it with as few calls as the kernel allows.
//! - Answers are read and thrown away. To a runtime on our own clock they are counted, and every message counts as
//!   activity until its answer is there: that is how `settle` sees messages on the wire.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::Notify;

use super::Gauges;
use crate::abort::AbortOnPanic;
use crate::address::Address;
use crate::clock::Activity;
use crate::runtime::Runtime;
use crate::simulation::within;
use crate::tls::{Downgrade, Peer};
use crate::transport::replies::ReplyCounter;
use crate::transport::stream::{ReadSide, Stream, WriteSide};

/// What may be read at once.
const READ_SIZE: usize = 16 * 1024;

/// How long a temporary socket waits for more before it is given up: what follows soon keeps its place in the order.
const IDLE: Duration = Duration::from_millis(500);

/// How long we wait for the peer to close after us.
const LINGER: Duration = Duration::from_secs(5);

/// Why a socket was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By a link: it lives until it breaks, and its end is told.
    Persistent,
    /// By a send: it is closed when its queue has been empty for a while.
    Temporary,
}

/// Bytes that wait to be written: whole messages only.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pieces: VecDeque<Bytes>,
    tail: BytesMut,
    messages: usize,
}

impl Outbox {
    /// Where small things are appended.
    pub(super) const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Appends a large piece without copying it.
    pub(super) fn append(&mut self, piece: Bytes) {
        let tail = self.tail.split().freeze();
        self.pieces.push_back(tail);
        self.pieces.push_back(piece);
    }

    fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum::<usize>() + self.tail.len()
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.tail.is_empty()
    }

    /// Takes all that is there.
    pub(super) fn take(&mut self) -> VecDeque<Bytes> {
        self.messages = 0;
        let mut pieces = std::mem::take(&mut self.pieces);
        if !self.tail.is_empty() {
            pieces.push_back(self.tail.split().freeze());
        }
        pieces
    }
}

#[derive(Default)]
struct State {
    outbox: Outbox,
    queued: usize,
    /// The writer is on its way and will look again.
    writing: bool,
    /// Another socket has taken this one's place.
    finishing: bool,
}

/// A connection to one remote address.
pub(crate) struct Socket {
    address: Address,
    kind: Kind,
    limit: usize,
    state: Mutex<State>,
    work: Notify,
    closing: Notify,
    closed: AtomicBool,
    gauges: Gauges,
    /// Present when the peer is on our clock.
    in_flight: Option<InFlight>,
}

/// Messages whose answers are not there yet.
struct InFlight {
    activity: Arc<Activity>,
    count: Mutex<usize>,
}

impl Socket {
    /// Makes a socket and starts to connect it. `queued` is sent first.
    pub(super) fn open(
        runtime: &Runtime,
        address: Address,
        kind: Kind,
        queued: Outbox,
        number: usize,
    ) -> Arc<Self> {
        let activity = runtime.clock().activity();
        // On a simulated network a message on its way waits for time to pass.
        let counted = !runtime.is_simulated() && activity.has_runtime(address);
        let in_flight = counted.then(|| InFlight {
            activity: Arc::clone(activity),
            count: Mutex::default(),
        });
        let gauges = runtime.inner().sockets.gauges().clone();
        let messages = queued.messages;
        let state = State {
            queued: queued.len(),
            outbox: queued,
            ..State::default()
        };
        let socket = Arc::new(Self {
            address,
            kind,
            limit: runtime.limits().outgoing,
            state: Mutex::new(state),
            work: Notify::new(),
            closing: Notify::new(),
            closed: AtomicBool::new(false),
            gauges,
            in_flight,
        });
        socket.count_sent(messages);
        let task = Arc::clone(&socket);
        let owner = runtime.clone();
        let spawned = runtime
            .inner()
            .arbiters
            .connection(number)
            .is_some_and(|arbiter| arbiter.spawn(runtime.observed(run(owner, task))));
        if !spawned {
            tracing::warn!(peer = %address, "no thread is left to serve a connection");
        }
        socket
    }

    pub(super) const fn address(&self) -> Address {
        self.address
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues one message; true when too much waits now.
    pub(super) fn push(&self, encode: impl FnOnce(&mut Outbox)) -> bool {
        if self.closed.load(Ordering::Acquire) {
            return false;
        }
        self.count_sent(1);
        let mut state = self.lock();
        let before = state.outbox.len();
        encode(&mut state.outbox);
        let added = state.outbox.len() - before;
        state.outbox.messages += 1;
        state.queued += added;
        let overflow = state.queued > self.limit;
        let wake = !std::mem::replace(&mut state.writing, true);
        drop(state);
        if wake {
            self.work.notify_one();
        }
        overflow
    }

    /// Bytes that are not written yet.
    pub(super) fn queued_bytes(&self) -> usize {
        self.lock().queued
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.lock().outbox.is_empty()
    }

    /// Takes the queue for a socket that replaces this one. What is being written is written to its end.
    pub(super) fn retire(&self) -> Outbox {
        let mut state = self.lock();
        let queued = std::mem::take(&mut state.outbox);
        let bytes = queued.len();
        state.queued = state.queued.saturating_sub(bytes);
        state.finishing = true;
        drop(state);
        self.count_answered(queued.messages);
        self.work.notify_one();
        queued
    }

    /// Writes what is queued, and then no more.
    pub(super) fn finish(&self) {
        self.lock().finishing = true;
        self.work.notify_one();
    }

    /// Ends the connection; what is queued is lost.
    pub(super) fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut state = self.lock();
        let lost = state.outbox.messages;
        let dropped = std::mem::take(&mut state.outbox);
        state.queued = 0;
        drop(state);
        drop(dropped);
        self.gauges
            .lost
            .add(u64::try_from(lost).unwrap_or_default());
        self.closing.notify_one();
        self.forget_in_flight();
    }

    /// Waits for something to write and takes it all; none when this socket is to write no more.
    async fn next(&self) -> Option<VecDeque<Bytes>> {
        loop {
            {
                let mut state = self.lock();
                if !state.outbox.is_empty() {
                    return Some(state.outbox.take());
                }
                if state.finishing {
                    return None;
                }
                state.writing = false;
            }
            self.work.notified().await;
        }
    }

    fn written(&self, bytes: usize) {
        let mut state = self.lock();
        state.queued = state.queued.saturating_sub(bytes);
    }

    fn count_sent(&self, messages: usize) {
        if let Some(in_flight) = &self.in_flight {
            let mut count = in_flight
                .count
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *count += messages;
            for _ in 0..messages {
                in_flight.activity.enter();
            }
        }
    }

    fn count_answered(&self, answers: usize) {
        if let Some(in_flight) = &self.in_flight {
            let mut count = in_flight
                .count
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let answers = answers.min(*count);
            *count -= answers;
            in_flight.activity.exit_many(answers);
        }
    }

    fn forget_in_flight(&self) {
        self.count_answered(usize::MAX);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("address", &self.address)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The life of a socket, from the call to connect until it breaks or is closed.
async fn run(runtime: Runtime, socket: Arc<Socket>) {
    let _guard = AbortOnPanic;
    let ended = tokio::select! {
        ended = serve(&runtime, &socket) => ended,
        () = socket.closing.notified() => Ok(()),
    };
    if let Err(error) = &ended
        && !socket.is_closed()
    {
        tracing::info!(peer = %socket.address, %error, "connection broken");
    }
    runtime.inner().sockets.broken(&runtime, &socket);
    socket.close();
}

async fn serve(runtime: &Runtime, socket: &Arc<Socket>) -> io::Result<()> {
    let mut stream = connect(runtime, socket.address).await?;
    let (reading, mut writing) = stream.split();
    let draining = drain(socket, reading);
    tokio::pin!(draining);
    tokio::select! {
        ended = write_all(runtime, socket, &mut writing) => ended?,
        ended = &mut draining => return ended,
    }
    // All is written. The peer reads it and closes; to close first could throw it away.
    writing.shutdown().await?;
    if !runtime.is_simulated() {
        // Either way the connection is closed then.
        let _ = within(LINGER, draining).await;
    }
    Ok(())
}

/// Connects as the runtime speaks: in plain, by TLS, or by TLS and else in plain.
async fn connect(runtime: &Runtime, address: Address) -> io::Result<Stream> {
    let Some(tls) = runtime.tls() else {
        return Stream::connect_peer(address.socket_addr()).await;
    };
    let secured = async {
        let stream = Stream::connect_peer(address.socket_addr()).await?;
        let peer = Peer {
            ip: address.ip,
            name: None,
        };
        let session = tls.connect(Box::new(stream), peer).await;
        session.map_err(|error| io::Error::other(format!("no TLS: {error}")))
    };
    match (secured.await, tls.downgrade()) {
        (Ok(session), _) => Ok(Stream::Layered(session)),
        (Err(error), Downgrade::Refused) => Err(error),
        (Err(error), Downgrade::Supported) => {
            tracing::info!(peer = %address, %error, "connecting again in plain");
            Stream::connect_peer(address.socket_addr()).await
        }
    }
}

/// Writes what is queued until this socket is to write no more.
async fn write_all(
    runtime: &Runtime,
    socket: &Arc<Socket>,
    stream: &mut WriteSide<'_>,
) -> io::Result<()> {
    loop {
        let next = match socket.kind {
            Kind::Persistent => socket.next().await,
            Kind::Temporary => match within(IDLE, socket.next()).await {
                Some(next) => next,
                None if runtime.inner().sockets.give_up(socket) => None,
                None => continue,
            },
        };
        let Some(mut pieces) = next else {
            return Ok(());
        };
        while !pieces.is_empty() {
            let written = stream.write_some(&pieces).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            advance(&mut pieces, written);
            socket.written(written);
        }
        stream.flush().await?;
    }
}

fn advance(pieces: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(piece) = pieces.front_mut() {
        if written < piece.len() {
            piece.advance(written);
            return;
        }
        written -= piece.len();
        pieces.pop_front();
    }
}

/// Reads answers until the peer closes.
async fn drain(socket: &Socket, mut stream: ReadSide<'_>) -> io::Result<()> {
    let mut replies = ReplyCounter::default();
    loop {
        stream.readable().await?;
        // An idle connection keeps no memory.
        let mut buffer = BytesMut::with_capacity(READ_SIZE);
        if stream.read(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if socket.in_flight.is_none() {
            continue;
        }
        match replies.count(&buffer) {
            Some(answers) => socket.count_answered(answers),
            // Not the answers of a runtime: there is nothing to count.
            None => socket.forget_in_flight(),
        }
    }
}
