//! Sessions over sockets that the test holds itself.

use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Settings with a certificate that is its own authority.
fn tls(folder: &tempfile::TempDir, more: &[(&str, &str)]) -> Tls {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let files = [
        ("KEY_FILE", write("key.pem", key.serialize_pem())),
        ("CERT_FILE", write("cert.pem", certificate.pem())),
        ("CA_FILE", write("ca.pem", certificate.pem())),
    ];
    let more = more
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let variables = files
        .into_iter()
        .chain(more)
        .chain([("ENABLED", "true".to_owned())])
        .map(|(name, value)| (format!("LIBPROCESS_SSL_{name}"), value));
    let tls = Tls::from_variables(variables).expect("good settings");
    tls.expect("TLS is on")
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

fn peer() -> Peer {
    Peer {
        ip: LOOPBACK,
        name: None,
    }
}

/// Mirrors: SSLVerifyIPAddTest.BasicSameProcessUnix
#[test]
fn a_session_over_a_unix_socket_carries_data_both_ways() {
    for verify in ["false", "true"] {
        let folder = tempfile::tempdir().expect("a folder");
        let tls = tls(
            &folder,
            &[("REQUIRE_CLIENT_CERT", "false"), ("VERIFY_IPADD", verify)],
        );

        run(async {
            let (here, there) = UnixStream::pair().expect("a pair");
            let connecting = tls.connect(Box::new(here), peer(), Asks::Nothing);
            let accepting = tls.accept(Box::new(there), LOOPBACK);
            let (client, server) = tokio::join!(connecting, accepting);
            let (mut client, mut server) = (client.expect("a session"), server.expect("one"));
            let mut data = [0; 12];

            client.write_all(b"Hello World!").await.expect("sent");
            server.read_exact(&mut data).await.expect("received");
            assert_eq!(&data, b"Hello World!");
            server.write_all(b"dlroW olleH!").await.expect("sent");
            client.read_exact(&mut data).await.expect("received");
            assert_eq!(&data, b"dlroW olleH!");
        });
    }
}

#[test]
fn a_session_that_its_peer_has_ended_is_read_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let tls = tls(&folder, &[]);

    run(async {
        let (here, there) = UnixStream::pair().expect("a pair");
        let connecting = tls.connect(Box::new(here), peer(), Asks::Nothing);
        let accepting = tls.accept(Box::new(there), LOOPBACK);
        let (client, server) = tokio::join!(connecting, accepting);
        let (mut client, mut server) = (client.expect("a session"), server.expect("one"));

        server.write_all(b"last words").await.expect("sent");
        server.shutdown().await.expect("ended");

        let mut text = String::new();
        client.read_to_string(&mut text).await.expect("the end");
        assert_eq!(text, "last words");
        assert!(server.write_all(b"more").await.is_err());
    });
}

#[test]
fn a_peer_that_breaks_off_the_handshake_is_an_error_and_no_hang() {
    let folder = tempfile::tempdir().expect("a folder");
    let tls = tls(&folder, &[]);

    run(async {
        let (here, mut there) = UnixStream::pair().expect("a pair");
        there
            .write_all(b"\x16\x03\x01\x02\x00\x01")
            .await
            .expect("sent");
        drop(there);

        assert!(tls.accept(Box::new(here), LOOPBACK).await.is_err());
    });
}

#[test]
fn a_client_asks_for_http2_when_it_is_one_of_grpc() {
    let folder = tempfile::tempdir().expect("a folder");
    let tls = tls(&folder, &[]);

    for (asks, expected) in [
        (Asks::Nothing, None),
        (Asks::Http2, Some(vec![b"h2".to_vec()])),
    ] {
        let asked = run(async {
            let (here, there) = UnixStream::pair().expect("a pair");
            let hearing = async {
                let greeted = tokio_rustls::LazyConfigAcceptor::new(
                    rustls::server::Acceptor::default(),
                    there,
                );
                let greeted = greeted.await.expect("a greeting");
                let alpn = greeted.client_hello().alpn();
                alpn.map(|names| names.map(<[u8]>::to_vec).collect::<Vec<_>>())
            };
            tokio::select! {
                asked = hearing => asked,
                _ = tls.connect(Box::new(here), peer(), asks) => None,
            }
        });

        assert_eq!(asked, expected);
    }
}
