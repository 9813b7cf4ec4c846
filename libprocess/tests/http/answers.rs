//! What an answer says: its head, its errors, its kinds of body.

use libprocess::http::client::{ClientRequest, ClientResponse};
use libprocess::http::{Body, Response};

use crate::support::{Server, connection, fetch, get, raw, runtime};

/// The texts were recorded from Mesos 1.11.0.
#[test]
fn errors_have_the_recorded_head_and_text() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let answer = raw(
        &runtime,
        b"GET /server(1)/post HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );

    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !line.starts_with("Date: "))
        .collect();
    assert_eq!(lines.remove(0), "HTTP/1.1 405 Method Not Allowed");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "Allow: POST",
            "Content-Length: 72",
            "Content-Type: text/plain; charset=utf-8"
        ]
    );
    assert_eq!(
        body,
        "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.<closed>"
    );
    runtime.shutdown();
}

#[test]
fn failed_and_forgotten_futures_are_answered_with_500() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    assert_eq!(
        get(&runtime, "/server(1)/fails"),
        (500, "it broke".to_owned())
    );
    assert_eq!(
        get(&runtime, "/server(1)/forgets"),
        (500, "500 Internal Server Error.".to_owned())
    );
    runtime.shutdown();
}

#[test]
fn long_answers_are_compressed_for_those_who_ask() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let (_, headers, plain) = fetch(&runtime, ClientRequest::get("/server(1)/long"));
    assert_eq!(plain.len(), 5000);
    assert!(!headers.contains_key("content-encoding"));

    let asked = ClientRequest::get("/server(1)/long").with_header("accept-encoding", "gzip");
    let (_, headers, small) = fetch(&runtime, asked);
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(small.len() < 500);
    runtime.shutdown();
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let answer = raw(&runtime, b"HEAD /server(1)/long HTTP/1.0\r\n\r\n");

    assert!(answer.contains("Content-Length: 5000\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n<closed>"), "{answer}");
    runtime.shutdown();
}

#[test]
fn an_actor_that_ends_answers_what_is_queued_with_500() {
    let runtime = runtime();
    let server = runtime.spawn(Server::default());
    let (go, gate) = std::sync::mpsc::channel::<()>();
    server.dispatch(move |_, _| gate.recv().expect("the word"));
    let connection = connection(&runtime);
    let response = connection.send(ClientRequest::get("/server(1)/a"));
    let other = connection.send(ClientRequest::get("/nobody"));
    // The second request is refused while the first waits in the queue of the actor.
    server.dispatch(|_, ctx| ctx.terminate());
    go.send(()).expect("the actor waits");

    let status =
        |response: Result<ClientResponse, _>| response.map(|response| response.status).ok();
    let first = status(runtime.block_on(response));
    assert!(matches!(first, Some(200 | 404 | 500)), "{first:?}");
    assert_eq!(status(runtime.block_on(other)), Some(404));
    runtime.shutdown();
}

#[test]
fn a_response_can_be_any_kind_of_body() {
    assert!(matches!(Response::file("/x").body, Body::File(_)));
}
