//! What the legacy wire looks like to a peer that handles its sockets itself.

use std::io::Read;
use std::net::Shutdown;
use std::time::Duration;

use bytes::Bytes;
use libprocess::Limits;

use crate::support::{
    FakePeer, Probe, builder, link, next_exited, read_message, relink, runtime, send,
};

/// Mirrors: ProcessRemoteLinkTest.RemoteUseStaleLink
/// Mirrors: ProcessRemoteLinkTest.RemoteStaleLinkRelink
#[test]
fn a_broken_socket_exits_its_links_and_a_relink_delivers_again() {
    let here = runtime();
    let peer = FakePeer::new();
    let (ours, seen) = Probe::spawn(&here);
    link(&ours, &peer.upid);
    let stale = peer.accept();

    stale.shutdown(Shutdown::Both).expect("broken");
    assert_eq!(next_exited(&seen), peer.upid);

    relink(&ours, &peer.upid);
    send(&ours, &peer.upid, "note", "delivered");
    let mut fresh = peer.accept();
    assert!(read_message(&mut fresh).contains("\r\n9\r\ndelivered\r\n"));
    here.shutdown();
}

/// The block was recorded from Mesos 1.11.0, but for ids and ports.
#[test]
fn what_leaves_the_socket_is_the_recorded_form() {
    let here = runtime();
    let peer = FakePeer::new();
    let (ours, _) = Probe::spawn(&here);

    send(
        &ours,
        &peer.upid,
        "mesos.internal.PingSlaveMessage",
        &b"\x08\x01"[..],
    );

    let from = ours.upid();
    assert_eq!(
        read_message(&mut peer.accept()),
        format!(
            "POST /peer/mesos.internal.PingSlaveMessage HTTP/1.1\r\nUser-Agent: libprocess/{from}\r\nLibprocess-From: {from}\r\nConnection: Keep-Alive\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\u{8}\u{1}\r\n0\r\n\r\n"
        )
    );
    here.shutdown();
}

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
