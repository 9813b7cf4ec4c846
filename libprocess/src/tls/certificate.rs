//! What a certificate says about its owner.

use std::net::IpAddr;
#[cfg(not(feature = "openssl"))]
use std::time::Duration;

use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The names in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CertificateNames {
    /// Its DNS names, as they stand there.
    pub(crate) dns: Vec<String>,
    /// Its addresses.
    pub(crate) ips: Vec<IpAddr>,
    /// The common name of its subject.
    pub(crate) common: Option<String>,
}

impl CertificateNames {
    /// Reads a certificate; none when it is not one.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let mut names = Self {
            common: common_name(&certificate),
            ..Self::default()
        };
        let alternative = certificate
            .tbs_certificate()
            .get_extension::<SubjectAltName>();
        let Some((_, alternative)) = alternative.ok()? else {
            return Some(names);
        };
        for name in alternative.0 {
            // The other kinds of names say nothing about a host.
            if let GeneralName::DnsName(name) = &name {
                names.dns.push(name.as_str().to_owned());
            } else if let GeneralName::IpAddress(bytes) = &name {
                names.ips.extend(address(bytes.as_bytes()));
            }
        }
        Some(names)
    }
}

fn common_name(certificate: &Certificate) -> Option<String> {
    let subject = certificate.tbs_certificate().subject();
    let name = subject.common_name().ok()??;
    Some(name.value().into_owned())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

#[cfg(not(feature = "openssl"))]
/// Whether a certificate is its own issuer and valid at a time since 1970.
pub(crate) fn is_own_issuer(der: &[u8], now: Duration) -> bool {
    Certificate::from_der(der).is_ok_and(|certificate| {
        let body = certificate.tbs_certificate();
        let validity = body.validity();
        body.subject() == body.issuer()
            && validity.not_before.to_unix_duration() <= now
            && now <= validity.not_after.to_unix_duration()
    })
}
