//! Answers that are written bit by bit, and clients that go away.

use std::io::Write;
use std::sync::Arc;

use libprocess::Promise;
use libprocess::http::client::ClientRequest;

use crate::support::{Server, connect, connection, eventually, read_until, runtime};

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
