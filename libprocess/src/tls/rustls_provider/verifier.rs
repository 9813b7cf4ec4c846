//! Whether a chain of certificates leads to an authority that is trusted.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::tls::certificate::is_own_issuer;

/// Verifies chains. Names are compared after the handshake, see `tls/names.rs`.
#[derive(Debug)]
pub(super) struct ChainVerifier {
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) trust: Trust,
}

/// Whom we believe.
#[derive(Debug)]
pub(super) enum Trust {
    /// Anybody.
    All,
    /// Those whom these authorities have signed.
    Authorities(Authorities),
}

/// The certificates that are trusted.
#[derive(Debug)]
pub(super) struct Authorities {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    pub(super) depth: usize,
}

/// Whose certificate it is.
#[derive(Clone, Copy)]
enum Owner {
    Server,
    Client,
}

impl ChainVerifier {
    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        owner: Owner,
    ) -> Result<(), Error> {
        let authorities = match &self.trust {
            Trust::All => return Ok(()),
            Trust::Authorities(authorities) => authorities,
        };
        if authorities.hold(certificate, now) {
            return Ok(());
        }
        let short_enough = |path: &VerifiedPath<'_>| {
            if path.intermediate_certificates().count() > authorities.depth {
                Err(webpki::Error::MaximumPathDepthExceeded)
            } else {
                Ok(())
            }
        };
        let usage = match owner {
            Owner::Server => KeyUsage::server_auth(),
            Owner::Client => KeyUsage::client_auth(),
        };
        EndEntityCert::try_from(certificate)
            .and_then(|leaf| {
                leaf.verify_for_usage(
                    self.algorithms.all,
                    &authorities.anchors,
                    intermediates,
                    now,
                    usage,
                    None,
                    Some(&short_enough),
                )
                .map(|_path| ())
            })
            .map_err(explain)
    }
}

impl Authorities {
    /// Whether a certificate is itself among those that are trusted, as operators with one self-signed
    /// certificate for all machines have it.
    fn hold(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
        let now = std::time::Duration::from_secs(now.as_secs());
        self.certificates.iter().any(|known| known == certificate)
            && is_own_issuer(certificate, now)
    }
}

fn explain(error: webpki::Error) -> Error {
    use webpki::Error as Found;
    Error::InvalidCertificate(if matches!(error, Found::UnknownIssuer) {
        CertificateError::UnknownIssuer
    } else if matches!(error, Found::CertExpired { .. }) {
        CertificateError::Expired
    } else if matches!(error, Found::CertNotValidYet { .. }) {
        CertificateError::NotValidYet
    } else if matches!(error, Found::BadDer) {
        CertificateError::BadEncoding
    } else {
        CertificateError::Other(OtherError(Arc::new(error)))
    })
}

impl ServerCertVerifier for ChainVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, intermediates, now, Owner::Server)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for ChainVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(end_entity, intermediates, now, Owner::Client)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
