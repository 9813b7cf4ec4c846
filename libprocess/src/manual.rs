//! The manual, chapter by chapter. Each example runs.
//!
//! 1. [`actors`]: what an actor is, and what it may do in a handler.
//! 2. [`pids`]: how actors are named.
//! 3. [`dispatch`]: how to run something inside an actor, and how an actor waits.
//! 4. [`futures`]: values that come later, their discard, and what joins them.
//! 5. [`links`]: how one learns that another one is gone.
//! 6. [`clock`]: time that tests can stop.
//! 7. [`http`]: routes, clients, authentication.
//! 8. [`metrics`]: counters, gauges, timers.
//! 9. [`transports`]: what goes over the wire, and what is promised about it.
//! 10. [`testing`]: filters that see, drop and hold events.
//! 11. [`simulation`]: a network with faults, replayed from a seed.
//! 12. [`supervision`]: who ends when, and what a panic means.
//!
//! Who comes from C++ finds the same nouns; `docs/actors.md` of the repository lists where each class has gone.

pub mod actors {
    //! An actor is a value that implements [`Process`](crate::Process).
    //!
    //! It has one queue for everything: messages, dispatches, HTTP requests, the news of exits. Events leave the queue
    //! in the order in which they came, and are handled one at a time. So an actor needs no locks: its fields are its
    //! own, and a handler has `&mut self`.
    //!
    //! A handler is synchronous and short. It never waits: to wait, it starts something and names the method with which
    //! it goes on, see [`dispatch`](super::dispatch). In between other events are handled, so whoever goes on checks
    //! again what it assumed.
    //!
    //! Handlers are installed in [`Process::initialize`](crate::Process::initialize), which runs before any event.
    //!
    //! ```
    //! use bytes::Bytes;
    //! use libprocess::testing::Pattern;
    //! use libprocess::{Context, Process, ProcessId, Runtime};
    //!
    //! /// Counts, and says how far it has come when it is asked.
    //! struct Counter(u64);
    //!
    //! impl Process for Counter {
    //!     fn id(&self) -> ProcessId {
    //!         ProcessId::fixed("counter")
    //!     }
    //!
    //!     fn initialize(&mut self, ctx: &mut Context<Self>) {
    //!         ctx.install("add", |counter, _, _, _| counter.0 += 1);
    //!         ctx.install("ask", |counter, from, _, ctx| {
    //!             ctx.send(from, "count", Bytes::from(counter.0.to_string()));
    //!         });
    //!     }
    //! }
    //!
    //! /// Asks once, and takes the answer.
    //! struct Asker(libprocess::Upid);
    //!
    //! impl Process for Asker {
    //!     fn id(&self) -> ProcessId {
    //!         ProcessId::generated("asker")
    //!     }
    //!
    //!     fn initialize(&mut self, ctx: &mut Context<Self>) {
    //!         ctx.install("count", |_, _, _, _| {});
    //!         ctx.send(&self.0, "ask", Bytes::new());
    //!     }
    //! }
    //!
    //! let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
    //! let counter = runtime.spawn(Counter(0));
    //! let answer = runtime.expect_message(Pattern::message().named("count"));
    //! runtime.send(counter.upid(), "add", Bytes::new());
    //! runtime.spawn(Asker(counter.upid().clone()));
    //!
    //! let answer = runtime.block_on(answer).ready().expect("an answer");
    //! assert_eq!((&answer.from, &answer.body[..]), (counter.upid(), &b"1"[..]));
    //! runtime.shutdown();
    //! # Ok::<(), libprocess::StartError>(())
    //! ```
}

pub mod pids {
    //! A [`Upid`](crate::Upid) names an actor anywhere: `id@ip:port`. It is a name and no more: the actor may be gone, or
    //! may never have been. What is sent to nobody is dropped.
    //!
    //! A [`Pid`](crate::Pid) is the handle of a local actor whose type is known. It can be dispatched to.
    //! Ids are fixed, or numbered per runtime: `slave(1)`, `slave(2)`.
    //!
    //! ```
    //! use libprocess::Upid;
    //!
    //! let agent: Upid = "slave(1)@10.0.0.7:5051".parse()?;
    //! assert_eq!(&*agent.id, "slave(1)");
    //! assert_eq!(agent.address.port, 5051);
    //! assert!(agent.is_complete());
    //! # Ok::<(), libprocess::ParseUpidError>(())
    //! ```
}

pub mod dispatch {
    //! [`Pid::dispatch`](crate::Pid::dispatch) runs a closure inside an actor; [`Pid::call`](crate::Pid::call) gives its
    //! result as a future; [`Pid::call_future`](crate::Pid::call_future) joins the future that it returns.
    //! Dispatches are events as messages are: they keep their place in the queue.
    //!
    //! What C++ writes with `defer` is a continuation here, named where the waiting begins:
    //!
    //! | to go on after | use |
    //! |---|---|
    //! | a future, if it succeeds | [`Context::on_ready`](crate::Context::on_ready) |
    //! | a future, however it ends | [`Context::on_any`](crate::Context::on_any) |
    //! | an asynchronous task | [`Context::perform`](crate::Context::perform) |
    //! | work that blocks | [`Context::perform_blocking`](crate::Context::perform_blocking) |
    //! | some time | [`Context::delay`](crate::Context::delay) |
    //! | everything that is queued now | [`Context::dispatch_self`](crate::Context::dispatch_self) |
    //!
    //! ```
    //! use libprocess::{Context, Future, Process, ProcessId, Promise, Runtime};
    //!
    //! /// Adds numbers on a thread that may block.
    //! struct Adder(u64);
    //!
    //! impl Process for Adder {
    //!     fn id(&self) -> ProcessId {
    //!         ProcessId::generated("adder")
    //!     }
    //! }
    //!
    //! impl Adder {
    //!     fn add(&mut self, upto: u64, ctx: &mut Context<Self>) -> Future<u64> {
    //!         let (promise, sum) = Promise::new();
    //!         ctx.perform_blocking(
    //!             move || (1..=upto).sum::<u64>(),
    //!             |adder, sum, _| {
    //!                 adder.0 += sum;
    //!                 promise.set(adder.0);
    //!             },
    //!         );
    //!         sum
    //!     }
    //! }
    //!
    //! let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
    //! let adder = runtime.spawn(Adder(0));
    //! let sum = adder.call_future(|adder, ctx| adder.add(100, ctx));
    //! assert_eq!(runtime.block_on(sum).ready(), Some(5050));
    //! runtime.shutdown();
    //! # Ok::<(), libprocess::StartError>(())
    //! ```
}

pub mod futures {
    //! A [`Future`](crate::Future) ends in one of four ways: ready, failed with a text, discarded, or abandoned because
    //! its [`Promise`](crate::Promise) was dropped. See [`Outcome`](crate::Outcome).
    //!
    //! A discard is a request that travels to the producer, through every combinator; the producer decides.
    //! [`collect`](crate::collect) waits for all values, [`await_all`](crate::await_all) for all ends,
    //! [`select`](crate::select) for the first one.
    //!
    //! A [`Sequence`](crate::Sequence) runs one thing after the other, a [`RateLimiter`](crate::RateLimiter) so many in a
    //! time, a [`Mutex`](crate::Mutex) and a [`ReadWriteLock`](crate::ReadWriteLock) give turns, a
    //! [`Queue`](crate::Queue) gives values to those who wait in line, [`repeat`](crate::repeat) loops, and a
    //! [`StateMachine`](crate::StateMachine) tells when a state comes. None of them blocks a thread.
    //!
    //! ```
    //! use libprocess::{Future, Outcome, Promise, collect};
    //!
    //! let (promise, later) = Promise::new();
    //! let all = collect(vec![Future::ready(1), later.map(|n: i32| n * 10)]);
    //! promise.set(4);
    //! assert_eq!(all.now(), Some(Outcome::Ready(vec![1, 40])));
    //! ```
}

pub mod links {
    //! [`Context::link`](crate::Context::link) asks to be told, by [`Process::exited`](crate::Process::exited), when
    //! another actor is gone.
    //!
    //! - A local actor is gone when it has ended.
    //! - A remote actor counts as gone when the connection to its runtime breaks, for whatever reason. The end of a
    //!   remote actor alone is not told, and a broken connection exits every link to any actor at that address.
    //! - Linking twice is linking once. After an exit the link is gone: link again to be told again.
    //! - [`Context::relink`](crate::Context::relink) makes a fresh connection and takes over what was queued; nobody
    //!   who was linked over the old one notices.
    //! - Messages to a linked peer go over the link's connection, in order. What was sent before an exit may be lost;
    //!   what was not followed by an exit was not. Nothing arrives twice.
    //!
    //! The example is in the chapter [`simulation`](super::simulation).
}

pub mod clock {
    //! Every runtime has a [`Clock`](crate::Clock), and every timer hangs off it. Nothing here reads another one.
    //!
    //! A test pauses it. Then [`Clock::advance`](crate::Clock::advance) moves time and
    //! [`Clock::settle`](crate::Clock::settle) waits until no actor has work, no timer is due and no message is on its
    //! way between runtimes on this clock. Hours take milliseconds, and nothing sleeps.
    //!
    //! ```
    //! use std::time::Duration;
    //! use libprocess::{Clock, Context, Process, ProcessId, Runtime};
    //!
    //! struct Bell(u32);
    //!
    //! impl Process for Bell {
    //!     fn id(&self) -> ProcessId {
    //!         ProcessId::fixed("bell")
    //!     }
    //!
    //!     fn initialize(&mut self, ctx: &mut Context<Self>) {
    //!         ctx.delay(Duration::from_secs(3600), Self::ring);
    //!     }
    //! }
    //!
    //! impl Bell {
    //!     fn ring(&mut self, ctx: &mut Context<Self>) {
    //!         self.0 += 1;
    //!         ctx.delay(Duration::from_secs(3600), Self::ring);
    //!     }
    //! }
    //!
    //! let clock = Clock::paused();
    //! let runtime = Runtime::builder()
    //!     .ip([127, 0, 0, 1].into())
    //!     .clock(clock.clone())
    //!     .start()?;
    //! let bell = runtime.spawn(Bell(0));
    //! for _ in 0..24 {
    //!     clock.settle();
    //!     clock.advance(Duration::from_secs(3600));
    //! }
    //! clock.settle();
    //! assert_eq!(runtime.block_on(bell.call(|bell, _| bell.0)).ready(), Some(24));
    //! runtime.shutdown();
    //! # Ok::<(), libprocess::StartError>(())
    //! ```
}

pub mod http {
    //! Every actor may have routes below its id. Requests come through its queue; the answer is a future, and answers
    //! of one connection leave in the order of their requests. See [`crate::http`].
    //!
    //! ```
    //! use libprocess::http::client::{self, ClientRequest};
    //! use libprocess::http::{Help, Response};
    //! use libprocess::{Context, Process, ProcessId, Runtime};
    //!
    //! struct Greeter;
    //!
    //! impl Process for Greeter {
    //!     fn id(&self) -> ProcessId {
    //!         ProcessId::fixed("greeter")
    //!     }
    //!
    //!     fn initialize(&mut self, ctx: &mut Context<Self>) {
    //!         ctx.route("/hello", Help::default(), |_, _, _| Response::ok_text("hello").into());
    //!     }
    //! }
    //!
    //! let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
    //! runtime.spawn(Greeter);
    //! let url = format!("http://{}/greeter/hello", runtime.address());
    //! let body = runtime.block_on(async {
    //!     client::request(&url, ClientRequest::get("")).await?.bytes().await
    //! })?;
    //! assert_eq!(body, "hello");
    //! runtime.shutdown();
    //! # Ok::<(), Box<dyn std::error::Error>>(())
    //! ```
    //!
    //! [`Runtime::set_authenticator`](crate::Runtime::set_authenticator) decides who gets into a realm; see
    //! [`crate::http::authentication`] for Basic, bearer tokens and both together.
    //! Every runtime answers at `/metrics/snapshot`, `/metrics` (Prometheus), `/help`, `/__processes__`,
    //! `/logging/toggle`, `/system/stats.json` and `/profiler`.
}

pub mod metrics {
    //! [`Runtime::metrics`](crate::Runtime::metrics) keeps counters, gauges that are pushed or pulled, and timers with
    //! percentiles over a window. `/metrics/snapshot` shows them as Mesos does, `/metrics` as Prometheus wants them.
    //!
    //! ```
    //! use libprocess::{Future, Runtime};
    //!
    //! let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
    //! let metrics = runtime.metrics();
    //! metrics.counter("offers/sent").add(2);
    //! metrics.pull_gauge("offers/open", || Future::ready(1.0));
    //! let values = runtime.block_on(metrics.snapshot(None)).ready().expect("values");
    //! assert_eq!(values.get("offers/sent"), Some(&2.0));
    //! assert_eq!(values.get("offers/open"), Some(&1.0));
    //! runtime.shutdown();
    //! # Ok::<(), libprocess::StartError>(())
    //! ```
}

pub mod transports {
    //! One port speaks everything: messages of libprocess as HTTP requests, HTTP itself, gRPC over HTTP/2, and all of
    //! it within TLS when the runtime has [`tls`](crate::tls).
    //!
    //! [`RuntimeBuilder::transport`](crate::RuntimeBuilder::transport) says how messages leave: on the legacy wire,
    //! byte for byte that of C++ libprocess; as envelopes over one HTTP/2 connection in both directions, which needs no
    //! dial-back; or as the peer prefers.
    //!
    //! - Messages of one actor to another arrive in the order in which they were sent, as long as one connection lasts.
    //! - A message is delivered once or not at all, and nobody is told which, but for an exit (see
    //!   [`links`](super::links)).
    //! - What waits for a slow peer is bounded by [`Limits::outgoing`](crate::Limits::outgoing): beyond that the
    //!   connection breaks, which is an exit, and the metric `libprocess/outgoing_overflows` counts it.
    //! - A peer that sends again and again is waited for awake, for a moment: [`Polling`](crate::Polling) says how long.
    //! - A trace goes along when somebody asked for it, see [`trace`](crate::trace).
}

pub mod testing {
    //! [`Runtime::expect`](crate::Runtime::expect) and its kin see events just before an actor handles them: they wait
    //! for one, drop one or all, or hold them until they are released. A [`Pattern`](crate::testing::Pattern) says which.
    //!
    //! ```
    //! use bytes::Bytes;
    //! use libprocess::testing::Pattern;
    //! use libprocess::{Clock, Context, Process, ProcessId, Runtime};
    //!
    //! struct Counter(u32);
    //!
    //! impl Process for Counter {
    //!     fn id(&self) -> ProcessId {
    //!         ProcessId::fixed("counter")
    //!     }
    //!
    //!     fn initialize(&mut self, ctx: &mut Context<Self>) {
    //!         ctx.install("add", |counter, _, _, _| counter.0 += 1);
    //!     }
    //! }
    //!
    //! let clock = Clock::paused();
    //! let runtime = Runtime::builder()
    //!     .ip([127, 0, 0, 1].into())
    //!     .clock(clock.clone())
    //!     .start()?;
    //! let counter = runtime.spawn(Counter(0));
    //! let lost = runtime.drop_message(Pattern::message().named("add"));
    //! runtime.send(counter.upid(), "add", Bytes::new());
    //! runtime.send(counter.upid(), "add", Bytes::new());
    //! clock.settle();
    //! assert!(lost.now().is_some());
    //! assert_eq!(runtime.block_on(counter.call(|counter, _| counter.0)).ready(), Some(1));
    //! runtime.shutdown();
    //! # Ok::<(), libprocess::StartError>(())
    //! ```
}

pub mod simulation {
    //! A [`Simulation`](crate::simulation::Simulation) is a network within a test: whole runtimes, virtual time, faults
    //! by script. What happens follows from a seed, and a test that fails prints it. The example is at
    //! [`crate::simulation`].
    //!
    //! Losses and partitions are those that programs over TCP see: what is lost is sent again and comes late; what stays
    //! lost for about 50 seconds breaks the connection.
}

pub mod supervision {
    //! The rules, all of them:
    //!
    //! 1. An actor lives until it is terminated: by itself, by [`Runtime::terminate`](crate::Runtime::terminate), or by
    //!    the end of its runtime. An actor that spawned another one does not own it.
    //! 2. A termination is an event. It goes to the end of the queue, or drops what is queued: the caller chooses
    //!    ([`Termination`](crate::Termination)).
    //! 3. At its end [`Process::finalize`](crate::Process::finalize) runs; messages from there still leave. Then what was
    //!    queued is dropped: results of calls are abandoned, HTTP requests are answered with 500. Then the actor leaves
    //!    the registry, those who are linked are told, and at last those who wait for it
    //!    ([`Runtime::wait`](crate::Runtime::wait)).
    //! 4. Asynchronous tasks that an actor has started end with it.
    //! 5. Nobody restarts an actor. Who is linked to it decides what its exit means.
    //! 6. A panic in an actor is a broken invariant. It ends the whole program, at once: an actor that silently
    //!    disappears would be waited for for ever. What supervises the program starts it again, and state that matters
    //!    has been written down.
    //! 7. Input from elsewhere never panics. It is refused with the text that Mesos has for it, or dropped and counted.
}
