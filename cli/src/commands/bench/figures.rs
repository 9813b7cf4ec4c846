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

/// What a figure has to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Requirement {
    name: String,
    bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A text is no list of requirements.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequirementError {
    /// There is neither `>=` nor `<=`.
    #[error("'{0}' is not of the form NAME>=NUMBER or NAME<=NUMBER")]
    NoComparison(String),
    /// There is no number behind it.
    #[error("'{number}' in '{requirement}' is no number")]
    NoNumber {
        /// All of it.
        requirement: String,
        /// What stands behind the comparison.
        number: String,
    },
}

impl Requirement {
    /// Reads requirements that are parted by commas.
    pub(super) fn parse_all(text: &str) -> Result<Vec<Self>, RequirementError> {
        text.split(',')
            .map(|part| Self::parse(part.trim()))
            .collect()
    }

    fn parse(text: &str) -> Result<Self, RequirementError> {
        type Make = fn(f64) -> Bound;
        let at_least = text
            .split_once(">=")
            .map(|parts| (parts, Bound::AtLeast as Make));
        let at_most = text
            .split_once("<=")
            .map(|parts| (parts, Bound::AtMost as Make));
        let ((name, number), bound) = at_least
            .or(at_most)
            .ok_or_else(|| RequirementError::NoComparison(text.to_owned()))?;
        let value = number
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|value| value.is_finite());
        let value = value.ok_or_else(|| RequirementError::NoNumber {
            requirement: text.to_owned(),
            number: number.trim().to_owned(),
        })?;
        Ok(Self {
            name: name.trim().to_owned(),
            bound: bound(value),
        })
    }

    /// Why figures fall short, if they do; a figure that was not measured falls short.
    pub(super) fn shortfall(&self, figures: &Figures) -> Option<String> {
        let name = &self.name;
        let Some(value) = figures.get(name) else {
            return Some(format!("{name} was not measured"));
        };
        match self.bound {
            Bound::AtLeast(least) if value < least => Some(format!(
                "{name} is {value:.3}, required is at least {least}"
            )),
            Bound::AtMost(most) if value > most => {
                Some(format!("{name} is {value:.3}, required is at most {most}"))
            }
            Bound::AtLeast(_) | Bound::AtMost(_) => None,
        }
    }
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

    fn shortfalls(text: &str) -> Vec<String> {
        let requirements = Requirement::parse_all(text).expect("requirements");
        requirements
            .iter()
            .filter_map(|requirement| requirement.shortfall(&figures()))
            .collect()
    }

    #[test]
    fn requirements_that_are_met_are_silent() {
        let met = "registrations_per_second>=2000, agents<=1000";

        assert!(shortfalls(met).is_empty());
    }

    #[test]
    fn a_figure_that_falls_short_or_is_missing_is_named() {
        assert_eq!(
            shortfalls("registrations_per_second>=2000.5,state_seconds<=1"),
            [
                "registrations_per_second is 2000.000, required is at least 2000.5",
                "state_seconds was not measured",
            ]
        );
    }

    #[test]
    fn a_requirement_that_is_none_is_refused() {
        let error = |text: &str| Requirement::parse_all(text).expect_err("wrong").to_string();

        assert!(error("agents=5").starts_with("'agents=5' is not of the form"));
        assert_eq!(error("a>=1,b<=many"), "'many' in 'b<=many' is no number");
        assert_eq!(error("a>=nan"), "'nan' in 'a>=nan' is no number");
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
