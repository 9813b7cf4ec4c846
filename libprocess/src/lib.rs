//! Actors with PIDs, the legacy message wire, HTTP, clock and metrics.
//!
//! The nouns are those of libprocess, the actor library of Apache Mesos:
//!
//! - A [`Runtime`] is one host: an address, threads, actors, sockets, a clock, metrics. Nothing is global.
//! - A [`Process`] is an actor. It has an ordered queue of events and handles one at a time, synchronously.
//!   It waits by re-entering: [`Context::on_any`], [`Context::perform`] and [`Context::delay`] name the continuation.
//! - A [`Upid`] names an actor anywhere (`id@ip:port`), a [`Pid`] one here whose type is known.
//! - A [`Future`] is a value that comes later and can be asked to be discarded; a [`Promise`] makes it come.
//! - The [`Clock`] can be paused, advanced and settled, so that tests of hours take milliseconds.
//!
//! Supervision is plain: an actor lives until it is terminated, by itself or by another; who is linked to it is told.
//! A panic is a broken invariant and ends the program; whoever supervises the program starts it again.
//!
//! Messages between runtimes are HTTP requests on the one port of each, byte for byte those of C++ libprocess.
//! The same port serves the actors' HTTP routes, and [`grpc`] services over HTTP/2.
//! What a peer may make a runtime remember is bounded, see [`Limits`].
//!
//! The [`manual`] explains all of this chapter by chapter.

mod abort;
mod address;
mod arbiters;
mod blocking;
mod builtins;
mod clock;
mod collect;
mod context;
mod duration_text;
mod event;
mod event_queue;
mod firewall;
mod future;
mod help;
mod host;
mod id;
mod limiter;
mod limits;
mod lock;
mod message;
mod pid;
mod polling;
mod process;
mod process_manager;
mod promise;
mod protobuf;
mod queue;
mod reap;
mod repeat;
mod runtime;
mod sequence;
mod socket_manager;
mod state_machine;
mod sync;
mod time;
mod timer;
mod tracked;
mod transport;

pub mod grpc;
pub mod http;
pub mod io;
pub mod manual;
pub mod metrics;
pub mod req_res;
pub mod simulation;
pub mod subprocess;
pub mod testing;
pub mod tls;
pub mod trace;

#[doc(hidden)]
pub use transport::fuzzing;

pub use address::{Address, ParseAddressError};
pub use clock::{Clock, Working};
pub use collect::{await_all, collect, select};
pub use context::{Context, QueuedEvents};
pub use event::{Message, Termination};
pub use future::{DiscardHandle, Future, Outcome};
pub use id::ProcessId;
pub use limiter::RateLimiter;
pub use limits::Limits;
pub use lock::{CountDownLatch, Mutex, ReadWriteLock};
pub use metrics::Metrics;
pub use pid::{ParseUpidError, Pid, Upid};
pub use polling::{ParsePollingError, Polling};
pub use process::Process;
pub use promise::Promise;
pub use queue::Queue;
pub use repeat::{ControlFlow, repeat};
pub use runtime::{
    Arbiter, EnvironmentError, ParseTransportError, PeerCheck, Runtime, RuntimeBuilder, StartError,
    Transport,
};
pub use sequence::Sequence;
pub use socket_manager::RemoteConnection;
pub use state_machine::{InvalidState, StateMachine};
pub use time::Time;
pub use timer::Timer;
