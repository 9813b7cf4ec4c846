//! Where a server is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// The address of a server: `host:port`, `http://host:port` or `unix:///path`.
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
        let authority = text.strip_prefix("http://").unwrap_or(text);
        authority
            .trim_end_matches('/')
            .rsplit_once(':')
            .and_then(|(host, port)| {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let port = port.parse().ok()?;
                (!host.is_empty()).then(|| Self::Tcp {
                    host: host.to_owned(),
                    port,
                })
            })
            .ok_or_else(|| ParseTargetError(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}
