//! TLS: the `LIBPROCESS_SSL_` variables, who is believed, and the sessions.
//!
//! Mirrors `3rdparty/libprocess/src/openssl.cpp` and the sockets in `src/ssl/`.
//!
//! [`TlsSettings`] are read from the environment once; [`Tls`] is what they come to: keys, authorities and a library
//! that speaks the protocol. A runtime with one speaks TLS on its port, on its links and to `https` URLs.
//! The library is rustls; the cargo feature `openssl` puts OpenSSL in its place.
//! `docs/tls.md` says which settings make C++ peers and ours meet.
//!
//! # Invariants
//! - A stream leaves this module only after the handshake, and only when its peer is who it should be.
//! - A handshake that fails costs its connection and one line in the log.

mod certificate;
#[cfg(not(feature = "openssl"))]
mod ciphers;
mod files;
mod names;
#[cfg(feature = "openssl")]
mod openssl_provider;
#[cfg(not(feature = "openssl"))]
mod rustls_provider;
mod settings;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use thiserror::Error;

use self::certificate::CertificateNames;
pub use self::names::NameError;
pub(crate) use self::names::{Peer, Side};
#[cfg(feature = "openssl")]
use self::openssl_provider::OpensslProvider as Library;
#[cfg(not(feature = "openssl"))]
use self::rustls_provider::RustlsProvider as Library;
pub use self::settings::{NameScheme, Protocol, Switch, TlsSettings};
use crate::transport::stream::Duplex;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// From how long on a look-up of a peer's name is worth a warning.
const SLOW_LOOKUP: Duration = Duration::from_millis(100);

/// A library that speaks the protocol.
trait Provider: Send + Sync {
    /// Shakes hands with a client.
    fn accept(&self, stream: Box<dyn Duplex>) -> BoxFuture<'static, io::Result<Handshaken>>;

    /// Shakes hands with a server.
    fn connect(
        &self,
        stream: Box<dyn Duplex>,
        peer: &Peer,
        asks: Asks,
    ) -> BoxFuture<'static, io::Result<Handshaken>>;
}

/// A session whose peer's chain of certificates is good, if it had to be.
struct Handshaken {
    stream: Box<dyn Duplex>,
    /// The peer's certificate in DER.
    certificate: Option<Vec<u8>>,
}

/// Why there can be no TLS.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TlsError {
    /// A variable that cannot be read.
    #[error(
        "Failed to load flags from environment variables prefixed by LIBPROCESS_SSL_ or SSL_ (deprecated): {0}"
    )]
    Flags(String),
    /// No key is named.
    #[error("SSL requires key! NOTE: Set path with LIBPROCESS_SSL_KEY_FILE")]
    NoKey,
    /// No certificate is named.
    #[error("SSL requires certificate! NOTE: Set path with LIBPROCESS_SSL_CERT_FILE")]
    NoCertificate,
    /// There is no such way to compare names.
    #[error("Unknown value for hostname_validation_scheme: {0}")]
    Scheme(String),
    /// The certificate cannot be read.
    #[error("Could not load cert file '{path}': {why}")]
    CertFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The key cannot be read.
    #[error("Could not load key file '{path}': {why}")]
    KeyFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The key is that of another certificate.
    #[error("Private key does not match the certificate public key: {0}")]
    Mismatch(String),
    /// The authorities cannot be read.
    #[error("Could not load CA file and/or directory: {why} -> {places}")]
    Authorities {
        /// What is wrong.
        why: String,
        /// Where they were looked for.
        places: String,
    },
    /// None of the ciphers is spoken.
    #[error("Could not set ciphers '{0}': none of them is spoken here, see docs/tls.md")]
    Ciphers(String),
    /// A curve is unknown, or none is spoken.
    #[error("Could not load ECDH curves '{0}'")]
    Curves(String),
    /// No version is on that is spoken.
    #[error("no version of TLS that is spoken here is enabled, see docs/tls.md")]
    NoProtocol,
    /// The library refuses the settings together.
    #[error("the settings of TLS do not go together: {0}")]
    Unusable(String),
}

impl TlsError {
    fn cert_file(path: &Path, why: impl fmt::Display) -> Self {
        Self::CertFile {
            path: path.display().to_string(),
            why: why.to_string(),
        }
    }

    fn key_file(path: &Path, why: impl fmt::Display) -> Self {
        Self::KeyFile {
            path: path.display().to_string(),
            why: why.to_string(),
        }
    }

    fn authorities(settings: &TlsSettings, why: String) -> Self {
        let place = |kind: &str, path: &Option<std::path::PathBuf>| {
            path.as_ref()
                .map(|path| format!("{kind}: {}", path.display()))
        };
        let places = [
            place("FILE", &settings.ca_file),
            place("DIR", &settings.ca_dir),
        ];
        Self::Authorities {
            why,
            places: places.into_iter().flatten().collect::<Vec<_>>().join(", "),
        }
    }
}

/// Why a handshake failed.
#[derive(Debug, Error)]
pub(crate) enum HandshakeError {
    #[error("{0}")]
    Failed(#[from] io::Error),
    #[error("the handshake took too long")]
    TooSlow,
    #[error("Peer did not provide certificate")]
    NoCertificate,
    #[error("{0}")]
    Name(#[from] NameError),
}

impl From<HandshakeError> for io::Error {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Failed(error) => error,
            other @ (HandshakeError::TooSlow
            | HandshakeError::NoCertificate
            | HandshakeError::Name(_)) => Self::other(other),
        }
    }
}

/// Whether connections may be plain although TLS is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Downgrade {
    /// They may.
    Supported,
    /// They may not.
    Refused,
}

/// What a client asks to speak within a session (ALPN).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// It does not ask: the server finds out by what it says.
    Nothing,
    /// HTTP/2, as servers of gRPC want to be asked.
    Http2,
}

/// Keys, authorities and a library that speaks TLS; clones are the same.
///
/// # Examples
/// ```no_run
/// use libprocess::Runtime;
/// use libprocess::tls::Tls;
///
/// // With LIBPROCESS_SSL_ENABLED=true, LIBPROCESS_SSL_KEY_FILE and LIBPROCESS_SSL_CERT_FILE set:
/// let mut builder = Runtime::builder();
/// if let Some(tls) = Tls::from_variables(std::env::vars())? {
///     builder = builder.tls(tls);
/// }
/// let runtime = builder.start()?;
/// assert_eq!(runtime.http_scheme(), "https");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    settings: TlsSettings,
    provider: Box<dyn Provider>,
}

impl Tls {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// When a file is missing or wrong, or the settings leave nothing to speak.
    pub fn new(settings: TlsSettings) -> Result<Self, TlsError> {
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        let provider = Box::new(Library::new(&settings)?);
        Ok(Self {
            inner: Arc::new(Inner { settings, provider }),
        })
    }

    /// Reads the `LIBPROCESS_SSL_` variables; none when they do not enable TLS.
    ///
    /// # Errors
    /// When a value cannot be read, or as [`new`](Self::new) when TLS is enabled.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Option<Self>, TlsError> {
        let settings = TlsSettings::from_variables(variables)?;
        if settings.has(Switch::Enabled) {
            Self::new(settings).map(Some)
        } else {
            Ok(None)
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &TlsSettings {
        &self.inner.settings
    }

    pub(crate) fn downgrade(&self) -> Downgrade {
        if self.settings().has(Switch::SupportDowngrade) {
            Downgrade::Supported
        } else {
            Downgrade::Refused
        }
    }

    /// Shakes hands with a client and makes sure who it is.
    pub(crate) async fn accept(
        &self,
        stream: Box<dyn Duplex>,
        peer: IpAddr,
    ) -> Result<Box<dyn Duplex>, HandshakeError> {
        let shaking = self.inner.provider.accept(stream);
        let peer = Peer {
            ip: peer,
            name: None,
        };
        self.conclude(Side::Server, peer, shaking).await
    }

    /// Shakes hands with a server and makes sure who it is.
    pub(crate) async fn connect(
        &self,
        stream: Box<dyn Duplex>,
        peer: Peer,
        asks: Asks,
    ) -> Result<Box<dyn Duplex>, HandshakeError> {
        let shaking = self.inner.provider.connect(stream, &peer, asks);
        self.conclude(Side::Client, peer, shaking).await
    }

    async fn conclude(
        &self,
        side: Side,
        mut peer: Peer,
        shaking: BoxFuture<'static, io::Result<Handshaken>>,
    ) -> Result<Box<dyn Duplex>, HandshakeError> {
        let Ok(shaken) = tokio::time::timeout(HANDSHAKE, shaking).await else {
            return Err(HandshakeError::TooSlow);
        };
        let Handshaken {
            stream,
            certificate,
        } = shaken?;
        let settings = self.settings();
        if !settings.verifies(side) {
            return Ok(stream);
        }
        let certificate = certificate.ok_or(HandshakeError::NoCertificate)?;
        let names = CertificateNames::read(&certificate).ok_or(NameError::Unreadable)?;
        if settings.looks_up_names(side)
            && let Some(name) = look_up(peer.ip).await
        {
            peer.name = Some(name);
        }
        settings.check_names(side, &peer, &names)?;
        Ok(stream)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

/// The name that an address has in the DNS; its text when it has none.
async fn look_up(ip: IpAddr) -> Option<String> {
    let started = tokio::time::Instant::now();
    let found = tokio::task::spawn_blocking(move || dns_lookup::lookup_addr(&ip)).await;
    if started.elapsed() > SLOW_LOOKUP {
        tracing::warn!(%ip, took = ?started.elapsed(), "the look-up of a peer's name was slow");
    }
    match found {
        Ok(Ok(name)) => Some(name),
        Ok(Err(error)) => {
            tracing::warn!(%ip, %error, "the look-up of a peer's name failed");
            None
        }
        Err(_ended) => None,
    }
}

#[cfg(test)]
mod tests;
