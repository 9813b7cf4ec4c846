//! What is a request, and what a handler sees of it.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Server, raw, runtime};

#[test]
fn bytes_that_are_no_request_close_the_connection_without_an_answer() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let too_long = [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'x'; 90_000]].concat();

    for bytes in [
        &b"PRI * HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"BREW /pot HTTP/1.1\r\n\r\n",
        b"GET /server(1)/a?x=%zz HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        &too_long,
    ] {
        assert_eq!(
            raw(&runtime, bytes),
            "<closed>",
            "{:?}",
            String::from_utf8_lossy(&bytes[..20.min(bytes.len())])
        );
    }
    runtime.shutdown();
}

#[test]
fn the_preface_of_http2_is_answered_in_http2_however_it_is_cut() {
    let runtime = runtime();
    let mut stream = TcpStream::connect(runtime.address().socket_addr()).expect("a connection");

    stream.write_all(b"PRI * HT").expect("sent");
    stream
        .write_all(b"TP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .expect("sent");

    let mut head = [0; 9];
    stream.read_exact(&mut head).expect("a frame");
    // A frame of settings for the whole connection.
    assert_eq!(head[3..], [4, 0, 0, 0, 0, 0]);
    runtime.shutdown();
}

#[test]
fn requests_before_nonsense_are_answered_then_the_connection_closes() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let answer = raw(
        &runtime,
        b"GET /server(1)/a HTTP/1.1\r\n\r\nnonsense\r\n\r\n",
    );

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("a:/server(1)/a:<closed>"), "{answer}");
    runtime.shutdown();
}

/// Mirrors: HTTPTest.Headers
/// Mirrors: HTTPTest.CaseInsensitiveHeaders
/// Mirrors: HTTPTest.Delete
/// Mirrors: HTTPTest.Request
#[test]
fn method_and_headers_arrive_whatever_the_case_of_their_names() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    for name in ["x-custom", "X-Custom", "X-CUSTOM"] {
        let bytes = format!("DELETE /server(1)/headers HTTP/1.0\r\n{name}: a, b\r\n\r\n");
        let answer = raw(&runtime, bytes.as_bytes());

        assert!(answer.contains("\r\nX-Answer: a, b\r\n"), "{answer}");
        assert!(answer.ends_with("DELETE a, b<closed>"), "{answer}");
    }
    runtime.shutdown();
}

#[test]
fn of_repeated_headers_the_last_counts() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let bytes = b"GET /server(1)/headers HTTP/1.0\r\nX-Custom: a\r\nX-Custom: b\r\n\r\n";

    assert!(raw(&runtime, bytes).ends_with("GET b<closed>"));
    runtime.shutdown();
}
