//! What figures have to be, as `--check` says it.

use super::figures::Figures;

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
        figures.add("registrations_per_second", 2000.0);
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
}
