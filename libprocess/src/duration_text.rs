//! Spans of time as Mesos writes them in queries: `2secs`, `1.5mins`.

use std::time::Duration;

/// The units, longest names last where one ends in another.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("ms", 1e6),
    ("secs", 1e9),
    ("mins", 60e9),
    ("hrs", 3_600e9),
    ("days", 86_400e9),
    ("weeks", 604_800e9),
];

/// Reads a span; the error is the text that clients see.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number was checked to be positive and within 63 bits"
)]
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let Some((number, unit)) = end.and_then(|end| text.split_at_checked(end)) else {
        return Err(format!("Invalid duration '{text}'"));
    };
    let number: f64 = number
        .parse()
        .map_err(|_error| format!("Failed to convert '{number}' to number"))?;
    let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!(
            "Unknown duration unit '{unit}'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'"
        ));
    };
    let total = number * nanos;
    if total > 9.223_372_036_854_775e18 {
        return Err(
            "Argument out of the range that a Duration can represent due to int64_t's size limit"
                .to_owned(),
        );
    }
    Ok(Duration::from_nanos(total as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_a_known_unit() {
        assert_eq!(parse("2secs"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("1.5mins"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse("5"), Err("Invalid duration '5'".to_owned()));
        assert_eq!(
            parse("1.2.3secs"),
            Err("Failed to convert '1.2.3' to number".to_owned())
        );
        assert!(parse("1sec").is_err_and(|text| text.starts_with("Unknown duration unit 'sec'")));
        assert!(parse("1000000weeks").is_err_and(|text| text.starts_with("Argument out")));
        assert!(parse("-1secs").is_err());
    }
}
