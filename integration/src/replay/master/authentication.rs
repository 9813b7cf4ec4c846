//! CRAM-MD5 as the recorded clients answered it, for a challenge that each master chooses anew.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

pub(super) const AUTHENTICATE: &str = "mesos.internal.AuthenticateMessage";
pub(super) const MECHANISMS: &str = "mesos.internal.AuthenticationMechanismsMessage";
pub(super) const START: &str = "mesos.internal.AuthenticationStartMessage";
pub(super) const STEP: &str = "mesos.internal.AuthenticationStepMessage";
pub(super) const COMPLETED: &str = "mesos.internal.AuthenticationCompletedMessage";

/// How many bytes MD5 takes at once.
const BLOCK: usize = 64;

/// Who knows which secret, and what was asked last.
#[derive(Debug)]
pub(super) struct Authentication {
    secrets: BTreeMap<String, String>,
    challenge: Vec<u8>,
}

impl Authentication {
    pub(super) fn new(secrets: BTreeMap<String, String>) -> Self {
        Self {
            secrets,
            challenge: Vec::new(),
        }
    }

    /// Takes the challenge of the live master; answers what of both challenges can be compared.
    pub(super) fn challenged(&mut self, recorded: &Value, live: &Value) -> (Value, Value) {
        self.challenge = data(live);
        (form(&data(recorded)), form(&self.challenge))
    }

    /// The recorded answer, made for the live challenge.
    pub(super) fn step(&self, recorded: &Value) -> Value {
        let text = String::from_utf8(data(recorded)).unwrap_or_default();
        let principal = text.split(' ').next().unwrap_or_default();
        let secret = self.secrets.get(principal).map_or("", String::as_str);
        json!({"data": STANDARD.encode(answer(principal, secret, &self.challenge))})
    }
}

fn data(step: &Value) -> Vec<u8> {
    let text = step.get("data").and_then(Value::as_str).unwrap_or_default();
    STANDARD.decode(text).unwrap_or_default()
}

/// The form of a challenge by RFC 2195: two numbers and the host, in angle brackets.
fn form(challenge: &[u8]) -> Value {
    let text = String::from_utf8_lossy(challenge);
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'));
    let left = inner
        .and_then(|inner| inner.split_once('@'))
        .map(|(left, _)| left);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = left.map(|left| left.split('.').map(is_number).collect::<Vec<bool>>());
    json!({"numbers": numbers})
}

fn answer(principal: &str, secret: &str, challenge: &[u8]) -> String {
    let mut key = [0_u8; BLOCK];
    for (place, byte) in key.iter_mut().zip(secret.bytes()) {
        *place = byte;
    }
    let padded = |pad: u8| key.map(|byte| byte ^ pad);
    let inner = Md5::new()
        .chain_update(padded(0x36))
        .chain_update(challenge);
    let outer = Md5::new()
        .chain_update(padded(0x5c))
        .chain_update(inner.finalize());
    let digest = outer.finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{principal} {hex}")
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn answer_to_the_recorded_challenge_is_the_recorded_one() {
        let answer = answer("agent", "agentsecret", b"<2671642158.16762259@vm>");

        assert_eq!(answer, "agent 048950415582f0d5e0bf5d873e785916");
    }
}
