//! How the body of a request arrives.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use libprocess::http::client::ClientRequest;
use libprocess::http::{Help, pipe};
use libprocess::{Context, Limits, Process, ProcessId, Promise};

use crate::support::{
    A_WHILE, PATIENCE, Server, builder, connect, connection, eventually, fetch, read_while, runtime,
};

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
    let mut stream = connect(&runtime);
    stream
        .write_all(b"POST /server(1)/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n")
        .expect("written");
    stream.set_read_timeout(Some(A_WHILE)).expect("a timeout");
    let early = stream.read(&mut [0; 1]);
    assert!(early.is_err(), "decided before the body is there");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let rest = [&[b'x'; 2000][..], b"\r\n0\r\n\r\n"].concat();
    stream.write_all(&rest).expect("written");
    let answer = read_while(&mut stream, |text| !text.contains("\r\n\r\n"));
    assert!(
        answer.starts_with("HTTP/1.1 413 Request Entity Too Large\r\n"),
        "{answer}"
    );
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
    stream.set_write_timeout(Some(A_WHILE)).expect("a timeout");
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

    eventually("the upload", || readers.lock().expect("a lock").len() == 1);
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
