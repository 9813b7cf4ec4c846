//! Messages, filters of messages, and links.

use bytes::Bytes;
use libprocess::testing::Pattern;
use libprocess::{Context, Outcome, Process, ProcessId, Promise};

use crate::support::{Recorder, entries, runtime};

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

/// Mirrors: ProcessTest.Action
#[test]
fn one_event_after_the_other_can_be_expected_with_what_is_in_it() {
    let runtime = runtime();
    let pid = runtime.spawn(Recorder::new("recorder").0);
    let hello = || runtime.send(pid.upid(), "note", Bytes::from_static(b"hello world"));
    let of_pid = || Pattern::message().to(pid.upid());

    let first = runtime.expect_message(of_pid());
    hello();
    let message = runtime.block_on(first).ready().expect("a message");
    assert_eq!(message.body, "hello world");
    let second = runtime.expect(of_pid());
    assert!(second.is_pending());
    hello();

    assert!(runtime.block_on(second).ready().is_some());
    runtime.shutdown();
}
