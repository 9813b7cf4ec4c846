//! Actors of one runtime among themselves.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use libprocess::testing::Pattern;
use libprocess::{
    Arbiter, Clock, Context, Future, Outcome, Pid, Process, ProcessId, Promise, Runtime,
    Termination, Upid,
};

fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(2)
        .clock(Clock::paused())
        .start()
        .expect("a runtime")
}

type Log = Arc<Mutex<Vec<String>>>;

fn entries(log: &Log) -> Vec<String> {
    log.lock().expect("the log").clone()
}

/// Writes down all that happens to it.
struct Recorder {
    id: ProcessId,
    log: Log,
}

impl Recorder {
    fn new(id: &'static str) -> (Self, Log) {
        let log = Log::default();
        (
            Self {
                id: ProcessId::fixed(id),
                log: Arc::clone(&log),
            },
            log,
        )
    }

    fn note(&self, entry: impl Into<String>) {
        self.log.lock().expect("the log").push(entry.into());
    }
}

impl Process for Recorder {
    fn id(&self) -> ProcessId {
        self.id.clone()
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.note("initialize");
        ctx.install("note", |recorder, from, body, _| {
            recorder.note(format!("{}:{}", from.id, String::from_utf8_lossy(&body)));
        });
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.note("finalize");
    }

    fn exited(&mut self, pid: &Upid, _: &mut Context<Self>) {
        self.note(format!("exited {}", pid.id));
    }
}

/// Mirrors: ProcessTest.Spawn
/// Mirrors: ProcessTest.Event
#[test]
fn an_actor_is_initialized_before_its_first_event_and_finalized_after_its_last() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);

    runtime.send(pid.upid(), "note", Bytes::from_static(b"one"));
    pid.dispatch(|recorder, _| recorder.note("two"));
    runtime.terminate(pid.upid(), Termination::Queued);
    runtime.block_on(runtime.wait(pid.upid()));

    assert_eq!(entries(&log), ["initialize", ":one", "two", "finalize"]);
    assert!(!runtime.exists(pid.upid()));
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Dispatch
#[test]
fn a_call_tells_what_the_closure_returned() {
    let runtime = runtime();
    let pid = runtime.spawn(Recorder::new("recorder").0);

    let plain = pid.call(|_, _| 1);
    let nested = pid.call_future(|_, _| Future::ready(2));
    let failed = pid.call_future(|_, _| Future::<u8>::failed("no"));

    assert_eq!(runtime.block_on(plain), Outcome::Ready(1));
    assert_eq!(runtime.block_on(nested), Outcome::Ready(2));
    assert_eq!(runtime.block_on(failed), Outcome::Failed("no".into()));
    runtime.shutdown();
}

#[test]
fn a_call_to_an_actor_that_has_ended_is_abandoned() {
    let runtime = runtime();
    let pid = runtime.spawn(Recorder::new("recorder").0);
    pid.terminate();
    runtime.block_on(runtime.wait(pid.upid()));

    assert_eq!(runtime.block_on(pid.call(|_, _| 1)), Outcome::Abandoned);
    runtime.shutdown();
}

#[test]
fn an_injected_termination_drops_what_is_queued() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let (here, serving) = std::sync::mpsc::channel::<()>();
    pid.dispatch(move |recorder, _| {
        here.send(()).expect("the test waits");
        gate.recv().expect("the word");
        recorder.note("served");
    });
    let dropped = pid.call(|recorder, _| recorder.note("dropped"));

    serving.recv().expect("the actor serves");
    runtime.terminate(pid.upid(), Termination::Inject);
    go.send(()).expect("the actor waits");

    assert_eq!(runtime.block_on(dropped), Outcome::Abandoned);
    runtime.block_on(runtime.wait(pid.upid()));
    assert_eq!(entries(&log), ["initialize", "served", "finalize"]);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Handlers
#[test]
fn a_message_without_handler_is_shown_and_dropped() {
    struct Strict(Option<Promise<String>>);
    impl Process for Strict {
        fn id(&self) -> ProcessId {
            ProcessId::generated("strict")
        }
        fn message_unhandled(&mut self, message: &libprocess::Message, _: &mut Context<Self>) {
            if let Some(promise) = self.0.take() {
                promise.set(message.name.to_string());
            }
        }
    }
    let runtime = runtime();
    let (promise, name) = Promise::new();
    let pid = runtime.spawn(Strict(Some(promise)));

    runtime.send(pid.upid(), "unknown", Bytes::new());

    assert_eq!(runtime.block_on(name), Outcome::Ready("unknown".into()));
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Delegate
#[test]
fn a_delegated_message_keeps_its_sender() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("delegatee");
    let delegatee = runtime.spawn(recorder);
    let delegator = runtime.spawn(Recorder::new("delegator").0);
    let sender = runtime.spawn(Recorder::new("sender").0);
    let target = delegatee.upid().clone();
    delegator.dispatch(move |_, ctx| ctx.delegate_message("passed", target));
    delegatee.dispatch(|_, ctx| {
        ctx.install("passed", |recorder, from, _, _| {
            recorder.note(format!("passed by {}", from.id));
        });
    });

    let to = delegator.upid().clone();
    sender.dispatch(move |_, ctx| ctx.send(&to, "passed", Bytes::new()));
    runtime.clock().settle();

    assert_eq!(entries(&log), ["initialize", "passed by sender"]);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Exited
#[test]
fn a_linked_actor_is_told_once_when_the_other_ends() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("linker");
    let linker = runtime.spawn(recorder);
    let linkee = runtime.spawn(Recorder::new("linkee").0);
    let target = linkee.upid().clone();
    linker.dispatch(move |_, ctx| {
        ctx.link(&target);
        ctx.link(&target);
    });
    runtime.clock().settle();

    linkee.terminate();
    runtime.clock().settle();

    assert_eq!(entries(&log), ["initialize", "exited linkee"]);
    runtime.shutdown();
}

#[test]
fn a_link_to_nobody_exits_at_once() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("linker");
    let linker = runtime.spawn(recorder);
    let nobody = runtime.upid("nobody");

    linker.dispatch(move |_, ctx| ctx.link(&nobody));
    runtime.clock().settle();

    assert_eq!(entries(&log), ["initialize", "exited nobody"]);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.DropExited
#[test]
fn a_filter_can_drop_an_exited_event() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("linker");
    let linker = runtime.spawn(recorder);
    let linkee = runtime.spawn(Recorder::new("linkee").0);
    let target = linkee.upid().clone();
    linker.dispatch(move |_, ctx| ctx.link(&target));
    runtime.clock().settle();
    let guard = runtime.drop_all(Pattern::exited().from(linkee.upid()));

    linkee.terminate();
    runtime.clock().settle();

    assert_eq!(guard.count(), 1);
    assert_eq!(entries(&log), ["initialize"]);
    drop(guard);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Expect
/// Mirrors: ProcessTest.FutureExited
#[test]
fn filters_see_drop_and_hold_messages() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);
    let send =
        |text: &'static str| runtime.send(pid.upid(), "note", Bytes::from_static(text.as_bytes()));

    let seen = runtime.expect_message(Pattern::message().named("note").to(pid.upid()));
    send("seen");
    runtime.clock().settle();
    let dropped = runtime.drop_message(Pattern::message());
    send("dropped");
    runtime.clock().settle();
    let held = runtime.hold(Pattern::message());
    send("held");
    runtime.clock().settle();
    assert_eq!(held.len(), 1);
    drop(held);
    send("last");
    runtime.clock().settle();

    assert_eq!(
        runtime.block_on(seen).ready().map(|m| m.body),
        Some("seen".into())
    );
    assert_eq!(
        runtime.block_on(dropped).ready().map(|m| m.body),
        Some("dropped".into())
    );
    assert_eq!(entries(&log), ["initialize", ":seen", ":held", ":last"]);
    runtime.shutdown();
}

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
fn an_id_that_is_taken_gives_the_handle_of_nobody() {
    let runtime = runtime();
    let first: Pid<Recorder> = runtime.spawn(Recorder::new("same").0);

    let second = runtime.spawn(Recorder::new("same").0);

    assert!(second.upid().is_empty());
    assert_eq!(runtime.block_on(second.call(|_, _| 1)), Outcome::Abandoned);
    assert_eq!(runtime.block_on(first.call(|_, _| 1)), Outcome::Ready(1));
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Defer1
/// Mirrors: ProcessTest.Defers
#[test]
fn continuations_run_inside_the_actor_that_named_them() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);
    let (value, future) = Promise::new();
    let (failure, failing) = Promise::<u8>::new();
    pid.dispatch(move |_, ctx| {
        ctx.on_ready(future, |recorder, value: u8, _| {
            recorder.note(format!("ready {value}"));
        });
        ctx.on_any(failing, |recorder, outcome, _| {
            recorder.note(format!("{outcome:?}"));
        });
    });
    runtime.clock().settle();

    value.set(3);
    failure.fail("broken");
    runtime.clock().settle();

    assert_eq!(
        entries(&log),
        ["initialize", "ready 3", "Failed(\"broken\")"]
    );
    runtime.shutdown();
}

#[test]
fn a_discard_of_a_call_reaches_the_producer() {
    let runtime = runtime();
    let pid = runtime.spawn(Recorder::new("recorder").0);
    let (promise, future) = Promise::<u8>::new();
    let (asked, told) = Promise::new();
    promise.on_discard(move || asked.set(()));
    let result = pid.call_future(move |_, _| future);
    runtime.clock().settle();

    result.discard();

    assert_eq!(runtime.block_on(told), Outcome::Ready(()));
    promise.discard();
    assert_eq!(runtime.block_on(result), Outcome::Discarded);
    runtime.shutdown();
}

#[test]
fn generated_ids_count_and_are_not_used_again() {
    struct Plain;
    impl Process for Plain {
        fn id(&self) -> ProcessId {
            ProcessId::generated("plain")
        }
    }
    let runtime = runtime();

    let ids: HashSet<String> = (0..10)
        .map(|_| {
            let pid = runtime.spawn(Plain);
            pid.terminate();
            pid.upid().id.to_string()
        })
        .collect();

    assert_eq!(ids.len(), 10);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.InjectExited
#[test]
fn an_exited_event_can_be_injected() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("linker");
    let linker = runtime.spawn(recorder);
    let linkee = runtime.spawn(Recorder::new("linkee").0);

    runtime.inject_exited(linker.upid(), linkee.upid());
    runtime.clock().settle();

    assert_eq!(entries(&log), ["initialize", "exited linkee"]);
    assert!(runtime.exists(linkee.upid()));
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Thunk
#[test]
fn one_dispatch_can_wait_for_another_actor() {
    let runtime = runtime();
    let one = runtime.spawn(Recorder::new("one").0);
    let two = runtime.spawn(Recorder::new("two").0);

    let result = one.call_future(move |_, _| two.call(|_, ctx| ctx.upid().id.to_string()));

    assert_eq!(runtime.block_on(result), Outcome::Ready("two".into()));
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

#[test]
fn an_actor_that_ends_drops_its_tasks_and_timers_do_nothing() {
    struct Flag(Arc<Mutex<bool>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            *self.0.lock().expect("a lock") = true;
        }
    }
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);
    let dropped = Arc::new(Mutex::new(false));
    let flag = Flag(Arc::clone(&dropped));
    pid.dispatch(move |_, ctx| {
        ctx.perform(
            async move {
                let _flag = flag;
                std::future::pending::<()>().await;
            },
            |recorder, (), _| recorder.note("never"),
        );
        ctx.delay(Duration::from_secs(1), |recorder, _| recorder.note("never"));
    });
    runtime.clock().settle();

    pid.terminate();
    runtime.clock().settle();
    runtime.clock().advance(Duration::from_secs(1));
    runtime.clock().settle();

    assert!(*dropped.lock().expect("a lock"));
    assert_eq!(entries(&log), ["initialize", "finalize"]);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Defer2
/// Mirrors: ProcessTest.Defer3
#[test]
fn a_continuation_of_an_actor_that_has_ended_is_dropped() {
    let runtime = runtime();
    let (recorder, log) = Recorder::new("recorder");
    let pid = runtime.spawn(recorder);
    let (promise, future) = Promise::new();
    pid.dispatch(move |_, ctx| {
        ctx.on_any(future, |recorder, outcome: Outcome<u8>, _| {
            recorder.note(format!("{outcome:?}"));
        });
    });
    runtime.clock().settle();
    pid.terminate();
    runtime.block_on(runtime.wait(pid.upid()));

    promise.set(1);
    runtime.clock().settle();

    assert_eq!(entries(&log), ["initialize", "finalize"]);
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
