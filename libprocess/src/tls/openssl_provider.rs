//! TLS by OpenSSL, for peers that offer nothing that rustls speaks: the cargo feature `openssl`.
//!
//! Mirrors `reinitialize` and `configure_socket` in `3rdparty/libprocess/src/openssl.cpp`.

use std::fmt;
use std::io;
use std::pin::Pin;

use futures::FutureExt;
use futures::future::BoxFuture;
use openssl::error::ErrorStack;
use openssl::ssl::{
    AlpnError, Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslOptions,
    SslSessionCacheMode, SslVerifyMode, select_next_proto,
};
use openssl::x509::X509VerifyResult;
use tokio_openssl::SslStream;

use super::names::{Peer, Side};
use super::settings::{Protocol, Switch, TlsSettings};
use super::{Asks, Handshaken, Provider, TlsError, files};
use crate::transport::stream::Duplex;

/// What is spoken when no list is given: good suites first, then those that C++ peers speak by default.
const CIPHERS: &str = "ECDHE+AESGCM:ECDHE+CHACHA20:AES128-SHA:AES256-SHA:DHE-RSA-AES128-SHA:\
                       DHE-RSA-AES256-SHA";

/// What a server says can be spoken, first choice first, each name behind its length.
const ALPN: &[u8] = b"\x08http/1.1\x02h2";

/// What a client of gRPC asks for.
const HTTP2: &[u8] = b"\x02h2";

/// Any name will do: no session is resumed.
const SESSIONS: &[u8] = b"libprocess";

const VERSIONS: [(Protocol, SslOptions); 5] = [
    (Protocol::SslV3, SslOptions::NO_SSLV3),
    (Protocol::TlsV1_0, SslOptions::NO_TLSV1),
    (Protocol::TlsV1_1, SslOptions::NO_TLSV1_1),
    (Protocol::TlsV1_2, SslOptions::NO_TLSV1_2),
    (Protocol::TlsV1_3, SslOptions::NO_TLSV1_3),
];

/// Sessions by OpenSSL.
pub(super) struct OpensslProvider {
    context: SslContext,
    clients: SslVerifyMode,
    servers: SslVerifyMode,
}

impl OpensslProvider {
    /// Reads the files and fixes what is spoken.
    pub(super) fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let unusable = |error: ErrorStack| TlsError::Unusable(error.to_string());
        let mut context = SslContext::builder(SslMethod::tls()).map_err(unusable)?;
        context.set_session_cache_mode(SslSessionCacheMode::OFF);
        context.set_session_id_context(SESSIONS).map_err(unusable)?;
        load_identity(&mut context, settings)?;
        load_authorities(&mut context, settings)?;
        set_versions(&mut context, settings)?;
        let ciphers = settings.ciphers.as_deref().unwrap_or(CIPHERS);
        context
            .set_cipher_list(ciphers)
            .map_err(|_error| TlsError::Ciphers(ciphers.to_owned()))?;
        if settings.ecdh_curves != "auto" {
            context
                .set_groups_list(&settings.ecdh_curves)
                .map_err(|_error| TlsError::Curves(settings.ecdh_curves.clone()))?;
        }
        context.set_alpn_select_callback(|_, asked| {
            select_next_proto(ALPN, asked).ok_or(AlpnError::NOACK)
        });
        let required = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
        let mode = |side| {
            if settings.verifies(side) {
                required
            } else {
                SslVerifyMode::NONE
            }
        };
        Ok(Self {
            context: context.build(),
            clients: mode(Side::Server),
            servers: mode(Side::Client),
        })
    }

    fn session(
        &self,
        stream: Box<dyn Duplex>,
        verify: SslVerifyMode,
        greeting: Option<(&Peer, Asks)>,
    ) -> io::Result<SslStream<Box<dyn Duplex>>> {
        let mut ssl = Ssl::new(&self.context)?;
        ssl.set_verify(verify);
        if let Some((peer, asks)) = greeting {
            if let Some(name) = &peer.name {
                ssl.set_hostname(name)?;
            }
            match asks {
                Asks::Nothing => {}
                Asks::Http2 => ssl.set_alpn_protos(HTTP2)?,
            }
        }
        Ok(SslStream::new(ssl, stream)?)
    }
}

impl Provider for OpensslProvider {
    fn accept(&self, stream: Box<dyn Duplex>) -> BoxFuture<'static, io::Result<Handshaken>> {
        let session = self.session(stream, self.clients, None);
        async move {
            let mut session = session?;
            let shaken = Pin::new(&mut session).accept().await;
            conclude(session, shaken)
        }
        .boxed()
    }

    fn connect(
        &self,
        stream: Box<dyn Duplex>,
        peer: &Peer,
        asks: Asks,
    ) -> BoxFuture<'static, io::Result<Handshaken>> {
        let session = self.session(stream, self.servers, Some((peer, asks)));
        async move {
            let mut session = session?;
            let shaken = Pin::new(&mut session).connect().await;
            conclude(session, shaken)
        }
        .boxed()
    }
}

fn conclude(
    session: SslStream<Box<dyn Duplex>>,
    shaken: Result<(), impl fmt::Display>,
) -> io::Result<Handshaken> {
    let judged = session.ssl().verify_result();
    if let Err(error) = shaken {
        return Err(io::Error::other(if judged == X509VerifyResult::OK {
            error.to_string()
        } else {
            format!("invalid peer certificate: {judged}")
        }));
    }
    let certificate = session.ssl().peer_certificate();
    let certificate = certificate.map(|found| found.to_der()).transpose()?;
    Ok(Handshaken {
        stream: Box::new(session),
        certificate,
    })
}

fn load_identity(context: &mut SslContextBuilder, settings: &TlsSettings) -> Result<(), TlsError> {
    let (cert_file, key_file) = files::own(settings)?;
    files::refuse_locked_key(key_file)?;
    context
        .set_certificate_chain_file(cert_file)
        .map_err(|error| TlsError::cert_file(cert_file, error))?;
    let mismatch = |error: ErrorStack| TlsError::Mismatch(error.to_string());
    match context.set_private_key_file(key_file, SslFiletype::PEM) {
        Ok(()) => context.check_private_key().map_err(mismatch),
        // OpenSSL compares the two as soon as it has both.
        Err(error) if error.to_string().contains("values mismatch") => Err(mismatch(error)),
        Err(error) => Err(TlsError::key_file(key_file, error)),
    }
}

fn load_authorities(
    context: &mut SslContextBuilder,
    settings: &TlsSettings,
) -> Result<(), TlsError> {
    if !settings.has(Switch::VerifyServerCert) {
        return Ok(());
    }
    let loaded = match (&settings.ca_file, &settings.ca_dir) {
        (None, None) => context.set_default_verify_paths(),
        (file, dir) => context.load_verify_locations(file.as_deref(), dir.as_deref()),
    };
    loaded.map_err(|error| TlsError::authorities(settings, error.to_string()))?;
    let depth = u32::try_from(settings.verification_depth).unwrap_or(u32::MAX);
    context.set_verify_depth(depth);
    Ok(())
}

fn set_versions(context: &mut SslContextBuilder, settings: &TlsSettings) -> Result<(), TlsError> {
    if settings.protocols().next().is_none() {
        return Err(TlsError::NoProtocol);
    }
    // The system's own lower bound would silently win.
    context
        .set_min_proto_version(None)
        .map_err(|error| TlsError::Unusable(error.to_string()))?;
    let mut options = SslOptions::NO_SSLV2 | SslOptions::CIPHER_SERVER_PREFERENCE;
    for (version, without) in VERSIONS {
        if !settings.protocols().any(|on| on == version) {
            options |= without;
        }
    }
    let all = VERSIONS
        .iter()
        .fold(SslOptions::empty(), |all, (_, one)| all | *one);
    context.clear_options(all);
    context.set_options(options);
    Ok(())
}
