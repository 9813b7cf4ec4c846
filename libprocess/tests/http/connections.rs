//! Several requests on one connection, and when it closes.

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::http::client::{self, ClientError, ClientRequest};
use libprocess::http::{Help, Response};
use libprocess::{Context, Process, ProcessId};

use crate::support::{Server, connect, connection, eventually, raw, read_until, runtime};

/// Mirrors: HTTPConnectionTest.Pipeline
#[test]
fn handlers_run_side_by_side_and_answers_leave_in_order() {
    let runtime = runtime();
    let server = Server::default();
    let held = Arc::clone(&server.held);
    runtime.spawn(server);
    let mut stream = connect(&runtime);
    let requests = "GET /server(1)/holds HTTP/1.1\r\n\r\n".repeat(3);
    stream.write_all(requests.as_bytes()).expect("written");
    eventually("three requests", || held.lock().expect("a lock").len() == 3);

    let mut promises = std::mem::take(&mut *held.lock().expect("a lock"));
    for number in (0..3).rev() {
        promises
            .pop()
            .expect("a promise")
            .set(Response::ok_text(format!("answer {number}")));
    }

    let text = read_until(&mut stream, "answer 2");
    let order: Vec<usize> = (0..3)
        .map(|number| text.find(&format!("answer {number}")).expect("an answer"))
        .collect();
    assert!(order.is_sorted(), "{text}");
    runtime.shutdown();
}

#[test]
fn pipelined_posts_with_bodies_are_all_answered() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let connection = connection(&runtime);

    runtime.block_on(async {
        let sent: Vec<_> = (0..2000)
            .map(|number| {
                let body = format!("{number:>0$}", 1 + number % 700);
                (
                    body.clone(),
                    connection.send(ClientRequest::post("/server(1)/echo", "text/plain", body)),
                )
            })
            .collect();
        for (body, response) in sent {
            let answer = response
                .await
                .expect("a response")
                .bytes()
                .await
                .expect("a body");
            assert_eq!(answer, body.as_bytes());
        }
    });
    runtime.shutdown();
}

/// Notes the numbers with which bodies begin, in the order of their requests.
struct Noting(Arc<Mutex<Vec<usize>>>);

impl Process for Noting {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("noting")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route("/note", Help::none(), |noting: &mut Self, request, _| {
            let text = String::from_utf8_lossy(&request.body);
            let number = text
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok());
            let mut noted = noting.0.lock().expect("nobody panicked");
            noted.push(number.expect("a number"));
            Response::accepted().into()
        });
    }
}

#[test]
fn small_requests_do_not_overtake_large_ones_of_their_connection() {
    let runtime = runtime();
    let noted = Arc::new(Mutex::new(Vec::new()));
    runtime.spawn(Noting(Arc::clone(&noted)));
    let connection = connection(&runtime);

    runtime.block_on(async {
        let post = |number: usize| {
            let rest = if number.is_multiple_of(2) { 200_000 } else { 1 };
            let body = format!("{number} {}", "x".repeat(rest));
            connection.send(ClientRequest::post("/noting/note", "text/plain", body))
        };
        let sent: Vec<_> = (0..200).map(post).collect();
        for response in sent {
            assert_eq!(response.await.expect("a response").status, 202);
        }
    });

    let noted = noted.lock().expect("nobody panicked");
    assert_eq!(*noted, (0..200).collect::<Vec<_>>());
    runtime.shutdown();
}

#[test]
fn old_clients_are_closed_after_the_answer_unless_they_ask() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let closed = raw(&runtime, b"GET /server(1) HTTP/1.0\r\n\r\n");
    assert!(closed.ends_with("root<closed>"), "{closed}");
    let mut kept = connect(&runtime);
    for _ in 0..2 {
        kept.write_all(b"GET /server(1) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            .expect("written");
        read_until(&mut kept, "root");
    }
    kept.write_all(b"OPTIONS * HTTP/1.1\r\n\r\n")
        .expect("written");
    let star = read_until(&mut kept, "Request URL path must start with '/'");
    assert!(star.contains("400 Bad Request"), "{star}");
    runtime.shutdown();
}

/// Mirrors: HTTPConnectionTest.ClosingRequest
#[test]
fn nothing_can_follow_a_request_that_closes() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let connection = connection(&runtime);

    runtime.block_on(async {
        let first = connection.send(ClientRequest::get("/server(1)").closing());
        let second = connection.send(ClientRequest::get("/server(1)")).await;
        assert_eq!(
            first
                .await
                .expect("a response")
                .bytes()
                .await
                .expect("a body"),
            "root"
        );
        assert_eq!(
            second.expect_err("closing").to_string(),
            "Cannot pipeline after 'Connection: close'"
        );
        connection.disconnected().await;
        let third = connection.send(ClientRequest::get("/server(1)")).await;
        assert_eq!(third.expect_err("closed").to_string(), "Disconnected");
    });
    runtime.shutdown();
}

/// Mirrors: HTTPConnectionTest.Serial
/// Mirrors: HTTPConnectionTest.ReferenceCounting
#[test]
fn a_connection_serves_one_request_after_the_other_and_ends_with_its_last_handle() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let connection = connection(&runtime);

    runtime.block_on(async {
        for _ in 0..3 {
            let response = connection
                .send(ClientRequest::get("/server(1)"))
                .await
                .expect("a response");
            assert_eq!(response.bytes().await.expect("a body"), "root");
        }
        let last = connection.send(ClientRequest::get("/server(1)/long"));
        drop(connection);
        assert_eq!(
            last.await
                .expect("a response")
                .bytes()
                .await
                .expect("a body")
                .len(),
            5000
        );
    });
    runtime.shutdown();
}

/// Mirrors: HTTPConnectionTest.ClosingResponse
/// Mirrors: HTTPConnectionTest.Equality
#[test]
fn nothing_follows_a_response_that_closes() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let (connection, other) = (connection(&runtime), connection(&runtime));
    assert_eq!(connection, connection.clone());
    assert_ne!(connection, other);

    runtime.block_on(async {
        let first = connection.send(ClientRequest::get("/server(1)/closes"));
        let second = connection.send(ClientRequest::get("/server(1)/holds"));
        assert_eq!(
            first
                .await
                .expect("a response")
                .bytes()
                .await
                .expect("a body"),
            "last"
        );
        let failed = second.await.expect_err("closed").to_string();
        assert_eq!(failed, "Received 'Connection: close' from the server");
    });
    runtime.shutdown();
}

#[test]
fn a_connection_ends_with_the_thread_that_serves_it() {
    let serving = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let url = format!("http://{address}").parse().expect("a url");
    let first = serving();
    let connection = first
        .block_on(client::Connection::connect(&url))
        .expect("a connection");
    let response = connection.send(ClientRequest::get("/"));

    drop(first);

    let outcome = async {
        connection.disconnected().await;
        let late = connection.send(ClientRequest::get("/"));
        (response.await, late.await)
    };
    let ended =
        serving().block_on(async { tokio::time::timeout(Duration::from_secs(30), outcome).await });
    let (sent, late) = ended.expect("nobody waits for ever");
    assert!(matches!(sent, Err(ClientError::Disconnected)), "{sent:?}");
    assert!(matches!(late, Err(ClientError::Disconnected)), "{late:?}");
}
