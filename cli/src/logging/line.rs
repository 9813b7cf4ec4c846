//! One line of a log.

use std::fmt;

use libprocess::{Clock, Time};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats events as glog does.
#[derive(Debug)]
pub(super) struct GlogLine {
    clock: Clock,
}

impl Default for GlogLine {
    fn default() -> Self {
        Self {
            clock: Clock::real(),
        }
    }
}

impl<S, N> FormatEvent<S, N> for GlogLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let date = Date::of(self.clock.now());
        write!(
            writer,
            "{}{:02}{:02} {:02}:{:02}:{:02}.{:06} {} {}:{}] ",
            letter(*metadata.level()),
            date.month,
            date.day,
            date.hour,
            date.minute,
            date.second,
            date.microsecond,
            nix::unistd::gettid(),
            metadata.file().map_or_else(|| metadata.target(), file_name),
            metadata.line().unwrap_or(0),
        )?;
        ctx.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// glog has no letters below INFO: verbose lines are INFO lines.
fn letter(level: Level) -> char {
    if level == Level::ERROR {
        'E'
    } else if level == Level::WARN {
        'W'
    } else {
        'I'
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A moment in the calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: u64,
    pub(super) month: u64,
    pub(super) day: u64,
    pub(super) hour: u64,
    pub(super) minute: u64,
    pub(super) second: u64,
    pub(super) microsecond: u64,
}

impl Date {
    /// The date of a moment since 1970.
    pub(super) fn of(time: Time) -> Self {
        let seconds = time.as_secs();
        let (year, month, day) = civil(seconds / 86_400);
        Self {
            year,
            month,
            day,
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            microsecond: time.as_nanos() / 1_000 % 1_000_000,
        }
    }
}

/// Year, month and day of a number of days since 1970-01-01.
///
/// Counts from 0000-03-01 in eras of 400 years, so that a leap day ends its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("not poisoned")
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let target = sink.clone();
        let layer = fmt::layer()
            .event_format(GlogLine {
                clock: Clock::paused(),
            })
            .with_ansi(false)
            .with_writer(move || target.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = sink.0.lock().expect("not poisoned").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_line_has_the_form_of_glog() {
        let line = logged(|| tracing::warn!(agent = "a1", "agent is gone"));

        let (head, message) = line.split_once("] ").expect("a bracket");
        assert_eq!(message, "agent is gone agent=\"a1\"\n");
        let words: Vec<_> = head.split(' ').collect();
        assert_eq!(words.len(), 4, "{line}");
        assert!(words[0].starts_with('W') && words[0].len() == 5, "{line}");
        assert_eq!(words[1].len(), "hh:mm:ss.uuuuuu".len(), "{line}");
        assert!(words[2].parse::<u32>().is_ok(), "{line}");
        assert!(words[3].starts_with("line.rs:"), "{line}");
    }

    #[test]
    fn debug_lines_are_info_lines() {
        assert!(logged(|| tracing::debug!("x")).starts_with('I'));
        assert!(logged(|| tracing::error!("x")).starts_with('E'));
    }

    #[track_caller]
    fn is_on(seconds: u64, expected: (u64, u64, u64)) {
        let date = Date::of(Time::from_nanos(seconds * 1_000_000_000));
        assert_eq!((date.year, date.month, date.day), expected);
    }

    #[test]
    fn dates_follow_the_calendar() {
        is_on(0, (1970, 1, 1));
        is_on(951_782_399, (2000, 2, 28));
        is_on(951_782_400, (2000, 2, 29));
        is_on(951_868_800, (2000, 3, 1));
        is_on(1_709_164_800, (2024, 2, 29));
        is_on(4_107_542_400, (2100, 3, 1));
        let date = Date::of(Time::from_nanos(1_763_618_523_123_456_789));
        assert_eq!(
            (date.hour, date.minute, date.second, date.microsecond),
            (6, 2, 3, 123_456)
        );
    }
}
