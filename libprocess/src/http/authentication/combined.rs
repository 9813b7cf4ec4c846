//! Several authenticators for one realm.
//!
//! Mirrors `src/authentication/http/combined_authenticator.cpp`.

use std::fmt;
use std::sync::Arc;

use super::{Authentication, Authenticator, Principal};
use crate::future::{Future, Outcome};
use crate::http::{Request, Response};

/// Asks one authenticator after the other; the first principal wins.
///
/// When none has one, the refusals are joined: any `401` makes a `401` with all challenges, else any `403` a `403`,
/// else the failures are told.
pub struct CombinedAuthenticator {
    authenticators: Arc<[Arc<dyn Authenticator>]>,
    schemes: String,
}

impl CombinedAuthenticator {
    /// Combines authenticators in the order in which they are to be asked.
    #[must_use]
    pub fn new(authenticators: Vec<Arc<dyn Authenticator>>) -> Self {
        let schemes: Vec<&str> = authenticators.iter().map(|one| one.scheme()).collect();
        Self {
            schemes: schemes.join(" "),
            authenticators: authenticators.into(),
        }
    }
}

/// How one authenticator refused.
enum Refusal {
    Unauthorized(Response),
    Forbidden(Response),
    Failed(String),
}

/// The authenticators that were asked already, by scheme.
type Refusals = Vec<(String, Refusal)>;

impl Authenticator for CombinedAuthenticator {
    fn scheme(&self) -> &str {
        &self.schemes
    }

    fn authenticate(&self, request: &Request) -> Future<Authentication> {
        ask(
            Arc::clone(&self.authenticators),
            0,
            request.copy(),
            Vec::new(),
        )
    }
}

impl fmt::Debug for CombinedAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CombinedAuthenticator")
            .field("schemes", &self.schemes)
            .finish()
    }
}

/// Asks the authenticator of this number, and the next when it refuses.
fn ask(
    authenticators: Arc<[Arc<dyn Authenticator>]>,
    number: usize,
    request: Request,
    mut refusals: Refusals,
) -> Future<Authentication> {
    let Some(authenticator) = authenticators.get(number) else {
        return combine(&refusals);
    };
    let scheme = authenticator.scheme().to_owned();
    authenticator.authenticate(&request).chain(move |outcome| {
        let refusal = match outcome {
            Outcome::Ready(Authentication::Principal(principal)) if principal.is_empty() => None,
            Outcome::Ready(Authentication::Principal(principal)) => return let_in(principal),
            Outcome::Ready(Authentication::Unauthorized(response)) => {
                Some(Refusal::Unauthorized(response))
            }
            Outcome::Ready(Authentication::Forbidden(response)) => {
                Some(Refusal::Forbidden(response))
            }
            Outcome::Failed(text) => Some(Refusal::Failed(text)),
            Outcome::Discarded => return Future::complete(Outcome::Discarded),
            Outcome::Abandoned => return Future::complete(Outcome::Abandoned),
        };
        match refusal {
            Some(refusal) => refusals.push((scheme, refusal)),
            None => tracing::warn!(scheme, "an HTTP authenticator returned an empty principal"),
        }
        ask(authenticators, number + 1, request, refusals)
    })
}

fn let_in(principal: Principal) -> Future<Authentication> {
    Future::ready(Authentication::Principal(principal))
}

fn combine(refusals: &Refusals) -> Future<Authentication> {
    let told = |pick: fn(&Refusal) -> Option<String>| {
        let texts: Vec<String> = refusals
            .iter()
            .filter_map(|(scheme, refusal)| {
                let text = pick(refusal).filter(|text| !text.is_empty())?;
                Some(format!("\"{scheme}\" authenticator returned:\n{text}"))
            })
            .collect();
        texts.join("\n\n")
    };
    if refusals
        .iter()
        .any(|(_, refusal)| matches!(refusal, Refusal::Unauthorized(_)))
    {
        let body = told(|refusal| match refusal {
            Refusal::Unauthorized(response) => Some(response.text()),
            Refusal::Forbidden(_) | Refusal::Failed(_) => None,
        });
        let response =
            Response::with_text(401, body).with_header("www-authenticate", challenges(refusals));
        return Future::ready(Authentication::Unauthorized(response));
    }
    if refusals
        .iter()
        .any(|(_, refusal)| matches!(refusal, Refusal::Forbidden(_)))
    {
        let body = told(|refusal| match refusal {
            Refusal::Forbidden(response) => Some(response.text()),
            Refusal::Unauthorized(_) | Refusal::Failed(_) => None,
        });
        return Future::ready(Authentication::Forbidden(Response::forbidden(body)));
    }
    if refusals.is_empty() {
        return Future::failed(
            "HTTP authenticators must return only one of an authenticated principal, an Unauthorized response, or a Forbidden response",
        );
    }
    Future::failed(told(|refusal| match refusal {
        Refusal::Failed(text) => Some(text.clone()),
        Refusal::Unauthorized(_) | Refusal::Forbidden(_) => None,
    }))
}

fn challenges(refusals: &Refusals) -> String {
    let challenges: Vec<&str> = refusals
        .iter()
        .filter_map(|(_, refusal)| match refusal {
            Refusal::Unauthorized(response) => {
                response.headers.get("www-authenticate")?.to_str().ok()
            }
            Refusal::Forbidden(_) | Refusal::Failed(_) => None,
        })
        .collect();
    challenges.join(",")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers as told, once.
    struct One(&'static str, Mutex<Option<Future<Authentication>>>);

    impl Authenticator for One {
        fn scheme(&self) -> &str {
            self.0
        }

        fn authenticate(&self, _: &Request) -> Future<Authentication> {
            self.1.lock().expect("a lock").take().expect("asked once")
        }
    }

    fn one(scheme: &'static str, answer: Future<Authentication>) -> Arc<dyn Authenticator> {
        Arc::new(One(scheme, Mutex::new(Some(answer))))
    }

    fn unauthorized(scheme: &'static str) -> Arc<dyn Authenticator> {
        let response = Response::unauthorized(&format!("{scheme} realm=\"r\""));
        one(
            scheme,
            Future::ready(Authentication::Unauthorized(response)),
        )
    }

    fn forbidden(scheme: &'static str) -> Arc<dyn Authenticator> {
        one(
            scheme,
            Future::ready(Authentication::Forbidden(Response::default_text(403))),
        )
    }

    fn principal(name: &str) -> Arc<dyn Authenticator> {
        one(
            "Known",
            Future::ready(Authentication::Principal(Principal::named(name))),
        )
    }

    fn found(authenticators: Vec<Arc<dyn Authenticator>>) -> Option<Outcome<Authentication>> {
        let request = Request::new(::http::Method::GET, "/").expect("a request");
        CombinedAuthenticator::new(authenticators)
            .authenticate(&request)
            .now()
    }

    /// Mirrors: CombinedAuthenticatorTest.MultipleAuthenticators
    #[test]
    fn the_first_principal_wins() {
        let outcome = found(vec![
            unauthorized("Basic"),
            one("Broken", Future::failed("x")),
            principal("first"),
            principal("second"),
        ]);

        match outcome {
            Some(Outcome::Ready(Authentication::Principal(who))) => {
                assert_eq!(who.to_string(), "first");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn refusals_are_joined() {
        match found(vec![
            unauthorized("Basic"),
            forbidden("X"),
            unauthorized("Bearer"),
        ]) {
            Some(Outcome::Ready(Authentication::Unauthorized(response))) => {
                assert_eq!(
                    response.headers["www-authenticate"],
                    "Basic realm=\"r\",Bearer realm=\"r\""
                );
                assert_eq!(
                    response.text(),
                    "\"Basic\" authenticator returned:\n401 Unauthorized.\n\n\"Bearer\" authenticator returned:\n401 Unauthorized."
                );
            }
            other => panic!("{other:?}"),
        }
        match found(vec![forbidden("X"), one("Y", Future::failed("broken"))]) {
            Some(Outcome::Ready(Authentication::Forbidden(response))) => {
                assert_eq!(
                    response.text(),
                    "\"X\" authenticator returned:\n403 Forbidden."
                );
            }
            other => panic!("{other:?}"),
        }
        match found(vec![one("Y", Future::failed("broken"))]) {
            Some(Outcome::Failed(text)) => {
                assert_eq!(text, "\"Y\" authenticator returned:\nbroken");
            }
            other => panic!("{other:?}"),
        }
    }
}
