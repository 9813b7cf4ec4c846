//! The life of an actor: its id, its first and last event.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Context, Future, Outcome, Pid, Process, ProcessId, Termination, Upid};

use crate::support::{Recorder, entries, runtime};

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

/// Takes the place of an actor it is linked to as soon as that ends, and waits for the end of the new one.
struct Successor {
    ends: Arc<Mutex<Option<Future<()>>>>,
}

impl Process for Successor {
    fn id(&self) -> ProcessId {
        ProcessId::generated("successor")
    }

    fn exited(&mut self, pid: &Upid, ctx: &mut Context<Self>) {
        let mut ends = self.ends.lock().expect("a lock");
        if ends.is_none() {
            ctx.runtime().spawn(Recorder::new("place").0);
            *ends = Some(ctx.runtime().wait(pid));
        }
    }
}

#[test]
fn who_waits_for_the_next_actor_of_an_id_is_not_told_of_the_end_of_the_last() {
    // While so many are told, the first has taken the place.
    const LINKED: usize = 20_000;
    let runtime = runtime();
    let first = runtime.spawn(Recorder::new("place").0);
    let ends = Arc::default();
    for _ in 0..LINKED {
        let successor = runtime.spawn(Successor {
            ends: Arc::clone(&ends),
        });
        let to = first.upid().clone();
        successor.dispatch(move |_, ctx| ctx.link(&to));
    }
    runtime.clock().settle();

    runtime.terminate(first.upid(), Termination::Queued);
    runtime.clock().settle();

    let waiting = ends.lock().expect("a lock").take().expect("told");
    assert!(waiting.is_pending(), "the next one lives");
    assert!(runtime.exists(first.upid()));
    runtime.terminate(first.upid(), Termination::Queued);
    assert_eq!(runtime.block_on(waiting), Outcome::Ready(()));
    runtime.shutdown();
}
