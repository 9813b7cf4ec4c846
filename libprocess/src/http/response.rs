//! A response, and the default texts of every status.

use std::path::PathBuf;

use ::http::header::{ALLOW, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;

use super::pipe::Reader;
use super::status::status_text;

const TEXT: &str = "text/plain; charset=utf-8";

/// The body of a response.
#[derive(Debug, Default)]
pub enum Body {
    /// No body.
    #[default]
    Empty,
    /// The whole body; compressed when it is long and the client likes gzip.
    Bytes(Bytes),
    /// A stream; every chunk becomes one chunk on the wire.
    Stream(Reader),
    /// The contents of a file, read when the response is sent.
    File(PathBuf),
}

/// A response to a [`Request`](super::Request).
///
/// # Examples
/// ```
/// use libprocess::http::Response;
///
/// let response = Response::not_found();
/// assert_eq!(response.status, 404);
/// assert_eq!(response.text(), "404 Not Found.");
/// ```
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, without `Date` and those of the framing.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

impl Response {
    /// A response without headers and body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::Empty,
        }
    }

    /// A response with a plain text.
    #[must_use]
    pub fn with_text(status: u16, text: impl Into<Bytes>) -> Self {
        Self::new(status)
            .with_header(CONTENT_TYPE, TEXT)
            .with_body(Body::Bytes(text.into()))
    }

    /// `200` without a body.
    #[must_use]
    pub fn ok() -> Self {
        Self::new(200)
    }

    /// `200` with a plain text.
    #[must_use]
    pub fn ok_text(text: impl Into<Bytes>) -> Self {
        Self::with_text(200, text)
    }

    /// `200` with JSON, wrapped into a call when `jsonp` names a function.
    #[must_use]
    pub fn ok_json(json: impl Into<Bytes>, jsonp: Option<&str>) -> Self {
        let json = json.into();
        match jsonp {
            None => Self::ok()
                .with_header(CONTENT_TYPE, "application/json")
                .with_body(Body::Bytes(json)),
            Some(function) => {
                let mut script = Vec::with_capacity(function.len() + json.len() + 2);
                script.extend_from_slice(function.as_bytes());
                script.push(b'(');
                script.extend_from_slice(&json);
                script.push(b')');
                Self::ok()
                    .with_header(CONTENT_TYPE, "text/javascript")
                    .with_body(Body::Bytes(script.into()))
            }
        }
    }

    /// `200` with a stream.
    #[must_use]
    pub fn streaming(reader: Reader, content_type: &str) -> Self {
        Self::ok()
            .with_header(CONTENT_TYPE, content_type)
            .with_body(Body::Stream(reader))
    }

    /// `200` with the contents of a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::ok().with_body(Body::File(path.into()))
    }

    /// `202` without a body.
    #[must_use]
    pub fn accepted() -> Self {
        Self::new(202)
    }

    /// `307` to a location.
    #[must_use]
    pub fn temporary_redirect(location: &str) -> Self {
        Self::new(307).with_header(LOCATION, location)
    }

    /// `400` with a text.
    #[must_use]
    pub fn bad_request(text: impl Into<Bytes>) -> Self {
        Self::with_text(400, text)
    }

    /// `401` with a challenge, such as `Basic realm="mesos"`.
    #[must_use]
    pub fn unauthorized(challenge: &str) -> Self {
        Self::default_text(401).with_header(WWW_AUTHENTICATE, challenge)
    }

    /// `403` with a text.
    #[must_use]
    pub fn forbidden(text: impl Into<Bytes>) -> Self {
        Self::with_text(403, text)
    }

    /// `404 Not Found.`
    #[must_use]
    pub fn not_found() -> Self {
        Self::default_text(404)
    }

    /// `404` with a text.
    #[must_use]
    pub fn not_found_text(text: impl Into<Bytes>) -> Self {
        Self::with_text(404, text)
    }

    /// `405` that names the methods which are allowed and the one that was used.
    #[must_use]
    pub fn method_not_allowed(allowed: &[&str], got: &str) -> Self {
        let quoted: Vec<String> = allowed.iter().map(|method| format!("'{method}'")).collect();
        let text = format!(
            "405 Method Not Allowed. Expecting one of {{ {} }}, but received '{got}'.",
            quoted.join(", ")
        );
        Self::with_text(405, text).with_header(ALLOW, allowed.join(", "))
    }

    /// `406` with a text.
    #[must_use]
    pub fn not_acceptable(text: impl Into<Bytes>) -> Self {
        Self::with_text(406, text)
    }

    /// `409` with a text.
    #[must_use]
    pub fn conflict(text: impl Into<Bytes>) -> Self {
        Self::with_text(409, text)
    }

    /// `413` with a text.
    #[must_use]
    pub fn payload_too_large(text: impl Into<Bytes>) -> Self {
        Self::with_text(413, text)
    }

    /// `415` with a text.
    #[must_use]
    pub fn unsupported_media_type(text: impl Into<Bytes>) -> Self {
        Self::with_text(415, text)
    }

    /// `500` with a text.
    #[must_use]
    pub fn internal_server_error(text: impl Into<Bytes>) -> Self {
        Self::with_text(500, text)
    }

    /// `501` with a text.
    #[must_use]
    pub fn not_implemented(text: impl Into<Bytes>) -> Self {
        Self::with_text(501, text)
    }

    /// `503` with a text.
    #[must_use]
    pub fn service_unavailable(text: impl Into<Bytes>) -> Self {
        Self::with_text(503, text)
    }

    /// A status with the body libprocess gives it when the handler has none, such as `404 Not Found.`
    #[must_use]
    pub fn default_text(status: u16) -> Self {
        Self::with_text(status, format!("{}.", status_text(status)))
    }

    /// Sets a header. A value that cannot stand in a header is left out.
    #[must_use]
    pub fn with_header(mut self, name: impl TryInto<HeaderName>, value: impl AsRef<str>) -> Self {
        if let (Ok(name), Ok(value)) = (name.try_into(), HeaderValue::from_str(value.as_ref())) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The body as text, when it is there as a whole.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.body {
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Body::Empty | Body::Stream(_) | Body::File(_) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_errors_are_those_of_libprocess() {
        assert_eq!(Response::not_found().text(), "404 Not Found.");
        assert_eq!(
            Response::default_text(503).text(),
            "503 Service Unavailable."
        );
        assert_eq!(
            Response::method_not_allowed(&["POST"], "GET").text(),
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."
        );
        assert_eq!(
            Response::method_not_allowed(&["GET", "POST"], "PUT")
                .headers
                .get("allow"),
            Some(&HeaderValue::from_static("GET, POST"))
        );
    }

    #[test]
    fn jsonp_wraps_without_semicolon() {
        let response = Response::ok_json("{}", Some("f"));

        assert_eq!(response.text(), "f({})");
        assert_eq!(
            response.headers.get("content-type"),
            Some(&HeaderValue::from_static("text/javascript"))
        );
        assert_eq!(Response::ok_json("{}", Some("")).text(), "({})");
    }

    /// Mirrors: HTTPTest.WWWAuthenticateHeader
    #[test]
    fn a_challenge_is_carried_as_given() {
        let response = Response::unauthorized("Basic realm=\"basic-realm\"");

        assert_eq!(response.status, 401);
        assert_eq!(
            response.headers.get("www-authenticate"),
            Some(&HeaderValue::from_static("Basic realm=\"basic-realm\""))
        );
    }

    #[test]
    fn a_header_value_with_a_line_break_is_left_out() {
        assert!(Response::ok().with_header("x", "a\r\nb").headers.is_empty());
    }
}
