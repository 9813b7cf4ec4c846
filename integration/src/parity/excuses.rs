//! Tests of Mesos that can never apply here, read from `integration/parity/not-applicable.txt`.

use std::collections::BTreeMap;

use super::ParityError;

/// Names that do not apply, each with its reason.
#[derive(Debug, Clone, Default)]
pub struct Excuses {
    reasons: BTreeMap<(String, String), String>,
}

impl Excuses {
    /// Reads the list: `Suite.Name: reason` or `Suite.*: reason`, `#` begins a comment.
    ///
    /// # Errors
    /// [`ParityError::Malformed`] names the first line of another form.
    pub fn parse(text: &str) -> Result<Self, ParityError> {
        let mut excuses = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = |detail| ParityError::Malformed {
                file: "not-applicable.txt",
                line: index + 1,
                detail,
            };
            let (test, reason) = line
                .split_once(": ")
                .ok_or_else(|| malformed("expected `Suite.Name: reason`"))?;
            let (suite, name) = test
                .split_once('.')
                .ok_or_else(|| malformed("expected `Suite.Name`"))?;
            if reason.trim().is_empty() {
                return Err(malformed("expected a reason"));
            }
            let key = (suite.to_owned(), name.to_owned());
            if excuses
                .reasons
                .insert(key, reason.trim().to_owned())
                .is_some()
            {
                return Err(malformed("this name stands here twice"));
            }
        }
        Ok(excuses)
    }

    /// Returns why a test does not apply, by its name or by its whole suite.
    #[must_use]
    pub fn reason(&self, suite: &str, name: &str) -> Option<&str> {
        let by = |name: &str| self.reasons.get(&(suite.to_owned(), name.to_owned()));
        by(name).or_else(|| by("*")).map(String::as_str)
    }

    /// Returns every excused suite and name; `*` stands for all of a suite.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reasons
            .keys()
            .map(|(suite, name)| (suite.as_str(), name.as_str()))
    }
}
