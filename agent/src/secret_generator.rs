//! Makes the tokens with which executors prove who they are.
//!
//! Mirrors `include/mesos/authentication/secret_generator.hpp` and
//! `src/authentication/executor/jwt_secret_generator.cpp`.

use std::fmt;

use libprocess::{
    Future,
    http::{Principal, authentication::jwt::Jwt},
};
use mesos_common::validation::command::validate_secret;
use mesos_proto::v1::{self, secret};
use serde_json::{Map, Value};

/// Makes secrets for principals.
pub trait SecretGenerator: Send + Sync {
    /// Makes the secret with which a principal proves what it claims.
    fn generate(&self, principal: &Principal) -> Future<v1::Secret>;
}

/// Makes tokens that are signed with a key.
pub struct JwtSecretGenerator {
    key: Vec<u8>,
}

impl fmt::Debug for JwtSecretGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSecretGenerator").finish_non_exhaustive()
    }
}

impl JwtSecretGenerator {
    /// A generator that signs with a key.
    #[must_use]
    pub fn new(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into() }
    }
}

impl SecretGenerator for JwtSecretGenerator {
    fn generate(&self, principal: &Principal) -> Future<v1::Secret> {
        if principal.value.is_some() {
            return Future::failed("Principal has a value, but only claims are supported");
        }
        let claims: Map<String, Value> = principal
            .claims
            .iter()
            .map(|(name, claim)| (name.clone(), Value::from(claim.as_str())))
            .collect();
        let token = Jwt::sign(claims, &self.key).to_string();
        Future::ready(v1::Secret {
            r#type: Some(secret::Type::Value.into()),
            value: Some(secret::Value {
                data: Some(token.into_bytes().into()),
                ..Default::default()
            }),
            ..Default::default()
        })
    }
}

/// The token in a secret.
///
/// # Errors
/// The text says why the secret is none.
pub(crate) fn token(secret: &v1::Secret) -> Result<String, String> {
    validate_secret(secret)
        .map_err(|error| format!("Failed to validate generated secret: {error}"))?;
    if secret.r#type() != secret::Type::Value {
        return Err(format!(
            "Expecting generated secret to be of VALUE type instead of {} type; only VALUE type \
             secrets are supported at this time",
            secret.r#type().as_str_name()
        ));
    }
    String::from_utf8(secret.value().data().to_vec())
        .map_err(|_bytes| "the generated secret is not a text".to_owned())
}

#[cfg(test)]
mod tests {
    use libprocess::{Outcome, Time};

    use super::*;

    fn generated(principal: &Principal) -> Result<v1::Secret, String> {
        match JwtSecretGenerator::new("secret").generate(principal).now() {
            Some(Outcome::Ready(secret)) => Ok(secret),
            Some(Outcome::Failed(text)) => Err(text),
            other => panic!("{other:?}"),
        }
    }

    /// Mirrors: JWTSecretGeneratorTest.Generate
    #[test]
    fn token_proves_the_claims_of_a_principal_without_a_name() {
        let mut principal = Principal::named("user");
        principal.claims.insert("fid".into(), "f".into());
        principal.claims.insert("eid".into(), "e".into());
        principal.claims.insert("cid".into(), "c".into());

        assert_eq!(
            generated(&principal),
            Err("Principal has a value, but only claims are supported".to_owned())
        );
        principal.value = None;
        let secret = generated(&principal).expect("a secret");

        let token = token(&secret).expect("a token");
        let jwt = Jwt::parse(&token, b"secret", Time::EPOCH).expect("signed");
        assert_eq!(jwt.claims().len(), 3);
        assert_eq!(jwt.claims()["fid"], "f");
        assert_eq!(jwt.claims()["eid"], "e");
        assert_eq!(jwt.claims()["cid"], "c");
    }
}
