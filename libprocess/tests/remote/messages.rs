//! Messages between runtimes.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use libprocess::testing::Pattern;

use crate::support::{Probe, Seen, link, next, next_body, pair, runtime, send};

/// Mirrors: ProcessTest.Remote
#[test]
fn a_message_and_its_answer_cross_the_wire_with_sender_and_body() {
    let (here, there) = (runtime(), runtime());
    let (ours, seen) = Probe::spawn(&here);
    let (theirs, _) = Probe::spawn(&there);

    for body in [
        Bytes::new(),
        Bytes::from_static(b"small"),
        Bytes::from(vec![7; 3_000_000]),
    ] {
        send(&ours, theirs.upid(), "ping", body.clone());

        match next(&seen) {
            Seen::Message(from, answer) => {
                assert_eq!(&from, theirs.upid());
                assert!(answer == body, "{} bytes came", answer.len());
            }
            Seen::Exited(pid) => panic!("{pid} exited"),
        }
    }
    here.shutdown();
    there.shutdown();
}

#[test]
fn messages_of_one_sender_keep_their_order_over_temporary_and_persistent_sockets() {
    for linked in [false, true] {
        let (here, there) = (runtime(), runtime());
        let (ours, _) = Probe::spawn(&here);
        let (theirs, seen) = Probe::spawn(&there);
        if linked {
            link(&ours, theirs.upid());
        }
        let to = theirs.upid().clone();

        ours.dispatch(move |_, ctx| {
            for number in 0..20_000_u32 {
                let size = usize::try_from(number % 97 * (number % 89)).expect("small");
                let mut body = number.to_le_bytes().to_vec();
                body.resize(4 + size, 0);
                ctx.send(&to, "note", body.into());
            }
        });

        for number in 0..20_000_u32 {
            let body = next_body(&seen);
            assert_eq!(body[..4], number.to_le_bytes());
        }
        here.shutdown();
        there.shutdown();
    }
}

#[test]
fn settle_sees_messages_between_runtimes_on_one_clock() {
    let (here, there, clock) = pair();
    let (ours, seen) = Probe::spawn(&here);
    let (theirs, _) = Probe::spawn(&there);
    for round in 0..100_u8 {
        send(&ours, theirs.upid(), "ping", vec![round]);

        clock.settle();

        match seen.try_recv().expect("the answer is there when all rest") {
            Seen::Message(_, body) => assert_eq!(body, &[round][..]),
            Seen::Exited(pid) => panic!("{pid} exited"),
        }
    }
    here.shutdown();
    there.shutdown();
}

#[test]
fn a_held_message_of_a_remote_sender_is_delivered_when_released() {
    let (here, there, clock) = pair();
    let (ours, seen) = Probe::spawn(&here);
    let (theirs, _) = Probe::spawn(&there);
    let held = there.hold(Pattern::message().named("ping").from(ours.upid()));
    send(&ours, theirs.upid(), "ping", "x");
    clock.settle();
    assert_eq!(held.len(), 1);
    assert!(seen.try_recv().is_err());

    held.release();
    clock.settle();

    assert!(seen.try_recv().is_ok());
    here.shutdown();
    there.shutdown();
}

#[test]
fn a_runtime_can_be_told_from_its_neighbour_by_its_address_only() {
    let (here, there) = (runtime(), runtime());
    let log = Arc::new(Mutex::new(Vec::new()));
    for runtime in [&here, &there] {
        let (pid, _) = Probe::spawn(runtime);
        log.lock().expect("a lock").push(pid.upid().clone());
    }

    let log = log.lock().expect("a lock");
    assert_eq!(log[0].id, log[1].id);
    assert_ne!(log[0].address, log[1].address);
    here.shutdown();
    there.shutdown();
}
