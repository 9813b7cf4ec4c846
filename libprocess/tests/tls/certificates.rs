//! Who is believed.

use crate::support::{BY_IP, Certificates, Echo, Log, OPENSSL, Owner, REQUIRE, VERIFY};

const SCHEMES: [&str; 2] = ["legacy", "openssl"];

fn scheme(name: &str) -> (&'static str, &str) {
    ("HOSTNAME_VALIDATION_SCHEME", name)
}

/// The name that the legacy scheme will compare, which the openssl scheme is asked for.
fn own_name() -> String {
    dns_lookup::lookup_addr(&crate::support::LOOPBACK).expect("a name")
}

/// Mirrors: SSLTestStringParameter.NoVerifyBadCA
#[test]
fn strangers_talk_while_nobody_verifies() {
    let files = Certificates::new();
    for name in SCHEMES {
        let server = Echo::start(Some(files.tls(Owner::Host, &[scheme(name)])));
        let client = files.tls(Owner::Scrap, &[scheme(name)]);

        let answer = server.ask("https", Some(&client));

        assert_eq!(answer.expect("an answer"), "Hello World!");
    }
}

/// Mirrors: SSLTest.RequireBadCA
#[test]
fn a_client_whose_authority_is_unknown_is_refused_and_the_next_is_served() {
    let files = Certificates::new();
    for name in SCHEMES {
        let server = Echo::start(Some(files.tls(Owner::Host, &[REQUIRE, scheme(name)])));
        let stranger = files.tls(Owner::Scrap, &[scheme(name)]);

        assert!(server.ask("https", Some(&stranger)).is_err());

        let friend = files.tls(Owner::Host, &[scheme(name)]);
        assert!(server.ask("https", Some(&friend)).is_ok());
    }
}

/// Mirrors: SSLTestStringParameter.VerifyBadCA
#[test]
fn a_server_whose_authority_is_unknown_is_refused() {
    let files = Certificates::new();
    for name in SCHEMES {
        let server = Echo::start(Some(files.tls(Owner::Scrap, &[scheme(name)])));
        let client = files.tls(Owner::Host, &[VERIFY, scheme(name)]);

        let error = server
            .ask_host("https", &own_name(), Some(&client))
            .expect_err("a stranger");

        assert!(
            error.to_string().contains("invalid peer certificate"),
            "{error}"
        );
    }
}

/// Mirrors: SSLTestStringParameter.VerifyCertificate
#[test]
fn both_sides_verify_each_other() {
    let files = Certificates::new();
    for name in SCHEMES {
        let server = Echo::start(Some(files.tls(Owner::Host, &[REQUIRE, scheme(name)])));
        let client = files.tls(Owner::Host, &[VERIFY, scheme(name)]);

        let answer = server.ask_host("https", &own_name(), Some(&client));

        assert_eq!(answer.expect("an answer"), "Hello World!");
    }
}

/// Mirrors: SSLTest.HostnameMismatch
#[test]
fn a_server_with_the_certificate_of_another_host_is_refused() {
    let files = Certificates::new();
    for name in SCHEMES {
        let server = Echo::start(Some(files.tls(Owner::Other, &[scheme(name)])));
        let client = files.tls(Owner::Host, &[VERIFY, scheme(name)]);

        let error = server
            .ask_host("https", &own_name(), Some(&client))
            .expect_err("another");

        let text = error.to_string();
        assert!(
            text.contains("Presented Certificate") || text.contains("Could not verify"),
            "{text}"
        );
    }
}

/// Mirrors: SSLVerifyIPAddTest.BasicSameProcess
/// Mirrors: SSLVerifyIPAddTest.RequireCertificate
#[test]
fn a_certificate_by_name_is_good_whether_addresses_count_or_not() {
    let files = Certificates::new();
    for count in ["false", "true"] {
        let settings = [REQUIRE, ("VERIFY_IPADD", count)];
        let server = Echo::start(Some(files.tls(Owner::Host, &settings)));
        let client = files.tls(Owner::Host, &settings);

        let answer = server.ask("https", Some(&client));

        assert_eq!(answer.expect("an answer"), "Hello World!");
    }
}

#[test]
fn a_certificate_by_address_is_good_only_when_addresses_count() {
    let files = Certificates::new();
    for name in SCHEMES {
        let settings = [VERIFY, scheme(name)];
        let server = Echo::start(Some(files.tls(Owner::Address, &[])));

        let without = files.tls(Owner::Host, &settings);
        assert!(server.ask("https", Some(&without)).is_err());

        let with = files.tls(Owner::Host, &[settings[0], settings[1], BY_IP]);
        assert!(server.ask("https", Some(&with)).is_ok());
    }
}

#[test]
fn the_depth_of_a_chain_is_bounded() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Deep, &[])));

    let deep = files.tls(Owner::Host, &[VERIFY]);
    assert!(server.ask("https", Some(&deep)).is_ok());

    let shallow = files.tls(Owner::Host, &[VERIFY, ("VERIFICATION_DEPTH", "0")]);
    assert!(server.ask("https", Some(&shallow)).is_err());
}

#[test]
fn one_self_signed_certificate_may_be_everybodys_authority() {
    let files = Certificates::new();
    let ca_file = files.path("scrap.pem").display().to_string();
    let settings = [REQUIRE, ("CA_FILE", ca_file.as_str())];
    let server = Echo::start(Some(files.tls(Owner::Scrap, &settings)));
    let same = files.tls(Owner::Scrap, &settings);

    assert!(server.ask("https", Some(&same)).is_ok());
}

#[test]
fn a_wrong_certificate_is_one_line_in_the_log_of_each_side() {
    let log = Log::capture();
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Host, &[REQUIRE, OPENSSL])));
    let stranger = files.tls(Owner::Scrap, &[]);

    let refused = server.ask("https", Some(&stranger));

    assert!(refused.is_err());
    // Another client is served after the line is written.
    let friend = files.tls(Owner::Host, &[]);
    assert!(server.ask("https", Some(&friend)).is_ok());
    let lines = log.lines("failed to open a connection");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("invalid peer certificate"), "{lines:?}");
    assert!(lines[0].contains("peer=Some(127.0.0.1:"), "{lines:?}");
}

/// Mirrors: SSLTest.CustomSSLContext
#[test]
fn a_client_speaks_by_the_settings_it_is_given_and_not_by_those_of_its_runtime() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Scrap, &[VERIFY])));
    let own = server.runtime.tls().cloned();
    let trusting = files.tls(Owner::Host, &[]);

    assert!(server.ask("https", own.as_ref()).is_err());
    assert!(server.ask("https", Some(&trusting)).is_ok());
}

/// Mirrors: SSLTest.CustomSSLContextConfigureSocketFails
/// Mirrors: SSLTest.CustomSSLContextVerifyFails
#[test]
fn settings_that_a_client_is_given_may_refuse_what_its_runtime_would_take() {
    let files = Certificates::new();
    let server = Echo::start(Some(files.tls(Owner::Host, &[])));
    let nothing_to_compare = files.tls(Owner::Host, &[VERIFY, OPENSSL]);
    let foreign = files.path("scrap.pem").display().to_string();
    let other_authority = files.tls(Owner::Host, &[VERIFY, ("CA_FILE", &foreign)]);

    let error = server
        .ask("https", Some(&nothing_to_compare))
        .expect_err("no name");
    assert!(error.to_string().contains("No DNS name given"), "{error}");
    let error = server
        .ask("https", Some(&other_authority))
        .expect_err("a stranger");
    assert!(
        error.to_string().contains("invalid peer certificate"),
        "{error}"
    );
}
