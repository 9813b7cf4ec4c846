//! Points in time on the actor clock, and their two text forms.
//!
//! Mirrors `3rdparty/libprocess/include/process/time.hpp` and `src/time.cpp`.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;
const SECS_PER_DAY: u64 = 86_400;

/// A point in time: nanoseconds since the Unix epoch, UTC.
///
/// Arithmetic saturates: there is no time before the epoch and none after `u64::MAX` nanoseconds.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use libprocess::Time;
///
/// let start = Time::from_nanos(1_500_000_000);
/// let later = start + Duration::from_secs(2);
/// assert_eq!(later - start, Duration::from_secs(2));
/// assert_eq!(later.to_string(), "1970-01-01 00:00:03.500000000+00:00");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    nanos: u64,
}

impl Time {
    /// The Unix epoch.
    pub const EPOCH: Self = Self { nanos: 0 };

    /// The latest time that can be told.
    pub const MAX: Self = Self { nanos: u64::MAX };

    /// Makes a time from nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// Makes a time from seconds since the epoch; negative and non-finite values become the epoch.
    #[must_use]
    pub fn from_secs_f64(secs: f64) -> Self {
        Duration::try_from_secs_f64(secs).map_or(Self::EPOCH, |since| Self::EPOCH + since)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.nanos / NANOS_PER_SEC
    }

    /// Seconds since the epoch, as the JSON of the endpoints has them.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.since_epoch().as_secs_f64()
    }

    /// The span from the epoch to this time.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// The span from `earlier` to this time, zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }

    /// The text of HTTP dates, such as `Wed, 15 Nov 1995 04:58:08 GMT`.
    #[must_use]
    pub fn to_rfc1123(self) -> String {
        let civil = Civil::of(self);
        format!(
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
            civil.weekday(),
            civil.day,
            civil.month_name(),
            civil.year,
            civil.hour,
            civil.minute,
            civil.second
        )
    }
}

impl fmt::Display for Time {
    /// Writes the RFC 3339 form with a blank: `1989-03-02 00:00:00.000000001+00:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = Civil::of(*self);
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
        )?;
        let fraction = self.nanos % NANOS_PER_SEC;
        if fraction != 0 {
            write!(f, ".{fraction:09}")?;
        }
        f.write_str("+00:00")
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self {
            nanos: self.nanos.saturating_add(nanos),
        }
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self {
            nanos: self.nanos.saturating_sub(nanos),
        }
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// A time in the proleptic Gregorian calendar.
struct Civil {
    days: u64,
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn of(time: Time) -> Self {
        let secs = time.as_secs();
        let days = secs / SECS_PER_DAY;
        let rest = secs % SECS_PER_DAY;
        // Years are counted from March, so that the leap day is the last of its year.
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self {
            days,
            year,
            month,
            day,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    const fn weekday(&self) -> &'static str {
        match self.days % 7 {
            0 => "Thu",
            1 => "Fri",
            2 => "Sat",
            3 => "Sun",
            4 => "Mon",
            5 => "Tue",
            _ => "Wed",
        }
    }

    const fn month_name(&self) -> &'static str {
        match self.month {
            1 => "Jan",
            2 => "Feb",
            3 => "Mar",
            4 => "Apr",
            5 => "May",
            6 => "Jun",
            7 => "Jul",
            8 => "Aug",
            9 => "Sep",
            10 => "Oct",
            11 => "Nov",
            _ => "Dec",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: TimeTest.Arithmetic
    #[test]
    fn sums_and_differences_are_exact_to_the_nanosecond() {
        let time = Time::EPOCH + Duration::from_secs(604_800);

        let later = time + Duration::from_nanos(1);

        assert_eq!(later - time, Duration::from_nanos(1));
        assert_eq!(time - Duration::from_secs(604_800), Time::EPOCH);
    }

    /// Mirrors: TimeTest.Output
    /// Mirrors: TimeTest.RFC3339Output
    #[test]
    fn text_has_a_fraction_only_when_there_is_one() {
        let date = Time::from_nanos(604_800_000_000_000) + Duration::from_secs(604_800_000);

        assert_eq!(date.to_string(), "1989-03-09 00:00:00+00:00");
        assert_eq!(
            (date + Duration::from_nanos(1)).to_string(),
            "1989-03-09 00:00:00.000000001+00:00"
        );
    }

    /// Mirrors: TimeTest.RFC1123Output
    #[test]
    fn http_dates_name_day_and_month() {
        assert_eq!(
            Time::from_nanos(784_111_777 * NANOS_PER_SEC).to_rfc1123(),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(Time::EPOCH.to_rfc1123(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(
            Time::from_nanos(951_782_400 * NANOS_PER_SEC).to_rfc1123(),
            "Tue, 29 Feb 2000 00:00:00 GMT"
        );
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Time::EPOCH - Duration::from_secs(1), Time::EPOCH);
        assert_eq!(Time::MAX + Duration::MAX, Time::MAX);
        assert_eq!(Time::EPOCH - Time::MAX, Duration::ZERO);
    }
}
