//! The Basic authenticator as Mesos makes it for a realm.

use std::collections::HashMap;

use libprocess::http::authentication::basic::BasicAuthenticator;
use libprocess::http::{Authentication, Authenticator as _, Request};

const CHALLENGE: &str = "Basic realm=\"tatooine\"";

/// What the authenticator of `tatooine` says to a request with this header.
fn asked(secrets: &[(&str, &str)], header: Option<&'static str>) -> Authentication {
    let secrets: HashMap<String, String> = secrets
        .iter()
        .map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned()))
        .collect();
    let authenticator = BasicAuthenticator::new("tatooine", secrets);
    assert_eq!(authenticator.scheme(), "Basic");
    let mut request = Request::new(http::Method::GET, "/").expect("a request");
    if let Some(header) = header {
        let header = http::HeaderValue::from_static(header);
        request.headers.insert("authorization", header);
    }
    let answer = authenticator.authenticate(&request).now();
    answer
        .and_then(libprocess::Outcome::ready)
        .expect("an answer at once")
}

#[track_caller]
fn is_challenged(answer: &Authentication) {
    let Authentication::Unauthorized(response) = answer else {
        panic!("let in or forbidden")
    };
    assert_eq!(response.status, 401);
    let challenge = response.headers.get("www-authenticate");
    assert_eq!(challenge.and_then(|it| it.to_str().ok()), Some(CHALLENGE));
}

/// `user:password`.
const USER: &str = "Basic dXNlcjpwYXNzd29yZA==";

/// `wronguser:wrongpassword`.
const STRANGER: &str = "Basic d3Jvbmd1c2VyOndyb25ncGFzc3dvcmQ=";

/// Mirrors: HttpAuthenticationTest.BasicWithoutCredentialsTest
#[test]
fn without_credentials_nobody_is_let_in() {
    is_challenged(&asked(&[], None));
    is_challenged(&asked(&[], Some(USER)));
}

/// Mirrors: HttpAuthenticationTest.BasicWithCredentialsTest
#[test]
fn who_has_the_right_credentials_is_let_in() {
    let secrets = [("user", "password")];

    is_challenged(&asked(&secrets, None));
    is_challenged(&asked(&secrets, Some(STRANGER)));
    let Authentication::Principal(principal) = asked(&secrets, Some(USER)) else {
        panic!("the user is not let in")
    };
    assert_eq!(principal.value.as_deref(), Some("user"));
}
