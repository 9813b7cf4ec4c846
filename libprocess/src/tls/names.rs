//! Whether a certificate belongs to the peer that showed it.
//!
//! Mirrors `verify` and `configure_socket` in `3rdparty/libprocess/src/openssl.cpp`.

use std::net::IpAddr;

use thiserror::Error;

use super::certificate::CertificateNames;
use super::settings::{NameScheme, Switch, TlsSettings};

/// Which side of a connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// We have connected.
    Client,
    /// We have accepted.
    Server,
}

/// Who the peer is, as far as it is known without its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The address of the connection.
    pub(crate) ip: IpAddr,
    /// The name that it was asked for, or that its address has.
    pub(crate) name: Option<String>,
}

/// Why a certificate is not the peer's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// The certificate cannot be read.
    #[error("Could not verify peer certificate")]
    Unreadable,
    /// Neither a name nor addresses to compare.
    #[error("Cannot verify peer certificate: peer hostname unknown")]
    UnknownPeer,
    /// No name was asked for, and addresses do not count.
    #[error("No DNS name given and IP address verification is disabled")]
    NothingToCompare,
    /// Its subject has another name.
    #[error(
        "Presented Certificate Name: {presented} does not match peer hostname name: {expected}"
    )]
    CommonName {
        /// The name in the certificate.
        presented: String,
        /// The name of the peer.
        expected: String,
    },
    /// A name that no host can have.
    #[error("X509 certificate malformed: embedded NUL character in DNS name")]
    EmbeddedNul,
    /// None of its names is the peer's.
    #[error("Could not verify presented certificate with {0}")]
    NoMatch(String),
}

impl TlsSettings {
    /// Whether the peer must show a certificate that is its own.
    pub(crate) fn verifies(&self, side: Side) -> bool {
        self.has(match side {
            Side::Client => Switch::VerifyServerCert,
            Side::Server => Switch::RequireClientCert,
        })
    }

    /// Whether the peer's address is to be looked up before its certificate is compared.
    pub(crate) fn looks_up_names(&self, side: Side) -> bool {
        self.verifies(side) && self.hostname_validation_scheme == NameScheme::Legacy
    }

    /// Compares the peer with the certificate that it has shown.
    pub(crate) fn check_names(
        &self,
        side: Side,
        peer: &Peer,
        certificate: &CertificateNames,
    ) -> Result<(), NameError> {
        if !self.verifies(side) {
            return Ok(());
        }
        match (self.hostname_validation_scheme, side) {
            (NameScheme::Openssl, Side::Server) => Ok(()),
            (NameScheme::Openssl, Side::Client) => self.check_as_openssl(peer, certificate),
            (NameScheme::Legacy, _) => self.check_as_mesos(peer, certificate),
        }
    }

    fn check_as_mesos(&self, peer: &Peer, names: &CertificateNames) -> Result<(), NameError> {
        let by_ip = self.has(Switch::VerifyIpadd);
        if peer.name.is_none() && !by_ip {
            return if self.has(Switch::RequireClientCert) {
                Err(NameError::UnknownPeer)
            } else {
                Ok(())
            };
        }
        if let Some(expected) = &peer.name {
            for name in &names.dns {
                if name.contains('\0') {
                    return Err(NameError::EmbeddedNul);
                }
                if name == expected {
                    return Ok(());
                }
            }
        }
        if by_ip && peer.ip.is_ipv4() && names.ips.contains(&peer.ip) {
            return Ok(());
        }
        match (&peer.name, &names.common) {
            (Some(expected), Some(presented)) if expected == presented => Ok(()),
            (Some(expected), Some(presented)) => Err(NameError::CommonName {
                presented: presented.clone(),
                expected: expected.clone(),
            }),
            (Some(name), None) => Err(NameError::NoMatch(format!(
                "hostname {name}, IP {}",
                peer.ip
            ))),
            (None, _) => Err(NameError::NoMatch(format!("IP {}", peer.ip))),
        }
    }

    fn check_as_openssl(&self, peer: &Peer, names: &CertificateNames) -> Result<(), NameError> {
        let Some(expected) = &peer.name else {
            if !self.has(Switch::VerifyIpadd) {
                return Err(NameError::NothingToCompare);
            }
            return if names.ips.contains(&peer.ip) {
                Ok(())
            } else {
                Err(NameError::NoMatch(format!("IP {}", peer.ip)))
            };
        };
        // The subject counts only where there are no names of hosts.
        let matches = if names.dns.is_empty() {
            names
                .common
                .as_deref()
                .is_some_and(|name| covers(name, expected))
        } else {
            names.dns.iter().any(|name| covers(name, expected))
        };
        if matches {
            Ok(())
        } else {
            Err(NameError::NoMatch(format!("hostname {expected}")))
        }
    }
}

/// Whether a name in a certificate, perhaps with a star as its first label, is that of a host.
fn covers(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(pattern), Some((label, host))) = (pattern.strip_prefix("*."), host.split_once('.'))
    else {
        return false;
    };
    !label.is_empty() && pattern.contains('.') && pattern.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> TlsSettings {
        let on = [("LIBPROCESS_SSL_ENABLED", "true")];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        TlsSettings::from_variables(on.iter().chain(variables).map(owned)).expect("settings")
    }

    fn peer(name: Option<&str>) -> Peer {
        Peer {
            ip: [10, 0, 0, 1].into(),
            name: name.map(str::to_owned),
        }
    }

    fn certificate(dns: &[&str], ips: &[&str], common: Option<&str>) -> CertificateNames {
        CertificateNames {
            dns: dns.iter().map(|name| (*name).to_owned()).collect(),
            ips: ips.iter().map(|ip| ip.parse().expect("an ip")).collect(),
            common: common.map(str::to_owned),
        }
    }

    const VERIFY: (&str, &str) = ("LIBPROCESS_SSL_VERIFY_SERVER_CERT", "true");
    const REQUIRE: (&str, &str) = ("LIBPROCESS_SSL_REQUIRE_CLIENT_CERT", "true");
    const BY_IP: (&str, &str) = ("LIBPROCESS_SSL_VERIFY_IPADD", "true");
    const OPENSSL: (&str, &str) = ("LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME", "openssl");

    #[test]
    fn who_does_not_verify_takes_every_certificate() {
        let settings = settings(&[VERIFY]);
        let other = certificate(&[], &[], Some("other"));

        assert!(
            settings
                .check_names(Side::Server, &peer(Some("host")), &other)
                .is_ok()
        );
        assert!(
            settings
                .check_names(Side::Client, &peer(Some("host")), &other)
                .is_err()
        );
    }

    #[test]
    fn the_legacy_scheme_compares_exactly() {
        let check = |names: &CertificateNames| {
            settings(&[VERIFY]).check_names(Side::Client, &peer(Some("a.example")), names)
        };

        assert_eq!(check(&certificate(&["b", "a.example"], &[], None)), Ok(()));
        assert_eq!(check(&certificate(&["b"], &[], Some("a.example"))), Ok(()));
        for names in [
            certificate(&["*.example"], &[], None),
            certificate(&["A.example"], &[], None),
            certificate(&[], &["10.0.0.1"], None),
        ] {
            let error = check(&names).expect_err("another host").to_string();
            assert_eq!(
                error,
                "Could not verify presented certificate with hostname a.example, IP 10.0.0.1"
            );
        }
        let error = check(&certificate(&[], &[], Some("c"))).expect_err("another host");
        assert_eq!(
            error.to_string(),
            "Presented Certificate Name: c does not match peer hostname name: a.example"
        );
        let hidden = check(&certificate(&["b\0.a.example"], &[], None));
        assert_eq!(hidden, Err(NameError::EmbeddedNul));
    }

    #[test]
    fn addresses_count_only_when_asked_for() {
        let names = certificate(&["other"], &["10.0.0.1"], Some("other"));

        let with = settings(&[REQUIRE, BY_IP]);
        assert!(
            with.check_names(Side::Server, &peer(Some("host")), &names)
                .is_ok()
        );
        assert!(with.check_names(Side::Server, &peer(None), &names).is_ok());
        let without = settings(&[REQUIRE]);
        assert!(
            without
                .check_names(Side::Server, &peer(Some("host")), &names)
                .is_err()
        );
    }

    #[test]
    fn a_peer_without_a_name_is_refused_only_where_clients_must_show_certificates() {
        let names = certificate(&["host"], &[], None);

        assert_eq!(
            settings(&[REQUIRE]).check_names(Side::Client, &peer(None), &names),
            Err(NameError::UnknownPeer)
        );
        assert!(
            settings(&[VERIFY])
                .check_names(Side::Client, &peer(None), &names)
                .is_ok()
        );
    }

    #[test]
    fn the_openssl_scheme_knows_stars_and_compares_servers_only() {
        let check = |name: Option<&str>, names: &CertificateNames| {
            settings(&[REQUIRE, OPENSSL]).check_names(Side::Client, &peer(name), names)
        };
        let star = certificate(&["*.example.com"], &[], Some("ignored.org"));

        assert!(check(Some("A.Example.com"), &star).is_ok());
        assert!(check(Some("a.b.example.com"), &star).is_err());
        assert!(check(Some("ignored.org"), &star).is_err());
        assert!(check(Some("x.com"), &certificate(&["*.com"], &[], None)).is_err());
        assert!(check(Some("c"), &certificate(&[], &[], Some("c"))).is_ok());
        assert_eq!(check(None, &star), Err(NameError::NothingToCompare));
        let server = settings(&[REQUIRE, OPENSSL]);
        assert!(server.check_names(Side::Server, &peer(None), &star).is_ok());
        let by_ip = settings(&[VERIFY, OPENSSL, BY_IP]);
        let addressed = certificate(&[], &["10.0.0.1"], None);
        assert!(
            by_ip
                .check_names(Side::Client, &peer(None), &addressed)
                .is_ok()
        );
        assert!(by_ip.check_names(Side::Client, &peer(None), &star).is_err());
    }
}
