//! The list of Mesos' own tests, read from `integration/parity/suites.txt`.

use std::collections::{BTreeMap, BTreeSet};

use super::ParityError;

/// One suite of one part of Mesos.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suite {
    /// Part of Mesos: `mesos`, `libprocess` or `stout`.
    pub area: String,
    /// Name of the suite.
    pub name: String,
}

/// All suites with the names of their tests.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    suites: BTreeMap<Suite, BTreeSet<String>>,
}

impl Catalogue {
    /// Reads the list: `area file Suite: names`, one line each, `#` begins a comment.
    ///
    /// # Errors
    /// [`ParityError::Malformed`] names the first line of another form.
    pub fn parse(text: &str) -> Result<Self, ParityError> {
        let mut catalogue = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = || ParityError::Malformed {
                file: "suites.txt",
                line: index + 1,
                detail: "expected `area file Suite: names`",
            };
            let (head, names) = line.split_once(": ").ok_or_else(malformed)?;
            let [area, _file, name] = head.split(' ').collect::<Vec<_>>()[..] else {
                return Err(malformed());
            };
            let suite = Suite {
                area: area.to_owned(),
                name: name.to_owned(),
            };
            let tests = catalogue.suites.entry(suite).or_default();
            tests.extend(names.split_whitespace().map(str::to_owned));
        }
        Ok(catalogue)
    }

    /// Returns the suites in order, each with its test names.
    pub fn suites(&self) -> impl Iterator<Item = (&Suite, &BTreeSet<String>)> {
        self.suites.iter()
    }

    /// Tells whether `Suite.Name` is a test of Mesos.
    #[must_use]
    pub fn knows(&self, suite: &str, name: &str) -> bool {
        self.suites
            .iter()
            .any(|(known, names)| known.name == suite && names.contains(name))
    }

    /// Tells whether a suite of that name exists.
    #[must_use]
    pub fn knows_suite(&self, suite: &str) -> bool {
        self.suites.keys().any(|known| known.name == suite)
    }
}
