//! Clients that take their time.

use mesos_integration::cluster::Cluster;
use mesos_integration::http_client::{Connection, Request};
use mesos_integration::legacy_peer::encode;

use crate::assert_serves;

#[test]
fn hundred_clients_that_never_finish_do_not_keep_others_waiting() {
    let cluster = Cluster::start().unwrap();

    let stalled: Vec<Connection> = (0..100)
        .map(|number| {
            let mut connection = Connection::open(cluster.master.address).unwrap();
            let begun: &[u8] = match number % 3 {
                0 => b"",
                1 => b"GET /health HT",
                _ => b"POST /master/api/v1 HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345",
            };
            connection.write(begun).unwrap();
            connection
        })
        .collect();

    for _ in 0..20 {
        assert_serves(cluster.master.address);
    }
    drop(stalled);
}

#[test]
fn request_that_comes_byte_by_byte_is_answered() {
    let cluster = Cluster::start().unwrap();
    let mut connection = Connection::open(cluster.master.address).unwrap();

    for byte in Request::get("/health").encode(cluster.master.address) {
        connection.write(&[byte]).unwrap();
    }

    assert_eq!(connection.read_answer().unwrap().status(), 200);
}

#[test]
fn message_that_comes_byte_by_byte_is_taken() {
    let cluster = Cluster::start().unwrap();
    let mut connection = Connection::open(cluster.master.address).unwrap();

    for byte in encode("master", "a@127.0.0.1:1", "mesos.internal.Nope", b"body") {
        connection.write(&[byte]).unwrap();
    }

    assert_eq!(connection.read_answer().unwrap().status(), 202);
}

#[test]
fn connection_may_change_between_requests_and_messages() {
    let cluster = Cluster::start().unwrap();
    let mut connection = Connection::open(cluster.master.address).unwrap();

    for _ in 0..10 {
        let health = connection.send(&Request::get("/health")).unwrap();
        connection
            .write(&encode(
                "master",
                "a@127.0.0.1:1",
                "mesos.internal.Nope",
                b"x",
            ))
            .unwrap();
        let taken = connection.read_answer().unwrap();
        assert_eq!((health.status(), taken.status()), (200, 202));
    }
}
