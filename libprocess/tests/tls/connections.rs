//! Requests and answers over sessions, and clients that are silent or speak plain.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use libprocess::http::client::{self, ClientError, ClientRequest, Connection};
use libprocess::http::{Body, Response, Server, Url, pipe};
use libprocess::tls::Tls;

use crate::support::{Certificates, DOWNGRADE, Echo, LOOPBACK, Owner, REQUIRE, runtime};

/// Mirrors: SSLTest.SSLSocket
/// Mirrors: SSLTest.HTTPSPost
#[test]
fn what_is_posted_over_tls_comes_back() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Host, &[])));
    let client = files.tls(Owner::Host, &[]);

    let answer = server.ask("https", Some(&client));

    assert_eq!(answer.expect("an answer"), "Hello World!");
}

/// Mirrors: SSLTest.HTTPSGet
#[test]
fn the_actors_of_a_runtime_answer_over_tls() {
    let files = Certificates::new();
    let runtime = runtime(Some(files.tls(Owner::Host, &[])));
    let client = files.tls(Owner::Host, &[]);
    let url = format!(
        "{}://{}/__processes__",
        runtime.http_scheme(),
        runtime.address()
    );

    let body = runtime.block_on(async {
        let request = ClientRequest::get("");
        client::request_with(&url, Some(&client), request)
            .await?
            .bytes()
            .await
    });

    assert!(body.expect("an answer").starts_with(b"["));
    runtime.shutdown();
}

/// Mirrors: SSL.Disabled
#[test]
fn https_without_tls_is_an_error_that_says_what_to_set() {
    let server = Echo::start(None);

    let error = server.ask("https", None).expect_err("no TLS");

    assert!(matches!(error, ClientError::NoTls { .. }), "{error}");
    assert!(
        error.to_string().ends_with("set LIBPROCESS_SSL_ENABLED"),
        "{error}"
    );
}

/// Mirrors: SSLTest.NonSSLSocket
/// Mirrors: SSLTest.NoValidDowngrade
#[test]
fn a_plain_client_is_refused_by_a_port_that_speaks_tls_only() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Host, &[REQUIRE])));
    let client = files.tls(Owner::Host, &[]);

    assert!(server.ask("http", None).is_err());
    assert!(server.ask("http", Some(&client)).is_err());
}

/// Mirrors: SSLTest.PeerAddress
#[test]
fn a_request_over_tls_shows_where_its_client_is() {
    let files = Certificates::new();
    let runtime = runtime(Some(files.tls(Owner::Host, &[])));
    let server = Server::tcp(&runtime, (LOOPBACK, 0).into(), |request| {
        let peer = request.peer.map(|peer| peer.ip().to_string());
        Response::ok_text(peer.unwrap_or_default()).into()
    })
    .expect("a server");
    let client = files.tls(Owner::Host, &[]);
    let url = format!("https://{}", server.address().expect("an address"));

    let body = runtime.block_on(async {
        let request = ClientRequest::get("/");
        client::request_with(&url, Some(&client), request)
            .await?
            .bytes()
            .await
    });

    assert_eq!(body.expect("an answer"), "127.0.0.1");
    runtime.shutdown();
}

/// Mirrors: SSLTest.SilentSocket
/// Mirrors: SSLTest.SilentSocketWithDowngrade
#[test]
fn a_client_that_stays_silent_holds_nobody_up() {
    let files = Certificates::new();
    for settings in [&[][..], &[DOWNGRADE]] {
        let server = Echo::start(Some(files.tls(Owner::Host, settings)));
        let silent = TcpStream::connect(server.address).expect("a connection");
        let client = files.tls(Owner::Host, &[]);

        let answer = server.ask("https", Some(&client));

        assert_eq!(answer.expect("an answer"), "Hello World!");
        drop(silent);
    }
}

/// Mirrors: SSLTest.ShutdownThenSend
#[test]
fn nothing_is_sent_after_the_end_of_a_session() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Host, &[])));
    let client = files.tls(Owner::Host, &[]);
    let url: Url = format!("https://{}", server.address)
        .parse()
        .expect("a url");

    server.runtime.block_on(async {
        let connection = Connection::connect_with(&url, Some(&client))
            .await
            .expect("connected");
        connection.disconnect();
        connection.disconnected().await;

        let answer = connection.send(ClientRequest::get("/")).await;

        assert!(
            matches!(answer, Err(ClientError::Disconnected)),
            "{answer:?}"
        );
    });
}

#[test]
fn large_bodies_and_pipelined_requests_pass_a_session_in_order() {
    let files = Certificates::new();
    let runtime = runtime(Some(files.tls(Owner::Host, &[])));
    let server = Server::tcp(&runtime, (LOOPBACK, 0).into(), |request| {
        let size = request.path.trim_start_matches('/').parse().unwrap_or(0);
        let mut response = Response::ok_text("");
        response.body = Body::Bytes(vec![b'x'; size].into());
        response.into()
    })
    .expect("a server");
    let client = files.tls(Owner::Host, &[]);
    let url = format!("https://{}", server.address().expect("an address"));
    let url: Url = url.parse().expect("a url");

    let sizes: Vec<_> = runtime.block_on(async {
        let connection = Connection::connect_with(&url, Some(&client))
            .await
            .expect("connected");
        let asked = [3_000_000, 1, 70_000]
            .map(|size| connection.send(ClientRequest::get(format!("/{size}"))));
        let mut sizes = Vec::new();
        for response in asked {
            let body = response.await.expect("an answer").bytes().await;
            sizes.push(body.expect("a body").len());
        }
        sizes
    });

    assert_eq!(sizes, [3_000_000, 1, 70_000]);
    runtime.shutdown();
}

#[test]
fn nonsense_instead_of_a_greeting_closes_the_connection() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Host, &[])));
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");

    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");

    // An alert, then the end.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
}

/// A server whose answer is a stream that the test writes, and a client that has its head.
struct Streaming {
    runtime: libprocess::Runtime,
    writer: pipe::Writer,
    connection: Connection,
    response: client::ClientResponse,
    _server: Server,
}

impl Streaming {
    fn start(tls: Option<&Tls>) -> Self {
        let runtime = runtime(tls.cloned());
        let (writer, reader) = pipe::pipe();
        let reader = std::sync::Mutex::new(Some(reader));
        let server = Server::tcp(&runtime, (LOOPBACK, 0).into(), move |_| {
            let reader = reader.lock().expect("a lock").take().expect("one request");
            Response::streaming(reader, "text/plain").into()
        })
        .expect("a server");
        let address = server.address().expect("an address").into();
        let (connection, response) = runtime.block_on(async {
            let connection = Connection::connect_to(address, tls)
                .await
                .expect("a server");
            let response = connection.send(ClientRequest::get("/").closing()).await;
            (connection, response.expect("an answer"))
        });
        Self {
            runtime,
            writer,
            connection,
            response,
            _server: server,
        }
    }
}

fn kinds(files: &Certificates) -> [Option<Tls>; 2] {
    [None, Some(files.tls(Owner::Host, &[]))]
}

/// Mirrors: NetSocketTest.EOFBeforeRecv
#[test]
fn an_end_that_came_before_anybody_read_is_read_after_the_data() {
    let files = Certificates::new();
    for tls in kinds(&files) {
        let mut at = Streaming::start(tls.as_ref());

        at.writer.write("Lorem ipsum dolor sit amet".into());
        at.writer.close();
        at.runtime.block_on(at.connection.disconnected());

        let first = at.runtime.block_on(at.response.body.read()).expect("data");
        assert_eq!(first.expect("no error"), "Lorem ipsum dolor sit amet");
        assert!(at.runtime.block_on(at.response.body.read()).is_none());
        at.runtime.shutdown();
    }
}

/// Mirrors: NetSocketTest.EOFAfterRecv
#[test]
fn an_end_that_comes_while_somebody_reads_ends_the_read() {
    let files = Certificates::new();
    for tls in kinds(&files) {
        let mut at = Streaming::start(tls.as_ref());
        at.writer.write("Lorem ipsum dolor sit amet".into());
        let first = at.runtime.block_on(at.response.body.read()).expect("data");
        assert_eq!(first.expect("no error"), "Lorem ipsum dolor sit amet");

        let end = at.runtime.block_on(async {
            let reading = at.response.body.read();
            tokio::pin!(reading);
            assert!(futures::poll!(&mut reading).is_pending());
            at.writer.close();
            reading.await
        });

        assert!(end.is_none());
        at.runtime.block_on(at.connection.disconnected());
        at.runtime.shutdown();
    }
}
