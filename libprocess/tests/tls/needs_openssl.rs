//! Peers that speak as C++ libprocess does: by OpenSSL, versions up to TLS 1.2.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use libprocess::http::client::{self, ClientError, ClientRequest};
use libprocess::tls::Tls;

use crate::support::{Certificates, Echo, Owner, runtime};

/// What C++ libprocess speaks when `LIBPROCESS_SSL_CIPHERS` is not set, of which a library of today knows a part.
const DEFAULT: &str = "AES128-SHA:AES256-SHA:DHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA";

/// What `docs/tls.md` tells operators to set.
const DOCUMENTED: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
                          ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

fn openssl(arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments).stderr(Stdio::null());
    command
}

/// A certificate with a key of RSA, the only kind that the default ciphers work with.
struct Rsa {
    files: Certificates,
}

impl Rsa {
    fn new() -> Self {
        let files = Certificates::new();
        let text = |name: &str| files.path(name).display().to_string();
        let (key, certificate) = (text("rsa.key"), text("rsa.pem"));
        let made = openssl(&["req", "-x509", "-nodes", "-newkey", "rsa:2048"])
            .args([
                "-subj",
                "/CN=localhost",
                "-keyout",
                &key,
                "-out",
                &certificate,
            ])
            .status()
            .expect("openssl runs");
        assert!(made.success());
        Self { files }
    }

    fn path(&self, name: &str) -> String {
        self.files.path(name).display().to_string()
    }

    fn tls(&self) -> Tls {
        let (key, certificate) = (self.path("rsa.key"), self.path("rsa.pem"));
        let own = [("KEY_FILE", key.as_str()), ("CERT_FILE", &certificate)];
        self.files.tls(Owner::Host, &own)
    }
}

/// What a client by OpenSSL gets from our server.
fn answer_to(ciphers: &str) -> String {
    let server = Echo::start(Some(Rsa::new().tls()));
    let address = server.address.to_string();
    let mut client = openssl(&["s_client", "-quiet", "-no_tls1_3", "-connect", &address])
        .args(["-cipher", ciphers])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let mut input = client.stdin.take().expect("its input");
    // It may have given up already.
    let _ = input.write_all(b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
    let output = client.wait_with_output().expect("its output");
    drop(input);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What our client gets from a server by OpenSSL.
fn answer_from(ciphers: &str) -> Result<Bytes, ClientError> {
    let rsa = Rsa::new();
    let (key, certificate) = (rsa.path("rsa.key"), rsa.path("rsa.pem"));
    let child = openssl(&["s_server", "-www", "-no_tls1_3", "-accept", "127.0.0.1:0"])
        .args(["-cipher", ciphers, "-key", &key, "-cert", &certificate])
        .current_dir(Path::new(&key).parent().expect("a folder"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let mut server = Server(child);
    let output = server.0.stdout.take().expect("its output");
    let address = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned))
        .expect("its address");
    let runtime = runtime(None);
    let url = format!("https://{address}/");
    let got = runtime.block_on(async {
        client::request_with(&url, Some(&rsa.tls()), ClientRequest::get(""))
            .await?
            .bytes()
            .await
    });
    runtime.shutdown();
    got
}

#[test]
fn needs_openssl_peers_with_the_documented_ciphers_meet_us() {
    let answer = answer_to(DOCUMENTED);
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");

    let page = answer_from(DOCUMENTED).expect("an answer");
    assert!(
        String::from_utf8_lossy(&page).contains("ECDHE-RSA-AES"),
        "{page:?}"
    );
}

#[test]
fn needs_openssl_peers_at_default_settings_meet_us_only_by_the_feature() {
    let answer = answer_to(DEFAULT);
    let got = answer_from(DEFAULT);

    if cfg!(feature = "openssl") {
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
        assert!(got.is_ok(), "{got:?}");
    } else {
        assert_eq!(answer, "");
        assert!(matches!(got, Err(ClientError::Connect { .. })), "{got:?}");
    }
}
