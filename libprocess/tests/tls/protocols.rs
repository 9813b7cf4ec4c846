//! Versions, ciphers and curves.

use libprocess::tls::{Tls, TlsError};

use crate::support::{Certificates, Echo, Owner, VERIFY};

/// Without `SSLv3`, which no library of today speaks even when it is asked to.
const VERSIONS: [&str; 4] = [
    "ENABLE_TLS_V1_0",
    "ENABLE_TLS_V1_1",
    "ENABLE_TLS_V1_2",
    "ENABLE_TLS_V1_3",
];

fn only(files: &Certificates, version: &str) -> Result<Option<Tls>, TlsError> {
    let one = VERSIONS.map(|other| (other, if other == version { "true" } else { "false" }));
    // OpenSSL speaks old versions only without any demand on security.
    let ciphers = ("CIPHERS", "ALL:@SECLEVEL=0");
    let settings: Vec<_> = one.into_iter().chain([ciphers]).collect();
    Tls::from_variables(files.variables(Owner::Host, &settings))
}

/// Mirrors: SSLProtocolTest.Mismatch
#[test]
fn each_version_talks_to_itself_only() {
    let files = Certificates::new();
    let mut spoken = Vec::new();
    for version in VERSIONS {
        match only(&files, version) {
            Ok(tls) => spoken.push((version, tls)),
            Err(error) => assert_eq!(error, TlsError::NoProtocol),
        }
    }
    assert_eq!(spoken.len(), if cfg!(feature = "openssl") { 4 } else { 2 });
    for (version, tls) in &spoken {
        let server = Echo::start(tls.clone());
        for (other, client) in &spoken {
            let answer = server.ask("https", client.as_ref());
            assert_eq!(
                answer.is_ok(),
                version == other,
                "{version} {other}: {answer:?}"
            );
        }
    }
}

#[test]
fn an_old_version_beside_a_new_one_does_not_hinder_the_new_one() {
    let files = Certificates::new();
    let settings = [("ENABLE_SSL_V3", "true"), ("ENABLE_TLS_V1_0", "true")];
    let server = Echo::start(Some(files.tls(Owner::Host, &settings)));
    let client = files.tls(Owner::Host, &[]);

    assert!(server.ask("https", Some(&client)).is_ok());
}

/// Mirrors: SSLTest.ECDHESupport
#[test]
fn a_list_of_ciphers_with_ephemeral_keys_is_spoken() {
    let files = Certificates::new();
    let list = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES128-SHA";
    let settings = [("CIPHERS", list), ("ECDH_CURVES", "P-384:P-256")];
    let server = Echo::start(Some(files.tls(Owner::Host, &settings)));
    let same = files.tls(Owner::Host, &settings);
    let other = files.tls(Owner::Host, &[("CIPHERS", "ECDHE+CHACHA20")]);

    assert!(server.ask("https", Some(&same)).is_ok());
    assert!(server.ask("https", Some(&other)).is_err());
}

/// Mirrors: SSLTest.NoAnonymousCipherIfVerify
#[test]
fn ciphers_without_certificates_are_never_spoken() {
    let files = Certificates::new();
    let settings = [VERIFY, ("CIPHERS", "ADH-AES256-SHA")];

    match Tls::from_variables(files.variables(Owner::Host, &settings)) {
        Ok(tls) => {
            let server = Echo::start(tls.clone());
            assert!(server.ask("https", tls.as_ref()).is_err());
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.starts_with("Could not set ciphers 'ADH-AES256-SHA'"),
                "{text}"
            );
        }
    }
}
