//! Bytes that are no HTTP, or HTTP that no client should send.

use mesos_integration::cluster::Cluster;
use mesos_integration::http_client::{self, Connection, Request};

use crate::{assert_serves, resident_kib};

/// Sends bytes and expects a refusal or a closed connection; a body that breaks off in its framing
/// is answered with 500, as in Mesos.
#[track_caller]
fn assert_refused(cluster: &Cluster, name: &str, bytes: &[u8]) {
    let mut connection = Connection::open(cluster.master.address).expect("it listens");
    // The daemon may close before all is written.
    let _cut = connection.write(bytes);
    if let Ok(head) = connection.read_head() {
        assert!((400..=500).contains(&head.status), "{name}: {}", head.start);
    }
    assert_serves(cluster.master.address);
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let mut cluster = Cluster::start().unwrap();

    let noise: Vec<u8> = (0..=255u8).cycle().take(4096).collect();
    assert_refused(&cluster, "noise", &noise);
    assert_refused(
        &cluster,
        "a TLS hello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    );
    assert_refused(&cluster, "no version", b"GET /health\r\n\r\n");
    assert_refused(
        &cluster,
        "a NUL in the path",
        b"GET /he\0lth HTTP/1.1\r\n\r\n",
    );
    assert_refused(
        &cluster,
        "no UTF-8 in a header",
        b"GET \xff\xfe HTTP/1.1\r\nA\xff: \xff\r\n\r\n",
    );
    assert_refused(
        &cluster,
        "a bad header",
        b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
    );
    assert_refused(
        &cluster,
        "a negative length",
        b"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    );
    assert_refused(
        &cluster,
        "an endless chunk",
        b"POST /master/api/v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
    );

    assert!(cluster.master.is_running());
}

#[test]
fn truncated_requests_do_no_harm() {
    let mut cluster = Cluster::start().unwrap();
    let whole = Request::new("POST", "/api/v1/scheduler")
        .header("Content-Type", "application/json")
        .body("{\"type\":\"SUBSCRIBE\"}")
        .encode(cluster.master.address);

    for length in 0..whole.len() {
        let mut connection = Connection::open(cluster.master.address).unwrap();
        connection.write(&whole[..length]).unwrap();
    }

    assert_serves(cluster.master.address);
    assert!(cluster.master.is_running());
}

#[test]
fn endless_head_is_cut_off() {
    let mut cluster = Cluster::start().unwrap();
    let before = resident_kib(cluster.master.pid());
    let mut connection = Connection::open(cluster.master.address).unwrap();
    connection.write(b"GET /health HTTP/1.1\r\n").unwrap();
    let line = [b"X-Filler: ".as_slice(), &vec![b'a'; 8192], b"\r\n"].concat();

    let cut = (0..8192).any(|_| connection.write(&line).is_err());
    let head = connection.read_head();

    // A closed connection or a refusal, never an answer.
    let is_answered = head.is_ok_and(|head| head.status < 400);
    assert!(cut || !is_answered, "64 MiB of headers were taken");
    assert!(resident_kib(cluster.master.pid()) < before + 32 * 1024);
    assert_serves(cluster.master.address);
    assert!(cluster.master.is_running());
}

#[test]
fn announced_body_that_never_comes_takes_no_memory() {
    let mut cluster = Cluster::start().unwrap();
    let before = resident_kib(cluster.master.pid());

    let connections: Vec<Connection> = (0..50)
        .map(|_| {
            let mut connection = Connection::open(cluster.master.address).unwrap();
            connection
                .write(
                    b"POST /master/mesos.internal.RegisterSlaveMessage HTTP/1.1\r\n\
                      Libprocess-From: slave(1)@127.0.0.1:1\r\nContent-Length: 4000000000\r\n\r\nx",
                )
                .unwrap();
            connection
        })
        .collect();

    assert_serves(cluster.master.address);
    assert!(resident_kib(cluster.master.pid()) < before + 64 * 1024);
    drop(connections);
    assert!(cluster.master.is_running());
}

#[test]
fn deep_json_is_refused() {
    let cluster = Cluster::start().unwrap();

    for open in ["[", "{\"a\":"] {
        let body = open.repeat(200_000);
        let request = Request::new("POST", "/api/v1/scheduler")
            .header("Content-Type", "application/json")
            .body(body);
        let answer = http_client::send(cluster.master.address, &request).unwrap();
        assert_eq!(
            answer.status(),
            400,
            "{}",
            answer.text().get(..100).unwrap_or_default()
        );
    }

    assert_serves(cluster.master.address);
}

#[test]
fn deep_protobuf_is_refused() {
    let cluster = Cluster::start().unwrap();
    // A group that opens another, and length-delimited fields inside each other.
    let groups = vec![0x0b_u8; 200_000];
    let mut nested = Vec::new();
    for _ in 0..2000 {
        let mut outer = vec![0x12];
        let mut length = nested.len();
        while length >= 0x80 {
            outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        outer.push(u8::try_from(length).unwrap());
        outer.extend_from_slice(&nested);
        nested = outer;
    }

    for body in [groups, nested] {
        let request = Request::new("POST", "/api/v1/scheduler")
            .header("Content-Type", "application/x-protobuf")
            .body(body);
        let answer = http_client::send(cluster.master.address, &request).unwrap();
        assert_eq!(answer.status(), 400, "{}", answer.text());
    }

    assert_serves(cluster.master.address);
}

#[test]
fn paths_that_climb_are_not_found() {
    let cluster = Cluster::start().unwrap();

    for path in [
        "/../etc/passwd",
        "/master/../../etc/passwd",
        "/master/%2e%2e/%2e%2e/etc/passwd",
    ] {
        let answer = http_client::send(cluster.master.address, &Request::get(path)).unwrap();
        assert_eq!(answer.status(), 404, "{path}: {}", answer.text());
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let cluster = Cluster::start().unwrap();
    let mut connection = Connection::open(cluster.master.address).unwrap();
    let mut bytes = Vec::new();
    for number in 0..200 {
        let path = if number % 2 == 0 { "/health" } else { "/nope" };
        bytes.extend(Request::get(path).encode(cluster.master.address));
    }

    connection.write(&bytes).unwrap();

    for number in 0..200 {
        let answer = connection.read_answer().unwrap();
        assert_eq!(
            answer.status(),
            if number % 2 == 0 { 200 } else { 404 },
            "answer {number}"
        );
    }
}
