//! The state of the simulated network: who listens, what is on its way, what happens next.
//!
//! # Invariants
//! - Nothing happens but in [`Net::deliver_next`], and in an order that follows from the seed alone: by time, then by
//!   what it is and whom it concerns, never by which thread came first.
//! - Each connection draws from a generator of its own.

mod faults;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use rustc_hash::FxBuildHasher;
use tokio::sync::mpsc;

use super::fault::{Fault, Weather};
use super::pipe::{ConnectionId, Pipe, PipeId, Side, Wakers};
use super::random::Random;
use super::stream::{SimulatedListener, SimulatedStream};
use crate::address::Address;

/// The pause before what was lost is sent again; it doubles with each loss in a row.
const RETRANSMIT: Duration = Duration::from_millis(200);

/// After so many losses in a row the sender gives the connection up.
const TRIES: u32 = 8;

/// The first port that a simulated client has.
const FIRST_PORT: u16 = 32_768;

/// What happens next. The order of the variants and of their fields decides between things of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Fault(u64),
    /// A connection is asked for.
    Ask(ConnectionId),
    /// The answer to that arrives.
    Answer(ConnectionId),
    /// The first segment of a pipe arrives.
    Arrive(PipeId),
    /// The writer of a pipe learns that its peer knows nothing of the connection.
    Reset(PipeId),
}

/// A connection that is being made.
struct Connecting {
    random: Random,
    tries: u32,
    refused: bool,
    outcome: Option<Result<(), io::ErrorKind>>,
    waker: Option<Waker>,
}

struct Listening {
    incarnation: u64,
    incoming: mpsc::UnboundedSender<(SimulatedStream, SocketAddr)>,
}

struct State {
    now: Duration,
    random: Random,
    weather: Weather,
    paths: BTreeMap<(Address, Address), Weather>,
    blocked: BTreeSet<(Address, Address)>,
    listening: BTreeMap<Address, Listening>,
    /// Programs that have died.
    dead: BTreeSet<u64>,
    incarnations: u64,
    connecting: BTreeMap<ConnectionId, Connecting>,
    pipes: BTreeMap<PipeId, Pipe>,
    counts: BTreeMap<(Address, Address), u32>,
    steps: BTreeSet<(Duration, Step)>,
    script: BTreeMap<u64, Fault>,
    scripted: u64,
    history: u64,
}

/// The network that simulated hosts share.
pub(crate) struct Net {
    state: Mutex<State>,
}

impl Net {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(State {
                now: Duration::ZERO,
                random: Random::new(seed),
                weather: Weather::FAIR,
                paths: BTreeMap::new(),
                blocked: BTreeSet::new(),
                listening: BTreeMap::new(),
                dead: BTreeSet::new(),
                incarnations: 0,
                connecting: BTreeMap::new(),
                pipes: BTreeMap::new(),
                counts: BTreeMap::new(),
                steps: BTreeSet::new(),
                script: BTreeMap::new(),
                scripted: 0,
                history: 0,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- the script --------------------------------------------------------------------------

    pub(super) fn now(&self) -> Duration {
        self.lock().now
    }

    pub(super) fn set_now(&self, now: Duration) {
        self.lock().now = now;
    }

    pub(super) fn history(&self) -> u64 {
        self.lock().history
    }

    /// When the next thing happens.
    pub(super) fn next_step(&self) -> Option<Duration> {
        self.lock().steps.first().map(|(at, _)| *at)
    }

    pub(super) fn schedule(&self, after: Duration, fault: Fault) {
        let mut state = self.lock();
        let number = state.scripted;
        state.scripted += 1;
        state.script.insert(number, fault);
        let at = state.now.saturating_add(after);
        state.steps.insert((at, Step::Fault(number)));
    }

    pub(super) fn inflict(&self, fault: Fault) {
        let mut state = self.lock();
        let woken = state.inflict(fault);
        drop(state);
        wake(woken);
    }

    /// Lets the next thing of this instant happen; false when there is none.
    pub(super) fn deliver_next(self: &Arc<Self>) -> bool {
        let mut state = self.lock();
        let Some((at, step)) = state
            .steps
            .first()
            .copied()
            .filter(|(at, _)| *at <= state.now)
        else {
            return false;
        };
        state.steps.remove(&(at, step));
        let woken = match step {
            Step::Fault(number) => match state.script.remove(&number) {
                Some(fault) => state.inflict(fault),
                None => Vec::new(),
            },
            Step::Ask(id) => self.ask(&mut state, id),
            Step::Answer(id) => state.answer(id),
            Step::Arrive(id) => state.arrive(id),
            Step::Reset(id) => state.reset(id),
        };
        state.note(step);
        drop(state);
        wake(woken);
        true
    }

    /// Somebody asks to be connected.
    fn ask(self: &Arc<Self>, state: &mut State, id: ConnectionId) -> Vec<Wakers> {
        if !state.connecting.contains_key(&id) {
            return Vec::new();
        }
        if state.is_lost(id.client, id.server, id) {
            return state.try_again(id, Step::Ask(id));
        }
        let incoming = state
            .listening
            .get(&id.server)
            .map(|listening| listening.incoming.clone());
        let accepted = incoming.is_some_and(|incoming| {
            let server = PipeId {
                connection: id,
                writer: Side::Server,
            };
            for pipe in [server, server.back()] {
                let random = state.random.fork(FxBuildHasher.hash_one(pipe));
                state.pipes.insert(pipe, Pipe::new(random));
            }
            let port = u16::try_from(id.number % u32::from(u16::MAX - FIRST_PORT)).unwrap_or(0);
            let peer = SocketAddr::new(id.client.ip, FIRST_PORT + port);
            let stream = SimulatedStream::new(Arc::clone(self), server);
            incoming.send((stream, peer)).is_ok()
        });
        let weather = state.weather_of(id.server, id.client);
        let now = state.now;
        if let Some(connecting) = state.connecting.get_mut(&id) {
            connecting.tries = 0;
            connecting.refused = !accepted;
            let at = now + weather.draw_delay(&mut connecting.random);
            state.steps.insert((at, Step::Answer(id)));
        }
        Vec::new()
    }

    // ---- hosts -------------------------------------------------------------------------------

    /// Begins to listen at an address; none when somebody listens there.
    pub(super) fn listen(self: &Arc<Self>, address: Address) -> Option<SimulatedListener> {
        let mut state = self.lock();
        if state.listening.contains_key(&address) {
            return None;
        }
        state.incarnations += 1;
        let incarnation = state.incarnations;
        let (incoming, accepted) = mpsc::unbounded_channel();
        let listening = Listening {
            incarnation,
            incoming,
        };
        state.listening.insert(address, listening);
        drop(state);
        Some(SimulatedListener {
            net: Arc::clone(self),
            address,
            incarnation,
            incoming: accepted,
        })
    }

    pub(super) fn unlisten(&self, address: Address, incarnation: u64) {
        let mut state = self.lock();
        let known = state.listening.get(&address);
        if known.is_some_and(|known| known.incarnation == incarnation) {
            let gone = state.listening.remove(&address);
            drop(state);
            drop(gone);
        }
    }

    /// Starts to connect; the connection is there when [`Net::poll_connected`] says so.
    pub(super) fn connect(
        &self,
        from: Address,
        incarnation: u64,
        to: Address,
    ) -> io::Result<ConnectionId> {
        let mut state = self.lock();
        if state.dead.contains(&incarnation) {
            return Err(io::ErrorKind::NetworkDown.into());
        }
        let number = state.counts.entry((from, to)).or_default();
        *number += 1;
        let id = ConnectionId {
            client: from,
            server: to,
            number: *number,
        };
        let mut random = state.random.fork(FxBuildHasher.hash_one(id));
        let at = state.now + state.weather_of(from, to).draw_delay(&mut random);
        state.connecting.insert(
            id,
            Connecting {
                random,
                tries: 0,
                refused: false,
                outcome: None,
                waker: None,
            },
        );
        state.steps.insert((at, Step::Ask(id)));
        Ok(id)
    }

    pub(super) fn poll_connected(
        self: &Arc<Self>,
        id: ConnectionId,
        cx: &Context<'_>,
    ) -> Poll<io::Result<SimulatedStream>> {
        let mut state = self.lock();
        let Some(connecting) = state.connecting.get_mut(&id) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        let Some(outcome) = connecting.outcome else {
            connecting.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        state.connecting.remove(&id);
        drop(state);
        let client = PipeId {
            connection: id,
            writer: Side::Client,
        };
        Poll::Ready(match outcome {
            Ok(()) => Ok(SimulatedStream::new(Arc::clone(self), client)),
            Err(why) => Err(why.into()),
        })
    }

    /// Nobody waits for this connection any more.
    pub(super) fn give_up(&self, id: ConnectionId) {
        let removed = self.lock().connecting.remove(&id);
        if removed.is_some() {
            self.drop_stream(PipeId {
                connection: id,
                writer: Side::Client,
            });
        }
    }

    // ---- streams -----------------------------------------------------------------------------

    pub(super) fn poll_read(
        &self,
        id: PipeId,
        cx: &Context<'_>,
        room: usize,
    ) -> Poll<io::Result<BytesMut>> {
        let mut state = self.lock();
        let Some(pipe) = state.pipes.get_mut(&id) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        pipe.check_readable(cx.waker()).map_ok(|()| pipe.take(room))
    }

    pub(super) fn poll_write(
        &self,
        id: PipeId,
        cx: &Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        let (now, weather) = (state.now, state.weather_of(id.from(), id.to()));
        let Some(pipe) = state.pipes.get_mut(&id) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        if let Err(error) = std::task::ready!(pipe.check_writable(cx.waker())) {
            return Poll::Ready(Err(error));
        }
        let mut written = 0;
        let mut due = None;
        for piece in pieces {
            if let Some(at) = pipe.send(now, weather, piece) {
                due = Some(at);
            }
            written += piece.len();
        }
        if let Some(at) = due {
            state.steps.insert((at, Step::Arrive(id)));
        }
        Poll::Ready(Ok(written))
    }

    /// Closes a sending side.
    pub(super) fn end(&self, id: PipeId) {
        self.lock().end(id);
    }

    /// Whoever writes here has let go of its stream.
    pub(super) fn drop_stream(&self, id: PipeId) {
        let mut state = self.lock();
        state.end(id);
        if let Some(pipe) = state.pipes.get_mut(&id) {
            pipe.writer_leaves();
        }
        if let Some(pipe) = state.pipes.get_mut(&id.back()) {
            pipe.reader_leaves();
        }
        state.tidy(id);
    }
}

impl State {
    fn weather_of(&self, from: Address, to: Address) -> Weather {
        self.paths.get(&(from, to)).copied().unwrap_or(self.weather)
    }

    /// Adds to what has happened so far.
    fn note(&mut self, what: impl Hash) {
        self.history = FxBuildHasher.hash_one((self.history, self.now, what));
    }

    fn is_lost(&mut self, from: Address, to: Address, id: ConnectionId) -> bool {
        let weather = self.weather_of(from, to);
        let blocked = self.blocked.contains(&(from, to));
        let connecting = self.connecting.get_mut(&id);
        blocked || connecting.is_some_and(|c| weather.draw_loss(&mut c.random))
    }

    /// Repeats a step of connecting later, or gives up.
    fn try_again(&mut self, id: ConnectionId, step: Step) -> Vec<Wakers> {
        let Some(connecting) = self.connecting.get_mut(&id) else {
            return Vec::new();
        };
        connecting.tries += 1;
        if connecting.tries >= TRIES {
            let woken = connecting.end(Err(io::ErrorKind::TimedOut));
            self.break_end(
                PipeId {
                    connection: id,
                    writer: Side::Client,
                },
                io::ErrorKind::TimedOut,
            );
            return vec![woken];
        }
        let pause = RETRANSMIT * 2_u32.saturating_pow(connecting.tries - 1);
        self.steps.insert((self.now + pause, step));
        Vec::new()
    }

    /// The answer to a call to connect has arrived.
    fn answer(&mut self, id: ConnectionId) -> Vec<Wakers> {
        if self.is_lost(id.server, id.client, id) {
            return self.try_again(id, Step::Answer(id));
        }
        let Some(connecting) = self.connecting.get_mut(&id) else {
            return Vec::new();
        };
        let outcome = if connecting.refused {
            Err(io::ErrorKind::ConnectionRefused)
        } else {
            Ok(())
        };
        vec![connecting.end(outcome)]
    }

    /// The first segment of a pipe arrives, or is lost on its way.
    fn arrive(&mut self, id: PipeId) -> Vec<Wakers> {
        let weather = self.weather_of(id.from(), id.to());
        let blocked = self.blocked.contains(&(id.from(), id.to()));
        let now = self.now;
        let Some(pipe) = self.pipes.get_mut(&id) else {
            return Vec::new();
        };
        if blocked || weather.draw_loss(&mut pipe.random) {
            pipe.lost += 1;
            if pipe.lost >= TRIES {
                return self.break_end(id, io::ErrorKind::TimedOut);
            }
            let pause = RETRANSMIT * 2_u32.saturating_pow(pipe.lost - 1);
            self.steps.insert((now + pause, Step::Arrive(id)));
            return Vec::new();
        }
        let unwelcome = pipe.is_unwelcome();
        let (len, next) = pipe.arrive();
        let woken = pipe.wake();
        if let Some(next) = next {
            self.steps.insert((next.max(now), Step::Arrive(id)));
        }
        if unwelcome {
            let at = now + self.delay_back(id);
            self.steps.insert((at, Step::Reset(id)));
        }
        self.note(len);
        self.tidy(id);
        vec![woken]
    }

    fn delay_back(&mut self, id: PipeId) -> Duration {
        let weather = self.weather_of(id.to(), id.from());
        self.pipes
            .get_mut(&id)
            .map_or(RETRANSMIT, |pipe| weather.draw_delay(&mut pipe.random))
    }

    /// The writer of a pipe is told that the connection is none.
    fn reset(&mut self, id: PipeId) -> Vec<Wakers> {
        if self.blocked.contains(&(id.to(), id.from())) {
            if self.pipes.contains_key(&id) {
                self.steps.insert((self.now + RETRANSMIT, Step::Reset(id)));
            }
            return Vec::new();
        }
        self.break_end(id, io::ErrorKind::ConnectionReset)
    }

    /// Breaks a connection as its one end sees it: the one that writes to this pipe.
    fn break_end(&mut self, id: PipeId, why: io::ErrorKind) -> Vec<Wakers> {
        let mut woken = Vec::new();
        if let Some(pipe) = self.pipes.get_mut(&id) {
            pipe.break_writer(why);
            woken.push(pipe.wake());
        }
        if let Some(pipe) = self.pipes.get_mut(&id.back()) {
            pipe.break_reader(why);
            woken.push(pipe.wake());
        }
        self.steps.retain(|(_, step)| *step != Step::Arrive(id));
        self.tidy(id);
        woken
    }

    fn end(&mut self, id: PipeId) {
        let (now, weather) = (self.now, self.weather_of(id.from(), id.to()));
        let due = self
            .pipes
            .get_mut(&id)
            .and_then(|pipe| pipe.send_end(now, weather));
        if let Some(at) = due {
            self.steps.insert((at, Step::Arrive(id)));
        }
    }

    /// Forgets a connection that nobody can notice any more.
    fn tidy(&mut self, id: PipeId) {
        let over = |id: &PipeId| self.pipes.get(id).is_none_or(Pipe::is_over);
        if over(&id) && over(&id.back()) {
            self.pipes.remove(&id);
            self.pipes.remove(&id.back());
        }
    }
}

impl Connecting {
    fn end(&mut self, outcome: Result<(), io::ErrorKind>) -> Wakers {
        self.outcome.get_or_insert(outcome);
        Wakers::one(self.waker.take())
    }
}

fn wake(woken: Vec<Wakers>) {
    for wakers in woken {
        wakers.wake();
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}
