//! A network in one program: many runtimes, one virtual clock, faults by script, and a seed that replays it all.
//!
//! Has no counterpart in C++ libprocess.
//!
//! Each host of a [`Simulation`] is a whole [`Runtime`]: its messages are encoded, cut into segments,
//! delayed, lost and sent again, decoded and delivered by the code that serves real sockets; only the sockets are
//! simulated. Its HTTP routes and clients work as well.
//!
//! Time moves by [`Simulation::advance`] alone, from one event to the next; between two events all actors come to
//! rest. So a run is a function of the seed and of what the test does, however the threads are scheduled:
//! [`Simulation::history`] of two such runs is the same number. When a test fails, the seed is printed.
//!
//! For that, a simulated runtime has one thread, temporary sockets rest on the virtual clock, and an actor must not
//! draw from other sources: real time, real sockets, random numbers that are not seeded.
//!
//! # Examples
//! ```
//! use std::sync::mpsc;
//! use std::time::Duration;
//! use libprocess::simulation::{Fault, Simulation};
//! use libprocess::{Context, Process, ProcessId, Upid};
//!
//! struct Watcher(Upid, mpsc::Sender<Upid>);
//! impl Process for Watcher {
//!     fn id(&self) -> ProcessId {
//!         ProcessId::fixed("watcher")
//!     }
//!     fn initialize(&mut self, ctx: &mut Context<Self>) {
//!         ctx.link(&self.0);
//!     }
//!     fn exited(&mut self, pid: &Upid, _: &mut Context<Self>) {
//!         self.1.send(pid.clone()).expect("the example waits");
//!     }
//! }
//!
//! let simulation = Simulation::new(42);
//! let here = simulation.start("10.0.0.1:5050".parse()?)?;
//! let there = simulation.start("10.0.0.2:5050".parse()?)?;
//! let (tell, told) = mpsc::channel();
//! here.spawn(Watcher(there.upid("watched"), tell));
//! simulation.advance(Duration::from_secs(3600));
//! assert!(told.try_recv().is_err());
//!
//! simulation.inflict(Fault::Disconnect(here.address(), there.address()));
//! simulation.settle();
//! assert_eq!(told.try_recv()?, there.upid("watched"));
//! # here.shutdown();
//! # there.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fault;
mod host;
mod net;
mod pipe;
mod random;
mod rest;
mod stream;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::fault::{Fault, Weather};
pub(crate) use self::host::{Host, current};
pub(crate) use self::net::Net;
pub use self::random::Random;
pub(crate) use self::rest::{observed, within, yield_now};
pub(crate) use self::stream::{SimulatedListener, SimulatedStream};
use crate::address::Address;
use crate::clock::Clock;
use crate::runtime::{Runtime, RuntimeBuilder, StartError};
use crate::time::Time;

/// When simulated time begins: the same for all, so that nothing depends on the day of the test.
const BEGIN: Time = Time::from_nanos(1_800_000_000_000_000_000);

/// A simulated network and the clock of all its hosts. Dropped by a failing test, it prints its seed.
pub struct Simulation {
    net: Arc<Net>,
    clock: Clock,
    seed: u64,
}

impl Simulation {
    /// A network without hosts, in fair weather.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            net: Arc::new(Net::new(seed)),
            clock: Clock::paused_at(BEGIN),
            seed,
        }
    }

    /// What the run follows from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The clock of all hosts. Move it by [`Simulation::advance`] only: on its own it delivers nothing.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Random numbers for the script, which also follow from the seed.
    #[must_use]
    pub fn random(&self) -> Random {
        Random::new(self.seed).fork(1)
    }

    /// Describes a host at an address; several may have one ip.
    #[must_use]
    pub fn builder(&self, address: Address) -> RuntimeBuilder {
        Runtime::builder()
            .ip(address.ip)
            .port(address.port)
            .clock(self.clock.clone())
            .arbiters(1)
            .connection_arbiters(0)
            .simulated(Arc::clone(&self.net))
    }

    /// Starts a host with the usual settings.
    ///
    /// # Errors
    /// When there is a host at that address, or the operating system gives no threads.
    pub fn start(&self, address: Address) -> Result<Runtime, StartError> {
        self.builder(address).start()
    }

    /// How much time has passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.net.now()
    }

    /// Blocks until no actor has work at the present instant.
    pub fn settle(&self) {
        self.clock.settle();
    }

    /// Lets time pass: delivers what arrives and fires what falls due, one after the other.
    pub fn advance(&self, span: Duration) {
        let end = self.net.now().saturating_add(span);
        self.clock.settle();
        // From here on only what is counted moves: every task of a simulated host is.
        loop {
            self.clock.rest();
            let now = self.net.now();
            let timer = self.clock.until_next_timer().map(|left| now + left);
            let next = [self.net.next_step(), timer].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= end) else {
                self.move_to(end);
                self.clock.settle();
                return;
            };
            self.move_to(at.max(now));
            self.clock.rest();
            while self.net.deliver_next() {
                self.clock.rest();
            }
        }
    }

    fn move_to(&self, at: Duration) {
        let passed = at.saturating_sub(self.net.now());
        self.net.set_now(at);
        if passed > Duration::ZERO {
            self.clock.advance(passed);
        }
    }

    /// Lets something happen to the network now.
    pub fn inflict(&self, fault: Fault) {
        self.net.inflict(fault);
    }

    /// Lets something happen to the network later.
    pub fn schedule(&self, after: Duration, fault: Fault) {
        self.net.schedule(after, fault);
    }

    /// Ends a host as a crash does: what it would still say in ending reaches nobody.
    ///
    /// Another one can be started at its address then.
    pub fn crash(&self, host: &Runtime) {
        self.net.inflict(Fault::Crash(host.address()));
        host.shutdown();
    }

    /// A number for all that has happened on the network: equal runs have equal ones.
    #[must_use]
    pub fn history(&self) -> u64 {
        self.net.history()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(seed = self.seed, "a simulated run failed");
            eprintln!(
                "the simulated run with the seed {} failed at {:?}",
                self.seed,
                self.elapsed()
            );
        }
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("seed", &self.seed)
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
