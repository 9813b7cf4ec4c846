//! Addresses of HTTP servers in text.
//!
//! Mirrors `URL` in `3rdparty/libprocess/src/http.cpp`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// `scheme://host[:port][/path?query]`.
///
/// # Examples
/// ```
/// use libprocess::http::Url;
///
/// let url: Url = "http://localhost/state?jsonp=f".parse()?;
/// assert_eq!(url.port, 80);
/// assert_eq!(url.path, "/state?jsonp=f");
/// # Ok::<(), libprocess::http::ParseUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// `http`, `https` or `http+unix`.
    pub scheme: String,
    /// The host's name or ip; for `http+unix` the path of the socket.
    pub host: String,
    /// The port, zero for `http+unix`.
    pub port: u16,
    /// The path with its query, `/` when there is none.
    pub path: String,
}

/// The text is not a URL that can be connected to.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ParseUrlError {
    /// No `scheme://`.
    #[error("Missing scheme in url string")]
    MissingScheme,
    /// Nothing between the scheme and the path.
    #[error("Host not found in url")]
    MissingHost,
    /// More than one colon behind the host.
    #[error("Found multiple ports in url")]
    ManyPorts,
    /// No port, and none that goes with the scheme.
    #[error("Unable to determine port from url")]
    UnknownPort,
    /// The port is not a number below 65536.
    #[error("Failed to parse port in url")]
    BadPort,
}

impl FromStr for Url {
    type Err = ParseUrlError;

    fn from_str(text: &str) -> Result<Self, ParseUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(ParseUrlError::MissingScheme)?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
        if authority.is_empty() {
            return Err(ParseUrlError::MissingHost);
        }
        let path = if path.is_empty() { "/" } else { path };
        if scheme == "http+unix" {
            let host = super::decode(authority).map_err(|_error| ParseUrlError::MissingHost)?;
            return Ok(Self {
                scheme: scheme.to_owned(),
                host,
                port: 0,
                path: path.to_owned(),
            });
        }
        let (host, port) = match authority
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match authority.split_once(':') {
                Some((_, port)) if port.contains(':') => return Err(ParseUrlError::ManyPorts),
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match (port, scheme) {
            (Some(port), _) => port.parse().map_err(|_error| ParseUrlError::BadPort)?,
            (None, "http") => 80,
            (None, "https") => 443,
            (None, _) => return Err(ParseUrlError::UnknownPort),
        };
        let (scheme, host) = (scheme.to_owned(), host.to_owned());
        Ok(Self {
            scheme,
            host,
            port,
            path: path.to_owned(),
        })
    }
}

impl Url {
    /// What goes into the `Host` header: the port is left out when it is a usual one.
    #[must_use]
    pub fn host_header(&self) -> String {
        if self.scheme == "http+unix" {
            return "localhost".to_owned();
        }
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == 80 || self.port == 443 {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == "http+unix" {
            return write!(
                f,
                "{}://{}{}",
                self.scheme,
                super::encode(&self.host),
                self.path
            );
        }
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        write!(f, "{}://{host}:{}{}", self.scheme, self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: URLTest.ParseUrls
    /// Mirrors: URLTest.Stringification
    #[test]
    fn texts_of_urls_need_a_scheme_a_host_and_a_port() {
        let parse = |text: &str| text.parse::<Url>().map(|url| url.to_string());

        assert_eq!(parse("http://host"), Ok("http://host:80/".into()));
        assert_eq!(
            parse("https://host/a/b?c=d"),
            Ok("https://host:443/a/b?c=d".into())
        );
        assert_eq!(
            parse("http://[::1]:5050/x"),
            Ok("http://[::1]:5050/x".into())
        );
        assert_eq!(parse("zk://host:2181/p"), Ok("zk://host:2181/p".into()));
        assert_eq!(
            parse("http+unix://%2Frun%2Fa.sock/api"),
            Ok("http+unix://%2Frun%2Fa.sock/api".into())
        );
        assert_eq!(parse("host:80"), Err(ParseUrlError::MissingScheme));
        assert_eq!(parse("http://"), Err(ParseUrlError::MissingHost));
        assert_eq!(parse("http://a:1:2"), Err(ParseUrlError::ManyPorts));
        assert_eq!(parse("ftp://host"), Err(ParseUrlError::UnknownPort));
        assert_eq!(parse("http://a:x"), Err(ParseUrlError::BadPort));
    }
}
