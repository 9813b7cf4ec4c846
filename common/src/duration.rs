//! Durations as Mesos writes them: `15secs`, `1500ms`, `2weeks`.
//!
//! Mirrors `3rdparty/stout/include/stout/duration.hpp`.
//!
//! # Wire
//! Texts are promises: flags, `/flags`, `/state` and status messages show them.

use std::time::Duration;

use crate::number::format_double;

/// Nanoseconds in one of each unit, from the smallest to the largest.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("secs", 1_000_000_000),
    ("mins", 60_000_000_000),
    ("hrs", 3_600_000_000_000),
    ("days", 86_400_000_000_000),
    ("weeks", 604_800_000_000_000),
];

/// Why a text is not a duration. The texts are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// The text has no unit, or nothing at all.
    #[error("Invalid duration '{0}'")]
    NoUnit(String),
    /// What stands before the unit is not a number.
    #[error("Failed to convert '{0}' to number")]
    Number(String),
    /// The unit is none of the eight.
    #[error(
        "Unknown duration unit '{0}'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'"
    )]
    Unit(String),
    /// The value does not fit into 64-bit signed nanoseconds.
    #[error("Argument out of the range that a Duration can represent due to int64_t's size limit")]
    Range,
}

/// Reads a duration: a number without sign or exponent, then a unit, without a blank between.
///
/// # Errors
/// [`DurationError`] says which part is wrong.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let Some(split) = text.find(|c: char| !c.is_ascii_digit() && c != '.') else {
        return Err(DurationError::NoUnit(text.to_owned()));
    };
    let (number, unit) = text.split_at(split);
    let value: f64 = number
        .parse()
        .map_err(|_ignored| DurationError::Number(number.to_owned()))?;
    let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(DurationError::Unit(unit.to_owned()));
    };
    whole_nanos(value * *unit as f64)
        .map(Duration::from_nanos)
        .ok_or(DurationError::Range)
}

/// Drops the fraction of a number of nanoseconds; nothing when it exceeds a signed 64-bit number.
fn whole_nanos(nanos: f64) -> Option<u64> {
    if !(0.0..9_223_372_036_854_775_808.0).contains(&nanos) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked above, and the fraction is meant to go"
    )]
    Some(nanos as u64)
}

/// Prints a duration in the largest unit that keeps it short and exact.
#[must_use]
pub fn format(duration: Duration) -> String {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    format_magnitude(nanos)
}

/// Prints a signed number of nanoseconds as a duration.
#[must_use]
pub fn format_nanos(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    // The smallest value has no positive twin in C++, where it prints as the largest one.
    let magnitude = if nanos == i64::MIN {
        i64::MAX.unsigned_abs()
    } else {
        nanos.unsigned_abs()
    };
    format!("{sign}{}", format_magnitude(magnitude))
}

fn format_magnitude(nanos: u64) -> String {
    let mut smaller: Option<(&str, u64)> = None;
    let mut bucket = ("ns", 1);
    for unit in UNITS {
        if nanos < unit.1 {
            break;
        }
        smaller = (unit.0 != "ns").then_some(bucket);
        bucket = unit;
    }
    match smaller {
        None => format!("{nanos}ns"),
        Some(_) if nanos.is_multiple_of(bucket.1) => format!("{}{}", nanos / bucket.1, bucket.0),
        Some(lower) if nanos.is_multiple_of(lower.1) => format!("{}{}", nanos / lower.1, lower.0),
        Some(_) => format!(
            "{}{}",
            format_double(nanos as f64 / bucket.1 as f64),
            bucket.0
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[track_caller]
    fn reads(text: &str, nanos: u64) {
        assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
    }

    #[track_caller]
    fn fails(text: &str, why: &str) {
        assert_eq!(parse(text).expect_err(text).to_string(), why);
    }

    #[track_caller]
    fn prints(nanos: i64, text: &str) {
        assert_eq!(format_nanos(nanos), text);
    }

    /// Mirrors: DurationTest.ParseAndTry
    #[test]
    fn every_unit_is_read() {
        reads("3ns", 3);
        reads("3us", 3_000);
        reads("3ms", 3_000_000);
        reads("3secs", 3_000_000_000);
        reads("3mins", 180_000_000_000);
        reads("3hrs", 10_800_000_000_000);
        reads("3days", 259_200_000_000_000);
        reads("3weeks", 1_814_400_000_000_000);
        reads("3.5hrs", 12_600_000_000_000);
        reads("1.9ns", 1);
        reads("0ns", 0);
    }

    #[test]
    fn bad_durations_say_what_is_wrong() {
        fails("15", "Invalid duration '15'");
        fails("", "Invalid duration ''");
        fails("secs", "Failed to convert '' to number");
        fails("1.2.3secs", "Failed to convert '1.2.3' to number");
        fails("-1secs", "Failed to convert '' to number");
        fails(
            "1sec",
            "Unknown duration unit 'sec'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'",
        );
        fails(
            "1 secs",
            "Unknown duration unit ' secs'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'",
        );
        fails(
            "1000000weeks",
            "Argument out of the range that a Duration can represent due to int64_t's size limit",
        );
    }

    /// Mirrors: DurationTest.OutputFormat
    #[test]
    fn the_unit_keeps_the_number_short_and_exact() {
        prints(0, "0ns");
        prints(1, "1ns");
        prints(-1, "-1ns");
        prints(1_234, "1234ns");
        prints(1_000, "1us");
        prints(1_500_000, "1500us");
        prints(1_234_567, "1.234567ms");
        prints(3 * SECOND, "3secs");
        prints(-3 * SECOND, "-3secs");
        prints(1_500_000_000, "1500ms");
        prints(1_000_000_100, "1.0000001secs");
        prints(90 * SECOND, "90secs");
        prints(36 * 3_600 * SECOND, "36hrs");
        prints(10 * 86_400 * SECOND, "10days");
        prints(14 * 86_400 * SECOND, "2weeks");
        prints(3_100_000_000, "3100ms");
        prints(i64::MAX, "15250.2844524715weeks");
        prints(i64::MIN, "-15250.2844524715weeks");
    }

    #[test]
    fn printed_durations_are_read_back() {
        for text in [
            "0ns",
            "1500ms",
            "90secs",
            "36hrs",
            "10days",
            "1weeks",
            "1.234567ms",
        ] {
            assert_eq!(parse(text).map(format), Ok(text.to_owned()));
        }
    }
}
