//! How many messages per second, against the goals and against C++ libprocess 1.11 on a like machine.
//!
//! `cargo bench -p libprocess` prints the table; with `-- --check` it exits 1 when a row falls short.
//! The last row has the subscriber that programs have: a log, and nobody who asks for traces. Beside the same row of
//! `cargo bench -p libprocess --features tracing/max_level_debug`, where traces are left out, it tells their cost.
//! Words after `--` choose the rows whose names contain one of them: `-- one-way dispatch`.
//! Answers `Process_BENCHMARK_ClientServer`, `Process_BENCHMARK_ThroughputPerformance`,
//! `Process_BENCHMARK_DispatchDefer`, `Process_BENCHMARK_MpscLinkedQueue` and `Process_BENCHMARK_LargeNumberOfLinks`.

#![expect(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark reads the real time, counts in doubles and fails by panicking"
)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use libprocess::{Arbiter, Clock, Context, Pid, Process, ProcessId, Runtime, Upid};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BODY: &[u8] = &[b'x'; 100];
const RUNS: usize = 5;

/// One row of the table: what is done how often per second, and what it should be.
struct Row {
    name: &'static str,
    cpp: Option<f64>,
    goal: Option<f64>,
    unit: &'static str,
    run: fn() -> f64,
}

fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .connection_arbiters(0)
        .start()
        .expect("a runtime")
}

/// Answers pings, counts what it gets, and tells when it has got enough.
struct Counter {
    id: ProcessId,
    left: u64,
    peer: Option<Upid>,
    done: Option<mpsc::Sender<()>>,
}

impl Counter {
    fn new(left: u64, done: mpsc::Sender<()>) -> Self {
        Self {
            id: ProcessId::generated("counter"),
            left,
            peer: None,
            done: Some(done),
        }
    }

    fn echo() -> Self {
        Self {
            id: ProcessId::generated("echo"),
            left: u64::MAX,
            peer: None,
            done: None,
        }
    }

    fn count(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.left == 0
            && let Some(done) = self.done.take()
        {
            done.send(()).expect("the benchmark waits");
        }
        self.left > 0
    }
}

impl Process for Counter {
    fn id(&self) -> ProcessId {
        self.id.clone()
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("one-way", |counter, _, _, _| {
            counter.count();
        });
        ctx.install("ping", |_, from, body, ctx| ctx.send(from, "pong", body));
        ctx.install("pong", |counter, from, body, ctx| {
            if counter.count() {
                ctx.send(from, "ping", body);
            }
        });
    }

    fn exited(&mut self, _: &Upid, _: &mut Context<Self>) {
        self.count();
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn repeat(run: impl Fn() -> f64) -> f64 {
    median((0..RUNS).map(|_| run()).collect())
}

/// Closures dispatched from outside to one actor.
fn dispatch_local() -> f64 {
    const COUNT: u64 = 4_000_000;
    let runtime = runtime();
    let (done, wait) = mpsc::channel();
    let pid = runtime.spawn(Counter::new(COUNT, done));
    let start = Instant::now();
    for _ in 0..COUNT {
        pid.dispatch(|counter, _| {
            counter.count();
        });
    }
    wait.recv().expect("the last");
    let rate = per_second(COUNT, start.elapsed());
    runtime.shutdown();
    rate
}

fn serve(from: &Pid<Counter>, to: &Upid) {
    let to = to.clone();
    from.dispatch(move |counter, ctx| {
        counter.peer = Some(to.clone());
        ctx.send(&to, "ping", Bytes::from_static(BODY));
    });
}

/// One message going back and forth between two actors of one thread.
fn ping_pong_local() -> f64 {
    ping_pong_beside_timers(0)
}

/// The same while a million timers are pending.
fn ping_pong_among_timers() -> f64 {
    ping_pong_beside_timers(1_000_000)
}

/// The same in a program with a log that takes INFO, as all have.
fn ping_pong_beside_log() -> f64 {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO);
    // The row before may have set it.
    let _ = log.with_writer(std::io::sink).try_init();
    ping_pong_local()
}

fn ping_pong_beside_timers(timers: u64) -> f64 {
    const COUNT: u64 = 1_000_000;
    let runtime = runtime();
    for number in 0..timers {
        let after = Duration::from_secs(3600) + Duration::from_millis(number);
        runtime.clock().timer(after, || {});
    }
    let (done, wait) = mpsc::channel();
    let client = runtime.spawn_on(Arbiter::Main(0), Counter::new(COUNT, done));
    let server = runtime.spawn_on(Arbiter::Main(0), Counter::echo());
    let start = Instant::now();
    serve(&client, server.upid());
    wait.recv().expect("the last");
    // A ping and a pong are two messages.
    let rate = per_second(2 * COUNT, start.elapsed());
    runtime.shutdown();
    rate
}

/// One message going back and forth between two runtimes; counted are round trips.
fn ping_pong_remote() -> f64 {
    const COUNT: u64 = 30_000;
    let (here, there) = (runtime(), runtime());
    let (done, wait) = mpsc::channel();
    let client = here.spawn(Counter::new(COUNT, done));
    let server = there.spawn(Counter::echo());
    link(&client, server.upid());
    let start = Instant::now();
    serve(&client, server.upid());
    wait.recv().expect("the last");
    let rate = per_second(COUNT, start.elapsed());
    here.shutdown();
    there.shutdown();
    rate
}

fn link(pid: &Pid<Counter>, to: &Upid) {
    let to = to.clone();
    pid.dispatch(move |_, ctx| ctx.link(&to));
}

/// Sends so many messages to one actor, some at a time, so that the sender's queue stays short.
fn send_many(pid: &Pid<Counter>, to: Upid, left: u64) {
    const BURST: u64 = 256;
    pid.dispatch(move |_, ctx| {
        for _ in 0..left.min(BURST) {
            ctx.send(&to, "one-way", Bytes::from_static(BODY));
        }
        if left > BURST {
            send_many(&ctx.pid(), to, left - BURST);
        }
    });
}

/// Messages from one actor to another over one link.
fn one_way_remote() -> f64 {
    const COUNT: u64 = 2_000_000;
    let (here, there) = (runtime(), runtime());
    let (done, wait) = mpsc::channel();
    let sender = here.spawn(Counter::echo());
    let receiver = there.spawn(Counter::new(COUNT, done));
    link(&sender, receiver.upid());
    let start = Instant::now();
    send_many(&sender, receiver.upid().clone(), COUNT);
    wait.recv().expect("the last");
    let rate = per_second(COUNT, start.elapsed());
    here.shutdown();
    there.shutdown();
    rate
}

/// Messages of a thousand remote actors to one.
fn fan_in_remote() -> f64 {
    const SENDERS: u64 = 1_000;
    const EACH: u64 = 1_000;
    let (here, there) = (runtime(), runtime());
    let (done, wait) = mpsc::channel();
    let receiver = there.spawn(Counter::new(SENDERS * EACH, done));
    let senders: Vec<_> = (0..SENDERS).map(|_| here.spawn(Counter::echo())).collect();
    let start = Instant::now();
    for sender in &senders {
        send_many(sender, receiver.upid().clone(), EACH);
    }
    wait.recv().expect("the last");
    let rate = per_second(SENDERS * EACH, start.elapsed());
    here.shutdown();
    there.shutdown();
    rate
}

fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0);
    pages * 4096.0
}

/// Starting a hundred thousand actors that all have handled one event: microseconds of each.
fn spawn_time() -> f64 {
    spawn_many().0
}

/// The same: bytes of each.
fn spawn_memory() -> f64 {
    spawn_many().1
}

fn spawn_many() -> (f64, f64) {
    const COUNT: u64 = 100_000;
    let runtime = runtime();
    let started = Arc::new(AtomicU64::new(0));
    let before = resident_bytes();
    let start = Instant::now();
    let (done, wait) = mpsc::channel();
    for _ in 0..COUNT {
        let pid = runtime.spawn(Counter::echo());
        let (started, done) = (Arc::clone(&started), done.clone());
        pid.dispatch(move |_, _| {
            if started.fetch_add(1, Ordering::Relaxed) + 1 == COUNT {
                done.send(()).expect("the benchmark waits");
            }
        });
    }
    wait.recv().expect("the last");
    let took = start.elapsed();
    let bytes = resident_bytes() - before;
    runtime.shutdown();
    (
        took.as_secs_f64() * 1e6 / COUNT as f64,
        bytes / COUNT as f64,
    )
}

/// The end of a peer to which fifty thousand actors are linked: milliseconds until all know.
fn exit_of_a_peer() -> f64 {
    const LINKS: u64 = 50_000;
    let (here, there) = (runtime(), runtime());
    let server = there.spawn(Counter::echo());
    let (done, wait) = mpsc::channel();
    let told = Arc::new(AtomicU64::new(0));
    for _ in 0..LINKS {
        let linker = here.spawn(Linked {
            told: Arc::clone(&told),
            all: LINKS,
            done: done.clone(),
        });
        let to: Upid = server.upid().clone();
        linker.dispatch(move |_, ctx| ctx.link(&to));
    }
    let (ping, pong) = mpsc::channel();
    let probe = here.spawn(Counter::new(1, ping));
    serve(&probe, server.upid());
    pong.recv().expect("the link stands");
    let start = Instant::now();
    there.shutdown();
    wait.recv().expect("all are told");
    let took = start.elapsed();
    here.shutdown();
    took.as_secs_f64() * 1e3
}

/// Counts exits together with all others.
struct Linked {
    told: Arc<AtomicU64>,
    all: u64,
    done: mpsc::Sender<()>,
}

impl Process for Linked {
    fn id(&self) -> ProcessId {
        ProcessId::generated("linked")
    }

    fn exited(&mut self, _: &Upid, _: &mut Context<Self>) {
        if self.told.fetch_add(1, Ordering::Relaxed) + 1 == self.all {
            self.done.send(()).expect("the benchmark waits");
        }
    }
}

/// Setting and cancelling a timer while a million others are pending.
fn timers() -> f64 {
    const COUNT: u64 = 1_000_000;
    let clock = Clock::paused();
    let set = |number| {
        clock.timer(
            Duration::from_micros(number) + Duration::from_secs(1),
            || {},
        )
    };
    for number in 0..COUNT {
        set(number * 1000);
    }
    let start = Instant::now();
    for number in 0..COUNT {
        set(number * 777).cancel();
    }
    per_second(COUNT, start.elapsed())
}

/// Round trips over TCP while the link carries half of its peak: microseconds that 999 of 1000 stay below.
fn latency_under_load() -> f64 {
    round_trips_at(repeat(one_way_remote) / 2.0)
}

/// The same on a link without other messages: what the machine itself costs.
fn latency_alone() -> f64 {
    round_trips_at(0.0)
}

fn round_trips_at(load: f64) -> f64 {
    const SAMPLES: usize = 3_000;
    const TICK: Duration = Duration::from_millis(1);
    let (here, there) = (runtime(), runtime());
    let (done, _wait) = mpsc::channel();
    let sink = there.spawn(Counter::new(u64::MAX, done));
    let sender = here.spawn(Counter::echo());
    link(&sender, sink.upid());
    let (tell, told) = mpsc::channel();
    let echo = there.spawn(Counter::echo());
    let probe = here.spawn(Probe { tell });
    let mut credit = 0.0;
    let mut figures = Vec::with_capacity(SAMPLES);
    let mut last = Instant::now();
    while figures.len() < SAMPLES {
        let now = Instant::now();
        credit += load * now.duration_since(last).as_secs_f64();
        last = now;
        let burst = Duration::from_secs_f64(credit).as_secs();
        credit -= burst as f64;
        if burst > 0 {
            send_many(&sender, sink.upid().clone(), burst);
        }
        let to = echo.upid().clone();
        let start = Instant::now();
        probe.dispatch(move |_, ctx| ctx.send(&to, "ping", Bytes::from_static(BODY)));
        told.recv().expect("the answer");
        figures.push(start.elapsed().as_secs_f64() * 1e6);
        std::thread::park_timeout(TICK);
    }
    here.shutdown();
    there.shutdown();
    figures.sort_by(f64::total_cmp);
    figures
        .get(SAMPLES * 999 / 1000)
        .copied()
        .unwrap_or_default()
}

/// Tells when its answer comes.
struct Probe {
    tell: mpsc::Sender<()>,
}

impl Process for Probe {
    fn id(&self) -> ProcessId {
        ProcessId::generated("probe")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("pong", |probe, _, _, _| {
            probe.tell.send(()).expect("the benchmark waits");
        });
    }
}

/// The table. Spawning comes first, while the memory is still the kernel's.
const ROWS: [Row; 13] = [
    report("spawn of 100,000 actors, bytes each", "bytes", spawn_memory),
    report("spawn of 100,000 actors, time each", "us", spawn_time),
    promise("one-way messages over one TCP link", 57e3, 800e3, || {
        repeat(one_way_remote)
    }),
    promise("ping-pong over TCP, one in flight", 7.5e3, 20e3, || {
        repeat(ping_pong_remote)
    }),
    promise("ping-pong between two local actors", 270e3, 3e6, || {
        repeat(ping_pong_local)
    }),
    promise("dispatch to a local actor", 2.3e6, 8e6, || {
        repeat(dispatch_local)
    }),
    report("local ping-pong, 1,000,000 timers", "/s", || {
        repeat(ping_pong_among_timers)
    }),
    report("timers set and cancelled among 1,000,000", "/s", || {
        repeat(timers)
    }),
    report("fan-in from 1,000 remote actors", "/s", || {
        repeat(fan_in_remote)
    }),
    report("exit of a peer with 50,000 links", "ms", || {
        repeat(exit_of_a_peer)
    }),
    report(
        "p99.9 of a round trip at half load",
        "us",
        latency_under_load,
    ),
    report("p99.9 of a round trip without load", "us", latency_alone),
    report("local ping-pong, log on, traces off", "/s", || {
        repeat(ping_pong_beside_log)
    }),
];

/// A row with a goal.
const fn promise(name: &'static str, cpp: f64, goal: f64, run: fn() -> f64) -> Row {
    Row {
        name,
        cpp: Some(cpp),
        goal: Some(goal),
        unit: "/s",
        run,
    }
}

/// A row that is only told.
const fn report(name: &'static str, unit: &'static str, run: fn() -> f64) -> Row {
    Row {
        name,
        cpp: None,
        goal: None,
        unit,
        run,
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = arguments.iter().any(|argument| argument == "--check");
    let words: Vec<&String> = arguments.iter().filter(|a| !a.starts_with("--")).collect();
    let mut short = false;
    println!(
        "{:<41} {:>10} {:>10} {:>10} {:>6}",
        "", "C++", "goal", "ours", "ratio"
    );
    for Row {
        name,
        cpp,
        goal,
        unit,
        run,
    } in ROWS
    {
        if !words.is_empty() && !words.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let ours = run();
        let figure =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.0}"));
        let ratio = goal.map_or_else(|| "-".to_owned(), |goal| format!("{:.2}", ours / goal));
        short |= goal.is_some_and(|goal| ours < goal);
        println!(
            "{name:<41} {:>10} {:>10} {ours:>10.0} {ratio:>6} {unit}",
            figure(cpp),
            figure(goal)
        );
    }
    if check && short {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
