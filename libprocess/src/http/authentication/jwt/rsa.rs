//! Keys of RSA, for tokens that are signed by RS256.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use thiserror::Error;

use super::base64_decode;

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// Why a key is not taken, or does not sign.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RsaKeyError {
    /// The text is no PEM.
    #[error("the key is not in the form of PEM")]
    Pem,
    /// The PEM holds something else.
    #[error("'{0}' is not a key of RSA")]
    Kind(String),
    /// The key is malformed, or too short to be safe.
    #[error("the key is refused: {0}")]
    Refused(String),
    /// The signature could not be made.
    #[error("the key does not sign")]
    Sign,
}

/// A key that signs tokens.
pub struct RsaPrivateKey(RsaKeyPair);

/// A key that checks the signatures of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaPublicKey(Vec<u8>);

impl RsaPrivateKey {
    /// Reads a key of at least 2048 bits from PEM: `PRIVATE KEY` or `RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(text: &str) -> Result<Self, RsaKeyError> {
        let (label, der) = pem(text)?;
        let pair = match label {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
            other => return Err(RsaKeyError::Kind(other.to_owned())),
        };
        pair.map(Self)
            .map_err(|rejected| RsaKeyError::Refused(rejected.to_string()))
    }

    /// The key that checks what this one has signed.
    #[must_use]
    pub fn public(&self) -> RsaPublicKey {
        RsaPublicKey(self.0.public_key().as_ref().to_vec())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, RsaKeyError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_unspecified| RsaKeyError::Sign)?;
        Ok(signature)
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPrivateKey")
    }
}

impl RsaPublicKey {
    /// Reads a key from PEM: `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(text: &str) -> Result<Self, RsaKeyError> {
        let (label, der) = pem(text)?;
        match label {
            "RSA PUBLIC KEY" => Ok(Self(der)),
            "PUBLIC KEY" => {
                let key = subject_key(&der);
                let refused = || RsaKeyError::Refused("it has no subject".to_owned());
                key.map(|key| Self(key.to_vec())).ok_or_else(refused)
            }
            other => Err(RsaKeyError::Kind(other.to_owned())),
        }
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0);
        key.verify(message, signature).is_ok()
    }
}

/// The label of a PEM and the bytes in it.
fn pem(text: &str) -> Result<(&str, Vec<u8>), RsaKeyError> {
    let rest = text
        .trim()
        .strip_prefix("-----BEGIN ")
        .ok_or(RsaKeyError::Pem)?;
    let (label, rest) = rest.split_once("-----").ok_or(RsaKeyError::Pem)?;
    let end = format!("-----END {label}-----");
    let body = rest.strip_suffix(end.as_str()).ok_or(RsaKeyError::Pem)?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = base64_decode(&body).ok_or(RsaKeyError::Pem)?;
    Ok((label, der))
}

/// The key within a `SubjectPublicKeyInfo`: behind the algorithm, in a string of bits.
fn subject_key(der: &[u8]) -> Option<&[u8]> {
    let (info, _) = element(der, SEQUENCE)?;
    let (_algorithm, rest) = element(info, SEQUENCE)?;
    let (bits, _) = element(rest, BIT_STRING)?;
    // The first byte tells how many bits of the last one are unused: none.
    bits.strip_prefix(&[0])
}

/// The content of the first element of DER, and what follows it.
fn element(der: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut len = usize::from(*first);
    if len >= 0x80 {
        let (bytes, after) = rest.split_at_checked(len - 0x80)?;
        len = bytes.iter().try_fold(0_usize, |len, byte| {
            len.checked_mul(256)?.checked_add(usize::from(*byte))
        })?;
        rest = after;
    }
    (*tag == expected).then(|| rest.split_at_checked(len))?
}

#[cfg(test)]
mod tests {
    use super::super::{Jwt, JwtError};
    use super::*;
    use crate::time::Time;

    const PRIVATE: &str = include_str!("../../../../tests/data/jwt/private.pem");
    const PUBLIC: &str = include_str!("../../../../tests/data/jwt/public.pem");
    const PKCS1: &str = include_str!("../../../../tests/data/jwt/public_pkcs1.pem");

    /// Made by OpenSSL with that key.
    const TOKEN: &str = include_str!("../../../../tests/data/jwt/token.txt");

    #[test]
    fn a_token_of_another_program_is_read_with_the_public_key() {
        for key in [PUBLIC, PKCS1] {
            let key = RsaPublicKey::from_pem(key).expect("a key");

            let token = Jwt::parse_rs256(TOKEN, &key, Time::EPOCH).expect("a token");

            assert_eq!(
                token.claims().get("sub").and_then(|sub| sub.as_str()),
                Some("user")
            );
        }
    }

    #[test]
    fn what_is_signed_is_read_and_nothing_else() {
        let key = RsaPrivateKey::from_pem(PRIVATE).expect("a key");
        let mut claims = serde_json::Map::new();
        claims.insert("sub".into(), "executor".into());
        let signed = Jwt::sign_rs256(claims.clone(), &key).expect("a signature");
        let public = key.public();
        assert_eq!(RsaPublicKey::from_pem(PUBLIC), Ok(public.clone()));

        let read = Jwt::parse_rs256(&signed.to_string(), &public, Time::EPOCH);
        assert_eq!(read.as_ref(), Ok(&signed));

        let (head, _) = TOKEN.rsplit_once('.').expect("a signature");
        let (_, other) = signed
            .to_string()
            .rsplit_once('.')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("a signature");
        let mixed = Jwt::parse_rs256(&format!("{head}.{other}"), &public, Time::EPOCH);
        assert_eq!(mixed, Err(JwtError::Mismatch));
        let secret = Jwt::sign(claims, b"secret").to_string();
        let wrong = Jwt::parse_rs256(&secret, &public, Time::EPOCH).expect_err("another algorithm");
        assert_eq!(
            wrong.to_string(),
            "Token 'alg' value \"HS256\" does not match, expected \"RS256\""
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(RsaPublicKey::from_pem("garbage"), Err(RsaKeyError::Pem));
        let private = PRIVATE.lines().next().expect("a label").contains("PRIVATE");
        assert!(private && matches!(RsaPublicKey::from_pem(PRIVATE), Err(RsaKeyError::Kind(_))));
        let cut = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----";
        assert!(matches!(
            RsaPublicKey::from_pem(cut),
            Err(RsaKeyError::Refused(_))
        ));
    }
}
