//! Where a runtime can be reached: an ip and a port.
//!
//! Mirrors `3rdparty/libprocess/include/process/address.hpp`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

/// An ip and a port, printed `127.0.0.1:5050` or `[::1]:5050`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The advertised ip.
    pub ip: IpAddr,
    /// The advertised port.
    pub port: u16,
}

impl Address {
    /// The address of nobody, `0.0.0.0:0`.
    pub const NONE: Self = Self {
        ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        port: 0,
    };

    /// Joins an ip and a port.
    #[must_use]
    pub const fn new(ip: IpAddr, port: u16) -> Self {
        Self { ip, port }
    }

    /// Whether this is `0.0.0.0:0`.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// The same address for the operating system's calls.
    #[must_use]
    pub const fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Self {
        Self {
            ip: addr.ip().to_canonical(),
            port: addr.port(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket_addr().fmt(f)
    }
}

/// The text is not `ip:port`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("'{text}' is not an ip and a port")]
pub struct ParseAddressError {
    /// The text that was given.
    pub text: String,
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let malformed = || ParseAddressError {
            text: text.to_owned(),
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let host = host
            .strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'))
            .unwrap_or(host);
        let ip = host.parse::<IpAddr>().map_err(|_error| malformed())?;
        let port = leading_port(port).ok_or_else(malformed)?;
        Ok(Self { ip, port })
    }
}

/// Reads the decimal digits at the start of `text`; what follows them is ignored, as in Mesos.
pub(crate) fn leading_port(text: &str) -> Option<u16> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_both_families_reads_back() {
        for text in ["127.0.0.1:5050", "[::1]:5050", "0.0.0.0:0"] {
            assert_eq!(
                text.parse::<Address>().expect("an address").to_string(),
                text
            );
        }
    }

    #[test]
    fn garbage_after_the_port_is_ignored_and_other_garbage_is_not() {
        assert_eq!("1.2.3.4:80/x".parse::<Address>().map(|a| a.port), Ok(80));
        assert!("1.2.3.4".parse::<Address>().is_err());
        assert!("1.2.3.4:".parse::<Address>().is_err());
        assert!("host:1".parse::<Address>().is_err());
        assert!("1.2.3.4:70000".parse::<Address>().is_err());
    }
}
