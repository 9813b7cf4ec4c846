//! Text of numbers as C++ streams read and write them.
//!
//! # Wire
//! The texts end up in `/flags`, `/state`, status messages and checkpoints.

/// Significant decimal digits that a double keeps, `digits10` in C++.
const DOUBLE_DIGITS: usize = 15;

/// Prints `value` with up to 15 significant digits, without trailing zeros.
///
/// Numbers whose exponent is below -4 or above 14 get the scientific form, as with `%.15g`.
#[must_use]
pub fn format_double(value: f64) -> String {
    format_significant(value, DOUBLE_DIGITS)
}

/// Prints `value` with up to `digits` significant digits, as `%.<digits>g` does.
#[must_use]
pub fn format_significant(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() {
            "-nan"
        } else {
            "nan"
        }
        .to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let digits = digits.max(1);
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let limit = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!(
            "{}e{sign}{:02}",
            trim_zeros(mantissa),
            exponent.unsigned_abs()
        );
    }
    let decimals = usize::try_from(limit - 1 - exponent).unwrap_or(0);
    trim_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// Cuts trailing zeros behind a decimal point, and the point if nothing is left behind it.
fn trim_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, text: &str) {
        assert_eq!(format_double(value), text);
    }

    #[test]
    fn doubles_print_with_fifteen_significant_digits() {
        check(0.0, "0");
        check(0.1, "0.1");
        check(1.0, "1");
        check(90.0, "90");
        check(10.0 / 7.0, "1.42857142857143");
        check(1.000_000_1, "1.0000001");
        check(-2.5, "-2.5");
    }

    #[test]
    fn very_large_and_very_small_doubles_use_exponents() {
        check(1e15, "1e+15");
        check(123_456_789_012_345.0, "123456789012345");
        check(0.000_01, "1e-05");
        check(0.000_1, "0.0001");
    }

    #[test]
    fn special_doubles_have_c_names() {
        check(f64::INFINITY, "inf");
        check(f64::NEG_INFINITY, "-inf");
        check(f64::NAN, "nan");
    }
}
