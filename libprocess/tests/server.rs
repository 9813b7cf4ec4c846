//! Servers of their own, and unix sockets.

#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use libprocess::http::client::{ClientRequest, Connection};
use libprocess::http::{Help, Response, Server};
use libprocess::{Context, Process, ProcessId, Promise, Runtime};

fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .start()
        .expect("a runtime")
}

fn local() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A path for a socket that is removed with its folder.
struct SocketPath(PathBuf);

impl SocketPath {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("libprocess-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder.join("socket"))
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        if let Some(folder) = self.0.parent() {
            // Leftovers in the temporary folder harm nobody.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn read_all(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the end");
    text
}

type Held = Arc<Mutex<Vec<Promise<Response>>>>;

fn holding(runtime: &Runtime) -> (Server, Held) {
    let held = Held::default();
    let kept = Arc::clone(&held);
    let server = Server::tcp(runtime, local(), move |_| {
        let (promise, future) = Promise::new();
        kept.lock().expect("a lock").push(promise);
        future
    })
    .expect("a server");
    (server, held)
}

fn wait_for(held: &Held, count: usize) {
    for _ in 0..12_000 {
        if held.lock().expect("a lock").len() >= count {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    panic!("{count} requests did not come");
}

/// Mirrors: HttpServeTest.Pipelining
/// Mirrors: HttpServerTest.Pipeline
#[test]
fn requests_are_handled_side_by_side_and_answers_survive_a_half_closed_client() {
    let runtime = runtime();
    let (server, held) = holding(&runtime);
    let mut stream = TcpStream::connect(server.address().expect("an address")).expect("connected");
    stream
        .write_all("GET / HTTP/1.1\r\n\r\n".repeat(3).as_bytes())
        .expect("written");
    stream.shutdown(Shutdown::Write).expect("half closed");
    wait_for(&held, 3);

    let promises: Vec<_> = held.lock().expect("a lock").drain(..).enumerate().collect();
    for (number, promise) in promises.into_iter().rev() {
        promise.set(Response::ok_text(format!("answer {number}")));
    }

    let text = read_all(stream);
    let found: Vec<_> = (0..3)
        .filter_map(|number| text.find(&format!("answer {number}")))
        .collect();
    assert!(found.len() == 3 && found.is_sorted(), "{text}");
    runtime.shutdown();
}

/// Mirrors: HttpServeTest.Discard
#[test]
fn abandoned_answers_are_503() {
    let runtime = runtime();
    let (server, held) = holding(&runtime);
    let mut stream = TcpStream::connect(server.address().expect("an address")).expect("connected");
    stream
        .write_all(b"GET / HTTP/1.0\r\n\r\n")
        .expect("written");
    wait_for(&held, 1);

    held.lock().expect("a lock").clear();

    assert!(read_all(stream).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    runtime.shutdown();
}

/// Mirrors: HttpServerTest.Discard
/// Mirrors: HttpServerTest.Finalize
#[test]
fn a_server_that_stops_closes_its_connections_and_discards_what_they_wait_for() {
    let runtime = runtime();
    let (server, held) = holding(&runtime);
    let address = server.address().expect("an address");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .expect("written");
    wait_for(&held, 1);
    let (asked, told) = Promise::new();
    held.lock()
        .expect("a lock")
        .first()
        .expect("a promise")
        .on_discard(move || asked.set(()));

    drop(server);

    assert!(runtime.block_on(told).is_ready());
    assert_eq!(read_all(stream), "");
    runtime.shutdown();
}

/// Mirrors: HttpServeTest.Unix
#[test]
fn a_unix_socket_is_served_and_a_message_there_is_an_ordinary_request() {
    let runtime = runtime();
    let path = SocketPath::new("serve");
    let _server = Server::unix(&runtime, &path.0, |request| {
        Response::ok_text(format!("{} {:?}", request.path, request.peer)).into()
    })
    .expect("a server");

    let body = runtime.block_on(async {
        let connection = Connection::connect_unix(&path.0).await.expect("connected");
        let request = ClientRequest::post("/a/b", "text/plain", "")
            .with_header("libprocess-from", "a@1.2.3.4:5");
        connection
            .send(request)
            .await
            .expect("a response")
            .bytes()
            .await
            .expect("a body")
    });

    assert_eq!(body, "/a/b None");
    runtime.shutdown();
}

#[test]
fn actors_answer_on_a_unix_socket_as_on_the_port() {
    struct Here;
    impl Process for Here {
        fn id(&self) -> ProcessId {
            ProcessId::fixed("here")
        }
        fn initialize(&mut self, ctx: &mut Context<Self>) {
            ctx.route("/who", Help::none(), |_, _, ctx| {
                Response::ok_text(ctx.upid().id.to_string()).into()
            });
        }
    }
    let runtime = runtime();
    runtime.spawn(Here);
    let path = SocketPath::new("listen");
    runtime.listen_unix(&path.0).expect("a socket");

    let mut stream = UnixStream::connect(&path.0).expect("connected");
    stream
        .write_all(b"GET /here/who HTTP/1.0\r\n\r\n")
        .expect("written");

    assert!(read_all(stream).ends_with("\r\n\r\nhere"));
    runtime.shutdown();
}

/// Mirrors: SocketTest.Unix
#[test]
fn data_passes_a_unix_socket_both_ways() {
    let runtime = runtime();
    let path = SocketPath::new("echo");
    let _server = Server::unix(&runtime, &path.0, |request| {
        Response::ok_text(String::from_utf8_lossy(&request.body).into_owned()).into()
    })
    .expect("a server");

    let body = runtime.block_on(async {
        let connection = Connection::connect_unix(&path.0).await?;
        let request = ClientRequest::post("/", "text/plain", "Hello World!");
        connection.send(request).await?.bytes().await
    });

    assert_eq!(body.expect("an answer"), "Hello World!");
    runtime.shutdown();
}

/// A server whose bytes the test writes, and a client that has asked it.
fn scripted(runtime: &Runtime) -> (TcpStream, Connection) {
    let listener = std::net::TcpListener::bind(local()).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let url = url.parse().expect("a url");
    let connection = runtime
        .block_on(Connection::connect(&url))
        .expect("connected");
    let (stream, _) = listener.accept().expect("a connection");
    (stream, connection)
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nDate: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n";

/// Mirrors: DecoderTest.StreamingResponse
#[test]
fn a_response_is_there_before_its_body() {
    let runtime = runtime();
    let (mut stream, connection) = scripted(&runtime);

    runtime.block_on(async {
        let asked = connection.send(ClientRequest::get("/"));
        stream.write_all(HEAD.as_bytes()).expect("written");
        let mut response = asked.await.expect("a head");
        assert_eq!((response.status, response.headers.len()), (200, 3));
        {
            let read = response.body.read();
            tokio::pin!(read);
            assert!(futures::poll!(&mut read).is_pending());
            stream.write_all(b"hi").expect("written");
            assert_eq!(read.await.expect("data").expect("no error"), "hi");
        }
        assert!(response.body.read().await.is_none());
        drop(stream);
        connection.disconnected().await;
    });
    runtime.shutdown();
}

/// Mirrors: DecoderTest.StreamingResponseFailure
#[test]
fn a_body_that_breaks_off_is_a_failure_after_what_came() {
    let runtime = runtime();
    let (mut stream, connection) = scripted(&runtime);

    runtime.block_on(async {
        let asked = connection.send(ClientRequest::get("/"));
        stream.write_all(HEAD.as_bytes()).expect("written");
        stream.write_all(b"1").expect("written");
        let mut response = asked.await.expect("a head");
        assert_eq!(
            response.body.read().await.expect("data").expect("no error"),
            "1"
        );
        let read = response.body.read();
        tokio::pin!(read);
        assert!(futures::poll!(&mut read).is_pending());
        drop(stream);

        let error = read.await.expect("an end").expect_err("it broke off");
        assert_eq!(error.to_string(), "failed to decode body");
    });
    runtime.shutdown();
}

#[test]
fn drained_server_has_written_all_answers_and_takes_no_connection() {
    let runtime = runtime();
    let (server, held) = holding(&runtime);
    let address = server.address().expect("an address");
    let mut client = TcpStream::connect(address).expect("connected");
    client
        .write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .expect("sent");
    wait_for(&held, 1);
    let (writer, reader) = libprocess::http::pipe::pipe();
    let long = bytes::Bytes::from("x".repeat(1 << 20));
    for _ in 0..8 {
        writer.write(long.clone());
    }
    writer.close();
    let promise = held.lock().expect("a lock").pop().expect("a request");
    promise.set(Response::streaming(reader, "text/plain"));

    let reading = std::thread::spawn(move || read_all(client));
    runtime.block_on(server.drained());
    runtime.shutdown();

    let answer = reading.join().expect("read");
    assert!(answer.ends_with("\r\n0\r\n\r\n"));
    assert!(answer.len() > 8 << 20);
    assert!(TcpStream::connect(address).is_err());
}
