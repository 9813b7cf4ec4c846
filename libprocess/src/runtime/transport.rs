//! Which wire the messages of a runtime take.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How messages leave a runtime.
///
/// # Examples
/// ```
/// use libprocess::Transport;
///
/// assert_eq!("grpc".parse(), Ok(Transport::Grpc));
/// assert!("carrier pigeon".parse::<Transport>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// By gRPC to whoever takes it, by the legacy wire to everybody else.
    ///
    /// A peer that has sent on the legacy wire first is not tried.
    Auto,
    /// By the legacy wire, which C++ libprocess speaks. Streams of peers are refused, so that they speak it too.
    #[default]
    Legacy,
    /// By gRPC only. Peers that do not take it are not reached; what they send is taken all the same.
    Grpc,
}

/// No transport has this name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown transport '{0}'; expecting one of 'auto', 'legacy' and 'grpc'")]
pub struct ParseTransportError(pub String);

impl FromStr for Transport {
    type Err = ParseTransportError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "legacy" => Ok(Self::Legacy),
            "grpc" => Ok(Self::Grpc),
            _ => Err(ParseTransportError(text.to_owned())),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Legacy => "legacy",
            Self::Grpc => "grpc",
        })
    }
}
