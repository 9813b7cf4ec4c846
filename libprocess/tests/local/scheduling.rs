//! Time, order, and actors that share threads.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Arbiter, Clock, Context, Outcome, Pid, Process, ProcessId, Runtime};

use crate::support::{Recorder, entries, runtime};

/// Mirrors: ProcessTest.Delay
#[test]
fn a_delay_passes_only_when_the_clock_is_advanced() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);
    pid.dispatch(|_, ctx| {
        ctx.delay(Duration::from_secs(5), |recorder, _| recorder.note("late"));
    });
    runtime.clock().settle();
    runtime.clock().advance(Duration::from_secs(4));
    runtime.clock().settle();
    assert_eq!(entries(&log), ["initialize"]);

    runtime.clock().advance(Duration::from_secs(1));
    runtime.clock().settle();

    assert_eq!(entries(&log), ["initialize", "late"]);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Settle
#[test]
fn settle_waits_for_chains_of_dispatches_blocking_work_and_tasks() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);
    fn hop(recorder: &mut Recorder, ctx: &mut Context<Recorder>, left: u32) {
        if left > 0 {
            ctx.dispatch_self(move |recorder, ctx| hop(recorder, ctx, left - 1));
            return;
        }
        ctx.perform_blocking(
            || 7,
            |_, seven, ctx| {
                ctx.perform(
                    async move {
                        tokio::task::yield_now().await;
                        std::rc::Rc::new(seven)
                    },
                    |recorder, seven, _| recorder.note(format!("arrived with {seven}")),
                );
            },
        );
        recorder.note("hopped");
    }

    pid.dispatch(|recorder, ctx| hop(recorder, ctx, 2000));
    runtime.clock().settle();

    assert_eq!(entries(&log), ["initialize", "hopped", "arrived with 7"]);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Order
#[test]
fn events_of_all_kinds_keep_the_order_of_their_sender() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("receiver");
    let receiver = runtime.spawn_on(Arbiter::Main(0), recorder);
    let sender = runtime.spawn_on(Arbiter::Main(1), Recorder::new("sender").0);
    let to = receiver;

    sender.dispatch(move |_, ctx| {
        for number in 0..1000 {
            if number % 2 == 0 {
                ctx.send(to.upid(), "note", Bytes::from(number.to_string()));
            } else {
                to.dispatch(move |recorder, _| recorder.note(format!("sender:{number}")));
            }
        }
    });
    runtime.clock().settle();

    let expected: Vec<String> = std::iter::once("initialize".to_owned())
        .chain((0..1000).map(|number| format!("sender:{number}")))
        .collect();
    assert_eq!(entries(&log), expected);
    runtime.shutdown();
}

#[test]
fn an_actor_that_keeps_itself_busy_does_not_starve_its_neighbour() {
    struct Spinner;
    impl Spinner {
        fn spin(&mut self, ctx: &mut Context<Self>) {
            ctx.dispatch_self(Self::spin);
        }
    }
    impl Process for Spinner {
        fn id(&self) -> ProcessId {
            ProcessId::generated("spinner")
        }
    }
    let runtime = runtime();
    let spinner = runtime.spawn_on(Arbiter::Main(0), Spinner);
    let neighbour = runtime.spawn_on(Arbiter::Main(0), Recorder::new("neighbour").0);

    spinner.dispatch(Spinner::spin);

    assert_eq!(
        runtime.block_on(neighbour.call(|_, _| 1)),
        Outcome::Ready(1)
    );
    spinner.terminate();
    runtime.shutdown();
}

#[test]
fn a_reserved_thread_serves_nobody_else() {
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .reserved_arbiters(1)
        .start()
        .expect("a runtime");
    let thread = |pid: &Pid<Recorder>| {
        let name = pid.call(|_, _| std::thread::current().id());
        runtime.block_on(name).ready().expect("a thread")
    };
    let alone = runtime.spawn_on(Arbiter::Reserved(0), Recorder::new("alone").0);
    let others = ["one", "two", "three"].map(|name| runtime.spawn(Recorder::new(name).0));
    let beyond = runtime.spawn_on(Arbiter::Reserved(1), Recorder::new("beyond").0);

    let taken = thread(&alone);

    assert!(others.iter().all(|other| thread(other) != taken));
    assert_ne!(thread(&beyond), taken);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Async
#[test]
fn blocking_work_runs_beside_the_actor_and_comes_back() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);

    pid.dispatch(|recorder, ctx| {
        let actor = std::thread::current().id();
        ctx.perform_blocking(
            move || std::thread::current().id() != actor,
            |recorder, elsewhere, _| recorder.note(format!("elsewhere: {elsewhere}")),
        );
        recorder.note("going on");
    });
    runtime.clock().settle();

    assert_eq!(entries(&log), ["initialize", "going on", "elsewhere: true"]);
    runtime.shutdown();
}

/// Mirrors: AfterTest.Loop
#[test]
fn an_actor_can_repeat_itself_on_the_clock() {
    fn tick(recorder: &mut Recorder, ctx: &mut Context<Recorder>) {
        recorder.note("tick");
        ctx.delay(Duration::from_secs(60), tick);
    }
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);
    pid.dispatch(tick);
    for _ in 0..3 {
        runtime.clock().settle();
        runtime.clock().advance(Duration::from_secs(60));
    }
    runtime.clock().settle();

    assert_eq!(
        entries(&log),
        ["initialize", "tick", "tick", "tick", "tick"]
    );
    runtime.shutdown();
}

#[test]
fn many_actors_on_many_threads_lose_nothing() {
    const ACTORS: usize = 50;
    const ROUNDS: usize = 200;
    struct Node {
        peers: Vec<Pid<Self>>,
        seen: Arc<std::sync::atomic::AtomicUsize>,
    }
    impl Process for Node {
        fn id(&self) -> ProcessId {
            ProcessId::generated("node")
        }
    }
    impl Node {
        fn pass(&mut self, left: usize) {
            self.seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if let Some(peer) = self
                .peers
                .get(left % self.peers.len().max(1))
                .filter(|_| left > 0)
            {
                peer.dispatch(move |node, _| node.pass(left - 1));
            }
        }
    }
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(4)
        .clock(Clock::paused())
        .start()
        .expect("a runtime");
    let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let nodes: Vec<Pid<Node>> = (0..ACTORS)
        .map(|_| {
            runtime.spawn(Node {
                peers: Vec::new(),
                seen: Arc::clone(&seen),
            })
        })
        .collect();
    for node in &nodes {
        let peers = nodes.clone();
        node.dispatch(move |node, _| node.peers = peers);
    }
    for node in &nodes {
        node.dispatch(|node, _| node.pass(ROUNDS));
    }

    runtime.clock().settle();

    assert_eq!(
        seen.load(std::sync::atomic::Ordering::SeqCst),
        ACTORS * (ROUNDS + 1)
    );
    runtime.shutdown();
}
