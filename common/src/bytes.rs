//! Amounts of memory and disk as Mesos writes them: `64MB`, `2GB`.
//!
//! Mirrors `3rdparty/stout/include/stout/bytes.hpp`.
//!
//! # Wire
//! Texts are promises: flags and `/flags` show them.

use std::fmt;
use std::str::FromStr;

/// The units, from the smallest to the largest; each is 1024 times the one before.
const UNITS: [(&str, u64); 5] = [
    ("B", 1),
    ("KB", 1 << 10),
    ("MB", 1 << 20),
    ("GB", 1 << 30),
    ("TB", 1 << 40),
];

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "Bytes")]
pub struct ByteSize(u64);

/// Why a text is not a number of bytes. The first four texts are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    /// The text has no unit, or nothing at all.
    #[error("Invalid bytes '{0}'")]
    NoUnit(String),
    /// Fractions of a unit are not accepted.
    #[error("Fractional bytes '{0}'")]
    Fractional(String),
    /// What stands before the unit is not a number.
    #[error("Failed to convert '{0}' to number")]
    Number(String),
    /// The unit is none of the five.
    #[error("Unknown bytes unit '{0}'")]
    Unit(String),
    /// The value does not fit into 64 bits, where C++ would wrap around.
    #[error("Bytes '{0}' exceed 64 bits")]
    Range(String),
}

impl ByteSize {
    /// A number of single bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A number of megabytes (1024 * 1024 bytes); saturates.
    #[must_use]
    pub const fn from_megabytes(megabytes: u64) -> Self {
        Self(megabytes.saturating_mul(1 << 20))
    }

    /// The number of single bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of whole megabytes.
    #[must_use]
    pub const fn megabytes(self) -> u64 {
        self.0 >> 20
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    /// Reads digits and a unit in any case, without a blank between.
    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let Some(split) = text.find(|c: char| !c.is_ascii_digit()) else {
            return Err(ByteSizeError::NoUnit(text.to_owned()));
        };
        let (number, unit) = text.split_at(split);
        if unit.starts_with('.') {
            return Err(ByteSizeError::Fractional(text.to_owned()));
        }
        let number: u64 = number
            .parse()
            .map_err(|_ignored| ByteSizeError::Number(number.to_owned()))?;
        let unit = unit.to_uppercase();
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(ByteSizeError::Unit(unit));
        };
        let bytes = number
            .checked_mul(*factor)
            .ok_or_else(|| ByteSizeError::Range(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for ByteSize {
    /// Writes the largest unit that divides the amount exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS
            .iter()
            .rev()
            .find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        let (unit, factor) = exact.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(text: &str, why: &str) {
        assert_eq!(text.parse::<ByteSize>().expect_err(text).to_string(), why);
    }

    /// Mirrors: BytesTest.Parse
    #[test]
    fn every_unit_is_read_in_any_case() {
        for (text, bytes) in [
            ("1B", 1),
            ("1kb", 1024),
            ("2Mb", 2 << 20),
            ("3GB", 3 << 30),
            ("5tB", 5 << 40),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize::from_bytes(bytes)), "{text}");
        }
    }

    /// Mirrors: BytesTest.Parse
    #[test]
    fn bad_amounts_say_what_is_wrong() {
        fails("1", "Invalid bytes '1'");
        fails("", "Invalid bytes ''");
        fails("1.5GB", "Fractional bytes '1.5GB'");
        fails("GB", "Failed to convert '' to number");
        fails("1xb", "Unknown bytes unit 'XB'");
        fails("1 GB", "Unknown bytes unit ' GB'");
        fails("99999999999TB", "Bytes '99999999999TB' exceed 64 bits");
    }

    /// Mirrors: BytesTest.Stringify
    #[test]
    fn the_largest_exact_unit_is_printed() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1KB"),
            (1025, "1025B"),
            (4096, "4KB"),
            (1536 << 20, "1536MB"),
            (1 << 30, "1GB"),
            (2 << 40, "2TB"),
        ] {
            assert_eq!(ByteSize::from_bytes(bytes).to_string(), text);
        }
    }
}
