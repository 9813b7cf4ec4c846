//! Signed claims in the `Authorization` header.
//!
//! Mirrors `3rdparty/libprocess/src/jwt.cpp` and `jwt_authenticator.cpp`.

mod rsa;

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;
use thiserror::Error;

pub use self::rsa::{RsaKeyError, RsaPrivateKey, RsaPublicKey};
use super::basic::{base64_decode, same};
use super::{Authentication, Authenticator, Principal};
use crate::clock::Clock;
use crate::future::Future;
use crate::http::{Request, Response};
use crate::time::Time;

/// Why a token is not accepted. The texts are those that clients see.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JwtError {
    /// Not `header.payload.signature`.
    #[error("Expected 3 components in token, got {0}")]
    Components(usize),
    /// The header is not JSON in base64.
    #[error("Failed to decode token header: {0}")]
    Header(String),
    /// The payload is not JSON in base64.
    #[error("Failed to decode token payload: {0}")]
    Payload(String),
    /// The type is there and is not a text.
    #[error("Token 'typ' is not a string")]
    Type,
    /// No algorithm.
    #[error("Failed to locate 'alg' in token JSON header")]
    NoAlgorithm,
    /// The algorithm is not a text.
    #[error("Token 'alg' field is not a string")]
    AlgorithmNotText,
    /// An algorithm nobody knows.
    #[error("Unsupported token algorithm: {0}")]
    UnknownAlgorithm(String),
    /// Another algorithm than the one that was asked for.
    #[error("Token 'alg' value \"{found}\" does not match, expected \"{expected}\"")]
    WrongAlgorithm {
        /// What the token says.
        found: String,
        /// What was asked for.
        expected: &'static str,
    },
    /// Extensions that must be understood; none is.
    #[error("Token 'crit' field is unsupported")]
    Critical,
    /// The expiry is not a number.
    #[error("JSON payload 'exp' field is not a number")]
    Expiry,
    /// The token has expired.
    #[error("Token has expired: exp({expiry}) < now({now})")]
    Expired {
        /// When, in seconds.
        expiry: i64,
        /// The present time, in seconds.
        now: i64,
    },
    /// The signature is not base64.
    #[error("Failed to base64url-decode token signature: Invalid character")]
    Signature,
    /// An unsigned token has a signature.
    #[error("Unsecured JWT contains a signature")]
    UnexpectedSignature,
    /// The signature is another one.
    #[error("Token signature does not match")]
    Mismatch,
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    None,
    Hs256,
    Rs256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
        }
    }
}

/// A token: claims, and the text that proves them.
///
/// # Examples
/// ```
/// use libprocess::Time;
/// use libprocess::http::authentication::jwt::Jwt;
///
/// let mut claims = serde_json::Map::new();
/// claims.insert("sub".into(), "executor".into());
/// let token = Jwt::sign(claims, b"secret").to_string();
/// let parsed = Jwt::parse(&token, b"secret", Time::EPOCH)?;
/// assert_eq!(parsed.claims()["sub"], "executor");
/// assert!(Jwt::parse(&token, b"other", Time::EPOCH).is_err());
/// # Ok::<(), libprocess::http::authentication::jwt::JwtError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwt {
    claims: Map<String, Value>,
    text: String,
}

impl Jwt {
    /// Makes a token signed with a secret (HS256).
    #[must_use]
    pub fn sign(claims: Map<String, Value>, secret: &[u8]) -> Self {
        let message = message(Algorithm::Hs256, &claims);
        let signature = base64_url(&hmac_sha256(message.as_bytes(), secret));
        Self {
            claims,
            text: format!("{message}.{signature}"),
        }
    }

    /// Makes a token signed with a key of RSA (RS256).
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign_rs256(
        claims: Map<String, Value>,
        key: &RsaPrivateKey,
    ) -> Result<Self, RsaKeyError> {
        let message = message(Algorithm::Rs256, &claims);
        let signature = base64_url(&key.sign(message.as_bytes())?);
        Ok(Self {
            claims,
            text: format!("{message}.{signature}"),
        })
    }

    /// Reads a token that was signed with the private half of this key and has not expired.
    ///
    /// # Errors
    /// When it is malformed, expired, or signed otherwise.
    pub fn parse_rs256(token: &str, key: &RsaPublicKey, now: Time) -> Result<Self, JwtError> {
        let [header, payload, signature] = components(token)?;
        check_header(header, Algorithm::Rs256)?;
        let claims = read_payload(payload, now)?;
        let signature = base64_decode(signature).ok_or(JwtError::Signature)?;
        if !key.has_signed(format!("{header}.{payload}").as_bytes(), &signature) {
            return Err(JwtError::Mismatch);
        }
        Ok(Self {
            claims,
            text: token.to_owned(),
        })
    }

    /// Makes a token without a signature.
    #[must_use]
    pub fn unsecured(claims: Map<String, Value>) -> Self {
        let text = format!("{}.", message(Algorithm::None, &claims));
        Self { claims, text }
    }

    /// Reads a token that was signed with this secret and has not expired.
    ///
    /// # Errors
    /// When it is malformed, expired, or signed otherwise.
    pub fn parse(token: &str, secret: &[u8], now: Time) -> Result<Self, JwtError> {
        let [header, payload, signature] = components(token)?;
        check_header(header, Algorithm::Hs256)?;
        let claims = read_payload(payload, now)?;
        let signature = base64_decode(signature).ok_or(JwtError::Signature)?;
        let expected = hmac_sha256(format!("{header}.{payload}").as_bytes(), secret);
        if !same(&expected, &signature) {
            return Err(JwtError::Mismatch);
        }
        Ok(Self {
            claims,
            text: token.to_owned(),
        })
    }

    /// Reads a token without a signature that has not expired.
    ///
    /// # Errors
    /// When it is malformed, expired, or signed.
    pub fn parse_unsecured(token: &str, now: Time) -> Result<Self, JwtError> {
        let [header, payload, signature] = components(token)?;
        check_header(header, Algorithm::None)?;
        let claims = read_payload(payload, now)?;
        if !signature.is_empty() {
            return Err(JwtError::UnexpectedSignature);
        }
        Ok(Self {
            claims,
            text: token.to_owned(),
        })
    }

    /// What the token claims.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

impl fmt::Display for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn components(token: &str) -> Result<[&str; 3], JwtError> {
    let parts: Vec<&str> = token.split('.').collect();
    let count = parts.len();
    parts
        .try_into()
        .map_err(|_parts| JwtError::Components(count))
}

fn read_object(part: &str) -> Result<Map<String, Value>, String> {
    let bytes = base64_decode(part)
        .ok_or_else(|| "Failed to base64url-decode: Invalid character".to_owned())?;
    serde_json::from_slice(&bytes).map_err(|error| format!("Failed to parse into JSON: {error}"))
}

fn check_header(part: &str, expected: Algorithm) -> Result<(), JwtError> {
    let header = read_object(part).map_err(JwtError::Header)?;
    if header.get("typ").is_some_and(|value| !value.is_string()) {
        return Err(JwtError::Type);
    }
    let found = header
        .get("alg")
        .ok_or(JwtError::NoAlgorithm)?
        .as_str()
        .ok_or(JwtError::AlgorithmNotText)?;
    if !["none", "HS256", "RS256"].contains(&found) {
        return Err(JwtError::UnknownAlgorithm(found.to_owned()));
    }
    if header.contains_key("crit") {
        return Err(JwtError::Critical);
    }
    if found != expected.name() {
        return Err(JwtError::WrongAlgorithm {
            found: found.to_owned(),
            expected: expected.name(),
        });
    }
    Ok(())
}

fn read_payload(part: &str, now: Time) -> Result<Map<String, Value>, JwtError> {
    let payload = read_object(part).map_err(JwtError::Payload)?;
    if let Some(expiry) = payload.get("exp") {
        let expiry = whole_seconds(expiry).ok_or(JwtError::Expiry)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if expiry < now {
            return Err(JwtError::Expired { expiry, now });
        }
    }
    Ok(payload)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "truncated as in Mesos; out of range saturates"
)]
fn whole_seconds(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|secs| secs as i64))
}

fn message(algorithm: Algorithm, claims: &Map<String, Value>) -> String {
    let header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, algorithm.name());
    let claims = Value::Object(claims.clone()).to_string();
    format!(
        "{}.{}",
        base64_url(header.as_bytes()),
        base64_url(claims.as_bytes())
    )
}

fn hmac_sha256(message: &[u8], secret: &[u8]) -> Vec<u8> {
    // Keys of any length are taken, so the error cannot come.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return Vec::new();
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Encodes in the alphabet for URLs, without padding.
fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits: u32 = 0;
        for index in 0..3 {
            bits = bits << 8 | u32::from(group.get(index).copied().unwrap_or_default());
        }
        for index in 0..=group.len() {
            let shift = 18 - 6 * u32::try_from(index).unwrap_or_default();
            let symbol = usize::try_from(bits >> shift & 0x3f).unwrap_or_default();
            text.extend(ALPHABET.get(symbol).copied().map(char::from));
        }
    }
    text
}

/// Lets in who has a token signed with the secret.
pub struct JwtAuthenticator {
    realm: String,
    secret: Vec<u8>,
    clock: Clock,
}

impl JwtAuthenticator {
    /// An authenticator for a realm; tokens expire on the clock.
    #[must_use]
    pub fn new(realm: impl Into<String>, secret: impl Into<Vec<u8>>, clock: Clock) -> Self {
        Self {
            realm: realm.into(),
            secret: secret.into(),
            clock,
        }
    }

    fn principal(&self, header: Option<&str>) -> Result<Principal, Option<String>> {
        let header = header.ok_or(None)?;
        let parts: Vec<&str> = header.split(' ').collect();
        let [scheme, token] = parts.as_slice() else {
            return Err(Some("Malformed 'Authorization' header".to_owned()));
        };
        if *scheme != "Bearer" {
            return Err(Some(format!("Scheme '{scheme}' unsupported")));
        }
        let jwt = Jwt::parse(token, &self.secret, self.clock.now())
            .map_err(|error| Some(format!("Invalid JWT: {error}")))?;
        if jwt.claims.is_empty() {
            return Err(Some("JWT claims missing".to_owned()));
        }
        let claims: BTreeMap<String, String> = jwt
            .claims
            .into_iter()
            .map(|(key, value)| match value {
                Value::String(text) => (key, text),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => (key, other.to_string()),
            })
            .collect();
        Ok(Principal {
            value: None,
            claims,
        })
    }
}

impl Authenticator for JwtAuthenticator {
    fn scheme(&self) -> &str {
        "Bearer"
    }

    fn authenticate(&self, request: &Request) -> Future<Authentication> {
        let found = self.principal(request.header("authorization"));
        Future::ready(found.map_or_else(
            |why| {
                let mut challenge = format!("Bearer realm=\"{}\"", self.realm);
                if let Some(why) = why {
                    challenge.push_str(&format!(
                        ", error=\"invalid_token\", error_description=\"{why}\""
                    ));
                }
                Authentication::Unauthorized(Response::unauthorized(&challenge))
            },
            Authentication::Principal,
        ))
    }
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthenticator")
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: Value) -> Map<String, Value> {
        serde_json::from_value(json).expect("an object")
    }

    fn token(header: &str, payload: &str) -> String {
        format!(
            "{}.{}.",
            base64_url(header.as_bytes()),
            base64_url(payload.as_bytes())
        )
    }

    fn why(token: &str) -> String {
        let now = Time::from_secs_f64(1000.5);
        Jwt::parse_unsecured(token, now)
            .expect_err("refused")
            .to_string()
    }

    /// Mirrors: JWTTest.Parse
    #[test]
    fn a_token_is_refused_with_the_reason() {
        let good = r#"{"alg":"none","typ":"JWT"}"#;

        assert_eq!(why(""), "Expected 3 components in token, got 1");
        assert_eq!(why("a.b.c.d"), "Expected 3 components in token, got 4");
        assert!(
            why("?.b.").starts_with("Failed to decode token header: Failed to base64url-decode")
        );
        assert!(
            why(&token("not json", "{}"))
                .starts_with("Failed to decode token header: Failed to parse into JSON")
        );
        assert_eq!(
            why(&token(r#"{"alg":"none","typ":1}"#, "{}")),
            "Token 'typ' is not a string"
        );
        assert_eq!(
            why(&token("{}", "{}")),
            "Failed to locate 'alg' in token JSON header"
        );
        assert_eq!(
            why(&token(r#"{"alg":1}"#, "{}")),
            "Token 'alg' field is not a string"
        );
        assert_eq!(
            why(&token(r#"{"alg":"XS1"}"#, "{}")),
            "Unsupported token algorithm: XS1"
        );
        assert_eq!(
            why(&token(r#"{"alg":"none","crit":"x"}"#, "{}")),
            "Token 'crit' field is unsupported"
        );
        assert!(why(&token(good, "[")).starts_with("Failed to decode token payload: "));
        assert_eq!(
            why(&token(good, r#"{"exp":"x"}"#)),
            "JSON payload 'exp' field is not a number"
        );
        assert_eq!(
            why(&token(good, r#"{"exp":999}"#)),
            "Token has expired: exp(999) < now(1000)"
        );
        assert_eq!(
            why(&token(r#"{"alg":"HS256"}"#, "{}")),
            "Token 'alg' value \"HS256\" does not match, expected \"none\""
        );
        assert_eq!(
            why(&(token(good, "{}") + "x")),
            "Unsecured JWT contains a signature"
        );
        assert!(
            Jwt::parse_unsecured(&token(good, r#"{"exp":1000}"#), Time::from_secs_f64(1000.5))
                .is_ok()
        );
    }

    /// The token was made by another implementation (RFC 7519's favourite example site).
    #[test]
    fn a_foreign_signature_is_understood() {
        let foreign = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiYWRtaW4iOnRydWV9.TJVA95OrM7E2cBab30RMHrHDcEfxjoYZgeFONFh7HgQ";

        let jwt = Jwt::parse(foreign, b"secret", Time::EPOCH).expect("signed");

        assert_eq!(jwt.claims()["name"], "John Doe");
        assert_eq!(
            Jwt::parse(foreign, b"other", Time::EPOCH),
            Err(JwtError::Mismatch)
        );
    }

    /// Mirrors: JWTTest.Create
    /// Mirrors: JWTTest.Stringify
    #[test]
    fn what_is_made_reads_back() {
        let claims = claims(serde_json::json!({ "sub": "foo", "exp": 5 }));

        let signed = Jwt::sign(claims.clone(), b"secret");
        let unsecured = Jwt::unsecured(claims);

        assert_eq!(
            Jwt::parse(&signed.to_string(), b"secret", Time::EPOCH),
            Ok(signed)
        );
        assert_eq!(
            Jwt::parse_unsecured(&unsecured.to_string(), Time::EPOCH),
            Ok(unsecured.clone())
        );
        assert!(unsecured.to_string().ends_with('.'));
    }

    /// Mirrors: HttpAuthenticationTest.JWT
    #[test]
    fn the_header_decides_and_the_challenge_says_why() {
        let authenticator = JwtAuthenticator::new("realm", "secret", Clock::paused());
        let ask = |header: Option<String>| {
            let mut request = Request::new(::http::Method::GET, "/").expect("a request");
            if let Some(header) = header {
                request
                    .headers
                    .insert("authorization", header.parse().expect("a header"));
            }
            match authenticator
                .authenticate(&request)
                .now()
                .and_then(crate::Outcome::ready)
            {
                Some(Authentication::Principal(principal)) => Ok(principal),
                Some(Authentication::Unauthorized(response)) => {
                    Err(response.headers["www-authenticate"]
                        .to_str()
                        .expect("text")
                        .to_owned())
                }
                other => panic!("{other:?}"),
            }
        };
        let signed = |json| Some(format!("Bearer {}", Jwt::sign(claims(json), b"secret")));
        let invalid = |why: &str| {
            Err(format!(
                "Bearer realm=\"realm\", error=\"invalid_token\", error_description=\"{why}\""
            ))
        };

        assert_eq!(ask(None), Err("Bearer realm=\"realm\"".to_owned()));
        assert_eq!(
            ask(Some("Bearer".into())),
            invalid("Malformed 'Authorization' header")
        );
        assert_eq!(
            ask(Some("Basic x".into())),
            invalid("Scheme 'Basic' unsupported")
        );
        assert_eq!(
            ask(Some("Bearer x".into())),
            invalid("Invalid JWT: Expected 3 components in token, got 1")
        );
        assert_eq!(
            ask(signed(serde_json::json!({}))),
            invalid("JWT claims missing")
        );
        let principal = ask(signed(
            serde_json::json!({ "foo": "bar", "n": 1, "b": [true] }),
        ))
        .expect("let in");
        assert_eq!(principal.value, None);
        assert_eq!(principal.claims["foo"], "bar");
        assert_eq!(principal.claims["n"], "1");
        assert_eq!(principal.claims["b"], "[true]");
    }
}
