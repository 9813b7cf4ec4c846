//! How long a socket lives, and what the end of a runtime does to it.

use std::io::Read;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Context, Limits, Outcome, Process, ProcessId, Upid};

use crate::support::{
    FakePeer, Probe, builder, link, next_body, next_exited, read_message, runtime, send,
};

#[test]
fn a_temporary_socket_closes_when_all_is_sent_and_its_end_is_not_told() {
    let here = runtime();
    let peer = FakePeer::new();
    let (ours, seen) = Probe::spawn(&here);

    send(&ours, &peer.upid, "note", "x");
    let mut stream = peer.accept();
    read_message(&mut stream);

    assert_eq!(stream.read(&mut [0; 16]).expect("the end"), 0);
    assert!(seen.recv_timeout(Duration::from_millis(50)).is_err());
    here.shutdown();
}

#[test]
fn a_peer_that_does_not_read_breaks_when_too_much_waits_for_it() {
    let limits = Limits {
        outgoing: 4 * 1024 * 1024,
        ..Limits::default()
    };
    let here = builder().limits(limits).start().expect("a runtime");
    let peer = FakePeer::new();
    let (ours, seen) = Probe::spawn(&here);
    link(&ours, &peer.upid);
    let _unread = peer.accept();
    let to = peer.upid.clone();

    ours.dispatch(move |_, ctx| {
        for _ in 0..64 {
            ctx.send(&to, "note", Bytes::from(vec![0; 1024 * 1024]));
        }
    });

    assert_eq!(next_exited(&seen), peer.upid);
    let metrics = here
        .block_on(here.metrics().snapshot(None))
        .ready()
        .expect("values");
    assert!(metrics["libprocess/outgoing_overflows"] >= 1.0);
    here.shutdown();
}

#[test]
fn shutdown_closes_connections_and_refuses_actors() {
    let there = runtime();
    let (pid, _) = Probe::spawn(&there);
    let mut stream = TcpStream::connect(there.address().socket_addr()).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");

    there.shutdown();
    there.shutdown();

    assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    assert!(
        there
            .spawn(Probe {
                tell: mpsc::channel().0
            })
            .upid()
            .is_empty()
    );
    assert_eq!(pid.call(|_, _| 1).now(), Some(Outcome::Abandoned));
}

#[test]
fn what_an_actor_sends_as_it_ends_still_arrives() {
    struct Parting(Upid);
    impl Process for Parting {
        fn id(&self) -> ProcessId {
            ProcessId::fixed("parting")
        }
        fn finalize(&mut self, ctx: &mut Context<Self>) {
            for number in 0..1000_u16 {
                ctx.send(&self.0, "note", number.to_string().into());
            }
        }
    }
    let (here, there) = (runtime(), runtime());
    let (pid, seen) = Probe::spawn(&there);
    here.spawn(Parting(pid.upid().clone()));

    here.shutdown();

    for number in 0..1000_u16 {
        assert_eq!(next_body(&seen), number.to_string());
    }
    there.shutdown();
}
