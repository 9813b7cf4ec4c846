//! Routes, bodies, errors and pipelining over real sockets.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::http::client::{self, ClientRequest, ClientResponse, Connection};
use libprocess::http::{Body, Help, Request, Response, pipe};
use libprocess::{Context, Future, Limits, Process, ProcessId, Promise, Runtime};

/// An actor with a route for every case.
#[derive(Default)]
struct Server {
    held: Arc<Mutex<Vec<Promise<Response>>>>,
    streams: Arc<Mutex<Vec<pipe::Writer>>>,
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
fn upload(request: Request, ctx: &mut Context<Server>) -> Future<Response> {
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

fn runtime() -> Runtime {
    builder().start().expect("a runtime")
}

fn builder() -> libprocess::RuntimeBuilder {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .metrics_rate_limit(None)
}

fn get(runtime: &Runtime, path: &str) -> (u16, String) {
    let (status, _, body) = fetch(runtime, ClientRequest::get(path));
    (status, body)
}

fn fetch(runtime: &Runtime, request: ClientRequest) -> (u16, http::HeaderMap, String) {
    let url = format!("http://{}", runtime.address());
    runtime.block_on(async {
        let response = client::request(&url, request).await.expect("a response");
        let (status, headers) = (response.status, response.headers.clone());
        let body = response.bytes().await.expect("a body");
        (status, headers, String::from_utf8_lossy(&body).into_owned())
    })
}

/// Sends bytes and reads until the server closes or is silent.
fn raw(runtime: &Runtime, bytes: &[u8]) -> String {
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
            Err(_) => return String::from_utf8_lossy(&text).into_owned(),
        }
    }
}

fn connect(runtime: &Runtime) -> TcpStream {
    let stream = TcpStream::connect(runtime.address().socket_addr()).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("a timeout");
    stream
}

/// Reads until the text ends as expected.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.ends_with(end) {
        let read = stream.read(&mut buffer).expect("more");
        assert_ne!(read, 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

/// Waits for something that happens on another thread.
fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..500 {
        if happened() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("{what} did not happen");
}

/// Mirrors: HTTPTest.Endpoints
/// Mirrors: HTTPTest.NestedGet
/// Mirrors: ProcessTest.PercentEncodedURLs
#[test]
fn the_longest_prefix_of_the_path_finds_the_route() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    for (path, expected) in [
        ("/server(1)/a", "a:/server(1)/a:"),
        ("/server%281%29/a", "a:/server%281%29/a:"),
        ("/server(1)/a/", "a:/server(1)/a/:"),
        ("/server(1)/a/x/y", "a:/server(1)/a/x/y:/x/y"),
        ("/server(1)/a/b", "ab:"),
        ("/server(1)/a/b/c", "ab:/c"),
        ("/server(1)", "root"),
        ("/server(1)/query?q=1%202+3", "1 2 3"),
    ] {
        assert_eq!(get(&runtime, path), (200, expected.to_owned()), "{path}");
    }
    for path in [
        "/server(1)/nope",
        "/nope",
        "//server(1)/a",
        "/server(1)/a/../b",
        "/",
    ] {
        assert_eq!(
            get(&runtime, path),
            (404, "404 Not Found.".to_owned()),
            "{path}"
        );
    }
    runtime.shutdown();
}

#[test]
fn a_delegate_answers_for_paths_without_an_actor() {
    let runtime = builder().delegate("server(1)").start().expect("a runtime");
    runtime.spawn(Server::default());

    assert_eq!(
        get(&runtime, "/a/x"),
        (200, "a:/server(1)/a/x:/x".to_owned())
    );
    assert_eq!(get(&runtime, "/"), (200, "root".to_owned()));
    assert_eq!(
        get(&runtime, "/server(1)/a"),
        (200, "a:/server(1)/a:".to_owned())
    );
    assert_eq!(get(&runtime, "/nope"), (404, "404 Not Found.".to_owned()));
    runtime.shutdown();
}

/// Mirrors: ProcessTest.FirewallDisablePaths
/// Mirrors: ProcessTest.FirewallUninstall
#[test]
fn disabled_endpoints_are_refused_until_the_list_is_emptied() {
    let runtime = builder().delegate("server(1)").start().expect("a runtime");
    runtime.spawn(Server::default());
    runtime.set_disabled_endpoints(["/server(1)/a".to_owned(), "/server(1)/nope".to_owned()]);

    let refused = (403, "Endpoint '/server(1)/a' is disabled".to_owned());
    assert_eq!(get(&runtime, "/server(1)/a"), refused);
    assert_eq!(get(&runtime, "/a"), refused);
    assert_eq!(get(&runtime, "/nope").0, 403);
    assert_eq!(get(&runtime, "/server(1)/a/b").0, 200);

    runtime.set_disabled_endpoints([]);
    assert_eq!(get(&runtime, "/a").0, 200);
    runtime.shutdown();
}

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

/// Mirrors: HTTPTest.Post
/// Mirrors: HTTPTest.Get
#[test]
fn bodies_come_by_length_in_chunks_and_compressed() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let compressed = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"squeezed").expect("compressed");
        encoder.finish().expect("compressed")
    };

    let plain = ClientRequest::post("/server(1)/echo", "text/plain", "by length");
    assert_eq!(fetch(&runtime, plain).2, "by length");
    let (writer, reader) = pipe::pipe();
    writer.write("in ".into());
    writer.write("chunks".into());
    writer.close();
    let chunked = ClientRequest::post("/server(1)/echo", "text/plain", "").with_stream(reader);
    assert_eq!(fetch(&runtime, chunked).2, "in chunks");
    let gzip = ClientRequest::post("/server(1)/echo", "text/plain", compressed)
        .with_header("content-encoding", "gzip");
    assert_eq!(fetch(&runtime, gzip).2, "squeezed");
    let large = ClientRequest::post("/server(1)/echo", "text/plain", vec![b'y'; 3_000_000]);
    assert_eq!(fetch(&runtime, large).2.len(), 3_000_000);
    runtime.shutdown();
}

#[test]
fn a_body_beyond_the_limit_is_413() {
    let limits = Limits {
        http_body: 1000,
        ..Limits::default()
    };
    let runtime = builder().limits(limits).start().expect("a runtime");
    runtime.spawn(Server::default());

    let short = ClientRequest::post("/server(1)/echo", "text/plain", vec![b'x'; 1000]);
    assert_eq!(fetch(&runtime, short).0, 200);
    let answer = raw(
        &runtime,
        b"POST /server(1)/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n",
    );
    assert_eq!(answer, "", "nothing is decided before the body is there");
    let long = [
        &b"POST /server(1)/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n"[..],
        &[b'x'; 2000],
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let answer = raw(&runtime, &long);
    assert!(
        answer.starts_with("HTTP/1.1 413 Request Entity Too Large\r\n"),
        "{answer}"
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

fn connection(runtime: &Runtime) -> Connection {
    let url = format!("http://{}", runtime.address())
        .parse()
        .expect("a URL");
    runtime
        .block_on(Connection::connect(&url))
        .expect("connected")
}

/// Mirrors: HTTPTest.StreamingGetComplete
#[test]
fn every_write_to_a_stream_is_one_chunk() {
    let runtime = runtime();
    let server = Server::default();
    let streams = Arc::clone(&server.streams);
    runtime.spawn(server);
    let mut stream = connect(&runtime);
    stream
        .write_all(b"GET /server(1)/streams HTTP/1.1\r\n\r\n")
        .expect("written");
    eventually("the stream", || !streams.lock().expect("a lock").is_empty());
    let writer = streams.lock().expect("a lock").pop().expect("a writer");

    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
    writer.write("hello".into());
    assert_eq!(read_until(&mut stream, "\r\nhello\r\n"), "5\r\nhello\r\n");
    writer.write("a".into());
    writer.write("bc".into());
    assert_eq!(read_until(&mut stream, "bc\r\n"), "1\r\na\r\n2\r\nbc\r\n");
    writer.close();
    assert_eq!(read_until(&mut stream, "0\r\n\r\n"), "0\r\n\r\n");
    runtime.shutdown();
}

/// Mirrors: HTTPTest.StreamingGetFailure
#[test]
fn a_stream_that_fails_closes_the_connection() {
    let runtime = runtime();
    let server = Server::default();
    let streams = Arc::clone(&server.streams);
    runtime.spawn(server);
    let connection = connection(&runtime);

    let mut response = runtime
        .block_on(connection.send(ClientRequest::get("/server(1)/streams")))
        .expect("a response");
    let writer = streams.lock().expect("a lock").pop().expect("a writer");
    writer.write("partial".into());
    writer.fail("oops");

    assert_eq!(
        runtime.block_on(response.body.read()),
        Some(Ok("partial".into()))
    );
    assert!(
        runtime
            .block_on(response.body.read())
            .is_some_and(|chunk| chunk.is_err())
    );
    runtime.shutdown();
}

/// Mirrors: HTTPTest.PipeReaderCloses
#[test]
fn a_client_that_closes_even_half_is_seen_by_the_writer() {
    for half in [false, true] {
        let runtime = runtime();
        let server = Server::default();
        let streams = Arc::clone(&server.streams);
        runtime.spawn(server);
        let mut stream = connect(&runtime);
        stream
            .write_all(b"GET /server(1)/streams HTTP/1.1\r\n\r\n")
            .expect("written");
        read_until(&mut stream, "\r\n\r\n");
        let closed = streams.lock().expect("a lock")[0].reader_closed();

        if half {
            stream
                .shutdown(std::net::Shutdown::Write)
                .expect("half closed");
        } else {
            drop(stream);
        }

        assert!(runtime.block_on(closed).is_ready());
        runtime.shutdown();
    }
}

#[test]
fn a_client_that_goes_away_discards_what_it_waits_for() {
    let runtime = runtime();
    let server = Server::default();
    let held = Arc::clone(&server.held);
    runtime.spawn(server);
    let mut stream = connect(&runtime);
    stream
        .write_all(b"GET /server(1)/holds HTTP/1.1\r\n\r\n")
        .expect("written");
    eventually("the request", || !held.lock().expect("a lock").is_empty());
    let (asked, told) = Promise::new();
    held.lock().expect("a lock")[0].on_discard(move || asked.set(()));

    drop(stream);

    assert!(runtime.block_on(told).is_ready());
    runtime.shutdown();
}

/// Mirrors: HTTPConnectionTest.RequestStreaming
#[test]
fn a_streaming_route_reads_the_body_as_it_comes() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let (writer, reader) = pipe::pipe();
    let connection = connection(&runtime);
    let request = ClientRequest::post("/server(1)/upload", "text/plain", "").with_stream(reader);

    let response = runtime.block_on(async {
        let response = connection.send(request);
        for _ in 0..100 {
            writer.write(vec![b'z'; 10_000].into());
            tokio::task::yield_now().await;
        }
        writer.close();
        response
            .await
            .expect("a response")
            .bytes()
            .await
            .expect("a body")
    });

    assert_eq!(response, "1000000");
    runtime.shutdown();
}

/// Mirrors: HTTPTest.ProvideSendfile
#[test]
fn assets_are_served_with_the_type_of_their_extension() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let manifest = get(&runtime, "/server(1)/file");
    assert_eq!(manifest.0, 200);
    assert!(manifest.1.contains("[package]"));
    assert_eq!(get(&runtime, "/server(1)/src/time.rs").0, 200);
    assert_eq!(
        get(&runtime, "/server(1)/src").0,
        404,
        "directories are not listed"
    );
    assert_eq!(get(&runtime, "/server(1)/src/nope").0, 404);
    runtime.shutdown();
}

#[test]
fn bytes_that_are_no_request_close_the_connection_without_an_answer() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let too_long = [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'x'; 90_000]].concat();

    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
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

#[test]
fn old_clients_are_closed_after_the_answer_unless_they_ask() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let closed = raw(&runtime, b"GET /server(1) HTTP/1.0\r\n\r\n");
    assert!(closed.ends_with("root<closed>"), "{closed}");
    let kept = raw(
        &runtime,
        b"GET /server(1) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    );
    assert!(kept.ends_with("root"), "{kept}");
    let star = raw(&runtime, b"OPTIONS * HTTP/1.1\r\n\r\n");
    assert!(
        star.contains("400 Bad Request") && star.ends_with("Request URL path must start with '/'"),
        "{star}"
    );
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
fn services_of_actix_web_answer_beside_the_actors() {
    use actix_web::web;
    let runtime = builder()
        .configure(|services| {
            services.route(
                "/plain",
                web::post().to(|body: web::Bytes| async move {
                    actix_web::HttpResponse::Created().body(body)
                }),
            );
        })
        .start()
        .expect("a runtime");
    runtime.spawn(Server::default());

    let request = ClientRequest::post("/plain", "text/plain", vec![b'b'; 100_000]);
    let (status, _, body) = fetch(&runtime, request);
    assert_eq!((status, body.len()), (201, 100_000));
    assert_eq!(get(&runtime, "/server(1)").1, "root");
    runtime.shutdown();
}

#[test]
fn a_response_can_be_any_kind_of_body() {
    assert!(matches!(Response::file("/x").body, Body::File(_)));
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

/// Mirrors: HTTPConnectionTest.GzipRequestBody
#[test]
fn a_compressed_request_is_inflated_before_the_handler_sees_it() {
    let runtime = runtime();
    runtime.spawn(Server::default());
    let body = vec![b'g'; 200_000];
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&body).expect("compressed");
    let request = ClientRequest::post(
        "/server(1)/upload",
        "text/plain",
        encoder.finish().expect("compressed"),
    )
    .with_header("content-encoding", "gzip");

    assert_eq!(fetch(&runtime, request).2, "200000");
    let broken = ClientRequest::post("/server(1)/echo", "text/plain", "not compressed")
        .with_header("content-encoding", "gzip");
    let (status, _, text) = fetch(&runtime, broken);
    assert_eq!((status, text.as_str()), (500, "failed to decode body"));
    runtime.shutdown();
}

#[test]
fn an_unread_upload_is_held_back_and_not_kept_in_memory() {
    let limits = Limits {
        unread_stream: 100_000,
        ..Limits::default()
    };
    let runtime = builder().limits(limits).start().expect("a runtime");
    let readers = Arc::new(Mutex::new(Vec::new()));
    runtime.spawn(Hoarder(Arc::clone(&readers)));
    let mut stream = connect(&runtime);
    stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a timeout");
    let head = format!(
        "POST /hoarder/take HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
        1_u64 << 32
    );
    stream.write_all(head.as_bytes()).expect("written");

    let mut sent = 0;
    let piece = vec![0; 1 << 16];
    while let Ok(written) = stream.write(&piece) {
        sent += written;
        assert!(sent < 1 << 28, "nobody holds it back");
    }

    assert_eq!(readers.lock().expect("a lock").len(), 1);
    runtime.shutdown();
}

/// Takes uploads and does not read them.
struct Hoarder(Arc<Mutex<Vec<pipe::Reader>>>);

impl Process for Hoarder {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("hoarder")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route_streaming("/take", Help::none(), |hoarder, request, _| {
            hoarder.0.lock().expect("a lock").extend(request.reader);
            Promise::new().1
        });
    }
}
