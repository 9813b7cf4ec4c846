//! The threads of a runtime: arbiters for actors, arbiters for connections.
//!
//! # Owns
//! One actix system on a thread of its own, whose event loop serves the first share of the connections.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use actix_rt::{ArbiterHandle, System};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How many threads of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) actors: usize,
    /// Threads for actors that ask for one of their own; no other actor runs there.
    pub(crate) reserved: usize,
    /// Zero: connections are served by the arbiters of the actors.
    pub(crate) connections: usize,
}

/// The running threads.
pub(crate) struct Arbiters {
    /// The shared ones, then the reserved ones.
    actors: Vec<ArbiterHandle>,
    shared: usize,
    connections: Vec<ArbiterHandle>,
    next_actor: AtomicUsize,
    system: Handle,
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: oneshot::Sender<()>,
    system: JoinHandle<()>,
}

struct Started {
    system: Handle,
    actors: Vec<ArbiterHandle>,
    connections: Vec<ArbiterHandle>,
}

impl Arbiters {
    pub(crate) fn start(shape: Shape) -> io::Result<Self> {
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let system = thread::Builder::new()
            .name("libprocess-system".to_owned())
            .spawn(move || run_system(shape, &ready, stopped))?;
        let started = started
            .recv()
            .map_err(|_closed| io::Error::other("the system thread ended while starting"))??;
        Ok(Self {
            shared: started.actors.len().saturating_sub(shape.reserved),
            actors: started.actors,
            connections: started.connections,
            next_actor: AtomicUsize::new(0),
            system: started.system,
            running: Mutex::new(Some(Running { stop, system })),
        })
    }

    /// The arbiter for the next actor that does not say where it belongs.
    pub(crate) fn pick(&self) -> usize {
        self.shared_at(self.next_actor.fetch_add(1, Ordering::Relaxed))
    }

    /// The shared arbiter of this number; numbers beyond the last start over.
    pub(crate) fn shared_at(&self, number: usize) -> usize {
        number % self.shared.max(1)
    }

    /// The reserved arbiter of this number, when there are that many.
    pub(crate) fn reserved_at(&self, number: usize) -> Option<usize> {
        let index = self.shared.checked_add(number)?;
        (index < self.actors.len()).then_some(index)
    }

    pub(crate) fn actor(&self, index: usize) -> Option<&ArbiterHandle> {
        self.actors.get(index)
    }

    pub(crate) fn connection(&self, index: usize) -> Option<&ArbiterHandle> {
        self.connections.get(index % self.connections.len().max(1))
    }

    pub(crate) const fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Every thread once.
    pub(crate) fn all(&self) -> Vec<ArbiterHandle> {
        // When connections have no threads of their own they are served by those of the actors.
        self.actors
            .iter()
            .chain(&self.connections)
            .cloned()
            .collect()
    }

    /// Runs a future on the calling thread, with the event loop of the system's thread.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.system.block_on(future)
    }

    /// Ends all threads and waits for them, once.
    pub(crate) fn join(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Running { stop, system }) = running {
            // A system that has ended already needs no word.
            let _ = stop.send(());
            if system.join().is_err() {
                tracing::error!("a thread of the runtime panicked");
            }
        }
    }
}

impl fmt::Debug for Arbiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arbiters")
            .field("actors", &self.actors.len())
            .field("shared", &self.shared)
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

fn run_system(
    shape: Shape,
    ready: &mpsc::Sender<io::Result<Started>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            // The starter has the receiver until it gets an answer.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let runner = System::with_tokio_rt(move || runtime);
    runner.block_on(async move {
        let mut spawned = Vec::new();
        let started = start_arbiters(shape, &mut spawned);
        let failed = started.is_err();
        let _ = ready.send(started);
        if !failed {
            let _ = stopped.await;
        }
        for arbiter in &spawned {
            arbiter.stop();
        }
        for arbiter in spawned {
            if arbiter.join().is_err() {
                tracing::error!("an arbiter panicked");
            }
        }
    });
}

fn start_arbiters(shape: Shape, spawned: &mut Vec<actix_rt::Arbiter>) -> io::Result<Started> {
    let mut start = || -> io::Result<ArbiterHandle> {
        let arbiter = actix_rt::Arbiter::try_new()?;
        let handle = arbiter.handle();
        spawned.push(arbiter);
        Ok(handle)
    };
    let system = System::current().arbiter().clone();
    let mut connections = Vec::new();
    let mut actors = Vec::new();
    if shape.connections == 0 {
        // Few threads: the system's loop is the first arbiter for both.
        actors.push(system);
    } else {
        connections.push(system);
    }
    while actors.len() < shape.actors.max(1) {
        actors.push(start()?);
    }
    while connections.len() < shape.connections {
        connections.push(start()?);
    }
    if connections.is_empty() {
        connections.clone_from(&actors);
    }
    for _ in 0..shape.reserved {
        actors.push(start()?);
    }
    Ok(Started {
        system: Handle::current(),
        actors,
        connections,
    })
}
