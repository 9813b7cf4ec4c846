//! Principals with their secrets, from files.
//!
//! Mirrors `src/credentials/credentials.hpp`.
//!
//! # Wire
//! JSON of the messages `Credentials` and `Credential`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mesos_proto::v1;
use mesos_proto_codec::{Dialect, Json, JsonError};

/// Why a file holds no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("Failed to read credentials file '{path}': {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Its content is something else.
    #[error("Failed to parse credentials: {0}")]
    Parse(JsonError),
}

/// The secrets of many principals.
#[derive(Clone, Default)]
pub struct Credentials {
    secrets: BTreeMap<String, String>,
}

/// Shows who is known, not the secrets.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

impl Credentials {
    /// Reads `{"credentials": [{"principal": "...", "secret": "..."}]}`; an empty file knows nobody.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let text = read_private(path)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        let message =
            v1::Credentials::read_json(Dialect::V1, &text).map_err(CredentialsError::Parse)?;
        Ok(Self::from_message(&message))
    }

    /// Takes over the credentials of a message.
    #[must_use]
    pub fn from_message(message: &v1::Credentials) -> Self {
        let pairs = message.credentials.iter().map(|credential| {
            (
                credential.principal().to_owned(),
                credential.secret().to_owned(),
            )
        });
        Self {
            secrets: pairs.collect(),
        }
    }

    /// The secret of a principal.
    #[must_use]
    pub fn secret(&self, principal: &str) -> Option<&str> {
        self.secrets.get(principal).map(String::as_str)
    }

    /// Every principal with its secret.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.secrets
            .iter()
            .map(|(principal, secret)| (principal.as_str(), secret.as_str()))
    }
}

/// Reads `{"principal": "...", "secret": "..."}`; none when the file is empty.
///
/// # Errors
/// [`CredentialsError`].
pub fn read_credential(path: &Path) -> Result<Option<v1::Credential>, CredentialsError> {
    let text = read_private(path)?;
    if text.is_empty() {
        return Ok(None);
    }
    v1::Credential::read_json(Dialect::V1, &text)
        .map(Some)
        .map_err(CredentialsError::Parse)
}

fn read_private(path: &Path) -> Result<Vec<u8>, CredentialsError> {
    let failed = |source| CredentialsError::Read {
        path: path.to_owned(),
        source,
    };
    let open_to_others = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o007 != 0;
    if open_to_others {
        tracing::warn!(
            "Permissions on credentials file '{}' are too open; others should not have access",
            path.display()
        );
    }
    fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("writes");
        file
    }

    #[test]
    fn a_file_gives_each_principal_its_secret() {
        let file = file(r#"{"credentials":[{"principal":"a","secret":"x"},{"principal":"b"}]}"#);

        let credentials = Credentials::read(file.path()).expect("credentials");

        assert_eq!(credentials.secret("a"), Some("x"));
        assert_eq!(credentials.secret("b"), Some(""));
        assert_eq!(credentials.secret("c"), None);
    }

    #[test]
    fn an_empty_file_knows_nobody() {
        let file = file("");

        assert_eq!(
            Credentials::read(file.path())
                .expect("credentials")
                .iter()
                .count(),
            0
        );
        assert_eq!(read_credential(file.path()).expect("no credential"), None);
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let file = file("principal secret\n");

        let error = Credentials::read(file.path()).expect_err("refused");

        assert!(
            error
                .to_string()
                .starts_with("Failed to parse credentials: "),
            "{error}"
        );
    }

    #[test]
    fn secrets_are_not_printed() {
        let file = file(r#"{"credentials":[{"principal":"alice","secret":"rabbit"}]}"#);

        let text = format!("{:?}", Credentials::read(file.path()).expect("credentials"));

        assert_eq!(text, r#"{"alice"}"#);
    }
}
