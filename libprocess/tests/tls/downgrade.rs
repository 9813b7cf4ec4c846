//! Plain and TLS on one port.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Certificates, DOWNGRADE, Echo, Owner, REQUIRE};

/// Mirrors: SSLTest.ValidDowngrade
#[test]
fn a_port_with_downgrade_takes_plain_clients_and_tls() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Host, &[DOWNGRADE, REQUIRE])));
    let client = files.tls(Owner::Host, &[]);

    assert_eq!(server.ask("http", None).expect("an answer"), "Hello World!");
    assert_eq!(
        server.ask("https", Some(&client)).expect("an answer"),
        "Hello World!"
    );
}

/// Mirrors: SSLTest.ValidDowngradeEachProtocol
/// Mirrors: SSLTest.NoValidDowngradeEachProtocol
#[test]
fn whether_plain_is_taken_does_not_depend_on_the_version_of_tls() {
    let files = Certificates::new();
    for newer in ["false", "true"] {
        let older = if newer == "true" { "false" } else { "true" };
        let versions = [("ENABLE_TLS_V1_2", older), ("ENABLE_TLS_V1_3", newer)];

        let both = files.tls(Owner::Host, &[versions[0], versions[1], DOWNGRADE]);
        assert!(Echo::start(Some(both)).ask("http", None).is_ok());

        let one = files.tls(Owner::Host, &versions);
        assert!(Echo::start(Some(one)).ask("http", None).is_err());
    }
}

#[test]
fn a_plain_request_that_comes_byte_by_byte_is_understood() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Host, &[DOWNGRADE])));
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");

    for byte in b"GET / HTTP/1.0\r\n\r\n" {
        stream.write_all(&[*byte]).expect("sent");
    }

    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
