//! The text form of values: `4`, `[1-5, 7-9]`, `{a, b}`, or plain text.
//!
//! Mirrors `mesos::internal::values::parse` in `src/common/values.cpp`.

use std::num::FpCategory;

/// A value as read from text, not yet validated as a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum TextValue {
    /// A number that is finite and not negative.
    Scalar(f64),
    /// Intervals in the order of the text; may be inverted.
    Ranges(Vec<(u64, u64)>),
    /// Items in the order of the text; may repeat.
    Set(Vec<String>),
    /// Anything else, spaces removed.
    Text(String),
}

/// Why a text is not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueTextError {
    /// Nothing but spaces.
    #[error("Expecting non-empty string")]
    Empty,
    /// Brackets do not pair up.
    #[error("Mismatched brackets")]
    Brackets,
    /// A range lacks one of its ends.
    #[error("Expecting one or more \"ranges\"")]
    Ranges,
    /// The end of a range is no whole number.
    #[error("Expecting non-negative integers in '{piece}'")]
    Integer {
        /// The text between the separators.
        piece: String,
    },
    /// A number that no resource can have.
    #[error("Invalid scalar value '{piece}':{source}")]
    Scalar {
        /// The number as written.
        piece: String,
        /// What is wrong with it.
        source: ScalarInputError,
    },
    /// A bracket that does not open the value.
    #[error("Unexpected '{bracket}' found")]
    Unexpected {
        /// The bracket.
        bracket: char,
    },
}

/// Why a number cannot be an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScalarInputError {
    /// Plus or minus infinity.
    #[error("Infinite values not supported")]
    Infinite,
    /// Not a number.
    #[error("NaN not supported")]
    NotANumber,
    /// So small that precision is lost.
    #[error("Subnormal values not supported")]
    Subnormal,
    /// Below zero.
    #[error("Negative values not supported")]
    Negative,
}

/// Checks a number that came from outside.
///
/// # Errors
/// When it is infinite, not a number, subnormal or negative.
#[doc(alias = "validateInputScalarValue")]
pub fn validate_input_scalar(value: f64) -> Result<(), ScalarInputError> {
    match value.classify() {
        FpCategory::Infinite => Err(ScalarInputError::Infinite),
        FpCategory::Nan => Err(ScalarInputError::NotANumber),
        FpCategory::Subnormal => Err(ScalarInputError::Subnormal),
        FpCategory::Normal if value < 0.0 => Err(ScalarInputError::Negative),
        FpCategory::Zero | FpCategory::Normal => Ok(()),
    }
}

/// Reads a value from text.
///
/// # Errors
/// When brackets, ranges or numbers are malformed.
pub fn parse_value(text: &str) -> Result<TextValue, ValueTextError> {
    let compact = text.replace(' ', "");
    if compact.is_empty() {
        return Err(ValueTextError::Empty);
    }
    if ![('{', '}'), ('[', ']'), ('(', ')')]
        .iter()
        .all(|pair| brackets_match(&compact, *pair))
    {
        return Err(ValueTextError::Brackets);
    }
    if compact.starts_with('[') {
        return parse_ranges(&compact);
    }
    if compact.contains('[') {
        return Err(ValueTextError::Unexpected { bracket: '[' });
    }
    if compact.starts_with('{') {
        let items = tokens(&compact, &['{', '}', ',', '\n'])
            .map(str::to_owned)
            .collect();
        return Ok(TextValue::Set(items));
    }
    if compact.contains('{') {
        return Err(ValueTextError::Unexpected { bracket: '{' });
    }
    let Some(number) = parse_number(&compact) else {
        return Ok(TextValue::Text(compact));
    };
    match validate_input_scalar(number) {
        Ok(()) => Ok(TextValue::Scalar(number)),
        Err(source) => Err(ValueTextError::Scalar {
            piece: compact,
            source,
        }),
    }
}

/// Splits at any of the separators and drops empty pieces.
pub(crate) fn tokens<'a>(
    text: &'a str,
    separators: &'a [char],
) -> impl Iterator<Item = &'a str> + 'a {
    text.split(separators).filter(|piece| !piece.is_empty())
}

fn parse_ranges(text: &str) -> Result<TextValue, ValueTextError> {
    let ends: Vec<&str> = tokens(text, &['[', ']', '-', ',', '\n']).collect();
    let (pairs, rest) = ends.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ValueTextError::Ranges);
    }
    let integer = |piece: &str| -> Result<u64, ValueTextError> {
        match piece.parse() {
            Ok(number) => Ok(number),
            Err(_not_a_number) => Err(ValueTextError::Integer {
                piece: piece.to_owned(),
            }),
        }
    };
    let ranges: Result<Vec<_>, _> = pairs
        .iter()
        .map(|[begin, end]| Ok((integer(begin)?, integer(end)?)))
        .collect();
    Ok(TextValue::Ranges(ranges?))
}

fn brackets_match(text: &str, (open, close): (char, char)) -> bool {
    let mut depth = 0i64;
    for letter in text.chars() {
        if letter == open {
            depth += 1;
        } else if letter == close {
            depth -= 1;
            if depth < 0 {
                return false;
            }
        }
    }
    depth == 0
}

/// Reads a decimal number, or a whole one in `0x` notation.
fn parse_number(text: &str) -> Option<f64> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    match hex {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_value_is_recognised() {
        assert_eq!(parse_value("45.55"), Ok(TextValue::Scalar(45.55)));
        assert_eq!(parse_value("0x10"), Ok(TextValue::Scalar(16.0)));
        assert_eq!(
            parse_value("[10000-20000, 30000-50000]"),
            Ok(TextValue::Ranges(vec![(10000, 20000), (30000, 50000)]))
        );
        assert_eq!(
            parse_value("{sda1, sda2}"),
            Ok(TextValue::Set(vec!["sda1".into(), "sda2".into()]))
        );
        assert_eq!(
            parse_value("123abc,s"),
            Ok(TextValue::Text("123abc,s".into()))
        );
    }

    #[test]
    fn errors_name_the_piece() {
        let text = |input: &str| parse_value(input).expect_err("malformed").to_string();

        assert_eq!(text("  "), "Expecting non-empty string");
        assert_eq!(text("{a,b"), "Mismatched brackets");
        assert_eq!(text("]["), "Mismatched brackets");
        assert_eq!(text("[1-2,3]"), "Expecting one or more \"ranges\"");
        assert_eq!(text("[1-b]"), "Expecting non-negative integers in 'b'");
        assert_eq!(text("a{b}"), "Unexpected '{' found");
        assert_eq!(text("a[1-2]"), "Unexpected '[' found");
        assert_eq!(
            text("-1"),
            "Invalid scalar value '-1':Negative values not supported"
        );
        assert_eq!(text("nan"), "Invalid scalar value 'nan':NaN not supported");
        assert_eq!(
            text("inf"),
            "Invalid scalar value 'inf':Infinite values not supported"
        );
        assert_eq!(
            text("1e-310"),
            "Invalid scalar value '1e-310':Subnormal values not supported"
        );
    }
}
