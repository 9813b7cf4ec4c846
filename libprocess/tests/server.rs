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
    for _ in 0..1000 {
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
