//! Name and password in the `Authorization` header.
//!
//! Mirrors `3rdparty/libprocess/src/authenticator.cpp` (`BasicAuthenticator`).

use std::collections::HashMap;
use std::fmt;

use super::{Authentication, Authenticator, Principal};
use crate::future::Future;
use crate::http::{Request, Response};

/// Checks names and passwords against a table.
pub struct BasicAuthenticator {
    realm: String,
    credentials: HashMap<String, String>,
}

impl BasicAuthenticator {
    /// An authenticator for a realm with its names and passwords.
    #[must_use]
    pub fn new(realm: impl Into<String>, credentials: HashMap<String, String>) -> Self {
        Self {
            realm: realm.into(),
            credentials,
        }
    }

    fn principal(&self, header: &str) -> Option<Principal> {
        let (scheme, encoded) = header.split_once(' ')?;
        if scheme != "Basic" || encoded.contains(' ') {
            return None;
        }
        let decoded = String::from_utf8(base64_decode(encoded)?).ok()?;
        let (name, password) = decoded.split_once(':')?;
        if password.contains(':') {
            return None;
        }
        let expected = self.credentials.get(name)?;
        same(expected.as_bytes(), password.as_bytes()).then(|| Principal::named(name))
    }
}

impl Authenticator for BasicAuthenticator {
    fn scheme(&self) -> &str {
        "Basic"
    }

    fn authenticate(&self, request: &Request) -> Future<Authentication> {
        let found = request
            .header("authorization")
            .and_then(|header| self.principal(header));
        Future::ready(found.map_or_else(
            || {
                let challenge = format!("Basic realm=\"{}\"", self.realm);
                Authentication::Unauthorized(Response::unauthorized(&challenge))
            },
            Authentication::Principal,
        ))
    }
}

impl fmt::Debug for BasicAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuthenticator")
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Compares without telling by the time it takes where the difference is.
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    let mut difference = u8::from(left.len() != right.len());
    for (a, b) in left.iter().zip(right) {
        difference |= a ^ b;
    }
    difference == 0
}

/// Decodes base64 as Mesos does: blanks are skipped, the first `=` ends it.
pub(crate) fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let mut bits: u32 = 0;
    let mut held = 0;
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3);
    for symbol in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0x00ff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            decoded.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(header: Option<&'static str>) -> Result<String, u16> {
        let table = HashMap::from([("user".to_owned(), "password".to_owned())]);
        let authenticator = BasicAuthenticator::new("realm", table);
        let mut request = Request::new(::http::Method::GET, "/").expect("a request");
        if let Some(header) = header {
            request
                .headers
                .insert("authorization", ::http::HeaderValue::from_static(header));
        }
        match authenticator
            .authenticate(&request)
            .now()
            .and_then(crate::Outcome::ready)
        {
            Some(Authentication::Principal(principal)) => Ok(principal.to_string()),
            Some(Authentication::Unauthorized(response)) => {
                assert_eq!(
                    response.headers["www-authenticate"],
                    "Basic realm=\"realm\""
                );
                Err(response.status)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Mirrors: HttpAuthenticationTest.Basic
    #[test]
    fn only_the_right_name_and_password_get_in() {
        assert_eq!(
            status(Some("Basic dXNlcjpwYXNzd29yZA==")),
            Ok("user".into())
        );
        for header in [
            None,
            Some("Basic"),
            Some("Basic dXNlcjpmYWlsdXJl"),
            Some("Bearer dXNlcjpwYXNzd29yZA=="),
            Some("Basic dXNlcg=="),
            Some("Basic !!!"),
            Some("Basic dXNlcjpwYXNzd29yZDo="),
        ] {
            assert_eq!(status(header), Err(401), "{header:?}");
        }
    }
}
