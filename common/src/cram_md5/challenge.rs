//! A challenge and the response to it.

use hmac::{Hmac, KeyInit, Mac};
use libprocess::Time;
use md5::Md5;

use crate::credentials::Credentials;

/// A text that is asked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    text: String,
}

impl Challenge {
    /// Makes a challenge from a number that nobody can guess, in the form of RFC 2195.
    pub(super) fn new(nonce: u128, now: Time, host: &str) -> Self {
        Self {
            text: format!("<{nonce}.{}@{host}>", now.as_secs()),
        }
    }

    /// The bytes that are sent.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The principal, when the response proves that it knows its secret.
    pub(super) fn verify(&self, response: &[u8], credentials: &Credentials) -> Option<String> {
        let (principal, digest) = std::str::from_utf8(response).ok()?.rsplit_once(' ')?;
        let digest = from_hex(digest)?;
        let secret = credentials.secret(principal)?;
        let mut mac = keyed(secret.as_bytes())?;
        mac.update(self.as_bytes());
        mac.verify_slice(&digest).ok()?;
        Some(principal.to_owned())
    }
}

/// The response to a challenge.
pub(super) fn respond(principal: &str, secret: &[u8], challenge: &[u8]) -> Option<Vec<u8>> {
    let mut mac = keyed(secret)?;
    mac.update(challenge);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{principal} {hex}").into_bytes())
}

/// HMAC takes keys of any length, so this always succeeds.
fn keyed(secret: &[u8]) -> Option<Hmac<Md5>> {
    Hmac::<Md5>::new_from_slice(secret).ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1;

    use super::*;

    #[test]
    fn a_challenge_is_a_number_a_time_and_a_host() {
        let challenge = Challenge::new(7, Time::from_secs_f64(1_600_000_000.5), "127.0.0.1");

        assert_eq!(challenge.as_bytes(), b"<7.1600000000@127.0.0.1>");
    }

    /// The example of RFC 2195, section 2.
    const CHALLENGE: &str = "<1896.697170952@postoffice.reston.mci.net>";
    const RESPONSE: &str = "tim b913a602c7eda7a495b4e6e7334d3890";

    fn tim() -> Credentials {
        Credentials::from_message(&v1::Credentials {
            credentials: vec![v1::Credential {
                principal: Some("tim".to_owned()),
                secret: Some("tanstaaftanstaaf".to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    #[test]
    fn the_response_is_that_of_the_standard() {
        let response = respond("tim", b"tanstaaftanstaaf", CHALLENGE.as_bytes());

        assert_eq!(response.as_deref(), Some(RESPONSE.as_bytes()));
    }

    #[test]
    fn a_right_response_names_the_principal() {
        let challenge = Challenge {
            text: CHALLENGE.to_owned(),
        };

        assert_eq!(
            challenge.verify(RESPONSE.as_bytes(), &tim()),
            Some("tim".to_owned())
        );
    }

    #[test]
    fn wrong_or_damaged_responses_prove_nothing() {
        let challenge = Challenge {
            text: CHALLENGE.to_owned(),
        };
        let wrong: [&[u8]; 6] = [
            b"tim b913",
            b"tim",
            b"",
            b"tim \xff\xff",
            b"tom b913a602c7eda7a495b4e6e7334d3890",
            b"tim b913a602c7eda7a495b4e6e7334d389g",
        ];

        for response in wrong {
            assert_eq!(challenge.verify(response, &tim()), None, "{response:?}");
        }
    }
}
