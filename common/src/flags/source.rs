//! Where flags come from: the command line and the environment.

use std::collections::BTreeMap;

use crate::flags::{FlagSet, Row};

/// Values by name, in the order of names; several for a name that was repeated.
pub(super) type Given = BTreeMap<String, Vec<Option<String>>>;

/// A command line and an environment.
#[derive(Clone, Debug, Default)]
pub struct Source {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    prefixes: Vec<String>,
}

impl Source {
    /// A source without environment. `arguments` do not contain the program's name.
    pub fn arguments<A: Into<String>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self {
            arguments,
            ..Self::default()
        }
    }

    /// Adds the variables in which flags are looked for.
    #[must_use]
    pub fn with_environment<K: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.environment = variables
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        self
    }

    /// Adds a prefix, such as `MESOS_`, of variables that are flags.
    ///
    /// A prefix that is added later wins: `MESOS_MASTER_PORT` over `MESOS_PORT`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.prefixes.push(prefix.to_owned());
        self
    }

    /// All values that were given, and the words that belong to no flag.
    pub(super) fn collect<F: FlagSet>(&self) -> (Given, Vec<String>) {
        let (mut given, rest) = self.read_arguments::<F>();
        let mut from_environment = BTreeMap::new();
        for prefix in &self.prefixes {
            from_environment.extend(self.read_environment::<F>(prefix));
        }
        for (name, value) in from_environment {
            given.entry(name).or_insert_with(|| vec![Some(value)]);
        }
        (given, rest)
    }

    fn read_arguments<F: FlagSet>(&self) -> (Given, Vec<String>) {
        let mut given = Given::new();
        let mut rest = Vec::new();
        let mut arguments = self.arguments.iter().peekable();
        while let Some(raw) = arguments.next() {
            let argument = raw.trim();
            if argument == "--" {
                rest.extend(arguments.by_ref().cloned());
                break;
            }
            let Some(flag) = argument.strip_prefix("--") else {
                rest.push(raw.clone());
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name.to_lowercase(), Some(value.to_owned())),
                None => {
                    let name = flag.to_lowercase();
                    let next = arguments.next_if(|next| takes_next::<F>(&name, next));
                    (name, next.cloned())
                }
            };
            given.entry(name).or_default().push(value);
        }
        (given, rest)
    }

    fn read_environment<F: FlagSet>(&self, prefix: &str) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        for (key, value) in &self.environment {
            let Some(name) = key.strip_prefix(prefix) else {
                continue;
            };
            let name = name.to_lowercase();
            if find::<F>(name.strip_prefix("no-").unwrap_or(&name)).is_some() {
                values.insert(name, value.clone());
            }
        }
        values
    }
}

/// Whether the argument behind a bare `--name` is its value.
///
/// Only a known flag that is no boolean takes one, and never one that begins with two dashes.
/// Mesos refuses such a flag without a value, so no command line that Mesos accepts changes.
fn takes_next<F: FlagSet>(name: &str, next: &str) -> bool {
    !next.trim().starts_with("--") && find::<F>(name).is_some_and(|row| !row.is_boolean())
}

/// The row of a flag by its name or its old name.
pub(super) fn find<F: FlagSet>(name: &str) -> Option<&'static Row<F>> {
    let mut rows = F::GROUPS.iter().copied().flatten();
    rows.find(|row| row.name() == name || row.old_name() == Some(name))
}
