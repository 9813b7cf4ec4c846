//! Calls, and continuations inside an actor.

use libprocess::{Future, Outcome, Promise};

use crate::support::{Recorder, entries, runtime};

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

/// Mirrors: `ProcessTest.Executor_Defer`
/// Mirrors: `ProcessTest.Executor_Execute`
#[test]
fn any_actor_executes_closures_with_their_own_state() {
    let runtime = runtime();
    let executor = runtime.spawn(Recorder::new("executor").0);
    let (tell, told) = std::sync::mpsc::channel();

    let (number, word) = (tell.clone(), tell);
    executor.dispatch(move |_, _| number.send("42".to_owned()).expect("heard"));
    executor.dispatch(move |_, _| word.send("event2".to_owned()).expect("heard"));
    let mut state = 0;
    let counted = executor.call(move |_, _| {
        state += 42;
        state
    });
    let plain = executor.call(|_, _| "f3".to_owned());
    let nested = executor.call_future(|_, _| Future::ready("f4".to_owned()));

    assert_eq!(runtime.block_on(counted), Outcome::Ready(42));
    assert_eq!(runtime.block_on(plain), Outcome::Ready("f3".into()));
    assert_eq!(runtime.block_on(nested), Outcome::Ready("f4".into()));
    assert_eq!(told.iter().take(2).collect::<Vec<_>>(), ["42", "event2"]);
    runtime.shutdown();
}

/// Mirrors: ProcessTest.Donate
#[test]
fn an_actor_that_waits_for_another_holds_nobody_up() {
    let runtime = libprocess::Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .start()
        .expect("a runtime");
    let (tell, told) = std::sync::mpsc::channel();
    let pid = runtime.spawn(Recorder::new("donor").0);

    pid.dispatch(move |_, ctx| {
        let other = ctx.spawn(Recorder::new("other").0);
        other.terminate();
        let ended = ctx.runtime().wait(other.upid());
        ctx.on_any(ended, move |_, ended, _| tell.send(ended).expect("heard"));
    });

    let ended = told.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(ended, Ok(Outcome::Ready(())));
    runtime.terminate(pid.upid(), libprocess::Termination::Queued);
    assert_eq!(
        runtime.block_on(runtime.wait(pid.upid())),
        Outcome::Ready(())
    );
    runtime.shutdown();
}

/// Is one too many between the two halves of a pulse.
#[derive(Default)]
struct Pulsing {
    value: u32,
}

impl libprocess::Process for Pulsing {
    fn id(&self) -> libprocess::ProcessId {
        libprocess::ProcessId::generated("pulsing")
    }
}

impl Pulsing {
    fn pulse(&mut self, ctx: &libprocess::Context<Self>) -> Future<u32> {
        self.value += 1;
        let (promise, future) = Promise::new();
        ctx.dispatch_self(move |pulsing, _| {
            pulsing.value -= 1;
            promise.set(pulsing.value);
        });
        future
    }
}

/// Mirrors: SequenceTest.Random
#[test]
fn a_sequence_shows_nobody_what_is_half_done() {
    let runtime = runtime();
    let pid = runtime.spawn(Pulsing::default());
    let sequence = libprocess::Sequence::new();

    let results: Vec<_> = (0..100_u32)
        .map(|number| {
            let pid = pid.clone();
            // As good as random: neither kind comes in a pattern.
            if number.wrapping_mul(2_654_435_761) >> 31 == 0 {
                sequence.add(move || pid.call_future(|pulsing, ctx| pulsing.pulse(ctx)))
            } else {
                sequence.add(move || pid.call(|pulsing, _| pulsing.value))
            }
        })
        .collect();

    let values = runtime.block_on(libprocess::collect(results));
    assert_eq!(values, Outcome::Ready(vec![0; 100]));
    runtime.shutdown();
}
