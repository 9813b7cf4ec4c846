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
use tokio_util::sync::CancellationToken;

use super::Gauges;
use super::outbox::Outbox;
use super::peers::Plan;
use crate::abort::AbortOnPanic;
use crate::address::Address;
use crate::clock::Activity;
use crate::runtime::Runtime;
use crate::simulation::within;
use crate::tls::{Asks, Downgrade, Peer};
use crate::transport::envelope;
use crate::transport::link::{self, DialError};
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
    /// By the peer, and we answer on it.
    Accepted(Origin),
}

/// Why a peer made a connection, and which of its lives it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) lasting: Lasting,
    /// A number that a runtime draws when it starts.
    pub(crate) incarnation: u64,
}

/// Whether links may hang on a connection that the peer made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// The peer has linked: the connection lives until it breaks.
    Yes,
    /// The peer has sent: it will close the connection when it has no more to send.
    No,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wire {
    /// As HTTP requests, the way C++ libprocess does.
    #[default]
    Legacy,
    /// As envelopes of a gRPC stream.
    Grpc,
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
    plan: Plan,
    limit: usize,
    /// The peer has taken the connection.
    connected: AtomicBool,
    /// Its end needs no telling: the peer ended it in good order, or it was told.
    settled: AtomicBool,
    state: Mutex<State>,
    work: Notify,
    closing: CancellationToken,
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
    /// Makes a socket and starts to connect it. `queued` is sent first, so it is for the wire that is planned.
    pub(super) fn open(
        runtime: &Runtime,
        address: Address,
        kind: Kind,
        (plan, queued): (Plan, Outbox),
        number: usize,
    ) -> Arc<Self> {
        let socket = Self::new(runtime, address, kind, (plan, queued));
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

    /// Makes the socket of a connection that the peer has made.
    pub(super) fn accepted(runtime: &Runtime, address: Address, origin: Origin) -> Arc<Self> {
        let plan = Plan::Only(Wire::Grpc);
        let queued = Outbox::new(Wire::Grpc);
        let socket = Self::new(runtime, address, Kind::Accepted(origin), (plan, queued));
        socket.set_connected();
        socket
    }

    fn new(
        runtime: &Runtime,
        address: Address,
        kind: Kind,
        (plan, queued): (Plan, Outbox),
    ) -> Arc<Self> {
        let activity = runtime.clock().activity();
        // On a simulated network a message on its way waits for time to pass.
        let counted = !runtime.is_simulated() && activity.has_runtime(address);
        let in_flight = counted.then(|| InFlight {
            activity: Arc::clone(activity),
            count: Mutex::default(),
        });
        let gauges = runtime.inner().sockets.gauges().clone();
        let messages = queued.messages();
        let state = State {
            queued: queued.len(),
            outbox: queued,
            ..State::default()
        };
        let socket = Arc::new(Self {
            address,
            kind,
            plan,
            connected: AtomicBool::new(false),
            settled: AtomicBool::new(false),
            limit: runtime.limits().outgoing,
            state: Mutex::new(state),
            work: Notify::new(),
            closing: CancellationToken::new(),
            closed: AtomicBool::new(false),
            gauges,
            in_flight,
        });
        socket.count_sent(messages);
        socket
    }

    pub(crate) const fn address(&self) -> Address {
        self.address
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the peer has ever taken the connection.
    pub(crate) fn was_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    pub(crate) fn set_connected(&self) {
        self.connected.store(true, Ordering::Release);
    }

    /// The end of the connection needs no telling from now on; true when it did until now.
    pub(crate) fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::AcqRel)
    }

    /// Turns what is queued to another wire.
    fn rewrite(&self, rewrite: impl FnOnce(&mut Outbox) -> Outbox) {
        let mut state = self.lock();
        let rewritten = rewrite(&mut state.outbox);
        state.queued = rewritten.len();
        state.outbox = rewritten;
    }

    /// Whether answers to what we send are wanted, so that `settle` sees it.
    pub(crate) const fn wants_acknowledgements(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Tells the peer that so many of its messages have been delivered.
    pub(crate) fn acknowledge(&self, messages: u64) {
        let mut state = self.lock();
        let before = state.outbox.len();
        envelope::put_acknowledgement(state.outbox.buffer(), messages);
        state.queued += state.outbox.len() - before;
        let wake = !std::mem::replace(&mut state.writing, true);
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    /// Waits until the socket is closed, whatever is queued.
    pub(crate) async fn closed(&self) {
        self.closing.cancelled().await;
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
        state.outbox.count();
        state.queued += added;
        let overflow = state.queued > self.limit;
        let wake = !std::mem::replace(&mut state.writing, true);
        drop(state);
        if wake {
            self.work.notify_one();
        }
        overflow
    }

    /// The wire that its messages are written for.
    pub(super) fn wire(&self) -> Wire {
        self.lock().outbox.wire()
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
        self.count_answered(queued.messages());
        self.work.notify_one();
        queued
    }

    /// Puts the queue of a socket that this one replaces before its own.
    pub(super) fn prepend(&self, queued: Outbox) {
        if queued.is_empty() {
            return;
        }
        let mut state = self.lock();
        if queued.wire() != state.outbox.wire() {
            drop(state);
            let lost = u64::try_from(queued.messages()).unwrap_or_default();
            self.gauges.lost.add(lost);
            return;
        }
        self.count_sent(queued.messages());
        let mut whole = queued;
        let own = std::mem::take(&mut state.outbox);
        state.queued += whole.len();
        whole.append_all(own);
        state.outbox = whole;
        let wake = !std::mem::replace(&mut state.writing, true);
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    /// Writes what is queued, and then no more.
    pub(crate) fn finish(&self) {
        self.lock().finishing = true;
        self.work.notify_one();
    }

    /// Ends the connection; what is queued is lost.
    pub(crate) fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut state = self.lock();
        let lost = state.outbox.messages();
        let dropped = std::mem::take(&mut state.outbox);
        state.queued = 0;
        drop(state);
        drop(dropped);
        self.gauges
            .lost
            .add(u64::try_from(lost).unwrap_or_default());
        self.closing.cancel();
        self.forget_in_flight();
    }

    /// As [`Socket::next`]; a temporary socket that has nothing to write for a while is given up.
    pub(crate) async fn next_for(self: &Arc<Self>, runtime: &Runtime) -> Option<VecDeque<Bytes>> {
        loop {
            match self.kind {
                Kind::Persistent | Kind::Accepted(_) => return self.next().await,
                Kind::Temporary => match within(IDLE, self.next()).await {
                    Some(next) => return next,
                    None if runtime.inner().sockets.give_up(self) => return None,
                    None => {}
                },
            }
        }
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

    pub(crate) fn written(&self, bytes: usize) {
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

    pub(crate) fn count_answered(&self, answers: usize) {
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
        () = socket.closing.cancelled() => Ok(()),
    };
    if let Err(error) = &ended
        && !socket.is_closed()
    {
        tracing::info!(peer = %socket.address, %error, "connection broken");
    }
    runtime.inner().sockets.broken(&runtime, &socket);
    socket.close();
}

/// Connects, and writes in the wire that the peer speaks.
async fn serve(runtime: &Runtime, socket: &Arc<Socket>) -> io::Result<()> {
    if socket.plan.wire() == Wire::Legacy {
        let stream = connect(runtime, socket.address, Wire::Legacy).await?;
        return serve_legacy(runtime, socket, stream).await;
    }
    let stream = connect(runtime, socket.address, Wire::Grpc).await?;
    match (link::dial(runtime, socket, stream).await, socket.plan) {
        (Err(DialError::Refused(why)), Plan::Try) => {
            tracing::debug!(peer = %socket.address, %why, "the peer does not take gRPC");
        }
        (Err(DialError::Refused(why)), Plan::Only(_)) => return Err(io::Error::other(why)),
        (Err(DialError::Broken(error)), _) => return Err(error),
        (Ok(()), _) => return Ok(()),
    }
    let stream = connect(runtime, socket.address, Wire::Legacy).await?;
    let sockets = &runtime.inner().sockets;
    sockets.learn(socket.address, Wire::Legacy);
    socket.rewrite(|queued| sockets.rewrite(queued));
    serve_legacy(runtime, socket, stream).await
}

async fn serve_legacy(
    runtime: &Runtime,
    socket: &Arc<Socket>,
    mut stream: Stream,
) -> io::Result<()> {
    socket.set_connected();
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
async fn connect(runtime: &Runtime, address: Address, wire: Wire) -> io::Result<Stream> {
    let Some(tls) = runtime.tls() else {
        return Stream::connect_peer(address.socket_addr()).await;
    };
    let secured = async {
        let stream = Stream::connect_peer(address.socket_addr()).await?;
        let peer = Peer {
            ip: address.ip,
            name: None,
        };
        let asks = match wire {
            Wire::Legacy => Asks::Nothing,
            Wire::Grpc => Asks::Http2,
        };
        let session = tls.connect(Box::new(stream), peer, asks).await;
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
        let Some(mut pieces) = socket.next_for(runtime).await else {
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
