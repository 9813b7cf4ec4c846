//! Who has to prove its identity to this agent, and how.
//!
//! Mirrors the part of `Slave::initialize` that loads credentials and authenticators.

use std::{
    collections::HashMap, fs, io, os::unix::fs::PermissionsExt as _, path::Path, path::PathBuf,
    sync::Arc,
};

use libprocess::{
    Runtime,
    http::authentication::{
        Authenticator, basic::BasicAuthenticator, combined::CombinedAuthenticator,
        jwt::JwtAuthenticator,
    },
};
use mesos_common::credentials::{Credentials, CredentialsError};
use thiserror::Error;

use crate::{
    flags::Flags,
    http::{EXECUTOR, READONLY, READWRITE},
};

const BASIC: &str = "basic";
const JWT: &str = "jwt";

/// Why identities cannot be proved as the flags ask.
#[derive(Debug, Error)]
pub enum AuthenticationError {
    /// The file of credentials cannot be used.
    #[error("{0} (see --http_credentials flag)")]
    Credentials(#[from] CredentialsError),
    /// The file of credentials has none.
    #[error("Credentials file must contain at least one credential (see --http_credentials flag)")]
    NoCredential,
    /// The key for tokens cannot be read.
    #[error("Failed to read the file specified by --jwt_secret_key")]
    Key(#[source] io::Error),
    /// Executors must prove who they are, and nobody gives them a token.
    #[error("--jwt_secret_key must be specified when --authenticate_http_executors is set to true")]
    KeyNeeded,
    /// A realm is closed to all, because nobody is known.
    #[error(
        "Failed to create HTTP authenticator module '{BASIC}': No credentials provided for the \
         default '{BASIC}' HTTP authenticator for realm '{0}'"
    )]
    RealmCredentials(&'static str),
    /// A realm is closed to all, because no token can be checked.
    #[error(
        "Failed to create HTTP authenticator module '{JWT}': No secret key provided for the \
         default '{JWT}' HTTP authenticator for realm '{0}'"
    )]
    RealmKey(&'static str),
    /// Only what is built in can be named.
    #[error(
        "Failed to create HTTP authenticator module '{0}': HTTP authenticator '{0}' not found. \
         Check the spelling (compare to '{BASIC}' and '{JWT}')"
    )]
    Unknown(String),
}

/// Reads the key of the tokens that executors get.
///
/// # Errors
/// When there is one and it cannot be read.
pub(crate) fn token_key(flags: &Flags) -> Result<Option<Vec<u8>>, AuthenticationError> {
    let Some(path) = &flags.jwt_secret_key else {
        return Ok(None);
    };
    let key = fs::read(path).map_err(AuthenticationError::Key)?;
    warn_if_open(path);
    Ok(Some(key))
}

/// Says so when everybody may read a secret.
fn warn_if_open(path: &Path) {
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o007 != 0 => tracing::warn!(
            path = %path.display(),
            "the permissions of the executor secret key file are too open"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(path = %path.display(), %error, "cannot look at the key file"),
    }
}

/// Closes the realms that the flags want closed.
///
/// # Errors
/// [`AuthenticationError`] names the flag.
pub(crate) fn close_realms(
    runtime: &Runtime,
    flags: &Flags,
    key: Option<&[u8]>,
) -> Result<(), AuthenticationError> {
    if flags.authenticate_http_executors && key.is_none() {
        return Err(AuthenticationError::KeyNeeded);
    }
    let realms = [
        (flags.authenticate_http_executors, EXECUTOR),
        (flags.authenticate_http_readonly, READONLY),
        (flags.authenticate_http_readwrite, READWRITE),
    ];
    let proofs = Proofs {
        credentials: credentials(flags.http_credentials.as_ref())?,
        key,
    };
    let default = if flags.authenticate_http_executors {
        format!("{BASIC},{JWT}")
    } else {
        BASIC.to_owned()
    };
    let names = flags.http_authenticators.as_ref().unwrap_or(&default);
    for (_, realm) in realms.into_iter().filter(|(is_closed, _)| *is_closed) {
        let mut authenticators = names
            .split(',')
            .map(|name| proofs.authenticator(runtime, name, realm))
            .collect::<Result<Vec<_>, _>>()?;
        let authenticator = match (authenticators.pop(), authenticators.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                authenticators.extend(last);
                Arc::new(CombinedAuthenticator::new(authenticators))
            }
        };
        runtime.set_authenticator(realm, authenticator);
    }
    Ok(())
}

fn credentials(
    path: Option<&PathBuf>,
) -> Result<Option<HashMap<String, String>>, AuthenticationError> {
    let Some(path) = path else { return Ok(None) };
    let credentials = Credentials::read(path)?;
    let secrets: HashMap<String, String> = credentials
        .iter()
        .map(|(principal, secret)| (principal.to_owned(), secret.to_owned()))
        .collect();
    if secrets.is_empty() {
        return Err(AuthenticationError::NoCredential);
    }
    Ok(Some(secrets))
}

/// What identities are checked with.
struct Proofs<'a> {
    credentials: Option<HashMap<String, String>>,
    key: Option<&'a [u8]>,
}

impl Proofs<'_> {
    fn authenticator(
        &self,
        runtime: &Runtime,
        name: &str,
        realm: &'static str,
    ) -> Result<Arc<dyn Authenticator>, AuthenticationError> {
        match name {
            BASIC => {
                let secrets = self.credentials.clone();
                let secrets = secrets.ok_or(AuthenticationError::RealmCredentials(realm))?;
                Ok(Arc::new(BasicAuthenticator::new(realm, secrets)))
            }
            JWT => {
                let key = self.key.ok_or(AuthenticationError::RealmKey(realm))?;
                let clock = runtime.clock().clone();
                Ok(Arc::new(JwtAuthenticator::new(realm, key, clock)))
            }
            other => Err(AuthenticationError::Unknown(other.to_owned())),
        }
    }
}
