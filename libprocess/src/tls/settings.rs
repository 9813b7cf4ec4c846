//! What the `LIBPROCESS_SSL_` variables say.
//!
//! Mirrors `openssl::Flags` and `reinitialize` in `3rdparty/libprocess/src/openssl.cpp`.
//! The names are those that the code of Mesos reads, which are not all those that its documents name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::TlsError;

const PREFIX: &str = "LIBPROCESS_SSL_";
const OLD_PREFIX: &str = "SSL_";

/// How many authorities may stand between a certificate and one that is trusted.
const VERIFICATION_DEPTH: usize = 4;

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Switch {
    /// Everything speaks TLS: the port, links, messages.
    Enabled,
    /// The port also takes plain connections; a link that finds no TLS is made again in plain.
    SupportDowngrade,
    /// Servers must show a certificate that is trusted and is theirs.
    VerifyServerCert,
    /// Clients must show a certificate that is trusted and is theirs.
    RequireClientCert,
    /// Addresses in certificates count.
    VerifyIpadd,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// SSL 3.0.
    SslV3,
    /// TLS 1.0.
    TlsV1_0,
    /// TLS 1.1.
    TlsV1_1,
    /// TLS 1.2, the only one that is on by default.
    TlsV1_2,
    /// TLS 1.3.
    TlsV1_3,
}

impl Protocol {
    /// Its name as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SslV3 => "SSLv3",
            Self::TlsV1_0 => "TLSv1.0",
            Self::TlsV1_1 => "TLSv1.1",
            Self::TlsV1_2 => "TLSv1.2",
            Self::TlsV1_3 => "TLSv1.3",
        }
    }
}

/// How the name in a certificate is compared with the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameScheme {
    /// With the name that the peer's address has in the DNS, exactly; of servers and of clients.
    #[default]
    Legacy,
    /// As OpenSSL does: with the name that was asked for, else the address; of servers only.
    Openssl,
}

/// The settings of TLS.
///
/// # Examples
/// ```
/// use libprocess::tls::{Switch, TlsSettings};
///
/// let settings = TlsSettings::from_variables([
///     ("LIBPROCESS_SSL_ENABLED".to_owned(), "true".to_owned()),
///     ("LIBPROCESS_SSL_KEY_FILE".to_owned(), "/etc/mesos/key.pem".to_owned()),
/// ])?;
/// assert!(settings.has(Switch::Enabled));
/// assert!(!settings.has(Switch::SupportDowngrade));
/// # Ok::<(), libprocess::tls::TlsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    switches: BTreeSet<Switch>,
    protocols: BTreeSet<Protocol>,
    /// Our certificate, with those of its authorities behind it.
    pub cert_file: Option<PathBuf>,
    /// The key of our certificate.
    pub key_file: Option<PathBuf>,
    /// The authorities that are trusted, in one file.
    pub ca_file: Option<PathBuf>,
    /// The authorities that are trusted, one per file, named by their hash.
    pub ca_dir: Option<PathBuf>,
    /// How many authorities may stand between a certificate and one that is trusted.
    pub verification_depth: usize,
    /// The ciphers in OpenSSL's language, for versions before TLS 1.3; none for our own choice.
    pub ciphers: Option<String>,
    /// The curves in OpenSSL's language, or `auto`.
    pub ecdh_curves: String,
    /// How names are compared.
    pub hostname_validation_scheme: NameScheme,
    /// What the operator should know.
    warnings: Vec<String>,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            switches: BTreeSet::new(),
            protocols: BTreeSet::from([Protocol::TlsV1_2]),
            cert_file: None,
            key_file: None,
            ca_file: None,
            ca_dir: None,
            verification_depth: VERIFICATION_DEPTH,
            ciphers: None,
            ecdh_curves: "auto".to_owned(),
            hostname_validation_scheme: NameScheme::default(),
            warnings: Vec::new(),
        }
    }
}

/// What a variable sets.
#[derive(Clone, Copy)]
enum Setting {
    Switch(Switch),
    /// The name that a switch had once.
    OldSwitch(Switch, &'static str),
    Protocol(Protocol),
    CertFile,
    KeyFile,
    CaFile,
    CaDir,
    VerificationDepth,
    Ciphers,
    EcdhCurves,
    HostnameValidationScheme,
}

const SETTINGS: &[(&str, Setting)] = &[
    ("ca_dir", Setting::CaDir),
    ("ca_file", Setting::CaFile),
    ("cert_file", Setting::CertFile),
    ("ciphers", Setting::Ciphers),
    ("ecdh_curves", Setting::EcdhCurves),
    ("enable_ssl_v3", Setting::Protocol(Protocol::SslV3)),
    ("enable_tls_v1_0", Setting::Protocol(Protocol::TlsV1_0)),
    ("enable_tls_v1_1", Setting::Protocol(Protocol::TlsV1_1)),
    ("enable_tls_v1_2", Setting::Protocol(Protocol::TlsV1_2)),
    ("enable_tls_v1_3", Setting::Protocol(Protocol::TlsV1_3)),
    ("enabled", Setting::Switch(Switch::Enabled)),
    (
        "hostname_validation_scheme",
        Setting::HostnameValidationScheme,
    ),
    ("key_file", Setting::KeyFile),
    (
        "require_cert",
        Setting::OldSwitch(Switch::RequireClientCert, "require_client_cert"),
    ),
    (
        "require_client_cert",
        Setting::Switch(Switch::RequireClientCert),
    ),
    (
        "support_downgrade",
        Setting::Switch(Switch::SupportDowngrade),
    ),
    ("verification_depth", Setting::VerificationDepth),
    (
        "verify_cert",
        Setting::OldSwitch(Switch::VerifyServerCert, "verify_server_cert"),
    ),
    ("verify_ipadd", Setting::Switch(Switch::VerifyIpadd)),
    (
        "verify_server_cert",
        Setting::Switch(Switch::VerifyServerCert),
    ),
];

impl TlsSettings {
    /// Reads the variables that begin with `LIBPROCESS_SSL_`, and with `SSL_` as they once did.
    ///
    /// # Errors
    /// When a value cannot be read; also when TLS is not enabled, as in Mesos.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, TlsError> {
        let mut settings = Self::default();
        let mut old = BTreeMap::new();
        let mut new = BTreeMap::new();
        for (variable, value) in variables {
            if let Some(name) = known(&variable, PREFIX) {
                new.insert(name, value);
            } else if let Some(name) = known(&variable, OLD_PREFIX) {
                old.insert(name, value);
            }
        }
        for (name, value) in old {
            match new.get(&name) {
                Some(other) if *other != value => settings.warnings.push(format!(
                    "Mismatched values for SSL environment variables SSL_{name} and LIBPROCESS_SSL_{name}"
                )),
                Some(_) => {}
                None => {
                    new.insert(name, value);
                }
            }
        }
        let mut scheme = None;
        for (name, setting) in SETTINGS {
            let negated = format!("no-{name}");
            match (new.get(*name), new.get(&negated)) {
                (Some(_), Some(_)) => {
                    return Err(TlsError::Flags(format!(
                        "Flag '{name}' is already loaded via name '{name}'"
                    )));
                }
                (Some(value), None) => {
                    if matches!(setting, Setting::HostnameValidationScheme) {
                        scheme = Some(value.clone());
                    }
                    settings.set(name, *setting, value)?;
                }
                (None, Some(value)) => settings.negate(name, *setting, value)?,
                (None, None) => {}
            }
        }
        settings.conclude(scheme.as_deref())?;
        Ok(settings)
    }

    /// Whether something is on.
    #[must_use]
    pub fn has(&self, switch: Switch) -> bool {
        self.switches.contains(&switch)
    }

    /// The versions of the protocol that are on, oldest first.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> + '_ {
        self.protocols.iter().copied()
    }

    /// What the operator should know: names that have changed, settings that work against each other.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn set(&mut self, name: &str, setting: Setting, value: &str) -> Result<(), TlsError> {
        match setting {
            Setting::Switch(switch) => {
                turn(&mut self.switches, switch, boolean(name, value)?);
            }
            Setting::OldSwitch(switch, new) => {
                if boolean(name, value)? == State::On {
                    let (old, new) = (name.to_uppercase(), new.to_uppercase());
                    self.warnings.push(format!(
                        "Usage of {PREFIX}{old} is deprecated; it was renamed to {PREFIX}{new}"
                    ));
                    self.switches.insert(switch);
                }
            }
            Setting::Protocol(protocol) => {
                turn(&mut self.protocols, protocol, boolean(name, value)?);
            }
            Setting::CertFile => self.cert_file = Some(value.into()),
            Setting::KeyFile => self.key_file = Some(value.into()),
            Setting::CaFile => self.ca_file = Some(value.into()),
            Setting::CaDir => self.ca_dir = Some(value.into()),
            Setting::VerificationDepth => {
                self.verification_depth = value.parse().map_err(|_error| {
                    TlsError::Flags(format!(
                        "Failed to load flag '{name}': Failed to load value '{value}': Failed to convert into required type"
                    ))
                })?;
            }
            Setting::Ciphers => self.ciphers = Some(value.to_owned()),
            Setting::EcdhCurves => value.clone_into(&mut self.ecdh_curves),
            Setting::HostnameValidationScheme => {}
        }
        Ok(())
    }

    /// `NO-x` in the environment: a switch is turned off by it, or on when its value is false.
    fn negate(&mut self, name: &str, setting: Setting, value: &str) -> Result<(), TlsError> {
        let switchable = match setting {
            Setting::Switch(_) | Setting::OldSwitch(..) | Setting::Protocol(_) => true,
            Setting::CertFile
            | Setting::KeyFile
            | Setting::CaFile
            | Setting::CaDir
            | Setting::VerificationDepth
            | Setting::Ciphers
            | Setting::EcdhCurves
            | Setting::HostnameValidationScheme => false,
        };
        if !switchable {
            return Err(TlsError::Flags(format!(
                "Failed to load non-boolean flag '{name}' via 'no-{name}'"
            )));
        }
        if !value.is_empty() {
            return Err(TlsError::Flags(format!(
                "Failed to load boolean flag '{name}' via 'no-{name}' with value '{value}'"
            )));
        }
        self.set(name, setting, "false")
    }

    /// What follows from settings together. It matters only when TLS is on.
    fn conclude(&mut self, scheme: Option<&str>) -> Result<(), TlsError> {
        if !self.has(Switch::Enabled) {
            return Ok(());
        }
        self.hostname_validation_scheme = match scheme {
            None | Some("legacy") => NameScheme::Legacy,
            Some("openssl") => NameScheme::Openssl,
            Some(other) => return Err(TlsError::Scheme(other.to_owned())),
        };
        if self.has(Switch::SupportDowngrade) {
            self.warnings
                .push("Failed SSL connections will be downgraded to a non-SSL socket".to_owned());
            if self.has(Switch::RequireClientCert) || self.has(Switch::VerifyServerCert) {
                self.warnings.push(
                    "TLS certificate verification is on, but can be bypassed because TLS downgrades are enabled"
                        .to_owned(),
                );
            }
        }
        if self.has(Switch::RequireClientCert) {
            self.switches.insert(Switch::VerifyServerCert);
        }
        Ok(())
    }
}

/// The lower-case name behind a prefix, when it is one of ours.
fn known(variable: &str, prefix: &str) -> Option<String> {
    let name = variable.strip_prefix(prefix)?.to_lowercase();
    let plain = name.strip_prefix("no-").unwrap_or(&name);
    SETTINGS
        .iter()
        .any(|(known, _)| *known == plain)
        .then_some(name)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    On,
    Off,
}

fn boolean(name: &str, value: &str) -> Result<State, TlsError> {
    match value {
        "" | "true" | "1" => Ok(State::On),
        "false" | "0" => Ok(State::Off),
        other => Err(TlsError::Flags(format!(
            "Failed to load flag '{name}': Failed to load value '{other}': Expecting a boolean (e.g., true or false)"
        ))),
    }
}

fn turn<T: Ord>(set: &mut BTreeSet<T>, member: T, state: State) {
    match state {
        State::On => {
            set.insert(member);
        }
        State::Off => {
            set.remove(&member);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<TlsSettings, TlsError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        TlsSettings::from_variables(variables.iter().map(owned))
    }

    #[test]
    fn the_defaults_are_those_of_mesos() {
        let settings = settings(&[]).expect("settings");

        assert_eq!(settings, TlsSettings::default());
        assert_eq!(
            settings.protocols().collect::<Vec<_>>(),
            [Protocol::TlsV1_2]
        );
        assert_eq!(settings.verification_depth, 4);
        assert_eq!(settings.ecdh_curves, "auto");
        assert_eq!(settings.hostname_validation_scheme, NameScheme::Legacy);
    }

    #[test]
    fn only_the_names_that_mesos_reads_count() {
        let settings = settings(&[
            ("LIBPROCESS_SSL_ENABLED", "1"),
            ("LIBPROCESS_SSL_VERIFY_DEPTH", "9"),
            ("LIBPROCESS_SSL_ECDH_CURVE", "P-384"),
            ("LIBPROCESS_SSL_ENABLE_DOWNGRADE", "true"),
            ("LIBPROCESS_SSL_VERIFICATION_DEPTH", "2"),
            ("LIBPROCESS_SSL_ENABLE_TLS_V1_3", "true"),
            ("LIBPROCESS_SSL_ENABLE_TLS_V1_2", "false"),
        ])
        .expect("settings");

        assert!(settings.has(Switch::Enabled) && !settings.has(Switch::SupportDowngrade));
        assert_eq!(
            (settings.verification_depth, settings.ecdh_curves.as_str()),
            (2, "auto")
        );
        assert_eq!(
            settings.protocols().collect::<Vec<_>>(),
            [Protocol::TlsV1_3]
        );
    }

    #[test]
    fn the_old_prefix_is_read_and_loses_with_a_warning() {
        let settings = settings(&[
            ("SSL_KEY_FILE", "/old"),
            ("SSL_CERT_FILE", "/cert"),
            ("LIBPROCESS_SSL_KEY_FILE", "/new"),
        ])
        .expect("settings");

        assert_eq!(settings.key_file, Some("/new".into()));
        assert_eq!(settings.cert_file, Some("/cert".into()));
        assert_eq!(
            settings.warnings(),
            [
                "Mismatched values for SSL environment variables SSL_key_file and LIBPROCESS_SSL_key_file"
            ]
        );
    }

    #[test]
    fn old_names_of_switches_work_and_requiring_implies_verifying() {
        let settings = settings(&[
            ("LIBPROCESS_SSL_ENABLED", "true"),
            ("LIBPROCESS_SSL_REQUIRE_CERT", "true"),
        ])
        .expect("settings");

        assert!(settings.has(Switch::RequireClientCert) && settings.has(Switch::VerifyServerCert));
        assert_eq!(
            settings.warnings(),
            [
                "Usage of LIBPROCESS_SSL_REQUIRE_CERT is deprecated; it was renamed to LIBPROCESS_SSL_REQUIRE_CLIENT_CERT"
            ]
        );
    }

    #[test]
    fn a_value_that_cannot_be_read_is_an_error_even_when_tls_is_off() {
        for (name, value, error) in [
            (
                "LIBPROCESS_SSL_ENABLED",
                "perhaps",
                "Failed to load flag 'enabled': Failed to load value 'perhaps': Expecting a boolean (e.g., true or false)",
            ),
            (
                "SSL_VERIFICATION_DEPTH",
                "deep",
                "Failed to load flag 'verification_depth': Failed to load value 'deep': Failed to convert into required type",
            ),
            (
                "LIBPROCESS_SSL_NO-KEY_FILE",
                "",
                "Failed to load non-boolean flag 'key_file' via 'no-key_file'",
            ),
        ] {
            let found = settings(&[(name, value)])
                .expect_err("an error")
                .to_string();
            assert_eq!(
                found,
                format!(
                    "Failed to load flags from environment variables prefixed by LIBPROCESS_SSL_ or SSL_ (deprecated): {error}"
                )
            );
        }
    }

    #[test]
    fn an_unknown_scheme_is_an_error_when_tls_is_on() {
        let scheme = ("LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME", "strict");

        assert!(settings(&[scheme]).is_ok());
        let error = settings(&[scheme, ("LIBPROCESS_SSL_ENABLED", "true")]).expect_err("an error");
        assert_eq!(
            error.to_string(),
            "Unknown value for hostname_validation_scheme: strict"
        );
    }

    #[test]
    fn downgrade_defeats_verification_and_says_so() {
        let settings = settings(&[
            ("LIBPROCESS_SSL_ENABLED", "true"),
            ("LIBPROCESS_SSL_SUPPORT_DOWNGRADE", "true"),
            ("LIBPROCESS_SSL_VERIFY_SERVER_CERT", "true"),
        ])
        .expect("settings");

        assert_eq!(settings.warnings().len(), 2);
    }
}
