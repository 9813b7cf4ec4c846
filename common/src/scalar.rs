//! Scalar amounts in exact thousandths.
//!
//! Mirrors the scalar half of `src/common/values.cpp`.
//!
//! # Invariants
//! - Two amounts that differ by less than half a thousandth are equal.
//! - Arithmetic is exact and saturates instead of wrapping.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

const UNIT: i64 = 1000;

/// An amount of a scalar resource, counted in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(i64);

impl Scalar {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that can be counted.
    pub const MAX: Self = Self(i64::MAX);

    /// Wraps a number of thousandths.
    #[must_use]
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// Rounds to the nearest thousandth, halves away from zero.
    ///
    /// Not-a-number becomes zero, and what is too large saturates.
    /// Callers that must refuse such input check it first.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a saturating cast is what is wanted"
    )]
    pub fn from_f64(value: f64) -> Self {
        Self((value * 1000.0).round() as i64)
    }

    /// The whole amount `value`.
    #[must_use]
    pub fn from_units(value: u64) -> Self {
        Self(
            i64::try_from(value)
                .unwrap_or(i64::MAX)
                .saturating_mul(UNIT),
        )
    }

    /// The number of thousandths.
    #[must_use]
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// The amount as a floating point number, as it goes on the wire.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the wire carries doubles")]
    pub fn to_f64(self) -> f64 {
        (self.0 / UNIT) as f64 + (self.0 % UNIT) as f64 / 1000.0
    }

    /// The whole units, fraction cut off; zero when negative.
    #[must_use]
    pub fn whole_units(self) -> u64 {
        u64::try_from(self.0 / UNIT).unwrap_or(0)
    }

    /// Whether the amount has a fraction.
    #[must_use]
    pub const fn is_fractional(self) -> bool {
        self.0 % UNIT != 0
    }

    /// Whether the amount is exactly zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl Add for Scalar {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Scalar {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Prints up to 15 significant digits without trailing zeros, as C++ streams do.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        if magnitude >= 1_000_000_000_000_000 {
            return f.write_str(&significant(self.to_f64()));
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write!(f, "{}", magnitude / 1000)?;
        let fraction = magnitude % 1000;
        if fraction == 0 {
            return Ok(());
        }
        let digits = format!("{fraction:03}");
        write!(f, ".{}", digits.trim_end_matches('0'))
    }
}

/// Formats as `%.15g` does; only used for amounts of a million million and more.
fn significant(value: f64) -> String {
    let text = format!("{value:.14e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let exponent: usize = exponent.parse().unwrap_or(0);
    if exponent < 15 {
        let decimals = 14 - exponent;
        let fixed = format!("{value:.decimals$}");
        return match fixed.contains('.') {
            true => fixed.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => fixed,
        };
    }
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    format!("{mantissa}e+{exponent:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_below_half_a_thousandth_are_zero() {
        assert_eq!(Scalar::from_f64(0.0004), Scalar::ZERO);
        assert_eq!(Scalar::from_f64(0.0005), Scalar::from_thousandths(1));
        assert_eq!(Scalar::from_f64(-0.0005), Scalar::from_thousandths(-1));
    }

    #[test]
    fn tenths_add_up_exactly() {
        let tenth = Scalar::from_f64(0.1);

        let sum: Scalar = std::iter::repeat_n(tenth, 10).sum();

        assert_eq!(sum, Scalar::from_units(1));
    }

    #[test]
    fn numbers_out_of_range_saturate() {
        assert_eq!(Scalar::from_f64(f64::INFINITY), Scalar::MAX);
        assert_eq!(Scalar::from_f64(f64::NAN), Scalar::ZERO);
        assert_eq!(Scalar::MAX + Scalar::from_units(1), Scalar::MAX);
    }

    #[test]
    fn whole_amounts_print_without_fraction() {
        for (value, text) in [
            (1.0, "1"),
            (1.5, "1.5"),
            (0.001, "0.001"),
            (0.1, "0.1"),
            (-2.25, "-2.25"),
            (1024.0, "1024"),
            (1e12, "1000000000000"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (2.5e15, "2.5e+15"),
        ] {
            assert_eq!(Scalar::from_f64(value).to_string(), text);
        }
    }
}
