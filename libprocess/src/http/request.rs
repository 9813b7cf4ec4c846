//! A request as a handler sees it.

use std::net::SocketAddr;

use ::http::{HeaderMap, Method};
use bytes::Bytes;

use super::Principal;
use super::pipe::Reader;
use super::query::{DecodeError, Query};

/// A request to an actor's route.
#[derive(Debug)]
pub struct Request {
    /// The method as received.
    pub method: Method,
    /// The path, still encoded, as routed: the delegate's id is in it.
    pub path: String,
    /// The decoded query.
    pub query: Query,
    /// The headers; of repeated ones the last counts.
    pub headers: HeaderMap,
    /// The whole body; empty on a streaming route.
    pub body: Bytes,
    /// Where the request came from.
    pub peer: Option<SocketAddr>,
    /// Who was authenticated.
    pub principal: Option<Principal>,
    /// The body of a request to a streaming route.
    pub reader: Option<Reader>,
    /// The number of the connection that it came on; zero when it came on none.
    pub(crate) connection: u64,
    url: String,
    route: String,
}

impl Request {
    /// A request without headers and body; `target` is a path with or without a query.
    ///
    /// # Errors
    /// When an escape in the query is malformed.
    pub fn new(method: Method, target: &str) -> Result<Self, DecodeError> {
        let (path, query) = split_target(target);
        Ok(Self {
            method,
            path: path.to_owned(),
            query: Query::parse(query)?,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            peer: None,
            principal: None,
            reader: None,
            connection: 0,
            url: target.to_owned(),
            route: String::new(),
        })
    }

    /// Path and query as received.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What of the path the matched route did not take, with its leading slash; empty when it took all.
    #[must_use]
    pub fn remaining(&self) -> &str {
        let Some(rest) = self.path.get(1..).and_then(|path| path.split_once('/')) else {
            return "";
        };
        let rest = rest
            .1
            .strip_prefix(self.route.trim_start_matches('/'))
            .unwrap_or_default();
        rest.trim_end_matches('/')
    }

    /// The request without its stream.
    pub(crate) fn copy(&self) -> Self {
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            peer: self.peer,
            principal: self.principal.clone(),
            reader: None,
            connection: self.connection,
            url: self.url.clone(),
            route: self.route.clone(),
        }
    }

    pub(crate) fn set_route(&mut self, name: &str) {
        name.clone_into(&mut self.route);
    }

    /// A header's value, when it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_all(name).iter().next_back()?.to_str().ok()
    }

    /// Whether the client takes answers of this media type; without an `Accept` header it takes all.
    ///
    /// `q=0` refuses a type, and the more specific range decides.
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        let Some(accept) = self
            .header("accept")
            .filter(|accept| !accept.trim().is_empty())
        else {
            return true;
        };
        let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
        let any_of_kind = format!("{kind}/*");
        [media_type, &any_of_kind, "*/*"]
            .into_iter()
            .find_map(|wanted| {
                accept.split(',').find_map(|range| {
                    let mut parts = range.split(';').map(str::trim);
                    let name = parts.next()?;
                    name.eq_ignore_ascii_case(wanted)
                        .then(|| quality(parts) > 0.0)
                })
            })
            .unwrap_or(false)
    }

    /// Whether a gzip answer is welcome: `gzip`, then `*`, the first that is named decides.
    #[must_use]
    pub fn accepts_gzip(&self) -> bool {
        let Some(accept) = self.header("accept-encoding") else {
            return false;
        };
        ["gzip", "*"]
            .into_iter()
            .find_map(|wanted| {
                accept.split(',').find_map(|coding| {
                    let compact: String = coding.chars().filter(|c| !c.is_whitespace()).collect();
                    let mut parts = compact.split(';');
                    let name = parts.next()?;
                    name.eq_ignore_ascii_case(wanted)
                        .then(|| quality(parts) > 0.0)
                })
            })
            .unwrap_or(false)
    }
}

/// The weight among a range's parameters: one when absent, zero when unreadable.
fn quality<'a>(parameters: impl Iterator<Item = &'a str>) -> f64 {
    for parameter in parameters {
        if let Some(weight) = parameter.strip_prefix("q=") {
            return weight.parse().unwrap_or(0.0);
        }
    }
    1.0
}

/// Splits a request target into path and query; absolute forms lose scheme and host.
fn split_target(target: &str) -> (&str, &str) {
    let local = target
        .find("://")
        .filter(|_| !target.starts_with('/'))
        .and_then(|at| target.get(at + 3..))
        .map_or(target, |rest| {
            rest.find('/')
                .and_then(|slash| rest.get(slash..))
                .unwrap_or("")
        });
    let local = local.split('#').next().unwrap_or(local);
    local.split_once('?').unwrap_or((local, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(name: &'static str, value: &'static str) -> Request {
        let mut request = Request::new(Method::GET, "/x").expect("a request");
        request
            .headers
            .insert(name, ::http::HeaderValue::from_static(value));
        request
    }

    /// Mirrors: EncoderTest.AcceptableEncodings
    #[test]
    fn gzip_is_welcome_only_when_named_with_a_weight() {
        for (value, welcome) in [
            ("gzip", true),
            ("compress, gzip", true),
            ("*", true),
            ("gzip;q=0.5", true),
            ("GZIP", true),
            ("compress, gzip;q=0", false),
            ("gzip;q=0, *;q=1", false),
            ("gzip;q=word", false),
            ("*;q=0", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(
                with_header("accept-encoding", value).accepts_gzip(),
                welcome,
                "{value}"
            );
        }
        assert!(
            !Request::new(Method::GET, "/")
                .expect("a request")
                .accepts_gzip()
        );
    }

    /// Mirrors: HTTPTest.Accepts
    #[test]
    fn media_types_are_matched_from_the_most_specific_range() {
        for (value, welcome) in [
            ("text/*", true),
            ("text/html,text/plain", true),
            ("text/plain;q=0,*/*", false),
            ("*/*;q=0.1", true),
            ("application/json", false),
            ("text/plain", true),
        ] {
            assert_eq!(
                with_header("accept", value).accepts("text/plain"),
                welcome,
                "{value}"
            );
        }
        assert!(
            Request::new(Method::GET, "/")
                .expect("a request")
                .accepts("text/plain")
        );
    }

    #[test]
    fn targets_lose_scheme_host_query_and_fragment() {
        assert_eq!(split_target("/a/b?c=d&e"), ("/a/b", "c=d&e"));
        assert_eq!(split_target("http://host:80/a?b"), ("/a", "b"));
        assert_eq!(split_target("http://host"), ("", ""));
        assert_eq!(split_target("/a#f?x"), ("/a", ""));
        assert_eq!(split_target("/a?u=http://x/y"), ("/a", "u=http://x/y"));
    }

    #[test]
    fn the_rest_of_the_path_is_what_the_route_did_not_take() {
        let mut request = Request::new(Method::GET, "/files/read/a/b/").expect("a request");
        request.set_route("read");
        assert_eq!(request.remaining(), "/a/b");
        request.set_route("read/a/b");
        assert_eq!(request.remaining(), "");
    }
}
