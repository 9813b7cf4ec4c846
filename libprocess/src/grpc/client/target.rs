//! Where a server is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// The address of a server: `host:port`, `http://host:port`, `https://host:port` or `unix:///path`.
///
/// # Examples
/// ```
/// use libprocess::grpc::client::Target;
///
/// let target: Target = "unix:///run/csi.sock".parse()?;
/// assert_eq!(target.to_string(), "unix:///run/csi.sock");
/// assert!("nowhere".parse::<Target>().is_err());
/// # Ok::<(), libprocess::grpc::client::ParseTargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A port of a host.
    Tcp {
        /// Its name or ip.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A port of a host that speaks TLS. The runtime's own settings say who is believed there.
    Tls {
        /// Its name or ip.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// The text names no server.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("'{0}' is no address of a gRPC server")]
pub struct ParseTargetError(pub String);

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        let port_of_host = |authority: &str| {
            let (host, port) = authority.trim_end_matches('/').rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let port = port.parse().ok()?;
            (!host.is_empty()).then(|| (host.to_owned(), port))
        };
        let target = match text.strip_prefix("https://") {
            Some(rest) => port_of_host(rest).map(|(host, port)| Self::Tls { host, port }),
            None => port_of_host(text.strip_prefix("http://").unwrap_or(text))
                .map(|(host, port)| Self::Tcp { host, port }),
        };
        target.ok_or_else(|| ParseTargetError(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Tcp { host, port } => ("", host, port),
            Self::Tls { host, port } => ("https://", host, port),
            Self::Unix(path) => return write!(f, "unix://{}", path.display()),
        };
        if host.contains(':') {
            write!(f, "{scheme}[{host}]:{port}")
        } else {
            write!(f, "{scheme}{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_written_as_it_is_read() {
        for text in [
            "host:50051",
            "[::1]:50051",
            "https://host:50051",
            "https://[::1]:50051",
            "unix:///run/csi.sock",
        ] {
            let target: Target = text.parse().expect(text);

            assert_eq!(target.to_string(), text);
        }
        for text in ["host", "https://host", "https://:1", "http://host:x", ":1"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
