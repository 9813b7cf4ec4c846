//! Many actors, links, messages and events at once: all arrive, in order, and all ends.
//!
//! `benches/throughput.rs` tells how fast. Sizes are a fraction of those of Mesos' benchmarks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Context, Future, Pid, Process, ProcessId, Runtime, Upid};
use mesos_proto::v1::{Label, Labels};

fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(2)
        .start()
        .expect("a runtime")
}

fn next<T>(told: &mpsc::Receiver<T>) -> T {
    told.recv_timeout(Duration::from_secs(60))
        .expect("something happens")
}

/// Sends so many pings, some at a time, and tells how many answers it got.
struct Client {
    server: Upid,
    sent: usize,
    answered: usize,
    requests: usize,
    done: mpsc::Sender<usize>,
}

impl Client {
    fn new(server: &Upid, requests: usize, done: mpsc::Sender<usize>) -> Self {
        Self {
            server: server.clone(),
            sent: 0,
            answered: 0,
            requests,
            done,
        }
    }

    fn ping(&mut self, ctx: &Context<Self>) {
        ctx.send(&self.server, "ping", Bytes::from_static(b"111"));
        self.sent += 1;
    }
}

impl Process for Client {
    fn id(&self) -> ProcessId {
        ProcessId::generated("client")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("run", |client, _, body, ctx| {
            let at_once = String::from_utf8_lossy(&body).parse().expect("a number");
            while client.sent < client.requests.min(at_once) {
                client.ping(ctx);
            }
        });
        ctx.install("pong", |client, _, _, ctx| {
            client.answered += 1;
            if client.answered == client.requests {
                client.done.send(client.answered).expect("the test waits");
            } else if client.sent < client.requests {
                client.ping(ctx);
            }
        });
    }
}

/// Answers pings and links to whoever sends one.
struct Server;

impl Process for Server {
    fn id(&self) -> ProcessId {
        ProcessId::generated("server")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("ping", |_, from, body, ctx| {
            ctx.link(from);
            ctx.send(from, "pong", body);
        });
    }
}

/// Mirrors: ProcessTest.Process_BENCHMARK_ClientServer
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn clients_of_one_server_all_get_all_their_answers() {
    let (here, there) = (runtime(), runtime());
    let server = there.spawn(Server);
    let (done, told) = mpsc::channel();
    let clients: Vec<_> = (0..8)
        .map(|_| here.spawn(Client::new(server.upid(), 500, done.clone())))
        .collect();

    for client in &clients {
        here.send(client.upid(), "run", Bytes::from_static(b"50"));
    }

    for _ in &clients {
        assert_eq!(next(&told), 500);
    }
    here.shutdown();
    there.shutdown();
}

/// Mirrors: ProcessTest.Process_BENCHMARK_ThroughputPerformance
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn pairs_of_actors_exchange_messages_side_by_side() {
    let runtime = runtime();
    let (done, told) = mpsc::channel();
    let pairs: Vec<_> = (0..4)
        .map(|_| {
            let server = runtime.spawn(Server);
            let client = Client::new(server.upid(), 10_000, done.clone());
            (runtime.spawn(client), server)
        })
        .collect();

    for (client, _) in &pairs {
        runtime.send(client.upid(), "run", Bytes::from_static(b"1000"));
    }

    for _ in &pairs {
        assert_eq!(next(&told), 10_000);
    }
    runtime.shutdown();
}

/// Links to another actor, if it has one to link to, and counts its exits.
struct Linker {
    to: Option<Upid>,
    exits: mpsc::Sender<Upid>,
}

impl Process for Linker {
    fn id(&self) -> ProcessId {
        ProcessId::generated("linker")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        if let Some(to) = &self.to {
            ctx.link(to);
        }
    }

    fn exited(&mut self, pid: &Upid, _: &mut Context<Self>) {
        // The test may be over.
        let _ = self.exits.send(pid.clone());
    }
}

/// Mirrors: ProcessTest.Process_BENCHMARK_LargeNumberOfLinks
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn exits_among_many_links_reach_only_those_who_are_linked() {
    const LINKS: usize = 1000;
    let runtime = runtime();
    let (exits, told) = mpsc::channel();
    let spawn = |to: Option<Upid>| {
        let exits = exits.clone();
        runtime.spawn(Linker { to, exits })
    };
    let linked: Vec<Pid<Linker>> = (0..LINKS).map(|_| spawn(None)).collect();
    for to in &linked {
        let linker = spawn(Some(to.upid().clone()));
        // Once it answers it has linked.
        runtime.block_on(linker.call(|_, _| ()));
    }

    let passing: Vec<_> = (0..2 * LINKS).map(|_| spawn(None)).collect();
    for pid in &passing {
        pid.dispatch(|_, ctx| ctx.terminate());
    }
    for pid in &passing {
        runtime.block_on(runtime.wait(pid.upid()));
    }

    assert!(told.try_recv().is_err(), "nobody was linked to them");
    for pid in &linked {
        pid.terminate();
        assert_eq!(&next(&told), pid.upid());
    }
    runtime.shutdown();
}

/// Calls itself and goes on, with its data, when it has answered.
struct Chain {
    links: usize,
    done: mpsc::Sender<usize>,
}

impl Chain {
    fn link(&mut self, data: Vec<u32>, ctx: &Context<Self>) {
        self.links -= 1;
        if self.links == 0 {
            self.done.send(data.len()).expect("the test waits");
            return;
        }
        let answer = ctx.pid().call_future(|_, _| Future::ready(()));
        ctx.on_ready(answer, move |chain, (), ctx| chain.link(data, ctx));
    }
}

impl Process for Chain {
    fn id(&self) -> ProcessId {
        ProcessId::generated("chain")
    }
}

/// Mirrors: ProcessTest.Process_BENCHMARK_DispatchDefer
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn a_long_chain_of_dispatches_and_continuations_comes_to_its_end() {
    let runtime = runtime();
    let (done, told) = mpsc::channel();
    let links = 20_000;

    let pid = runtime.spawn(Chain { links, done });
    pid.dispatch(|chain, ctx| chain.link(vec![42; 10_240], ctx));

    assert_eq!(next(&told), 10_240);
    runtime.shutdown();
}

/// Tells how many parts the messages have that it gets.
struct Listener(mpsc::Sender<usize>);

impl Process for Listener {
    fn id(&self) -> ProcessId {
        ProcessId::generated("reader")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf::<Labels>(|reader, _, message, _| {
            assert!(message.labels.iter().all(|label| label.key() == "payload"));
            reader.0.send(message.labels.len()).expect("the test waits");
        });
    }
}

/// Mirrors: ProcessTest.Process_BENCHMARK_ProtobufInstallHandler
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn handlers_of_protobuf_messages_get_them_whole_whatever_their_size() {
    let runtime = runtime();
    let (tell, told) = mpsc::channel();
    let reader = runtime.spawn(Listener(tell));

    for parts in [0, 1, 5, 10, 50, 100, 500, 1000, 5000, 10_000] {
        let part = Label {
            key: Some("payload".into()),
            value: Some("11".into()),
            ..Label::default()
        };
        let message = Labels {
            labels: vec![part; parts],
            ..Labels::default()
        };

        for _ in 0..10 {
            runtime.send_protobuf(reader.upid(), &message);
        }

        for _ in 0..10 {
            assert_eq!(next(&told), parts);
        }
    }
    runtime.shutdown();
}

/// Looks whether the events of each producer come in their order.
struct Consumer {
    last: Vec<usize>,
}

impl Process for Consumer {
    fn id(&self) -> ProcessId {
        ProcessId::generated("consumer")
    }
}

const EACH: usize = 20_000;

/// Puts numbered events into the queue of an actor.
fn produce(consumer: &Pid<Consumer>, producer: usize) {
    for number in 1..=EACH {
        consumer.dispatch(move |consumer, _| {
            let last = consumer.last.get_mut(producer).expect("a producer");
            assert_eq!(*last + 1, number, "in their order");
            *last = number;
        });
    }
}

/// Mirrors: ProcessTest.Process_BENCHMARK_MpscLinkedQueue
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn events_of_many_threads_all_come_each_threads_in_order() {
    let runtime = runtime();
    let consumer = runtime.spawn(Consumer { last: vec![0; 4] });

    std::thread::scope(|scope| {
        for producer in 0..4 {
            let consumer = &consumer;
            scope.spawn(move || produce(consumer, producer));
        }
    });

    let last = runtime.block_on(consumer.call(|consumer, _| consumer.last.clone()));
    assert_eq!(last.ready(), Some(vec![EACH; 4]));
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Process_BENCHMARK_MpscLinkedQueueNonContendedRead
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn events_that_were_all_there_before_the_first_was_read_come_in_order() {
    let runtime = runtime();
    let consumer = runtime.spawn(Consumer { last: vec![0; 1] });
    let (open, gate) = mpsc::channel::<()>();
    consumer.dispatch(move |_, _| gate.recv().expect("the gate opens"));

    produce(&consumer, 0);
    open.send(()).expect("the actor waits");

    let last = runtime.block_on(consumer.call(|consumer, _| consumer.last.clone()));
    assert_eq!(last.ready(), Some(vec![EACH]));
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Process_BENCHMARK_MpscLinkedQueueEmpty
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn an_actor_that_finds_its_queue_empty_again_and_again_misses_no_event() {
    let runtime = runtime();
    let consumer = runtime.spawn(Consumer { last: vec![0; 1] });
    let seen = Arc::new(AtomicUsize::new(0));

    for number in 1..=2_000 {
        let told = Arc::clone(&seen);
        let counted = consumer.call(move |_, _| told.fetch_add(1, Ordering::Relaxed) + 1);
        // Only then the next: the queue is empty in between.
        assert_eq!(runtime.block_on(counted).ready(), Some(number));
    }

    runtime.shutdown();
}
