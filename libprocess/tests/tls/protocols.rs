//! Versions, ciphers and curves.

use libprocess::tls::{Tls, TlsError};

use crate::support::{Certificates, Echo, Owner, VERIFY};

const VERSIONS: [&str; 5] = [
    "ENABLE_SSL_V3",
    "ENABLE_TLS_V1_0",
    "ENABLE_TLS_V1_1",
    "ENABLE_TLS_V1_2",
    "ENABLE_TLS_V1_3",
];

fn only(files: &Certificates, version: &str) -> Result<Option<Tls>, TlsError> {
    let one = VERSIONS.map(|other| (other, if other == version { "true" } else { "false" }));
    Tls::from_variables(files.variables(Owner::Host, &one))
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
    assert!(
        spoken
            .iter()
            .any(|(version, _)| *version == "ENABLE_TLS_V1_2")
    );
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

    let error = Tls::from_variables(files.variables(Owner::Host, &settings));

    let error = error.expect_err("no such cipher").to_string();
    assert!(
        error.starts_with("Could not set ciphers 'ADH-AES256-SHA'"),
        "{error}"
    );
}
