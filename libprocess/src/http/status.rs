//! Reason phrases of RFC 2616, as Mesos prints them.
//!
//! # Wire
//! `413 Request Entity Too Large` and its like are older than today's phrases, and clients compare them.

/// The phrase of a status code; unknown codes have none.
#[must_use]
pub const fn reason(code: u16) -> Option<&'static str> {
    Some(match code {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        415 => "Unsupported Media Type",
        416 => "Requested range not satisfiable",
        417 => "Expectation Failed",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version not supported",
        _ => return None,
    })
}

/// The text of a status line after the version: `404 Not Found`, or the bare number.
#[must_use]
pub fn status_text(code: u16) -> String {
    reason(code).map_or_else(|| code.to_string(), |phrase| format!("{code} {phrase}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: HTTPTest.Statuses
    #[test]
    fn phrases_are_those_of_rfc_2616() {
        assert_eq!(status_text(200), "200 OK");
        assert_eq!(status_text(408), "408 Request Time-out");
        assert_eq!(status_text(413), "413 Request Entity Too Large");
        assert_eq!(status_text(416), "416 Requested range not satisfiable");
        assert_eq!(status_text(505), "505 HTTP Version not supported");
        assert_eq!(status_text(429), "429");
    }
}
