//! What the streams of gRPC do beyond the legacy wire, and how the two live together.

use std::io::{Read, Write};
use std::net::TcpStream;

use futures::StreamExt;
use libprocess::grpc::client::{CallOptions, Client, Connection};
use libprocess::grpc::{Code, Request, Status};
use libprocess::{Limits, PeerCheck, Runtime, Transport, Upid};

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
fn a_relink_of_the_peer_goes_unnoticed_by_those_linked_over_its_connection() {
    let (here, there) = (runtime(), runtime());
    let (ours, seen) = Probe::spawn(&here);
    let (theirs, their_seen) = Probe::spawn(&there);
    link(&ours, theirs.upid());
    send(&ours, theirs.upid(), "ping", "linked");
    next_body(&seen);
    link(&theirs, ours.upid());

    for _ in 0..20 {
        relink(&ours, theirs.upid());
        send(&ours, theirs.upid(), "ping", "again");
        assert_eq!(next_body(&seen), "again");
        send(&theirs, ours.upid(), "ping", "back");
        assert_eq!(next_body(&their_seen), "back");
    }

    here.shutdown();
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

/// The envelope as `proto/grpc/transport.proto` declares it.
#[derive(Clone, PartialEq, prost::Message)]
struct Envelope {
    #[prost(string, tag = "1")]
    from: String,
    #[prost(string, tag = "2")]
    to: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(bytes = "vec", tag = "4")]
    body: Vec<u8>,
    #[prost(string, tag = "5")]
    traceparent: String,
    #[prost(uint64, tag = "6")]
    acknowledged: u64,
}

/// Opens a stream as somebody at `address`, sends these and gives what comes back.
fn exchange(
    runtime: &Runtime,
    to: &Runtime,
    address: &str,
    sent: Vec<Envelope>,
) -> Result<Envelope, Status> {
    let client = Client::new(runtime);
    let connection = Connection::new(to.address().to_string().parse().expect("a target"));
    let mut request = Request::new(futures::stream::iter(sent).chain(futures::stream::pending()));
    request
        .metadata_mut()
        .insert("libprocess-address", address.parse().expect("a value"));
    let answer = client.stream(
        &connection,
        "/libprocess.Transport/Link",
        request,
        CallOptions::default(),
    );
    runtime.block_on(async {
        let mut answers = answer.await.ready().expect("an answer")?.into_inner();
        Ok(answers.message().await?.expect("an envelope"))
    })
}

fn envelope(from: &str, to: &Upid, name: &str) -> Envelope {
    Envelope {
        from: from.to_owned(),
        to: to.id.to_string(),
        name: name.to_owned(),
        body: b"hello".to_vec(),
        ..Envelope::default()
    }
}

#[test]
fn any_client_of_grpc_can_send_envelopes_and_hear_the_answers() {
    let (here, there) = (runtime(), runtime());
    let (theirs, _) = Probe::spawn(&there);
    let from = "me@192.0.2.1:7";

    let sent = vec![envelope(from, theirs.upid(), "ping")];
    let answer = exchange(&here, &there, "192.0.2.1:7", sent).expect("an answer");

    let expected = Envelope {
        from: theirs.upid().to_string(),
        to: "me".to_owned(),
        name: "note".to_owned(),
        body: b"hello".to_vec(),
        ..Envelope::default()
    };
    assert_eq!(answer, expected);
    here.shutdown();
    there.shutdown();
}

#[test]
fn a_sender_at_another_ip_is_refused_when_asked_for() {
    let here = runtime();
    let there = builder()
        .require_peer_address_ip_match(PeerCheck::RequireSameIp)
        .start()
        .expect("a runtime");
    let (theirs, seen) = Probe::spawn(&there);
    let refused = |address: &str, from: &str| {
        let sent = vec![envelope(from, theirs.upid(), "note")];
        exchange(&here, &there, address, sent).expect_err("refused")
    };

    let claimed = refused("192.0.2.1:7", "me@127.0.0.1:7");
    let sent = refused("127.0.0.1:7", "me@192.0.2.1:7");

    assert_eq!(
        (claimed.code(), sent.code()),
        (Code::PermissionDenied, Code::PermissionDenied)
    );
    assert_eq!(
        sent.message(),
        "UPID IP address validation failed: Message from me@192.0.2.1:7 was sent from IP 127.0.0.1"
    );
    assert!(seen.try_recv().is_err());
    here.shutdown();
    there.shutdown();
}

#[test]
fn a_message_beyond_the_limit_ends_the_stream_and_not_the_runtime() {
    let here = runtime();
    let limits = Limits {
        message_body: 1024,
        ..Limits::default()
    };
    let there = builder().limits(limits).start().expect("a runtime");
    let (theirs, seen) = Probe::spawn(&there);
    let long = Envelope {
        body: vec![0; 1 << 20],
        ..envelope("me@127.0.0.1:7", theirs.upid(), "note")
    };

    let status = exchange(&here, &there, "127.0.0.1:7", vec![long]).expect_err("refused");

    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "malformed envelope: it is too long");
    assert!(seen.try_recv().is_err());
    let (ours, answers) = Probe::spawn(&here);
    send(&ours, theirs.upid(), "ping", "x");
    assert_eq!(next_body(&answers), "x");
    here.shutdown();
    there.shutdown();
}
