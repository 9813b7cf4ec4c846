//! Numbers in JSON: how doubles are spelled, and what a numeric text stands for.

use super::grisu::Digits;

/// A number as the text gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// A negative whole number.
    Signed(i64),
    /// A whole number that is not negative.
    Unsigned(u64),
    /// Anything else.
    Double(f64),
}

/// Conversions that cut off what does not fit, as a C++ cast does.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the mapping of numbers into narrower fields is defined by these casts"
)]
impl Number {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Signed(value) => value as f64,
            Self::Unsigned(value) => value as f64,
            Self::Double(value) => value,
        }
    }

    pub(super) fn as_i64(self) -> i64 {
        match self {
            Self::Signed(value) => value,
            Self::Unsigned(value) => value as i64,
            Self::Double(value) => value as i64,
        }
    }

    pub(super) fn as_u64(self) -> u64 {
        match self {
            Self::Signed(value) => value as u64,
            Self::Unsigned(value) => value,
            Self::Double(value) if value < 0.0 => value as i64 as u64,
            Self::Double(value) => value as u64,
        }
    }

    pub(super) fn as_i32(self) -> i32 {
        self.as_i64() as i32
    }

    pub(super) fn as_u32(self) -> u32 {
        self.as_u64() as u32
    }

    pub(super) fn as_f32(self) -> f32 {
        self.as_f64() as f32
    }
}

/// What a text made of digits, signs, dots and exponents stands for.
///
/// `None` when it is no number; infinite when it is out of range.
pub(super) fn parse(text: &str) -> Option<Number> {
    if !text.contains(['.', 'e', 'E']) {
        if let Ok(value) = text.parse::<u64>() {
            return Some(Number::Unsigned(value));
        }
        if let Ok(value) = text.parse::<i64>() {
            return Some(Number::Signed(value));
        }
    }
    text.parse().ok().map(Number::Double)
}

/// Appends a whole number.
pub(super) fn write_unsigned(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// Appends a double: fewest digits that read back equal, with `.0` or an exponent.
///
/// Plain notation is used from 1e-6 up to 1e21. Infinities and NaN become strings.
///
/// # Wire
/// The spelling of rapidjson, which C++ Mesos writes with.
pub fn write_double(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(if value.is_nan() {
            b"\"NaN\""
        } else if value > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        });
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let value = value.abs();
    if let Some(whole) = small_whole(value) {
        write_unsigned(whole, out);
        out.extend_from_slice(b".0");
        return;
    }
    let digits = Digits::of(value);
    write_decimal(digits.as_bytes(), digits.power, out);
}

/// The value as an integer when it is one and has few digits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the range is checked first, and equality is what is asked"
)]
fn small_whole(value: f64) -> Option<u64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    (value < LIMIT && (value as u64) as f64 == value).then_some(value as u64)
}

/// Writes a whole number of `digits`, times ten to the power of `power`.
fn write_decimal(digits: &[u8], power: i32, out: &mut Vec<u8>) {
    let point = power + i32::try_from(digits.len()).unwrap_or_default();
    let exponent = point - 1;
    match usize::try_from(point) {
        Ok(point) if point > 0 && point <= 21 => {
            let whole = digits.get(..point).unwrap_or(digits);
            let fraction = digits.get(point..).unwrap_or_default();
            out.extend_from_slice(whole);
            out.resize(out.len() + (point - whole.len()), b'0');
            out.push(b'.');
            out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
        }
        Ok(_) | Err(_) if point > -6 && point <= 0 => {
            out.extend_from_slice(b"0.");
            out.resize(
                out.len() + usize::try_from(-point).unwrap_or_default(),
                b'0',
            );
            out.extend_from_slice(digits);
        }
        Ok(_) | Err(_) => {
            let (first, rest) = digits.split_at(digits.len().min(1));
            out.extend_from_slice(first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
            out.push(b'e');
            if exponent < 0 {
                out.push(b'-');
            }
            write_unsigned(u64::from(exponent.unsigned_abs()), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(value: f64) -> String {
        let mut out = Vec::new();
        write_double(value, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn every_double_reads_back_equal() {
        let mut bits = 1u64;
        for _ in 0..20_000 {
            bits = bits
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                let text = spelled(value);

                assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(bits), "{text}");
            }
        }
    }

    #[test]
    fn the_edges_of_the_format_read_back_equal() {
        for value in [
            f64::MIN_POSITIVE,
            f64::from_bits(1),
            f64::from_bits(0x000f_ffff_ffff_ffff),
            f64::MAX,
            f64::MIN,
            f64::EPSILON,
            9_007_199_254_740_991.0,
            9_007_199_254_740_992.0,
            9_007_199_254_740_994.0,
            2.0_f64.powi(64),
        ] {
            assert_eq!(
                spelled(value).parse::<f64>().map(f64::to_bits),
                Ok(value.to_bits())
            );
        }
    }

    #[test]
    fn whole_numbers_keep_their_sign_and_size() {
        assert_eq!(
            parse("18446744073709551615"),
            Some(Number::Unsigned(u64::MAX))
        );
        assert_eq!(
            parse("-9223372036854775808"),
            Some(Number::Signed(i64::MIN))
        );
        assert_eq!(parse("-0"), Some(Number::Signed(0)));
        assert_eq!(
            parse("18446744073709551616"),
            Some(Number::Double(2.0_f64.powi(64)))
        );
        assert_eq!(parse("-"), None);
        assert_eq!(parse("1.2.3"), None);
    }
}
