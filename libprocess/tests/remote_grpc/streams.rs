//! What the streams of gRPC do beyond the legacy wire, and how the two live together.

use std::io::{Read, Write};
use std::net::TcpStream;

use libprocess::{Runtime, Transport, Upid};

use crate::support::{
    FakePeer, Probe, builder, link, next_body, next_exited, read_message, relink, runtime, send,
};

fn with(transport: Transport) -> Runtime {
    builder().transport(transport).start().expect("a runtime")
}

/// A runtime that nobody can reach at the address it advertises.
fn unreachable() -> Runtime {
    builder()
        .advertise_ip([192, 0, 2, 1].into())
        .start()
        .expect("a runtime")
}

/// Reads the preface of HTTP/2 and closes, as C++ libprocess does.
fn refuse_preface(peer: &FakePeer) {
    let mut stream = peer.accept();
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).expect("a preface");
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

#[test]
fn a_peer_that_cannot_be_dialled_is_answered_and_linked_on_its_own_connection() {
    let (hidden, there) = (unreachable(), runtime());
    let (ours, seen) = Probe::spawn(&hidden);
    let (theirs, their_seen) = Probe::spawn(&there);
    link(&ours, theirs.upid());

    send(&ours, theirs.upid(), "ping", "linked");
    assert_eq!(next_body(&seen), "linked");
    link(&theirs, ours.upid());
    send(&theirs, ours.upid(), "ping", "back");
    assert_eq!(next_body(&their_seen), "back");
    hidden.shutdown();

    assert_eq!(&next_exited(&their_seen), ours.upid());
    there.shutdown();
}

#[test]
fn a_message_without_a_link_is_answered_on_its_own_connection() {
    let (hidden, there) = (unreachable(), runtime());
    let (ours, seen) = Probe::spawn(&hidden);
    let (theirs, _) = Probe::spawn(&there);

    send(&ours, theirs.upid(), "ping", "x");

    assert_eq!(next_body(&seen), "x");
    hidden.shutdown();
    there.shutdown();
}

#[test]
fn auto_falls_back_to_the_legacy_wire_and_remembers_it() {
    let here = with(Transport::Auto);
    let peer = FakePeer::new();
    let (ours, seen) = Probe::spawn(&here);
    link(&ours, &peer.upid);
    send(&ours, &peer.upid, "note", "first");
    send(&ours, &peer.upid, "note", "second");

    refuse_preface(&peer);
    let mut stream = peer.accept();
    let text = read_message(&mut stream);
    assert!(text.starts_with("POST /peer/note HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("\r\n5\r\nfirst\r\n"), "{text}");
    drop(stream);
    assert_eq!(next_exited(&seen), peer.upid);
    relink(&ours, &peer.upid);
    send(&ours, &peer.upid, "note", "again");

    let text = read_message(&mut peer.accept());
    assert!(text.starts_with("POST /peer/note HTTP/1.1\r\n"), "{text}");
    here.shutdown();
}

#[test]
fn auto_does_not_try_a_peer_that_has_sent_on_the_legacy_wire() {
    let here = with(Transport::Auto);
    let peer = FakePeer::new();
    let (ours, _) = Probe::spawn(&here);
    let mut stream = TcpStream::connect(here.address().socket_addr()).expect("connected");
    let id = &ours.upid().id;

    write!(
        stream,
        "POST /{id}/ping HTTP/1.1\r\nLibprocess-From: {}\r\nContent-Length: 1\r\n\r\nx",
        peer.upid
    )
    .expect("sent");

    let text = read_message(&mut peer.accept());
    assert!(text.starts_with("POST /peer/note HTTP/1.1\r\n"), "{text}");
    here.shutdown();
}

#[test]
fn grpc_alone_does_not_reach_a_peer_that_does_not_take_it() {
    let here = with(Transport::Grpc);
    let peer = FakePeer::new();
    let (ours, seen) = Probe::spawn(&here);

    link(&ours, &peer.upid);
    refuse_preface(&peer);

    assert_eq!(next_exited(&seen), peer.upid);
    here.shutdown();
}

#[test]
fn every_pair_of_settings_that_has_a_wire_in_common_exchanges_messages_both_ways() {
    let pairs = [
        (Transport::Auto, Transport::Auto),
        (Transport::Auto, Transport::Legacy),
        (Transport::Legacy, Transport::Auto),
        (Transport::Auto, Transport::Grpc),
        (Transport::Grpc, Transport::Auto),
    ];
    for (one, other) in pairs {
        let (here, there) = (with(one), with(other));
        let (ours, seen) = Probe::spawn(&here);
        let (theirs, their_seen) = Probe::spawn(&there);
        link(&ours, theirs.upid());
        for _ in 0..2 {
            send(&ours, theirs.upid(), "ping", "x");
            assert_eq!(next_body(&seen), "x", "{one} to {other}");
            send(&theirs, ours.upid(), "ping", "y");
            assert_eq!(next_body(&their_seen), "y", "{other} to {one}");
        }

        there.shutdown();

        assert_eq!(&next_exited(&seen), theirs.upid());
        here.shutdown();
    }
}

#[test]
fn a_new_life_of_a_peer_ends_the_links_to_the_one_before() {
    let there = runtime();
    let (theirs, their_seen) = Probe::spawn(&there);
    let lives = [unreachable_at(7), unreachable_at(7)];
    let (first, first_seen) = Probe::spawn(&lives[0]);
    link(&first, theirs.upid());
    send(&first, theirs.upid(), "ping", "x");
    next_body(&first_seen);
    link(&theirs, first.upid());
    send(&theirs, first.upid(), "ping", "linked");
    assert_eq!(next_body(&their_seen), "linked");

    let (second, second_seen) = Probe::spawn(&lives[1]);
    link(&second, theirs.upid());
    send(&second, theirs.upid(), "ping", "x");
    next_body(&second_seen);

    assert_eq!(&next_exited(&their_seen), first.upid());
    for life in lives {
        life.shutdown();
    }
    there.shutdown();
}

fn unreachable_at(port: u16) -> Runtime {
    builder()
        .advertise_ip([192, 0, 2, 1].into())
        .advertise_port(port)
        .start()
        .expect("a runtime")
}

#[test]
fn a_stale_stream_exits_its_links_and_a_relink_delivers_again() {
    let here = runtime();
    let (ours, seen) = Probe::spawn(&here);
    let there = runtime();
    let (theirs, _) = Probe::spawn(&there);
    let port = there.address().port;
    let gone: Upid = theirs.upid().clone();
    link(&ours, &gone);
    send(&ours, &gone, "ping", "before");
    assert_eq!(next_body(&seen), "before");

    there.shutdown();
    assert_eq!(next_exited(&seen), gone);
    let again = builder().port(port).start().expect("the same port");
    let (back, _) = Probe::spawn(&again);
    assert_eq!(back.upid(), &gone);
    relink(&ours, &gone);
    send(&ours, &gone, "ping", "after");

    assert_eq!(next_body(&seen), "after");
    here.shutdown();
    again.shutdown();
}
