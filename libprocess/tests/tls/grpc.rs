//! Links and calls of gRPC over TLS.

use bytes::Bytes;
use libprocess::grpc::client::{CallOptions, Client, Connection, WaitForReady};
use libprocess::grpc::{Code, Request};
use libprocess::tls::Tls;
use libprocess::{Runtime, Transport};

use crate::links::{Probe, Seen, next};
use crate::support::{Certificates, DOWNGRADE, Log, Owner, REQUIRE, VERIFY, builder, runtime};

/// A runtime whose links are streams of gRPC.
fn streaming(tls: Option<Tls>) -> Runtime {
    let builder = builder().transport(Transport::Grpc);
    let builder = match tls {
        Some(tls) => builder.tls(tls),
        None => builder,
    };
    builder.start().expect("a runtime")
}

/// Links two runtimes, sends a large message there and gets it back; none when the link breaks.
fn ping(here: &Runtime, there: &Runtime) -> Option<usize> {
    let (probe, seen) = Probe::spawn(here);
    let (other, _heard) = Probe::spawn(there);
    let to = other.upid().clone();
    probe.dispatch(move |_, ctx| {
        ctx.link(&to);
        ctx.send(&to, "ping", Bytes::from(vec![7; 300_000]));
    });
    match next(&seen) {
        Seen::Message(body) => Some(body.len()),
        Seen::Exited(pid) => {
            assert_eq!(pid, *other.upid());
            None
        }
    }
}

/// The status of a call of the health service that every runtime has.
fn call(here: &Runtime, target: &str) -> Result<(), (Code, String)> {
    let client = Client::new(here);
    let connection = Connection::new(target.parse().expect("a target"));
    let options = CallOptions {
        wait_for_ready: WaitForReady::No,
        ..CallOptions::default()
    };
    let path = "/grpc.health.v1.Health/Check";
    let answer = client.call::<(), ()>(&connection, path, Request::new(()), options);
    let answer = here.block_on(answer).ready().expect("an answer");
    match answer {
        Ok(_) => Ok(()),
        Err(status) => Err((status.code(), status.message().to_owned())),
    }
}

fn https(server: &Runtime) -> String {
    format!("https://{}", server.address())
}

#[test]
fn streams_of_messages_pass_over_tls_and_are_answered_on_themselves() {
    let files = Certificates::new();
    let tls = || Some(files.tls(Owner::Host, &[REQUIRE]));
    let (here, there) = (streaming(tls()), streaming(tls()));

    assert_eq!(ping(&here, &there), Some(300_000));

    let metrics = here.block_on(here.metrics().snapshot(None)).ready();
    let metrics = metrics.expect("values");
    assert!(metrics["libprocess/grpc_connections"] >= 1.0, "{metrics:?}");
    assert!(
        metrics["libprocess/legacy_connections"] < 1.0,
        "{metrics:?}"
    );
    here.shutdown();
    there.shutdown();
}

#[test]
fn a_stream_to_a_server_that_is_not_trusted_is_an_exit_and_one_line() {
    let log = Log::capture();
    let files = Certificates::new();
    let here = streaming(Some(files.tls(Owner::Host, &[VERIFY])));
    let there = streaming(Some(files.tls(Owner::Scrap, &[])));

    assert_eq!(ping(&here, &there), None);

    let lines = log.lines("connection broken");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("no TLS: invalid peer certificate"),
        "{lines:?}"
    );
    here.shutdown();
    there.shutdown();
}

#[test]
fn a_stream_to_a_plain_peer_needs_downgrade() {
    let files = Certificates::new();

    for (settings, expected) in [(&[][..], None), (&[DOWNGRADE][..], Some(300_000))] {
        let here = streaming(Some(files.tls(Owner::Host, settings)));
        let there = streaming(None);

        assert_eq!(ping(&here, &there), expected);

        here.shutdown();
        there.shutdown();
    }
}

#[test]
fn a_service_is_called_over_tls_when_both_sides_trust_each_other() {
    let files = Certificates::new();
    let server = runtime(Some(files.tls(Owner::Host, &[REQUIRE])));
    let client = runtime(Some(files.tls(Owner::Host, &[VERIFY])));

    let by_ip = call(&client, &https(&server));

    assert_eq!(by_ip, Ok(()));
    client.shutdown();
    server.shutdown();
}

#[test]
fn a_server_that_is_not_who_it_should_be_is_not_called() {
    let files = Certificates::new();
    let server = runtime(Some(files.tls(Owner::Scrap, &[])));
    let client = runtime(Some(files.tls(Owner::Host, &[VERIFY])));

    let (code, text) = call(&client, &https(&server)).expect_err("a refusal");

    assert_eq!(code, Code::Unavailable);
    assert!(text.contains("invalid peer certificate"), "{text}");
    client.shutdown();
    server.shutdown();
}

#[test]
fn a_client_that_the_server_does_not_trust_gets_no_answer() {
    let files = Certificates::new();
    let server = runtime(Some(files.tls(Owner::Host, &[REQUIRE])));
    let client = runtime(Some(files.tls(Owner::Scrap, &[])));

    let (code, _) = call(&client, &https(&server)).expect_err("a refusal");

    assert_eq!(code, Code::Unavailable);
    client.shutdown();
    server.shutdown();
}

#[test]
fn tls_is_neither_given_up_nor_made_up() {
    let files = Certificates::new();
    let (secured, plain) = (runtime(Some(files.tls(Owner::Host, &[]))), runtime(None));

    let without_settings = call(&plain, &https(&secured));
    let at_a_plain_port = call(&secured, &https(&plain));
    let in_plain = call(&plain, &secured.address().to_string());

    let (code, text) = without_settings.expect_err("a refusal");
    assert_eq!(code, Code::Unavailable);
    assert!(text.ends_with("TLS is off here"), "{text}");
    assert_eq!(
        at_a_plain_port.map_err(|refused| refused.0),
        Err(Code::Unavailable)
    );
    assert_eq!(
        in_plain.map_err(|refused| refused.0),
        Err(Code::Unavailable)
    );
    secured.shutdown();
    plain.shutdown();
}
