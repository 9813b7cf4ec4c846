//! TLS by rustls: versions 1.2 and 1.3, suites with forward secrecy only.

mod verifier;

use std::io;
use std::path::Path;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ClientConfig, ServerConfig, SupportedProtocolVersion, version};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use self::verifier::{Authorities, ChainVerifier, Trust};
use super::names::Peer;
use super::settings::{Protocol, Switch, TlsSettings};
use super::{Asks, Handshaken, Provider, TlsError, ciphers, files};
use crate::transport::stream::Duplex;

/// What a server says can be spoken over its sessions, first choice first: only clients of gRPC ask for nothing else
/// than HTTP/2.
const ALPN: [&[u8]; 2] = [b"http/1.1", HTTP2];

/// What a client of gRPC asks for.
const HTTP2: &[u8] = b"h2";

/// Sessions by rustls.
pub(super) struct RustlsProvider {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    grpc_connector: TlsConnector,
}

impl RustlsProvider {
    /// Reads the files and fixes what is spoken.
    pub(super) fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let (cert_file, key_file) = files::own(settings)?;
        let authorities = authorities(settings)?;
        let chain = read_chain(cert_file)?;
        let key = read_key(key_file)?;
        let provider = Arc::new(crypto(settings)?);
        match CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider) {
            Ok(_pair) => {}
            Err(error @ rustls::Error::InconsistentKeys(_)) => {
                return Err(TlsError::Mismatch(error.to_string()));
            }
            Err(error) => return Err(TlsError::key_file(key_file, error)),
        }
        let versions = versions(settings)?;
        let algorithms = provider.signature_verification_algorithms;
        let verifier = Arc::new(ChainVerifier {
            algorithms,
            trust: authorities.map_or(Trust::All, Trust::Authorities),
        });
        let unusable = |error: rustls::Error| TlsError::Unusable(error.to_string());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(unusable)?;
        let server = if settings.has(Switch::RequireClientCert) {
            server.with_client_cert_verifier(Arc::clone(&verifier) as Arc<_>)
        } else {
            server.with_no_client_auth()
        };
        let mut server = server
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(unusable)?;
        server.ignore_client_order = true;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        server.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(chain, key)
            .map_err(unusable)?;
        client.resumption = Resumption::disabled();
        let mut grpc_client = client.clone();
        grpc_client.alpn_protocols = vec![HTTP2.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
            grpc_connector: TlsConnector::from(Arc::new(grpc_client)),
        })
    }
}

impl Provider for RustlsProvider {
    fn accept(&self, stream: Box<dyn Duplex>) -> BoxFuture<'static, io::Result<Handshaken>> {
        let accepting = self.acceptor.accept(stream);
        async move {
            let stream = accepting.await?;
            let certificate = leaf(stream.get_ref().1.peer_certificates());
            Ok(Handshaken {
                stream: Box::new(stream),
                certificate,
            })
        }
        .boxed()
    }

    fn connect(
        &self,
        stream: Box<dyn Duplex>,
        peer: &Peer,
        asks: Asks,
    ) -> BoxFuture<'static, io::Result<Handshaken>> {
        // Only the greeting shows this name; names are compared afterwards.
        let name = peer
            .name
            .as_ref()
            .and_then(|name| ServerName::try_from(name.clone()).ok())
            .unwrap_or_else(|| ServerName::IpAddress(peer.ip.into()));
        let connector = match asks {
            Asks::Nothing => &self.connector,
            Asks::Http2 => &self.grpc_connector,
        };
        let connecting = connector.connect(name, stream);
        async move {
            let stream = connecting.await?;
            let certificate = leaf(stream.get_ref().1.peer_certificates());
            Ok(Handshaken {
                stream: Box::new(stream),
                certificate,
            })
        }
        .boxed()
    }
}

fn leaf(chain: Option<&[CertificateDer<'_>]>) -> Option<Vec<u8>> {
    chain
        .and_then(<[_]>::first)
        .map(|certificate| certificate.to_vec())
}

/// What is spoken of the versions that are on.
fn versions(settings: &TlsSettings) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let mut versions = Vec::new();
    let mut left_out = Vec::new();
    for protocol in settings.protocols() {
        match protocol {
            Protocol::TlsV1_2 => versions.push(&version::TLS12),
            Protocol::TlsV1_3 => versions.push(&version::TLS13),
            Protocol::SslV3 | Protocol::TlsV1_0 | Protocol::TlsV1_1 => {
                left_out.push(protocol.name());
            }
        }
    }
    if versions.is_empty() {
        return Err(TlsError::NoProtocol);
    }
    if !left_out.is_empty() {
        tracing::warn!(
            versions = left_out.join(", "),
            "these versions are not spoken: build with the feature `openssl` for them"
        );
    }
    Ok(versions)
}

/// The suites and curves that the settings leave.
fn crypto(settings: &TlsSettings) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    if let Some(list) = &settings.ciphers {
        let chosen = ciphers::ciphers(list);
        let of_tls13 = provider
            .cipher_suites
            .iter()
            .filter(|suite| suite.tls13().is_some());
        let by_id = |id: &CipherSuite| {
            let known = provider.cipher_suites.iter();
            known.copied().find(|suite| suite.suite() == *id)
        };
        let suites: Vec<_> = of_tls13
            .copied()
            .chain(chosen.taken.iter().filter_map(by_id))
            .collect();
        if chosen.taken.is_empty() {
            return Err(TlsError::Ciphers(list.clone()));
        }
        if !chosen.unknown.is_empty() {
            tracing::warn!(
                ciphers = chosen.unknown.join(":"),
                "these ciphers are not spoken"
            );
        }
        provider.cipher_suites = suites;
    }
    if settings.ecdh_curves != "auto" {
        let list = &settings.ecdh_curves;
        let chosen = ciphers::curves(list);
        if !chosen.unknown.is_empty() {
            return Err(TlsError::Curves(list.clone()));
        }
        let groups: Vec<_> = chosen
            .taken
            .iter()
            .filter_map(|name| {
                let known = provider.kx_groups.iter();
                known.copied().find(|group| group.name() == *name)
            })
            .collect();
        if groups.is_empty() {
            return Err(TlsError::Curves(list.clone()));
        }
        if groups.len() < chosen.taken.len() {
            tracing::warn!(curves = %list, "some of these curves are not spoken");
        }
        provider.kx_groups = groups;
    }
    Ok(provider)
}

fn authorities(settings: &TlsSettings) -> Result<Option<Authorities>, TlsError> {
    if !settings.has(Switch::VerifyServerCert) {
        return Ok(None);
    }
    let failed = |why: String| TlsError::authorities(settings, why);
    let found = match (&settings.ca_file, &settings.ca_dir) {
        (None, None) => rustls_native_certs::load_native_certs(),
        (file, dir) => rustls_native_certs::load_certs_from_paths(file.as_deref(), dir.as_deref()),
    };
    if let Some(error) = found.errors.first() {
        return Err(failed(error.to_string()));
    }
    let anchor = |certificate: &CertificateDer<'static>| {
        webpki::anchor_from_trusted_cert(certificate)
            .ok()
            .map(|anchor| anchor.to_owned())
    };
    let anchors: Vec<_> = found.certs.iter().filter_map(anchor).collect();
    if settings.ca_file.is_some() && anchors.is_empty() {
        return Err(failed("no certificate".to_owned()));
    }
    Ok(Some(Authorities {
        certificates: found.certs,
        anchors,
        depth: settings.verification_depth,
    }))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |why: &dyn std::fmt::Display| TlsError::cert_file(path, why);
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(&error))?;
    if chain.is_empty() {
        return Err(failed(&"no certificate"));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    files::refuse_locked_key(path)?;
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::key_file(path, error))
}
