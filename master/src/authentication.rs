//! Who has to prove its identity to this master, and how.
//!
//! Mirrors the part of `Master::initialize` that loads credentials and authenticators.

use std::collections::HashMap;
use std::sync::Arc;

use libprocess::Runtime;
use libprocess::http::authentication::basic::BasicAuthenticator;
use mesos_common::cram_md5::CramMd5Authenticator;
use mesos_common::credentials::{Credentials, CredentialsError};

use crate::flags::Flags;

/// The realm of the endpoints that only read.
pub const READONLY_REALM: &str = "mesos-master-readonly";

/// The realm of the endpoints that change something.
pub const READWRITE_REALM: &str = "mesos-master-readwrite";

/// The realm of the scheduler API.
pub(crate) const SCHEDULER_REALM: &str = "mesos-master-scheduler";

/// Why identities cannot be proved as the flags ask.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The file of credentials cannot be used.
    #[error("{0} (see --credentials flag)")]
    Credentials(#[from] CredentialsError),
    /// The file of credentials has none.
    #[error("Credentials file must contain at least one credential (see --credentials flag)")]
    NoCredential,
    /// Frameworks or agents must prove who they are, and nobody could.
    #[error(
        "Failed to start master with authentication enabled: Authentication requires a credentials \
         file (see --credentials flag)"
    )]
    CredentialsNeeded,
    /// A realm is closed, and nobody could open it.
    #[error("No credentials provided for the default 'basic' HTTP authenticator for realm '{0}'")]
    RealmCredentials(&'static str),
    /// Only what is built in can be named.
    #[error("Authenticator '{0}' not found. Only 'crammd5' and, for HTTP, 'basic' are built in")]
    Unknown(String),
    /// One flag asks for another.
    #[error(
        "Missing `--http_framework_authenticators` flag. This must be used in conjunction with \
         `--authenticate_http_frameworks`"
    )]
    NoFrameworkAuthenticators,
}

/// Closes the realms that the flags want closed, and returns who authenticates on the legacy wire.
///
/// Without credentials nobody can authenticate there, which clients are told when they try.
///
/// # Errors
/// [`AuthenticationError`] names the flag.
pub(crate) fn authentication(
    runtime: &Runtime,
    flags: &Flags,
) -> Result<Option<CramMd5Authenticator>, AuthenticationError> {
    let credentials = flags
        .credentials
        .as_deref()
        .map(Credentials::read)
        .transpose()?;
    if credentials
        .as_ref()
        .is_some_and(|credentials| credentials.iter().next().is_none())
    {
        return Err(AuthenticationError::NoCredential);
    }
    known(&flags.authenticators, "crammd5")?;
    if flags.authenticate_http_readonly {
        known(&flags.http_authenticators, "basic")?;
        close(runtime, READONLY_REALM, credentials.as_ref())?;
    }
    if flags.authenticate_http_readwrite {
        known(&flags.http_authenticators, "basic")?;
        close(runtime, READWRITE_REALM, credentials.as_ref())?;
    }
    if flags.authenticate_http_frameworks {
        let named = flags.http_framework_authenticators.as_deref();
        known(
            named.ok_or(AuthenticationError::NoFrameworkAuthenticators)?,
            "basic",
        )?;
        close(runtime, SCHEDULER_REALM, credentials.as_ref())?;
    }
    match credentials {
        Some(credentials) => Ok(Some(CramMd5Authenticator::new(runtime, credentials))),
        None if flags.authenticate_frameworks || flags.authenticate_agents => {
            Err(AuthenticationError::CredentialsNeeded)
        }
        None => Ok(None),
    }
}

fn known(named: &str, built_in: &str) -> Result<(), AuthenticationError> {
    match named.split(',').find(|name| *name != built_in) {
        Some(unknown) => Err(AuthenticationError::Unknown(unknown.to_owned())),
        None => Ok(()),
    }
}

/// Lets only principals with a known secret into a realm.
fn close(
    runtime: &Runtime,
    realm: &'static str,
    credentials: Option<&Credentials>,
) -> Result<(), AuthenticationError> {
    let credentials = credentials.ok_or(AuthenticationError::RealmCredentials(realm))?;
    let secrets: HashMap<String, String> = credentials
        .iter()
        .map(|(principal, secret)| (principal.to_owned(), secret.to_owned()))
        .collect();
    runtime.set_authenticator(realm, Arc::new(BasicAuthenticator::new(realm, secrets)));
    Ok(())
}
