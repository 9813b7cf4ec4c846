//! Actors of several runtimes over real sockets: messages, links, relinks, hostile peers.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use libprocess::testing::Pattern;
use libprocess::{
    Clock, Context, Limits, Message, Outcome, PeerCheck, Pid, Process, ProcessId, Runtime,
    RuntimeBuilder, Upid,
};

fn builder() -> RuntimeBuilder {
    Runtime::builder().ip([127, 0, 0, 1].into()).arbiters(1)
}

fn runtime() -> Runtime {
    builder().start().expect("a runtime")
}

/// Two runtimes on one paused clock: `settle` sees the messages between them.
fn pair() -> (Runtime, Runtime, Clock) {
    let clock = Clock::paused();
    let start = || builder().clock(clock.clone()).start().expect("a runtime");
    (start(), start(), clock)
}

enum Seen {
    Message(Upid, Bytes),
    Exited(Upid),
}

/// Tells all that happens to it, and answers `ping` with `pong`.
struct Probe {
    tell: mpsc::Sender<Seen>,
}

impl Probe {
    fn spawn(runtime: &Runtime) -> (Pid<Self>, mpsc::Receiver<Seen>) {
        let (tell, seen) = mpsc::channel();
        (runtime.spawn(Self { tell }), seen)
    }
}

impl Process for Probe {
    fn id(&self) -> ProcessId {
        ProcessId::generated("probe")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("note", |probe, from, body, _| {
            // The test may be over.
            let _ = probe.tell.send(Seen::Message(from.clone(), body));
        });
        ctx.install("ping", |_, from, body, ctx| ctx.send(from, "note", body));
    }

    fn exited(&mut self, pid: &Upid, _: &mut Context<Self>) {
        let _ = self.tell.send(Seen::Exited(pid.clone()));
    }
}

fn next(seen: &mpsc::Receiver<Seen>) -> Seen {
    seen.recv_timeout(Duration::from_secs(10))
        .expect("something happens")
}

fn next_body(seen: &mpsc::Receiver<Seen>) -> Bytes {
    match next(seen) {
        Seen::Message(_, body) => body,
        Seen::Exited(pid) => panic!("{pid} exited"),
    }
}

fn next_exited(seen: &mpsc::Receiver<Seen>) -> Upid {
    match next(seen) {
        Seen::Exited(pid) => pid,
        Seen::Message(_, body) => panic!("message {body:?}"),
    }
}

fn link(pid: &Pid<Probe>, to: &Upid) {
    let to = to.clone();
    pid.dispatch(move |_, ctx| ctx.link(&to));
}

fn relink(pid: &Pid<Probe>, to: &Upid) {
    let to = to.clone();
    pid.dispatch(move |_, ctx| ctx.relink(&to));
}

fn send(pid: &Pid<Probe>, to: &Upid, name: &'static str, body: impl Into<Bytes>) {
    let (to, body) = (to.clone(), body.into());
    pid.dispatch(move |_, ctx| ctx.send(&to, name, body));
}

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

/// Mirrors: ProcessRemoteLinkTest.RemoteLink
#[test]
fn the_end_of_a_peer_exits_every_link_to_it() {
    let (here, there) = (runtime(), runtime());
    let (ours, seen) = Probe::spawn(&here);
    let (first, _) = Probe::spawn(&there);
    let (second, _) = Probe::spawn(&there);
    link(&ours, first.upid());
    link(&ours, second.upid());
    link(&ours, second.upid());
    send(&ours, first.upid(), "ping", "connected");
    next_body(&seen);

    there.shutdown();

    let mut gone = [next_exited(&seen), next_exited(&seen)];
    gone.sort();
    assert_eq!(gone, [first.upid().clone(), second.upid().clone()]);
    here.shutdown();
}

#[test]
fn a_link_to_nobody_at_a_closed_port_exits() {
    let here = runtime();
    let (ours, seen) = Probe::spawn(&here);
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a port")
        .port();
    let nobody: Upid = format!("nobody@127.0.0.1:{port}").parse().expect("a pid");

    link(&ours, &nobody);
    assert_eq!(next_exited(&seen), nobody);
    relink(&ours, &nobody);
    assert_eq!(next_exited(&seen), nobody);
    here.shutdown();
}

#[test]
fn the_end_of_a_remote_actor_is_not_the_end_of_the_link() {
    let (here, there, clock) = pair();
    let (ours, seen) = Probe::spawn(&here);
    let (theirs, _) = Probe::spawn(&there);
    link(&ours, theirs.upid());
    send(&ours, theirs.upid(), "ping", "x");
    clock.settle();
    next_body(&seen);

    theirs.terminate();
    there.block_on(there.wait(theirs.upid()));
    send(&ours, theirs.upid(), "ping", "y");
    clock.settle();

    assert!(seen.try_recv().is_err());
    here.shutdown();
    there.shutdown();
}

/// Mirrors: ProcessRemoteLinkTest.RemoteRelink
/// Mirrors: ProcessRemoteLinkTest.RemoteLinkRelink
/// Mirrors: ProcessRemoteLinkTest.RemoteDoubleLinkRelink
#[test]
fn a_relink_goes_unnoticed_and_keeps_every_linker() {
    let (here, there) = (runtime(), runtime());
    let (one, one_seen) = Probe::spawn(&here);
    let (two, two_seen) = Probe::spawn(&here);
    let (theirs, _) = Probe::spawn(&there);
    relink(&one, theirs.upid());
    link(&two, theirs.upid());
    send(&two, theirs.upid(), "ping", "before");
    assert_eq!(next_body(&two_seen), "before");

    relink(&one, theirs.upid());
    send(&one, theirs.upid(), "ping", "after");
    send(&two, theirs.upid(), "ping", "after");
    assert_eq!(next_body(&one_seen), "after");
    assert_eq!(next_body(&two_seen), "after");

    there.shutdown();
    assert_eq!(&next_exited(&one_seen), theirs.upid());
    assert_eq!(&next_exited(&two_seen), theirs.upid());
    here.shutdown();
}

/// A peer whose connections the test can handle itself.
struct FakePeer {
    listener: TcpListener,
    upid: Upid,
}

impl FakePeer {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        Self {
            upid: Upid::new("peer", address.into()),
            listener,
        }
    }

    fn accept(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        stream
    }
}

fn read_message(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.ends_with("0\r\n\r\n") {
        let read = stream.read(&mut buffer).expect("more");
        assert_ne!(read, 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

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

/// Sends bytes to a runtime and reads answers until so many have come.
fn exchange(runtime: &Runtime, bytes: &[u8], answers: usize) -> String {
    let mut stream = TcpStream::connect(runtime.address().socket_addr()).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    stream.write_all(bytes).expect("written");
    let mut text = String::new();
    let mut buffer = [0; 65536];
    while text.matches("HTTP/1.1 ").count() < answers || !text.contains("\r\n\r\n") {
        let read = stream.read(&mut buffer).expect("more");
        if read == 0 {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

fn message(upid: &Upid) -> Message {
    Message {
        from: Upid::empty(),
        to: upid.clone(),
        name: Arc::from("note"),
        body: Bytes::new(),
    }
}

/// Mirrors: ProcessTest.Http1
/// Mirrors: ProcessTest.Http2
#[test]
fn a_post_of_a_libprocess_peer_is_a_message() {
    let there = runtime();
    let (pid, seen) = Probe::spawn(&there);
    let id = &pid.upid().id;
    assert_eq!(&*message(pid.upid()).name, "note");

    for (head, from) in [
        (
            "User-Agent: libprocess/a@1.2.3.4:5\r\nContent-Length: 5\r\n",
            "a@1.2.3.4:5",
        ),
        (
            "Libprocess-From: a@1.2.3.4:5\r\nUser-Agent: curl\r\nContent-Length: 5\r\n",
            "a@1.2.3.4:5",
        ),
        (
            "libprocess-from: @1.2.3.4:5 \r\nContent-Length: 5\r\n",
            "@1.2.3.4:5",
        ),
        (
            "User-Agent: libprocess/\r\nContent-Length: 5\r\n",
            "@0.0.0.0:0",
        ),
    ] {
        let request = format!("POST /{id}/note HTTP/1.1\r\n{head}\r\nhello");
        let answer = exchange(&there, request.as_bytes(), 1);

        assert!(
            answer.starts_with("HTTP/1.1 202 Accepted\r\nDate: "),
            "{answer}"
        );
        assert!(
            answer.ends_with("\r\nContent-Length: 0\r\n\r\n"),
            "{answer}"
        );
        match next(&seen) {
            Seen::Message(sender, body) => assert_eq!(
                (sender.to_string().as_str(), &body[..]),
                (from, &b"hello"[..])
            ),
            Seen::Exited(pid) => panic!("{pid} exited"),
        }
    }
    there.shutdown();
}

#[test]
fn answers_to_messages_come_in_order_between_those_to_requests() {
    let there = runtime();
    let (pid, seen) = Probe::spawn(&there);
    let id = pid.upid().id.replace('(', "%28").replace(')', "%29");
    let known = format!(
        "POST /{id}/note HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    );
    let unknown = "POST /nobody/note HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\n\r\n";
    let bad =
        "POST /%zz/note HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\nContent-Length: 1\r\n\r\nx";
    let request = "GET /system/stats.json HTTP/1.1\r\n\r\n";

    let text = exchange(
        &there,
        [&known, unknown, request, bad, &known].concat().as_bytes(),
        5,
    );

    let statuses: Vec<&str> = text
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &text[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["202", "404", "200", "500", "202"], "{text}");
    assert!(text.contains("\r\n\r\n404 Not Found."), "{text}");
    assert!(
        text.contains("Failed to decode URL path: Malformed % escape in '%zz': '%zz'"),
        "{text}"
    );
    assert_eq!(
        (next_body(&seen), next_body(&seen)),
        ("abc".into(), "abc".into())
    );
    there.shutdown();
}

#[test]
fn a_message_split_at_every_byte_is_still_one_message() {
    let there = runtime();
    let (pid, seen) = Probe::spawn(&there);
    let bytes = format!(
        "POST /{}/note HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        pid.upid().id
    );
    let mut stream = TcpStream::connect(there.address().socket_addr()).expect("connected");
    stream.set_nodelay(true).expect("no delay");

    for byte in bytes.as_bytes() {
        stream.write_all(&[*byte]).expect("written");
    }

    assert_eq!(next_body(&seen), "hello");
    there.shutdown();
}

#[test]
fn a_sender_at_another_ip_is_refused_when_asked_for() {
    let there = builder()
        .require_peer_address_ip_match(PeerCheck::RequireSameIp)
        .start()
        .expect("a runtime");
    let (pid, seen) = Probe::spawn(&there);
    let post = |from: &str| {
        let request = format!(
            "POST /{}/note HTTP/1.1\r\nLibprocess-From: {from}\r\nContent-Length: 1\r\n\r\nx",
            pid.upid().id
        );
        exchange(&there, request.as_bytes(), 1)
    };

    let refused = post("a@10.0.0.1:5050");
    assert!(refused.starts_with("HTTP/1.1 400 Bad Request"), "{refused}");
    assert!(refused.contains("UPID IP address validation failed: Message from a@10.0.0.1:5050 was sent from IP 127.0.0.1:"), "{refused}");
    assert!(post("a@127.0.0.1:5050").starts_with("HTTP/1.1 202"));
    assert_eq!(next_body(&seen), "x");
    there.shutdown();
}

#[test]
fn a_body_beyond_the_limit_closes_the_connection() {
    let limits = Limits {
        message_body: 1000,
        ..Limits::default()
    };
    let there = builder().limits(limits).start().expect("a runtime");
    let (pid, _) = Probe::spawn(&there);

    for framing in [
        "Content-Length: 1001\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    ] {
        let request = format!(
            "POST /{}/note HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\n{framing}",
            pid.upid().id
        );
        assert_eq!(exchange(&there, request.as_bytes(), 1), "");
    }
    there.shutdown();
}

#[test]
fn a_peer_that_never_reads_its_answers_is_served_all_the_same() {
    let there = runtime();
    let (pid, seen) = Probe::spawn(&there);
    let one = format!(
        "POST /{}/note HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\n\r\n",
        pid.upid().id
    );
    let many = one.repeat(100_000);
    let mut stream = TcpStream::connect(there.address().socket_addr()).expect("connected");

    stream.write_all(many.as_bytes()).expect("written");

    for _ in 0..100_000 {
        next_body(&seen);
    }
    there.shutdown();
}

#[test]
fn a_slow_request_does_not_hold_up_messages_behind_it() {
    struct Slow;
    impl Process for Slow {
        fn id(&self) -> ProcessId {
            ProcessId::fixed("slow")
        }
        fn initialize(&mut self, ctx: &mut Context<Self>) {
            ctx.route("/never", libprocess::http::Help::none(), |_, _, ctx| {
                let (promise, future) = libprocess::Promise::new();
                ctx.delay(Duration::from_secs(3600), move |_, _| {
                    promise.set(libprocess::http::Response::ok());
                });
                future
            });
        }
    }
    let there = builder().clock(Clock::paused()).start().expect("a runtime");
    there.spawn(Slow);
    let (pid, seen) = Probe::spawn(&there);
    let mut stream = TcpStream::connect(there.address().socket_addr()).expect("connected");
    let bytes = format!(
        "GET /slow/never HTTP/1.1\r\n\r\nPOST /{}/note HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\nContent-Length: 2\r\n\r\nhi",
        pid.upid().id
    );

    stream.write_all(bytes.as_bytes()).expect("written");

    assert_eq!(next_body(&seen), "hi");
    there.clock().advance(Duration::from_secs(3600));
    let mut answers = String::new();
    let mut buffer = [0; 1024];
    while !answers.contains("202 Accepted") {
        let read = stream.read(&mut buffer).expect("answers");
        answers.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(answers.starts_with("HTTP/1.1 200 OK"), "{answers}");
    there.shutdown();
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
