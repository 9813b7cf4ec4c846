//! The files of certificates and keys, as far as every library treats them alike.

use std::path::Path;

use super::TlsError;
use super::settings::TlsSettings;

/// What a key that is locked by a passphrase has in its file.
const LOCKED: [&str; 2] = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];

/// Our certificate and our key, both of which TLS needs.
pub(super) fn own(settings: &TlsSettings) -> Result<(&Path, &Path), TlsError> {
    let key = settings.key_file.as_deref().ok_or(TlsError::NoKey)?;
    let certificate = settings
        .cert_file
        .as_deref()
        .ok_or(TlsError::NoCertificate)?;
    Ok((certificate, key))
}

/// Nobody is there to type a passphrase.
pub(super) fn refuse_locked_key(path: &Path) -> Result<(), TlsError> {
    let text = std::fs::read(path).map_err(|error| TlsError::key_file(path, error))?;
    let text = String::from_utf8_lossy(&text);
    if LOCKED.iter().any(|mark| text.contains(mark)) {
        return Err(TlsError::key_file(
            path,
            "it is locked by a passphrase; remove the passphrase with `openssl pkey`",
        ));
    }
    Ok(())
}
