//! What is wrong with the settings is said at the start.

use libprocess::tls::Tls;

use crate::support::{Certificates, Owner, VERIFY};

fn error(files: &Certificates, more: &[(&str, &str)]) -> String {
    let made = Tls::from_variables(files.variables(Owner::Host, more));
    made.expect_err("an error").to_string()
}

#[test]
fn a_key_and_a_certificate_are_needed() {
    let files = Certificates::new();
    let without = |name: &str| {
        let mut variables = files.variables(Owner::Host, &[]);
        variables.retain(|(known, _)| !known.ends_with(name));
        Tls::from_variables(variables)
            .expect_err("an error")
            .to_string()
    };

    assert_eq!(
        without("KEY_FILE"),
        "SSL requires key! NOTE: Set path with LIBPROCESS_SSL_KEY_FILE"
    );
    assert_eq!(
        without("CERT_FILE"),
        "SSL requires certificate! NOTE: Set path with LIBPROCESS_SSL_CERT_FILE"
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = Certificates::new();
    files.write("empty", "");
    let path = |name: &str| files.path(name).display().to_string();

    for (variable, file, start) in [
        ("CERT_FILE", "missing", "Could not load cert file '"),
        ("CERT_FILE", "empty", "Could not load cert file '"),
        ("KEY_FILE", "missing", "Could not load key file '"),
        ("KEY_FILE", "host.pem", "Could not load key file '"),
        (
            "KEY_FILE",
            "scrap.key",
            "Private key does not match the certificate public key",
        ),
        (
            "CA_FILE",
            "missing",
            "Could not load CA file and/or directory",
        ),
        (
            "CA_FILE",
            "empty",
            "Could not load CA file and/or directory",
        ),
    ] {
        let text = error(&files, &[VERIFY, (variable, &path(file))]);
        assert!(text.starts_with(start), "{variable}={file}: {text}");
    }
}

#[test]
fn a_key_with_a_passphrase_is_refused_by_name() {
    let files = Certificates::new();
    files.write(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let path = files.path("locked.key").display().to_string();

    let text = error(&files, &[("KEY_FILE", &path)]);

    assert!(
        text.contains("locked.key': it is locked by a passphrase"),
        "{text}"
    );
}

#[test]
fn nothing_is_read_while_tls_is_off() {
    let files = Certificates::new();
    let off = [
        ("ENABLED", "false"),
        ("KEY_FILE", "/missing"),
        ("CIPHERS", "none"),
    ];

    let made = Tls::from_variables(files.variables(Owner::Host, &off));

    assert!(made.expect("no error").is_none());
}

#[test]
fn curves_must_be_known() {
    let files = Certificates::new();

    assert_eq!(
        error(&files, &[("ECDH_CURVES", "P-256:round")]),
        "Could not load ECDH curves 'P-256:round'"
    );
}
