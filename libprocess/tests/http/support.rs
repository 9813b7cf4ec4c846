//! An actor with a route for every case, and clients that speak to it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::http::client::{ClientRequest, Connection};
use libprocess::http::{Help, Request, Response, client, pipe};
use libprocess::{Context, Future, Process, ProcessId, Promise, Runtime};

/// How long anything may take that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a test looks whether something comes that must not.
pub(crate) const A_WHILE: Duration = Duration::from_millis(300);

/// An actor with a route for every case.
#[derive(Default)]
pub(crate) struct Server {
    pub(crate) held: Arc<Mutex<Vec<Promise<Response>>>>,
    pub(crate) streams: Arc<Mutex<Vec<pipe::Writer>>>,
}

impl Process for Server {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("server(1)")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route("/", Help::none(), |_, _, _| {
            Response::ok_text("root").into()
        });
        ctx.route("/echo", Help::none(), |_, request, _| {
            Response::ok_text(request.body).into()
        });
        ctx.route("/a", Help::none(), |_, request, _| {
            Response::ok_text(format!("a:{}:{}", request.path, request.remaining())).into()
        });
        ctx.route("/a/b", Help::none(), |_, request, _| {
            Response::ok_text(format!("ab:{}", request.remaining())).into()
        });
        ctx.route("/query", Help::none(), |_, request, _| {
            Response::ok_text(request.query.get("q").unwrap_or("none").to_owned()).into()
        });
        ctx.route("/post", Help::none(), |_, request, _| {
            if request.method == "POST" {
                Response::accepted().into()
            } else {
                Response::method_not_allowed(&["POST"], request.method.as_str()).into()
            }
        });
        ctx.route("/fails", Help::none(), |_, _, _| Future::failed("it broke"));
        ctx.route("/forgets", Help::none(), |_, _, _| Promise::new().1);
        ctx.route("/long", Help::none(), |_, _, _| {
            Response::ok_text(vec![b'x'; 5000]).into()
        });
        ctx.route("/holds", Help::none(), |server, _, _| {
            let (promise, future) = Promise::new();
            server.held.lock().expect("a lock").push(promise);
            future
        });
        ctx.route("/streams", Help::none(), |server, _, _| {
            let (writer, reader) = pipe::pipe();
            server.streams.lock().expect("a lock").push(writer);
            Response::streaming(reader, "text/plain").into()
        });
        ctx.route("/headers", Help::none(), |_, request, _| {
            let value = request.header("x-custom").unwrap_or("none").to_owned();
            Response::ok_text(format!("{} {value}", request.method))
                .with_header("X-Answer", value)
                .into()
        });
        ctx.route("/closes", Help::none(), |_, _, _| {
            Response::ok_text("last")
                .with_header("connection", "close")
                .into()
        });
        ctx.route_streaming("/upload", Help::none(), |_, request, ctx| {
            upload(request, ctx)
        });
        ctx.provide("file", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        ctx.provide("src", concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    }
}

/// Counts what comes and answers with the sum.
pub(crate) fn upload(request: Request, ctx: &mut Context<Server>) -> Future<Response> {
    let (promise, future) = Promise::new();
    let Some(mut reader) = request.reader else {
        return Response::default_text(500).into();
    };
    ctx.perform(
        async move {
            let mut sum = 0;
            while let Some(chunk) = reader.read().await {
                match chunk {
                    Ok(chunk) => sum += chunk.len(),
                    Err(error) => return Err(error),
                }
            }
            Ok(sum)
        },
        move |_, sum, _| {
            promise.set(match sum {
                Ok(sum) => Response::ok_text(sum.to_string()),
                Err(error) => Response::internal_server_error(error.to_string()),
            });
        },
    );
    future
}

pub(crate) fn runtime() -> Runtime {
    builder().start().expect("a runtime")
}

pub(crate) fn builder() -> libprocess::RuntimeBuilder {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .metrics_rate_limit(None)
}

pub(crate) fn get(runtime: &Runtime, path: &str) -> (u16, String) {
    let (status, _, body) = fetch(runtime, ClientRequest::get(path));
    (status, body)
}

pub(crate) fn fetch(runtime: &Runtime, request: ClientRequest) -> (u16, http::HeaderMap, String) {
    let url = format!("http://{}", runtime.address());
    runtime.block_on(async {
        let response = client::request(&url, request).await.expect("a response");
        let (status, headers) = (response.status, response.headers.clone());
        let body = response.bytes().await.expect("a body");
        (status, headers, String::from_utf8_lossy(&body).into_owned())
    })
}

/// Sends bytes and reads until the server closes.
pub(crate) fn raw(runtime: &Runtime, bytes: &[u8]) -> String {
    let mut stream = connect(runtime);
    stream.write_all(bytes).expect("written");
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return String::from_utf8_lossy(&text).into_owned() + "<closed>",
            Ok(read) => text.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return String::from_utf8_lossy(&text).into_owned() + "<closed>";
            }
            Err(error) => panic!("{error} after {}", String::from_utf8_lossy(&text)),
        }
    }
}

pub(crate) fn connect(runtime: &Runtime) -> TcpStream {
    let stream = TcpStream::connect(runtime.address().socket_addr()).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Reads until the text ends as expected.
pub(crate) fn read_until(stream: &mut TcpStream, end: &str) -> String {
    read_while(stream, |text| !text.ends_with(end))
}

/// Reads as long as the text lacks something.
pub(crate) fn read_while(stream: &mut TcpStream, is_short: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while is_short(&text) {
        let read = stream.read(&mut buffer).expect("more");
        assert_ne!(read, 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

/// Waits for something that happens on another thread.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if happened() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("{what} did not happen");
}

pub(crate) fn connection(runtime: &Runtime) -> Connection {
    let url = format!("http://{}", runtime.address())
        .parse()
        .expect("a URL");
    runtime
        .block_on(Connection::connect(&url))
        .expect("connected")
}
