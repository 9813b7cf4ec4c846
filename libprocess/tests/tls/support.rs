//! Certificates of an authority that the test makes, servers and clients that use them, and what is logged.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use libprocess::http::client::{self, ClientError, ClientRequest};
use libprocess::http::{Response, Server};
use libprocess::tls::Tls;
use libprocess::{Runtime, RuntimeBuilder};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

pub(crate) const VERIFY: (&str, &str) = ("VERIFY_SERVER_CERT", "true");
pub(crate) const REQUIRE: (&str, &str) = ("REQUIRE_CLIENT_CERT", "true");
pub(crate) const DOWNGRADE: (&str, &str) = ("SUPPORT_DOWNGRADE", "true");
pub(crate) const BY_IP: (&str, &str) = ("VERIFY_IPADD", "true");
pub(crate) const OPENSSL: (&str, &str) = ("HOSTNAME_VALIDATION_SCHEME", "openssl");

/// Whose certificate a program shows.
#[derive(Clone, Copy)]
pub(crate) enum Owner {
    /// This host, by its name; signed by the authority.
    Host,
    /// This host, by its address; signed by the authority.
    Address,
    /// Another host; signed by the authority.
    Other,
    /// This host, by its own word.
    Scrap,
    /// This host, with one authority between it and the one that is trusted.
    Deep,
}

/// A folder with an authority and those whom it has signed.
pub(crate) struct Certificates {
    folder: TempDir,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let this = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let name = dns_lookup::lookup_addr(&LOOPBACK).expect("a name");
        let authority = authority("The authority", None);
        this.write("ca.pem", &authority.pem());
        let between = CertifiedIssuer::signed_by(
            authority_params("Between"),
            KeyPair::generate().expect("a key"),
            &authority,
        )
        .expect("an authority");
        let own = |name: &str| params("own", &[SanType::DnsName(dns(name))]);
        this.sign("host", &own(&name), &authority, "");
        this.sign("other", &own("invalid.example.org"), &authority, "");
        this.sign("deep", &own(&name), &between, &between.pem());
        let by_address = params("own", &[SanType::IpAddress(LOOPBACK)]);
        this.sign("address", &by_address, &authority, "");
        let key = KeyPair::generate().expect("a key");
        let scrap = own(&name).self_signed(&key).expect("a certificate");
        this.write("scrap.pem", &scrap.pem());
        this.write("scrap.key", &key.serialize_pem());
        this
    }

    fn sign(
        &self,
        name: &str,
        params: &CertificateParams,
        issuer: &Issuer<'_, KeyPair>,
        chain: &str,
    ) {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, issuer).expect("a certificate");
        self.write(&format!("{name}.pem"), &(certificate.pem() + chain));
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The variables of a program that shows a certificate and trusts the authority, and some more.
    pub(crate) fn variables(&self, owner: Owner, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let name = match owner {
            Owner::Host => "host",
            Owner::Address => "address",
            Owner::Other => "other",
            Owner::Scrap => "scrap",
            Owner::Deep => "deep",
        };
        let text = |file: &str| self.path(file).display().to_string();
        let mut variables = vec![
            ("LIBPROCESS_SSL_ENABLED".to_owned(), "true".to_owned()),
            (
                "LIBPROCESS_SSL_KEY_FILE".to_owned(),
                text(&format!("{name}.key")),
            ),
            (
                "LIBPROCESS_SSL_CERT_FILE".to_owned(),
                text(&format!("{name}.pem")),
            ),
            ("LIBPROCESS_SSL_CA_FILE".to_owned(), text("ca.pem")),
        ];
        for (name, value) in more {
            let name = format!("LIBPROCESS_SSL_{name}");
            variables.retain(|(known, _)| *known != name);
            variables.push((name, (*value).to_owned()));
        }
        variables
    }

    pub(crate) fn tls(&self, owner: Owner, more: &[(&str, &str)]) -> Tls {
        let tls = Tls::from_variables(self.variables(owner, more)).expect("good settings");
        tls.expect("TLS is on")
    }
}

fn dns(name: &str) -> rcgen::string::Ia5String {
    name.try_into().expect("a name")
}

fn params(common: &str, names: &[SanType]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common);
    params.subject_alt_names = names.to_vec();
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn authority(name: &str, key: Option<KeyPair>) -> CertifiedIssuer<'static, KeyPair> {
    let key = key.unwrap_or_else(|| KeyPair::generate().expect("a key"));
    CertifiedIssuer::self_signed(authority_params(name), key).expect("an authority")
}

pub(crate) fn builder() -> RuntimeBuilder {
    Runtime::builder().ip(LOOPBACK).arbiters(1)
}

pub(crate) fn runtime(tls: Option<Tls>) -> Runtime {
    let builder = match tls {
        Some(tls) => builder().tls(tls),
        None => builder(),
    };
    builder.start().expect("a runtime")
}

/// A server that answers with what it was sent.
pub(crate) struct Echo {
    pub(crate) runtime: Runtime,
    pub(crate) address: SocketAddr,
    _server: Server,
}

impl Echo {
    pub(crate) fn start(tls: Option<Tls>) -> Self {
        let runtime = runtime(tls);
        let server = Server::tcp(&runtime, (LOOPBACK, 0).into(), |request| {
            Response::ok_text(String::from_utf8_lossy(&request.body).into_owned()).into()
        })
        .expect("a server");
        let address = server.address().expect("an address");
        Self {
            runtime,
            address,
            _server: server,
        }
    }

    /// Sends a request by its scheme and gives what comes back.
    pub(crate) fn ask(&self, scheme: &str, tls: Option<&Tls>) -> Result<Bytes, ClientError> {
        self.ask_host(scheme, &LOOPBACK.to_string(), tls)
    }

    /// As [`ask`](Self::ask), with a name for the host.
    pub(crate) fn ask_host(
        &self,
        scheme: &str,
        host: &str,
        tls: Option<&Tls>,
    ) -> Result<Bytes, ClientError> {
        let url = format!("{scheme}://{host}:{}", self.address.port());
        let request = ClientRequest::post("/", "text/plain", "Hello World!");
        self.runtime.block_on(async {
            client::request_with(&url, tls, request)
                .await?
                .bytes()
                .await
        })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

/// What the program logs at WARN and above.
#[derive(Clone, Default)]
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
}

impl Log {
    /// From now on, for the whole program: one test in a process.
    pub(crate) fn capture() -> Self {
        let log = Self::default();
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
            .with_ansi(false)
            .with_writer(log.clone())
            .init();
        log
    }

    /// The lines with this text.
    pub(crate) fn lines(&self, with: &str) -> Vec<String> {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&text);
        let matching = text.lines().filter(|line| line.contains(with));
        matching.map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
