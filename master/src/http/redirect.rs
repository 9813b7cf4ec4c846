//! Sending clients to the leading master.

use http::Method;
use libprocess::http::{Request, Response};

use crate::master::MasterProcess;

/// What an endpoint insists on before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// That this master leads.
    Leader,
    /// That this master leads and has read the registry.
    Recovered,
}

impl MasterProcess {
    /// The response that ends a request here, if any does.
    pub(crate) fn guard(&self, request: &Request, guard: Guard) -> Option<Response> {
        if request
            .principal
            .as_ref()
            .is_some_and(|principal| principal.value.is_none())
        {
            let text = "The request's authenticated principal contains claims, but no value string. \
                        The master currently requires that principals have a value";
            return Some(Response::forbidden(text));
        }
        if !self.is_elected() {
            let query = request.url().split_once('?').map(|(_, query)| query);
            let query = query.map_or_else(String::new, |query| format!("?{query}"));
            return Some(self.redirect_to_leader(&format!("{}{query}", request.path)));
        }
        if guard == Guard::Recovered && !self.is_serving() {
            return Some(Response::service_unavailable(
                "Master has not finished recovery",
            ));
        }
        None
    }

    /// Sends a client to the leader, keeping the path with the id of this process in it.
    fn redirect_to_leader(&self, url: &str) -> Response {
        match self.leader() {
            Some(leader) => {
                let hostname = leader.hostname();
                Response::temporary_redirect(&format!("//{hostname}:{}{url}", leader.port()))
            }
            None => Response::service_unavailable("No leader elected"),
        }
    }

    /// Answers `/redirect`.
    pub(crate) fn redirect(&self, request: &Request) -> Response {
        let path = request.path.trim_end_matches('/');
        if !path.ends_with("/redirect") {
            return Response::not_found();
        }
        self.redirect_to_leader("")
    }
}

/// Whether the method is among those that an endpoint knows.
pub(crate) fn check_method(request: &Request, allowed: &[&str]) -> Option<Response> {
    let got = request.method.as_str();
    if allowed.contains(&got) {
        None
    } else {
        Some(Response::method_not_allowed(allowed, got))
    }
}

/// Whether a request writes.
pub(crate) fn is_post(request: &Request) -> bool {
    request.method == Method::POST
}
