//! Requests of peers that are messages, well formed or not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Clock, Context, Limits, Message, PeerCheck, Process, ProcessId, Runtime, Upid};

use crate::support::{Probe, Seen, builder, next, next_body, runtime};

/// Counts the answers that are there to their last byte.
fn whole_answers(text: &str) -> usize {
    let mut rest = text;
    let mut count = 0;
    while let Some((head, body)) = rest.split_once("\r\n\r\n") {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |length| length.parse().expect("a length"));
        let Some(next) = body.get(length..) else {
            break;
        };
        count += 1;
        rest = next;
    }
    count
}

/// Sends bytes to a runtime and reads until so many answers have come.
fn exchange(runtime: &Runtime, bytes: &[u8], answers: usize) -> String {
    let mut stream = TcpStream::connect(runtime.address().socket_addr()).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    stream.write_all(bytes).expect("written");
    let mut text = String::new();
    let mut buffer = [0; 65536];
    while whole_answers(&text) < answers {
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

/// The empty `Host` tells a peer that throws its answers away: they leave together, but they leave.
#[test]
fn a_libprocess_peer_is_answered_too_and_in_order() {
    let there = runtime();
    let (pid, seen) = Probe::spawn(&there);
    let id = &pid.upid().id;
    let head = "Libprocess-From: a@1.2.3.4:5\r\nConnection: Keep-Alive\r\nHost: \r\n";
    let known = format!("POST /{id}/note HTTP/1.1\r\n{head}\r\n");
    let unknown = format!("POST /nobody/note HTTP/1.1\r\n{head}\r\n");
    let request = "GET /system/stats.json HTTP/1.1\r\n\r\n".to_owned();
    let last = known.replace("Keep-Alive", "close");

    for (requests, expected) in [
        (vec![known.clone()], "202"),
        (vec![known.clone(), known.clone()], "202 202"),
        (vec![known.clone(), unknown.clone()], "202 404"),
        (vec![known.clone(), request, unknown], "202 200 404"),
        (vec![known.clone(), last], "202 202"),
    ] {
        let text = exchange(&there, requests.concat().as_bytes(), requests.len());

        let statuses: Vec<&str> = text
            .match_indices("HTTP/1.1 ")
            .map(|(at, _)| &text[at + 9..at + 12])
            .collect();
        assert_eq!(statuses.join(" "), expected, "{text}");
    }
    let many = exchange(&there, known.repeat(1000).as_bytes(), 1000);
    assert_eq!(many.matches("HTTP/1.1 202 Accepted").count(), 1000);
    for _ in 0..1007 {
        next_body(&seen);
    }
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
    there.clock().settle();
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
fn heads_that_repeat_are_still_looked_at_one_by_one() {
    let there = runtime();
    let (one, one_seen) = Probe::spawn(&there);
    let (two, two_seen) = Probe::spawn(&there);
    let post = |pid: &Upid, body: &str| {
        let id = &pid.id;
        format!(
            "POST /{id}/note HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\nContent-Length: 1\r\n\r\n{body}"
        )
    };
    let (first, second) = (one.upid().clone(), two.upid().clone());
    let requests = [
        post(&first, "1"),
        post(&first, "2"),
        post(&second, "3"),
        post(&second, "4"),
        post(&first, "5"),
        post(&first, "6").replace("a@1.2.3.4:5", "b@1.2.3.4:5"),
    ];

    let answers = exchange(&there, requests.concat().as_bytes(), 6);

    assert_eq!(
        answers.matches("HTTP/1.1 202 Accepted").count(),
        6,
        "{answers}"
    );
    let bodies = [(); 3].map(|()| next_body(&one_seen));
    assert_eq!(bodies, ["1", "2", "5"]);
    assert_eq!([(); 2].map(|()| next_body(&two_seen)), ["3", "4"]);
    match next(&one_seen) {
        Seen::Message(from, body) => assert_eq!((&*from.id, &body[..]), ("b", &b"6"[..])),
        Seen::Exited(pid) => panic!("{pid} exited"),
    }

    two.terminate();
    there.block_on(there.wait(two.upid()));
    let requests = [post(&first, "7"), post(&second, "8"), post(&second, "9")];
    let answers = exchange(&there, requests.concat().as_bytes(), 3);
    assert_eq!(
        answers.matches("HTTP/1.1 202 Accepted").count(),
        1,
        "{answers}"
    );
    assert_eq!(
        answers.matches("HTTP/1.1 404 Not Found").count(),
        2,
        "{answers}"
    );
    there.shutdown();
}
