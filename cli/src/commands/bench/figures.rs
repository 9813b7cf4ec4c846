//! What was measured: named numbers with units, as a table and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use mesos_proto::Dialect;
use mesos_proto::json::JsonWriter;

/// One number.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    name: String,
    value: f64,
}

/// All numbers in the order in which they were measured.
///
/// A name ends with its unit: `_per_second`, `_seconds`, `_ms`, `_mb` (2^20 bytes); a name without one is a count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures(Vec<Figure>);

impl Figures {
    /// Adds a number; the same name may come once.
    pub(super) fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.push(Figure {
            name: name.into(),
            value,
        });
    }

    /// Adds a count.
    pub(super) fn count(&mut self, name: &str, count: usize) {
        self.add(name, to_f64(count));
    }

    /// Adds how often something happened per second.
    pub(super) fn rate(&mut self, name: &str, count: usize, took: Duration) {
        self.add(name, to_f64(count) / took.as_secs_f64().max(1e-9));
    }

    /// Adds median, 99th percentile and maximum of durations in milliseconds; nothing when there are none.
    pub(super) fn latencies(&mut self, name: &str, mut durations: Vec<Duration>) {
        durations.sort_unstable();
        let Some(longest) = durations.last().copied() else {
            return;
        };
        let at = |percent: usize| {
            let index = (durations.len() * percent / 100).min(durations.len() - 1);
            durations.get(index).copied().unwrap_or(longest)
        };
        for (suffix, duration) in [("p50", at(50)), ("p99", at(99)), ("max", longest)] {
            self.add(format!("{name}_{suffix}_ms"), duration.as_secs_f64() * 1e3);
        }
    }

    /// The number of that name.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|figure| figure.name == name)
            .map(|figure| figure.value)
    }

    /// One line for each number.
    pub(super) fn table(&self) -> String {
        let width = self.0.iter().map(|figure| figure.name.len()).max();
        let width = width.unwrap_or_default();
        let mut text = String::new();
        for Figure { name, value } in &self.0 {
            let places = if value.fract().abs() < 1e-9 { 0 } else { 3 };
            // Writing to a string cannot fail.
            let _written = writeln!(text, "{name:<width$}  {value:>14.places$}");
        }
        text
    }

    /// One JSON object.
    pub(super) fn json(&self) -> String {
        let mut writer = JsonWriter::new(Dialect::V1);
        writer.object(|object| {
            for Figure { name, value } in &self.0 {
                object.field(name, value);
            }
        });
        writer.into_string()
    }
}

/// Counts of this tool are far below what a float can hold exactly.
pub(super) fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or_else(|_more| f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let mut figures = Figures::default();
        figures.count("agents", 1000);
        figures.rate("registrations_per_second", 1000, Duration::from_millis(500));
        figures
    }

    #[test]
    fn latencies_are_told_by_percentiles() {
        let mut figures = Figures::default();
        let durations = (1..=100).map(Duration::from_millis).collect();

        figures.latencies("task", durations);

        let value = |name| format!("{:.0}", figures.get(name).expect("measured"));
        assert_eq!(value("task_p50_ms"), "51");
        assert_eq!(value("task_p99_ms"), "100");
        assert_eq!(value("task_max_ms"), "100");
    }

    #[test]
    fn the_table_and_the_json_hold_every_figure() {
        assert_eq!(
            figures().table(),
            "agents                              1000\nregistrations_per_second            2000\n"
        );
        assert_eq!(
            figures().json(),
            r#"{"agents":1000.0,"registrations_per_second":2000.0}"#
        );
    }
}
