//! Actors that send numbered messages to each other, and the book of what came of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use libprocess::simulation::{Random, Simulation};
use libprocess::{Address, Context, Pid, Process, ProcessId, Runtime, Transport, Upid};

pub(crate) fn address(host: u8) -> Address {
    format!("10.0.0.{host}:5050").parse().expect("an address")
}

/// A stretch between two exited events: who, which life of the sender, to whom, the how manyeth link.
pub(crate) type Stretch = (Upid, u64, Upid, u64);

/// What was sent and received.
#[derive(Default)]
pub(crate) struct Book {
    /// How many were sent in each stretch.
    pub(crate) sent: BTreeMap<Stretch, u64>,
    /// How each stretch ended that did.
    pub(crate) exited: HashSet<Stretch>,
    /// Numbers received in each stretch, in their order, by each life of the receiver.
    pub(crate) received: BTreeMap<(Stretch, u64), Vec<u64>>,
    pub(crate) wrong: Vec<String>,
    pub(crate) exits: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Book>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no actor panics with the book")
    }
}

#[derive(Default)]
struct Target {
    link: u64,
    linked: bool,
    next: u64,
}

/// Sends a numbered message to one of its targets now and then, linked to it; links again after an exit.
pub(crate) struct Peer {
    id: &'static str,
    life: u64,
    targets: Vec<Upid>,
    state: HashMap<Upid, Target>,
    random: Random,
    book: Shared,
    /// The longest pause, in milliseconds.
    pause: u64,
    quiet: bool,
}

impl Peer {
    fn tick(&mut self, ctx: &mut Context<Self>) {
        if self.quiet || self.targets.is_empty() {
            return;
        }
        let index = usize::try_from(self.random.below(self.targets.len() as u64)).expect("small");
        let to = self.targets.get(index).expect("a target").clone();
        self.send(&to, ctx);
        let pause = Duration::from_millis(1 + self.random.below(self.pause));
        ctx.delay(pause, Self::tick);
    }

    fn send(&mut self, to: &Upid, ctx: &Context<Self>) {
        let target = self.state.entry(to.clone()).or_default();
        if !target.linked {
            target.linked = true;
            target.link += 1;
            target.next = 0;
            ctx.link(to);
        }
        let number = target.next;
        target.next += 1;
        let stretch = (ctx.upid().clone(), self.life, to.clone(), target.link);
        *self.book.lock().sent.entry(stretch).or_default() += 1;
        let body = format!("{} {} {number}", self.life, target.link);
        ctx.send(to, "number", Bytes::from(body));
    }

    fn receive(&mut self, from: &Upid, body: &[u8], ctx: &Context<Self>) {
        let text = std::str::from_utf8(body).expect("text");
        let mut numbers = text.split(' ').map(|n| n.parse::<u64>().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        let stretch = (from.clone(), next(), ctx.upid().clone(), next());
        let number = next();
        let mut book = self.book.lock();
        book.received
            .entry((stretch, self.life))
            .or_default()
            .push(number);
    }
}

impl Process for Peer {
    fn id(&self) -> ProcessId {
        ProcessId::fixed(self.id)
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("number", |peer, from, body, ctx| {
            peer.receive(from, &body, ctx);
        });
        self.tick(ctx);
    }

    fn exited(&mut self, pid: &Upid, ctx: &mut Context<Self>) {
        let mut book = self.book.lock();
        match self.state.get_mut(pid) {
            Some(target) if target.linked => {
                target.linked = false;
                book.exits += 1;
                let stretch = (ctx.upid().clone(), self.life, pid.clone(), target.link);
                book.exited.insert(stretch);
            }
            _ => {
                let by = ctx.upid();
                book.wrong
                    .push(format!("{by} is told of {pid} without a link"));
            }
        }
    }
}

/// Hosts with two peers each, everyone sending to everyone elsewhere.
pub(crate) struct World {
    pub(crate) simulation: Simulation,
    pub(crate) hosts: Vec<(Address, Runtime, Vec<Pid<Peer>>)>,
    pub(crate) book: Shared,
    lives: u64,
    count: u8,
    pause: u64,
    transport: Transport,
}

const IDS: [&str; 2] = ["one", "two"];

impl World {
    pub(crate) fn new(seed: u64, count: u8, pause: u64, transport: Transport) -> Self {
        let mut world = Self {
            simulation: Simulation::new(seed),
            hosts: Vec::new(),
            book: Shared::default(),
            lives: 0,
            count,
            pause,
            transport,
        };
        for host in 1..=count {
            world.start(host);
        }
        world
    }

    fn start(&mut self, host: u8) {
        let here = address(host);
        let runtime = self
            .simulation
            .builder(here)
            .transport(self.transport)
            .start();
        let runtime = runtime.expect("a host");
        let targets: Vec<Upid> = (1..=self.count)
            .filter(|other| *other != host)
            .flat_map(|other| IDS.map(|id| Upid::new(id, address(other))))
            .collect();
        let peers = IDS
            .iter()
            .map(|id| {
                self.lives += 1;
                runtime.spawn(Peer {
                    id,
                    life: self.lives,
                    targets: targets.clone(),
                    state: HashMap::new(),
                    random: self.simulation.random().fork(self.lives),
                    book: self.book.clone(),
                    pause: self.pause,
                    quiet: false,
                })
            })
            .collect();
        self.hosts.push((here, runtime, peers));
    }

    /// Crashes a host and starts another program at its address.
    pub(crate) fn crash_and_restart(&mut self, host: u8, down: Duration) {
        let here = address(host);
        let at = self
            .hosts
            .iter()
            .position(|(address, ..)| *address == here)
            .expect("a host");
        let (_, runtime, _) = self.hosts.remove(at);
        self.simulation.crash(&runtime);
        self.simulation.advance(down);
        self.start(host);
    }

    /// No more is sent from now on; what is on its way arrives.
    pub(crate) fn calm_down(&self) {
        for (_, _, peers) in &self.hosts {
            for peer in peers {
                peer.dispatch(|peer, _| peer.quiet = true);
            }
        }
        self.simulation.advance(Duration::from_secs(60));
    }

    /// Which life of each peer is the present one.
    pub(crate) fn newest_lives(&self) -> HashMap<Upid, u64> {
        self.hosts
            .iter()
            .flat_map(|(_, runtime, peers)| {
                peers.iter().map(|peer| {
                    let life = runtime.block_on(peer.call(|peer, _| peer.life));
                    (peer.upid().clone(), life.ready().expect("a life"))
                })
            })
            .collect()
    }

    pub(crate) fn shut_down(&self) {
        for (_, runtime, _) in &self.hosts {
            runtime.shutdown();
        }
    }
}
